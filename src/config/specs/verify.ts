import type { CommandSpec } from '../flag.ts';
import { configFlag, oneZoneFlag } from '../shared-flags.ts';
import { duration, oneOf, text, wholeNumber } from '../types.ts';

const FORMATS = ['table', 'json'] as const;

/** Flags of the commands that let test pods try. */
export const testPodFlags = {
  kubeconfig: {
    form: 'list',
    help: "An administrator's kubeconfig of a member; to be given for each of two or more",
    placeholder: 'FILE',
    type: text('a file'),
    completes: 'file',
    default: [],
  },
  image: {
    form: 'value',
    help: 'Image of Pharos for the test pods, where it is not the one that the agent of the cluster runs',
    placeholder: 'IMAGE',
    type: text('an image'),
  },
  ...oneZoneFlag,
  timeout: {
    form: 'value',
    help: 'How long to wait for each step',
    placeholder: 'DURATION',
    type: duration,
    default: '60s',
  },
  output: {
    form: 'value',
    short: 'o',
    help: 'How to print what was found',
    placeholder: 'FORMAT',
    type: oneOf(...FORMATS),
    choices: FORMATS,
    default: 'table',
  },
} as const;

export const verifySpec = {
  name: 'verify',
  summary: 'prove that services of some members resolve and are reached in the others',
  description:
    'Makes a namespace of its own in each cluster, with a server pod that two Services export, one with an address ' +
    'of its own and one whose addresses are the pods; then a pod in each cluster resolves those of every other one ' +
    'through cluster DNS (A, AAAA, SRV), connects to every address over TCP and UDP with payloads of several sizes, ' +
    'and looks whether its source was kept. All of it is removed again, also after Ctrl-C. The exit status is 1 when ' +
    'something failed.',
  example: {
    command: 'pharos verify --kubeconfig west.kubeconfig --kubeconfig east.kubeconfig',
    effect: 'tries both ways between the two, and prints a line for each thing that was tried',
  },
  operands: {},
  flags: {
    ...testPodFlags,
    size: {
      form: 'list',
      help: 'Bytes of payload to try; may be given again',
      placeholder: 'BYTES',
      type: wholeNumber(1, 65_000, 'a size'),
      default: ['64', '512', '1372', '1472', '4000', '9000'],
    },
    ...configFlag,
  },
} as const satisfies CommandSpec;
