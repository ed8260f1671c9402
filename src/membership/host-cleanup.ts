/**
 * Routes, filters and tunnels outlive the pods that made them, on purpose. Before a cluster leaves they are taken
 * back on each node by the same pods, in the place of their own: a DaemonSet's pod ends before the next one starts.
 */
import type { DaemonSet } from '../api/administration.ts';
import { Kinds } from '../api/kinds.ts';
import { SYSTEM_NAMESPACE } from '../api/names.ts';
import type { ObjectStore } from '../store/store.ts';
import type { Manifest } from './manifest.ts';

const NAMES = ['pharos-route-agent', 'pharos-gateway'];

/** The DaemonSets of gateways and route agents, whoever installed them. */
export async function findHostPods(member: ObjectStore): Promise<DaemonSet[]> {
  const found = await Promise.all(
    NAMES.map((name) => member.get(Kinds.DaemonSet, { name, namespace: SYSTEM_NAMESPACE })),
  );
  return found.filter((each) => each !== undefined);
}

/** The same pods with `--cleanup`, on all nodes at once; ready where a node is clean. Pure. */
export function cleaning(daemonSet: DaemonSet): Manifest {
  const { template } = daemonSet.spec;
  const { containers, ...pod } = template.spec;
  const cleanup = containers.map(({ readinessProbe: _r, livenessProbe: _l, ports: _p, ...container }) => ({
    ...container,
    name: 'cleanup',
    args: [...(container.args ?? []), '--cleanup'],
  }));
  const rest = containers.map(({ name, image }) => ({ name, image, command: ['sleep', 'infinity'] }));
  const spec = {
    ...daemonSet.spec,
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '100%', maxSurge: 0 } },
    template: { ...template, spec: { ...pod, initContainers: cleanup, containers: rest } },
  };
  const { apiVersion, kind, metadata } = daemonSet;
  const { name, namespace, labels } = metadata;
  const object = { apiVersion, kind, metadata: { name, namespace, labels }, spec };
  return { kind: Kinds.DaemonSet, object } as Manifest;
}
