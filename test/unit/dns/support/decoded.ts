/** Records in one form, whether they come from an answer or from a second DNS library. */
import type { Answer } from 'dns-packet';
import { ipBytes } from '../../../../src/api/ip.ts';
import type { ResourceRecord } from '../../../../src/zone/records.ts';

/** A record as dns-packet would show it. */
export function shown(record: ResourceRecord): object {
  const common = { name: bare(record.name), type: record.type, ttl: record.ttl, class: 'IN', flush: false };
  switch (record.type) {
    case 'A':
    case 'AAAA':
      return { ...common, data: Buffer.from(ipBytes(record.address)).toString('hex') };
    case 'NS':
    case 'PTR':
      return { ...common, data: bare(record.target) };
    case 'TXT':
      return { ...common, data: record.text };
    case 'HINFO':
      return { ...common, data: { cpu: record.cpu, os: record.os } };
    case 'SRV': {
      const { priority, weight, port } = record;
      return { ...common, data: { priority, weight, port, target: bare(record.target) } };
    }
    case 'SOA': {
      const { serial, refresh, retry, expire, minimum } = record;
      const data = {
        mname: bare(record.primary),
        rname: bare(record.mailbox),
        serial,
        refresh,
        retry,
        expire,
        minimum,
      };
      return { ...common, data };
    }
    default:
      throw new Error(`unknown: ${JSON.stringify(record satisfies never)}`);
  }
}

/** A name as dns-packet writes it. */
export const bare = (name: string): string => (name === '.' ? name : name.slice(0, -1));

/** A decoded record with addresses as bytes and texts as one. */
export function seen(record: Answer): object {
  if (record.type === 'A' || record.type === 'AAAA') {
    return { ...record, data: Buffer.from(ipBytes(record.data)).toString('hex') };
  }
  if (record.type === 'TXT') return { ...record, data: Buffer.concat(record.data as Buffer[]).toString() };
  return { ...record };
}
