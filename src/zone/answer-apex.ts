import { addressesByFamily } from './family.ts';
import { addressRecords, constant, familyOf, typeNotHeld, type Found, type Query } from './found.ts';
import { ReasonCode } from './reasons.ts';
import { RRType, type ResourceRecord } from './records.ts';
import { nameServerOf, soaRecord } from './soa.ts';

/** What every zone has, whatever is exported: SOA and NS at its apex. */
export function atApex(query: Query, owner: string): Found {
  const { zone, origin, type } = query;
  switch (type) {
    case RRType.SOA:
      return zoneData(`${owner} is a zone`, [soaRecord(owner, origin.name, zone.serial, zone.ttl)]);
    case RRType.NS: {
      const target = nameServerOf(origin.name);
      const addresses = [...serverAddresses(query, 'IPv4'), ...serverAddresses(query, 'IPv6')];
      return zoneData(`${owner} is a zone`, [{ name: owner, ttl: zone.ttl, type: 'NS', target }], addresses);
    }
    default:
      return typeNotHeld(owner);
  }
}

/** `ns.dns.Z`: it exists because the NS record names it; addresses where the operator gave them. */
export function atNameServer(query: Query): Found {
  const family = familyOf(query.type);
  const addresses = family === undefined ? [] : serverAddresses(query, family);
  const owner = nameServerOf(query.origin.name);
  return addresses.length === 0 ? typeNotHeld(owner) : zoneData(`${owner} is the name server`, addresses);
}

/** MCS DNS specification, 2.2: the version of the schema, with a TTL of eight hours. */
export function atDnsVersion({ origin, type }: Query): Found {
  const name = `dns-version.${origin.name}`;
  return type === RRType.TXT
    ? zoneData(`${name} is the version of the schema`, [{ name, ttl: 28800, type: 'TXT', text: '1.0.0' }])
    : typeNotHeld(name);
}

const zoneData = (
  detail: string,
  answer: readonly ResourceRecord[],
  additional: readonly ResourceRecord[] = [],
): Found => constant(ReasonCode.zoneData, detail, answer, additional);

const serverAddresses = ({ zone, origin }: Query, family: 'IPv4' | 'IPv6'): readonly ResourceRecord[] =>
  addressRecords(nameServerOf(origin.name), zone.ttl, family, addressesByFamily(zone.advertise)[family]);
