import { Kinds } from '../api/kinds.ts';
import { SYSTEM_NAMESPACE } from '../api/names.ts';
import type { gatewayDrainSpec } from '../config/specs/gateway-drain.ts';
import { systemClock } from '../runtime/clock.ts';
import { DRAIN_ANNOTATION } from '../tunnel/settings.ts';
import type { Run } from './command.ts';
import { openCluster } from './open-cluster.ts';
import { UserError } from './user-error.ts';

const LOOK_EVERY_MS = 100;

export const runGatewayDrain: Run<typeof gatewayDrainSpec> = async (values, context) => {
  using cluster = await openCluster(values.kubeconfig, context);
  const { store } = cluster;
  const clock = systemClock;
  const ref = { name: values.node, namespace: SYSTEM_NAMESPACE };
  const gateway = await store.get(Kinds.Gateway, ref);
  if (gateway === undefined) {
    const names = (await store.list(Kinds.Gateway, { namespace: SYSTEM_NAMESPACE })).map(
      ({ metadata }) => metadata.name,
    );
    throw new UserError(
      `${store.location} has no gateway "${values.node}"; it has: ${names.join(', ') || 'none'}`,
    );
  }
  const { [DRAIN_ANNOTATION]: _, ...annotations } = gateway.metadata.annotations ?? {};
  if (!values.undo) annotations[DRAIN_ANNOTATION] = 'true';
  const { name, namespace = SYSTEM_NAMESPACE, labels = {} } = gateway.metadata;
  const { apiVersion, kind } = gateway;
  await store.apply(Kinds.Gateway, { apiVersion, kind, metadata: { name, namespace, labels, annotations } });
  if (values.undo) {
    context.stderr.write(`gateway ${name} may lead again\n`);
    return 'done';
  }
  const end = clock.monotonic() + values.timeout * 1000;
  for (;;) {
    const gateways = await store.list(Kinds.Gateway, { namespace: SYSTEM_NAMESPACE });
    const active = gateways
      .filter(({ status }) => status?.haStatus === 'active')
      .map(({ metadata }) => metadata.name);
    const other = active.find((candidate) => candidate !== name);
    if (other !== undefined && !active.includes(name)) {
      context.stderr.write(`gateway ${name} is drained: ${other} leads\n`);
      return 'done';
    }
    if (clock.monotonic() >= end) {
      throw new UserError(
        `No other gateway of ${store.location} took the lead within ${values.timeout} s; ` +
          `${name} stays marked: start another gateway, or take the mark away with --undo`,
      );
    }
    await clock.sleep(LOOK_EVERY_MS);
  }
};
