/** Flags of the commands that set up a broker and its members. */
import * as z from 'zod';
import { BROKER_NAMESPACE } from '../../api/names.ts';
import type { SwitchFlag } from '../flag.ts';
import { namespace, oneOf, text } from '../types.ts';

const FORMATS = ['table', 'wide', 'json', 'yaml'] as const;

/** Without a slash at the end. */
export const httpsUrl: z.ZodType<string, string> = z
  .string()
  .refine((url) => URL.canParse(url) && new URL(url).protocol === 'https:', {
    error: 'must be a URL that begins with https://',
  })
  .transform((url) => url.replace(/\/$/, ''));

export const brokerNamespaceFlag = {
  'broker-namespace': {
    form: 'value',
    help: "Namespace of the clusterset's records on the broker",
    placeholder: 'NAMESPACE',
    type: namespace,
    default: BROKER_NAMESPACE,
  },
} as const;

/** @param cluster which one */
export const adminKubeconfigFlag = (cluster: string) =>
  ({
    kubeconfig: {
      form: 'value',
      help: `An administrator's kubeconfig of ${cluster}; without it KUBECONFIG or ~/.kube/config`,
      placeholder: 'FILE',
      type: text('a file'),
      completes: 'file',
    },
  }) as const;

/** @param help what the broker is needed for, and what happens without it */
export const brokerKubeconfigFlag = (help: string) =>
  ({
    'broker-kubeconfig': {
      form: 'value',
      help,
      placeholder: 'FILE',
      type: text('a file'),
      completes: 'file',
    },
  }) as const;

export const dryRunFlag = (help: string): { readonly 'dry-run': SwitchFlag } => ({
  'dry-run': { form: 'switch', help },
});

export const outputFlag = {
  output: {
    form: 'value',
    short: 'o',
    help: 'How to print: a table, a wide one, or every field as JSON or YAML',
    placeholder: 'FORMAT',
    type: oneOf(...FORMATS),
    choices: FORMATS,
    default: 'table',
  },
} as const;
