import * as z from 'zod';
import type { CommandSpec } from '../flag.ts';
import { clusterIdFlag, configFlag } from '../shared-flags.ts';
import { clusterId, ipAddress, moment, oneOf, text } from '../types.ts';
import { adminKubeconfigFlag, brokerKubeconfigFlag, brokerNamespaceFlag } from './broker-flags.ts';

const FORMATS = ['table', 'json', 'yaml'] as const;

/** Without a slash at the end. */
const httpUrl: z.ZodType<string, string> = z
  .string()
  .refine((url) => URL.canParse(url) && /^https?:$/.test(new URL(url).protocol), {
    error: 'must be a URL that begins with http://',
  })
  .transform((url) => url.replace(/\/$/, ''));

export const explainSpec = {
  name: 'explain',
  summary: 'say why a name resolves as it does, or does not',
  description:
    'Goes from a question back to its cause: the server that answers, the export, each cluster with why it counts or ' +
    'not, the choice, the answer, and what would have to change for another one. NAME may be short: web.shop stands ' +
    'for web.shop.svc.clusterset.local.',
  example: {
    command: 'pharos explain web.shop --playground http://127.0.0.1:8053 --cluster north',
    effect: 'says which cluster north is sent to for web.shop, and why',
  },
  operands: {
    name: {
      help: 'what was asked for; completed to a name in the zone unless it ends with a dot',
      placeholder: 'NAME',
      type: text('a name'),
      required: true,
    },
  },
  flags: {
    type: {
      form: 'value',
      help: 'Record type that was asked for: A, AAAA, SRV, PTR, …, or TYPE and a number',
      placeholder: 'TYPE',
      type: text('a record type'),
      default: 'A',
    },
    from: {
      form: 'value',
      help: 'Address of the client, which session affinity goes by',
      placeholder: 'ADDRESS',
      type: ipAddress,
    },
    at: {
      form: 'value',
      help: 'A moment in the recent past: so long ago, as 10m, or a time as 2026-11-25T02:00:00Z; needs --playground',
      placeholder: 'TIME',
      type: moment,
    },
    playground: {
      form: 'value',
      help: 'Where "pharos playground" serves HTTP, or a DNS server its metrics; without it and a kubeconfig http://127.0.0.1:8053',
      placeholder: 'URL',
      type: httpUrl,
    },
    cluster: {
      form: 'value',
      help: 'Whose server is asked, in a playground; without it the first one in name order',
      placeholder: 'ID',
      type: clusterId,
    },
    ...adminKubeconfigFlag('the cluster whose answer is to be explained'),
    ...clusterIdFlag,
    ...brokerKubeconfigFlag('Kubeconfig of the broker; without it the access that the cluster has'),
    ...brokerNamespaceFlag,
    output: {
      form: 'value',
      short: 'o',
      help: 'How to print: for reading, or every field as JSON or YAML',
      placeholder: 'FORMAT',
      type: oneOf(...FORMATS),
      choices: FORMATS,
      default: 'table',
    },
    ...configFlag,
  },
} as const satisfies CommandSpec;
