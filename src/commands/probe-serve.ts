import type { probeServeSpec } from '../config/specs/probe-serve.ts';
import { startProbeServer } from '../diagnosis/verify/probe-server.ts';
import { createLogging } from '../observability/logger.ts';
import { systemClock } from '../runtime/clock.ts';
import { Shutdown } from '../runtime/shutdown.ts';
import type { Run } from './command.ts';

export const runProbeServe: Run<typeof probeServeSpec> = async (
  { clusterId, listen },
  { process, stderr },
) => {
  const logging = createLogging({
    level: 'info',
    format: 'json',
    colour: false,
    write: (line) => stderr.write(line),
  });
  const log = logging('probe');
  const shutdown = new Shutdown({ process, log, clock: systemClock });
  const server = await startProbeServer(clusterId ?? '?', listen);
  shutdown.defer('server', async () => server[Symbol.asyncDispose]());
  log.info({ port: server.port }, 'Waiting for test pods');
  return 'running';
};
