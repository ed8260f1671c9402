import type { CommandSpec } from '../flag.ts';
import { exportFlags, exportOperands } from './export-flags.ts';

export const unexportSpec = {
  name: 'unexport',
  summary: 'take a Service back from the clusterset',
  description:
    "Deletes the ServiceExport: this cluster's part goes from the answers of all members, and the name with its " +
    'last exporter. The Service itself stays. Taking back what is not exported is no error.',
  example: { command: 'pharos unexport web -n shop', effect: 'withdraws shop/web of that cluster' },
  operands: exportOperands,
  flags: exportFlags,
} as const satisfies CommandSpec;
