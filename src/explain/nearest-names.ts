import { nearest } from '../config/nearest.ts';
import type { ZoneName } from '../zone/name.ts';
import type { ExplainedZone } from './world.ts';

/** More would not be read. */
const MOST = 5;

/** Names of services that somebody who asked for this one may have meant, the likeliest first, without the zone. */
export function nearestServices(name: ZoneName, zone: ExplainedZone): string[] {
  if (!('namespace' in name)) return [];
  const { namespace } = name;
  const namespaces = new Map<string, string[]>(); // namespace → its services
  for (const service of zone.services()) {
    const names = namespaces.get(service.namespace);
    if (names === undefined) namespaces.set(service.namespace, [service.name]);
    else names.push(service.name);
  }
  const near = nearest(
    namespace,
    [...namespaces.keys()].filter((other) => other !== namespace),
  );
  if (!('service' in name)) return near === undefined ? [] : [`${near}.svc`];
  const { service } = name;
  const found: string[] = [];
  const take = (inNamespace: string | undefined, wanted: string | undefined): void => {
    if (inNamespace === undefined || wanted === undefined) return;
    found.push(`${wanted}.${inNamespace}.svc`);
  };
  const here = namespaces.get(namespace) ?? [];
  if (here.includes(service)) return [];
  take(namespace, nearest(service, here));
  const there = namespaces.get(near ?? '') ?? [];
  take(near, there.includes(service) ? service : nearest(service, there));
  for (const [other, names] of namespaces) {
    if (other !== namespace && other !== near && names.includes(service)) take(other, service);
  }
  // `web.shop` typed the wrong way round.
  if (namespaces.get(service)?.includes(namespace) === true) take(service, namespace);
  return found.slice(0, MOST);
}
