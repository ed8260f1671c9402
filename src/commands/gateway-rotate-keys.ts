import { randomUUID } from 'node:crypto';
import { Kinds } from '../api/kinds.ts';
import { SYSTEM_NAMESPACE } from '../api/names.ts';
import type { gatewayRotateKeysSpec } from '../config/specs/gateway-rotate-keys.ts';
import { type Clock, systemClock } from '../runtime/clock.ts';
import type { ObjectStore } from '../store/store.ts';
import { ROTATE_ANNOTATION } from '../tunnel/settings.ts';
import type { Run } from './command.ts';
import { openCluster } from './open-cluster.ts';
import { UserError } from './user-error.ts';

const LOOK_EVERY_MS = 200;

export const runGatewayRotateKeys: Run<typeof gatewayRotateKeysSpec> = async (values, context) => {
  using cluster = await openCluster(values.kubeconfig, context);
  const { store } = cluster;
  const names = (await store.list(Kinds.Gateway, { namespace: SYSTEM_NAMESPACE }))
    .map(({ metadata }) => metadata.name)
    .toSorted();
  const { node, timeout } = values;
  if (names.length === 0 || (node !== undefined && !names.includes(node))) {
    const what =
      node === undefined ? 'no gateways' : `no gateway "${node}"; it has: ${names.join(', ') || 'none'}`;
    throw new UserError(`${store.location} has ${what}`);
  }
  for (const name of node === undefined ? names : [node]) {
    await rotate(store, name, timeout, systemClock);
    context.stderr.write(`gateway ${name} uses a new key\n`);
  }
  return 'done';
};

/** Marks the gateway, and waits until it has taken the mark away. */
async function rotate(store: ObjectStore, name: string, timeout: number, clock: Clock): Promise<void> {
  const ref = { name, namespace: SYSTEM_NAMESPACE };
  const gateway = await store.get(Kinds.Gateway, ref);
  if (gateway === undefined) throw new UserError(`Gateway ${name} is gone`);
  const { apiVersion, kind, metadata } = gateway;
  const { labels = {}, annotations = {} } = metadata;
  const marked = { ...annotations, [ROTATE_ANNOTATION]: randomUUID() };
  await store.apply(Kinds.Gateway, { apiVersion, kind, metadata: { ...ref, labels, annotations: marked } });
  const end = clock.monotonic() + timeout * 1000;
  for (;;) {
    const now = await store.get(Kinds.Gateway, ref);
    if (now?.metadata.annotations?.[ROTATE_ANNOTATION] === undefined) return;
    if (clock.monotonic() >= end) {
      throw new UserError(
        `Gateway ${name} has no new key within ${timeout} s; it gets one when its process runs: see its log, ` +
          'and whether its driver has keys of its own (not vxlan, nor ipsec with --psk-file)',
      );
    }
    await clock.sleep(LOOK_EVERY_MS);
  }
}
