import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DaemonSet } from '../../../src/api/administration.ts';
import { Kinds } from '../../../src/api/kinds.ts';
import { shippedComponents } from '../../../src/membership/components.ts';
import { cleaning } from '../../../src/membership/host-cleanup.ts';

interface Pod {
  readonly initContainers: readonly {
    readonly name: string;
    readonly args: readonly string[];
    readonly volumeMounts: readonly { readonly name: string }[];
    readonly securityContext: object;
    readonly envFrom: readonly object[];
  }[];
  readonly containers: readonly { readonly command: readonly string[]; readonly readinessProbe?: object }[];
  readonly hostNetwork: boolean;
  readonly volumes: readonly { readonly name: string }[];
}

const daemonSets = (await shippedComponents('host'))
  .filter(({ kind }) => kind === Kinds.DaemonSet)
  .map(({ object }) => object as DaemonSet);

for (const daemonSet of daemonSets) {
  const { name } = daemonSet.metadata;
  test(`${name} is cleaned up by its own pods, with their rights, on all nodes at once`, () => {
    const before = daemonSet.spec.template.spec as unknown as Pod & { containers: Pod['initContainers'] };
    const { spec } = cleaning(daemonSet).object as DaemonSet & { spec: { updateStrategy: object } };
    const pod = spec.template.spec as unknown as Pod;
    assert.deepEqual(spec.updateStrategy, {
      type: 'RollingUpdate',
      rollingUpdate: { maxUnavailable: '100%', maxSurge: 0 },
    });
    const [cleanup] = pod.initContainers;
    const [container] = before.containers;
    assert.deepEqual(cleanup?.args, [...(container?.args ?? []), '--cleanup']);
    assert.deepEqual(cleanup?.volumeMounts, container?.volumeMounts);
    assert.deepEqual(cleanup?.securityContext, container?.securityContext);
    assert.deepEqual(cleanup?.envFrom, container?.envFrom);
    assert.equal(pod.hostNetwork, true);
    assert.deepEqual(pod.volumes, before.volumes);
    assert.deepEqual(pod.containers[0]?.command, ['sleep', 'infinity']);
    assert.equal(pod.containers[0]?.readinessProbe, undefined, 'ready as soon as the cleanup is done');
  });
}
