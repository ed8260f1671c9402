/** What of Pharos runs in a member, by the labels that the charts give. Pure. */
import type { DaemonSet, Deployment } from '../api/administration.ts';

export type Workload = Deployment | DaemonSet;
export type Component = 'agent' | 'dns' | 'gateway' | 'route-agent';

const COMPONENTS: readonly string[] = ['agent', 'dns', 'gateway', 'route-agent'] satisfies Component[];

export function componentOf({ metadata: { labels } }: Workload): Component | undefined {
  const component = labels?.['app.kubernetes.io/component'] ?? '';
  return labels?.['app.kubernetes.io/name'] === 'pharos' && COMPONENTS.includes(component)
    ? (component as Component)
    : undefined;
}

export const workloadOf = (workloads: readonly Workload[], component: Component): Workload | undefined =>
  workloads.find((workload) => componentOf(workload) === component);

/** `Deployment pharos-dns` */
export const nameOf = ({ kind, metadata: { name } }: Workload): string => `${kind} ${name}`;

/** What follows the image's colon; its digest where it has no tag; `latest` where it has neither. */
export function imageTagOf({ spec }: Workload): string {
  const image = spec.template.spec.containers[0]?.image ?? '';
  const [named = '', digest] = image.split('@');
  const colon = named.indexOf(':', named.lastIndexOf('/') + 1);
  return colon >= 0 ? named.slice(colon + 1) : (digest ?? 'latest');
}
