import type { NamedPort } from './ports.ts';
import type { ServiceView } from './service.ts';

/** The names below a service's own. */
export interface NamesBelow {
  /** Labels without those of the service, outermost last; a name may come more than once. */
  readonly names: readonly (readonly string[])[];
  /** Whether labels that read as an address may be names as well, in whatever spelling. */
  readonly dashed: boolean;
}

/** A service with more names than this below it is asked name by name. */
const MAX_NAMES = 10_000;

/**
 * All names below a service, so that any other can be denied without asking: it does not exist, and there is nothing
 * more to say. Undefined where there may be more to say (why a cluster has no endpoints), or too many to list.
 */
export function namesBelow(service: ServiceView): NamesBelow | undefined {
  const names: string[][] = [];
  const addPorts = (ports: readonly NamedPort[], cluster: readonly string[]): void => {
    for (const { name, protocol } of ports) {
      names.push([`_${protocol}`, ...cluster], [`_${name}`, `_${protocol}`, ...cluster]);
    }
  };
  switch (service.type) {
    case 'ClusterSetIP':
      addPorts(service.ports, []);
      for (const { id } of service.members) {
        names.push([id]);
        addPorts(service.ports, [id]);
      }
      return { names, dashed: false };
    case 'Headless': {
      const size = service.members.reduce((sum, { endpoints }) => sum + endpoints.length, 0);
      if (size === 0 || size > MAX_NAMES) return undefined;
      if (service.members.some(({ endpoints }) => endpoints.length === 0)) return undefined;
      for (const { id, endpoints } of service.members) {
        names.push([id]);
        // Mostly all endpoints of a cluster share one list of ports.
        for (const ports of new Set(endpoints.map((endpoint) => endpoint.ports))) {
          addPorts(ports, []);
          addPorts(ports, [id]);
        }
        for (const { label, pod } of endpoints) {
          names.push([label, id]);
          if (pod !== undefined) names.push([pod, id]);
        }
      }
      return { names, dashed: true };
    }
    default:
      return service satisfies never;
  }
}
