import type { ResourceRecord } from '../zone/records.ts';

/** A record as a line of a zone file. */
export const recordText = (record: ResourceRecord): string =>
  `${record.name} ${record.ttl} IN ${record.type} ${dataText(record)}`;

function dataText(record: ResourceRecord): string {
  switch (record.type) {
    case 'A':
    case 'AAAA':
      return record.address;
    case 'NS':
    case 'PTR':
      return record.target;
    case 'TXT':
      return `"${record.text}"`;
    case 'HINFO':
      return `"${record.cpu}" "${record.os}"`;
    case 'SRV':
      return `${record.priority} ${record.weight} ${record.port} ${record.target}`;
    case 'SOA': {
      const { primary, mailbox, serial, refresh, retry, expire, minimum } = record;
      return [primary, mailbox, serial, refresh, retry, expire, minimum].join(' ');
    }
    default:
      return record satisfies never;
  }
}
