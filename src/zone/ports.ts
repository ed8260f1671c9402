import { isDnsLabel } from '../api/identity.ts';
import { fields, items, text } from './unchecked.ts';

/** A port that has a name, and therefore SRV records. */
export interface NamedPort {
  readonly name: string;
  /** As in a name, lower case: `tcp`, `udp` or `sctp`. */
  readonly protocol: string;
  readonly port: number;
}

const PROTOCOLS: ReadonlyMap<string, string> = new Map([
  ['TCP', 'tcp'],
  ['UDP', 'udp'],
  ['SCTP', 'sctp'],
]);

/** The named, well-formed ports of a ServiceImport or EndpointSlice, each once. */
export function namedPorts(ports: unknown): readonly NamedPort[] {
  const found = new Map<string, NamedPort>();
  for (const item of items(ports)) {
    const { name: rawName, protocol: rawProtocol, port } = fields(item);
    const name = text(rawName);
    // An absent protocol means TCP, in both APIs.
    const protocol = PROTOCOLS.get(rawProtocol === undefined ? 'TCP' : text(rawProtocol));
    if (!isDnsLabel(name) || protocol === undefined || !isPortNumber(port)) continue;
    const key = `${name}/${protocol}/${port}`;
    if (!found.has(key)) found.set(key, { name, protocol, port });
  }
  return [...found.values()];
}

const isPortNumber = (port: unknown): port is number =>
  typeof port === 'number' && Number.isInteger(port) && port >= 1 && port <= 65535;
