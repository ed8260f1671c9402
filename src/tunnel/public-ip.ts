import { familyOf, type IpAddress, ipOrNone } from '../api/cidr.ts';
import { Annotation } from '../api/names.ts';
import type { Node } from '../api/objects.ts';
import type { Self } from './admit.ts';

/**
 * How a gateway is reached from outside: as its operator says by a flag, else as the annotation on its node says,
 * else at the node's external address. Undefined where that is its own address anyway.
 * @param node as its cluster has it, undefined where it is unknown there
 */
export function publicIpOf(
  node: Node | undefined,
  given: IpAddress | undefined,
  { privateIP }: Pick<Self, 'privateIP'>,
): IpAddress | undefined {
  const said = ipOrNone(node?.metadata.annotations?.[Annotation.publicIp] ?? '');
  const external = (node?.status?.addresses ?? [])
    .filter(({ type }) => type === 'ExternalIP')
    .flatMap(({ address }) => ipOrNone(address))
    .filter((ip) => familyOf(ip) === familyOf(privateIP));
  const [found] = [...(given === undefined ? [] : [given]), ...said, ...external];
  return found === privateIP ? undefined : found;
}
