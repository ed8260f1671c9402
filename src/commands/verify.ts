import type { Values } from '../config/flag.ts';
import type { verifySpec } from '../config/specs/verify.ts';
import { randomBytes } from 'node:crypto';
import { Kinds } from '../api/kinds.ts';
import {
  verify,
  type Verification,
  type VerifyOptions,
  type VerifySite,
} from '../diagnosis/verify/verify.ts';
import { clusterIdOf } from '../membership/cluster-id.ts';
import { storedCredentials } from '../membership/credentials.ts';
import { systemClock } from '../runtime/clock.ts';
import type { ObjectStore } from '../store/store.ts';
import type { Context, Run } from './command.ts';
import { formatVerification } from './format-verification.ts';
import { openCluster } from './open-cluster.ts';
import { untilCalledOff } from './until-called-off.ts';
import { UserError } from './user-error.ts';

export const runVerify: Run<typeof verifySpec> = async (values, context) => {
  const result = await withTestPods(values, context, { sizes: values.size });
  if (result === undefined) return 'failed';
  context.stdout.write(formatVerification(result, values.output));
  return result.rows.some((row) => row.result === 'failed') ? 'failed' : 'done';
};

/** @returns undefined where it was called off by a signal */
export async function withTestPods(
  {
    kubeconfig: files,
    image,
    zone,
    timeout,
  }: Pick<Values<typeof verifySpec>, 'kubeconfig' | 'image' | 'zone' | 'timeout'>,
  context: Context,
  what: Pick<VerifyOptions, 'sizes' | 'measure'>,
): Promise<Verification | undefined> {
  if (files.length < 2) {
    throw new UserError('two members at least: give --kubeconfig FILE once for each');
  }
  using closing = new DisposableStack();
  const sites: VerifySite[] = [];
  for (const file of files) {
    const { store } = closing.use(await openCluster(file, context));
    sites.push({
      cluster: (await storedCredentials(store))?.cluster ?? (await clusterIdOf(store, undefined)),
      store,
      image: image ?? (await imageOf(store)),
    });
  }
  const twice = sites.find((site, at) => sites.findIndex(({ cluster }) => cluster === site.cluster) !== at);
  if (twice !== undefined) throw new UserError(`two of the kubeconfigs are of cluster "${twice.cluster}"`);
  return untilCalledOff(context, (signal) =>
    verify(sites, {
      ...what,
      namespace: `pharos-verify-${randomBytes(3).toString('hex')}`,
      zone: zone.replace(/\.$/, ''),
      timeoutMs: timeout * 1000,
      clock: systemClock,
      signal,
      onProgress: (line) => void context.stderr.write(`${line}\n`),
    }),
  );
}

/** The image that is known to run there. */
async function imageOf(store: ObjectStore): Promise<string> {
  const agent = await store.get(Kinds.Deployment, { name: 'pharos-agent', namespace: 'pharos-system' });
  const image = agent?.spec.template.spec.containers[0]?.image;
  if (image !== undefined) return image;
  throw new UserError(
    `${store.location} has no Deployment pharos-system/pharos-agent whose image could be used; name one by --image`,
  );
}
