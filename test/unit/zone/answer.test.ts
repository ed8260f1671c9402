import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import { Label } from '../../../src/api/names.ts';
import type { EndpointSlice } from '../../../src/api/objects.ts';
import { Zone } from '../../../src/zone/zone.ts';
import { answerOf, ask, objectsOf, zoneOf, type ServiceText } from './driver.ts';

const REFUSED = ['REFUSED', 'EDE 20: the name is in no zone that is served here'];

/** Seen from east. One service of each kind that the rows of "Names" are about. */
const services: Record<string, ServiceText> = {
  'shop/web': {
    ports: ['http 80/TCP', 'metrics 9090/TCP', '7/TCP'],
    from: { west: { ips: ['10.1.0.1', 'fd01::1'] }, east: { ips: ['10.2.0.1'] } },
  },
  'shop/virtual': {
    ips: ['243.0.0.7', 'fd43::7'],
    ports: ['http 80/TCP'],
    from: { west: { ips: ['10.1.0.2'] }, north: { ips: ['10.3.0.2'], endpoints: ['10.3.0.2 unready'] } },
  },
  'shop/dns': {
    ports: ['dns 53/UDP', 'dns-tcp 53/TCP'],
    from: { west: { ips: ['10.1.0.3'] } },
  },
  'shop/plain': { ports: ['8080/TCP'], from: { west: { ips: ['10.1.0.4'] } } },
  'shop/dark': {
    ports: ['http 80/TCP'],
    from: { west: { ips: ['10.1.0.5'], endpoints: ['10.1.0.5 unready'] } },
  },
  'data/mysql': {
    type: 'Headless',
    ports: ['sql 3306/TCP', 'sqlx 3306/TCP', '33060/TCP'],
    from: {
      west: {
        endpoints: ['10.10.0.1 host=mysql-0 pod=mysql-0', '10.10.0.2 host=mysql-1', 'fd10::1 host=mysql-0'],
      },
      east: { endpoints: ['10.20.0.1 pod=mysql-7c9f', '10.20.0.9 unready host=late'] },
    },
  },
  'data/v6': {
    type: 'Headless',
    ports: ['echo 7/UDP'],
    from: { west: { endpoints: ['fd10::5', '::1', 'fd10:0:0:1::'] } },
  },
  'data/early': {
    type: 'Headless',
    publishNotReady: true,
    ports: ['peer 7000/TCP'],
    from: { west: { endpoints: ['10.10.0.5 host=early-0 unready'] } },
  },
  'data/none': {
    type: 'Headless',
    ports: ['sql 3306/TCP'],
    from: { west: { endpoints: ['10.10.0.6 unready'] } },
  },
};

const Z = 'clusterset.local.';
const NODATA = [`NODATA ${Z}`];
const NXDOMAIN = [`NXDOMAIN ${Z}`];
const noneReady = (name: string, cluster = 'west'): string =>
  `EDE 22: ${name}.svc.${Z} has no ready endpoint (${cluster}: no ready endpoint)`;

type Rows = Record<string, readonly [question: string, lines: readonly string[]]>;

const rows: Rows = {
  // ClusterSetIP, addresses
  'a direct service answers with the own cluster’s Service IP': [
    'A web.shop.svc.clusterset.local',
    ['web.shop.svc.clusterset.local. 5 IN A 10.2.0.1'],
  ],
  'the address family is that of a cluster that has it': [
    'AAAA web.shop.svc.clusterset.local',
    ['web.shop.svc.clusterset.local. 5 IN AAAA fd01::1'],
  ],
  'AAAA of a service that has none anywhere is NODATA': ['AAAA plain.shop.svc.clusterset.local', NODATA],
  'a virtual service answers with its clusterset IP': [
    'A virtual.shop.svc.clusterset.local',
    ['virtual.shop.svc.clusterset.local. 5 IN A 243.0.0.7'],
  ],
  'a virtual service answers for both families': [
    'AAAA virtual.shop.svc.clusterset.local',
    ['virtual.shop.svc.clusterset.local. 5 IN AAAA fd43::7'],
  ],
  'names compare without case': [
    'A WEB.Shop.SVC.clusterset.LOCAL',
    ['web.shop.svc.clusterset.local. 5 IN A 10.2.0.1'],
  ],

  // ClusterSetIP, SRV and other types
  'SRV of the service has one record per named port': [
    'SRV web.shop.svc.clusterset.local',
    [
      'web.shop.svc.clusterset.local. 5 IN SRV 0 50 80 web.shop.svc.clusterset.local.',
      'web.shop.svc.clusterset.local. 5 IN SRV 0 50 9090 web.shop.svc.clusterset.local.',
      '+ web.shop.svc.clusterset.local. 5 IN A 10.2.0.1',
      '+ web.shop.svc.clusterset.local. 5 IN AAAA fd01::1',
    ],
  ],
  'a port over TCP and UDP under two names is one SRV at the service’s own name': [
    'SRV dns.shop.svc.clusterset.local',
    [
      'dns.shop.svc.clusterset.local. 5 IN SRV 0 100 53 dns.shop.svc.clusterset.local.',
      '+ dns.shop.svc.clusterset.local. 5 IN A 10.1.0.3',
    ],
  ],
  'SRV of a service without named ports is NODATA': ['SRV plain.shop.svc.clusterset.local', NODATA],
  'TXT of a service is NODATA': ['TXT web.shop.svc.clusterset.local', NODATA],
  'MX of a service is NODATA': ['TYPE15 web.shop.svc.clusterset.local', NODATA],
  'HTTPS of a service is NODATA': ['TYPE65 web.shop.svc.clusterset.local', NODATA],
  'SVCB of a headless service is NODATA': ['TYPE64 mysql.data.svc.clusterset.local', NODATA],
  'a type that nobody has heard of is NODATA': ['TYPE65280 web.shop.svc.clusterset.local', NODATA],
  'SRV of a named port points to the service': [
    'SRV _http._tcp.web.shop.svc.clusterset.local',
    [
      '_http._tcp.web.shop.svc.clusterset.local. 5 IN SRV 0 100 80 web.shop.svc.clusterset.local.',
      '+ web.shop.svc.clusterset.local. 5 IN A 10.2.0.1',
      '+ web.shop.svc.clusterset.local. 5 IN AAAA fd01::1',
    ],
  ],
  'SRV of a virtual service brings its clusterset IPs along': [
    'SRV _http._tcp.virtual.shop.svc.clusterset.local',
    [
      '_http._tcp.virtual.shop.svc.clusterset.local. 5 IN SRV 0 100 80 virtual.shop.svc.clusterset.local.',
      '+ virtual.shop.svc.clusterset.local. 5 IN A 243.0.0.7',
      '+ virtual.shop.svc.clusterset.local. 5 IN AAAA fd43::7',
    ],
  ],
  'A of a port’s name is NODATA': ['A _http._tcp.web.shop.svc.clusterset.local', NODATA],
  'a port that is not there is NXDOMAIN': ['SRV _ftp._tcp.web.shop.svc.clusterset.local', NXDOMAIN],
  'a port of another protocol is NXDOMAIN': ['SRV _http._udp.web.shop.svc.clusterset.local', NXDOMAIN],
  'an unnamed port has no name': ['SRV _8080._tcp.plain.shop.svc.clusterset.local', NXDOMAIN],
  'endpoints of a service that is not headless have no names': [
    'A 10-1-0-1.west.web.shop.svc.clusterset.local',
    NXDOMAIN,
  ],

  // Headless, addresses
  'a headless service answers with all ready endpoints, the own cluster’s first': [
    'A mysql.data.svc.clusterset.local',
    [
      'mysql.data.svc.clusterset.local. 5 IN A 10.20.0.1',
      'mysql.data.svc.clusterset.local. 5 IN A 10.10.0.1',
      'mysql.data.svc.clusterset.local. 5 IN A 10.10.0.2',
    ],
  ],
  'of the family asked': [
    'AAAA mysql.data.svc.clusterset.local',
    ['mysql.data.svc.clusterset.local. 5 IN AAAA fd10::1'],
  ],
  'and NODATA where none has the family': ['A v6.data.svc.clusterset.local', NODATA],
  'publishNotReadyAddresses makes endpoints count before they are ready': [
    'A early.data.svc.clusterset.local',
    ['early.data.svc.clusterset.local. 5 IN A 10.10.0.5'],
  ],
  'a headless service with no endpoint ready anywhere does not exist': [
    'A none.data.svc.clusterset.local',
    [...NXDOMAIN, noneReady('none.data')],
  ],
  'nor do the names below it': [
    'SRV _sql._tcp.none.data.svc.clusterset.local',
    [...NXDOMAIN, noneReady('none.data')],
  ],

  // Headless, endpoints
  'an endpoint answers to hostname and cluster': [
    'A mysql-0.west.mysql.data.svc.clusterset.local',
    ['mysql-0.west.mysql.data.svc.clusterset.local. 5 IN A 10.10.0.1'],
  ],
  'in both families': [
    'AAAA mysql-0.west.mysql.data.svc.clusterset.local',
    ['mysql-0.west.mysql.data.svc.clusterset.local. 5 IN AAAA fd10::1'],
  ],
  'and is NODATA in one that it does not have': ['AAAA mysql-1.west.mysql.data.svc.clusterset.local', NODATA],
  'SRV of an endpoint is NODATA': ['SRV mysql-0.west.mysql.data.svc.clusterset.local', NODATA],
  'an endpoint without a hostname answers to its address with dashes': [
    'A 10-20-0-1.east.mysql.data.svc.clusterset.local',
    ['10-20-0-1.east.mysql.data.svc.clusterset.local. 5 IN A 10.20.0.1'],
  ],
  'and to its pod’s name': [
    'A mysql-7c9f.east.mysql.data.svc.clusterset.local',
    ['mysql-7c9f.east.mysql.data.svc.clusterset.local. 5 IN A 10.20.0.1'],
  ],
  'an endpoint with a hostname does not answer to its address': [
    'A 10-10-0-1.west.mysql.data.svc.clusterset.local',
    NXDOMAIN,
  ],
  'an IPv6 endpoint answers to its address with dashes': [
    'AAAA fd10--5.west.v6.data.svc.clusterset.local',
    ['fd10--5.west.v6.data.svc.clusterset.local. 5 IN AAAA fd10::5'],
  ],
  'written out in full as well': [
    'AAAA fd10-0-0-0-0-0-0-5.west.v6.data.svc.clusterset.local',
    ['fd10-0-0-0-0-0-0-5.west.v6.data.svc.clusterset.local. 5 IN AAAA fd10::5'],
  ],
  'an endpoint that is not ready has no name': ['A late.east.mysql.data.svc.clusterset.local', NXDOMAIN],
  'an endpoint has no name in another cluster': ['A mysql-0.east.mysql.data.svc.clusterset.local', NXDOMAIN],
  'names below an endpoint do not exist': ['A x.mysql-0.west.mysql.data.svc.clusterset.local', NXDOMAIN],

  // Headless, SRV
  'SRV of a headless port has one record per ready endpoint, with its addresses': [
    'SRV _sql._tcp.mysql.data.svc.clusterset.local',
    [
      '_sql._tcp.mysql.data.svc.clusterset.local. 5 IN SRV 0 33 3306 10-20-0-1.east.mysql.data.svc.clusterset.local.',
      '_sql._tcp.mysql.data.svc.clusterset.local. 5 IN SRV 0 33 3306 mysql-0.west.mysql.data.svc.clusterset.local.',
      '_sql._tcp.mysql.data.svc.clusterset.local. 5 IN SRV 0 33 3306 mysql-1.west.mysql.data.svc.clusterset.local.',
      '+ 10-20-0-1.east.mysql.data.svc.clusterset.local. 5 IN A 10.20.0.1',
      '+ mysql-0.west.mysql.data.svc.clusterset.local. 5 IN A 10.10.0.1',
      '+ mysql-0.west.mysql.data.svc.clusterset.local. 5 IN AAAA fd10::1',
      '+ mysql-1.west.mysql.data.svc.clusterset.local. 5 IN A 10.10.0.2',
    ],
  ],
  'SRV of the headless service itself has each endpoint once per port number': [
    'SRV mysql.data.svc.clusterset.local',
    [
      'mysql.data.svc.clusterset.local. 5 IN SRV 0 33 3306 10-20-0-1.east.mysql.data.svc.clusterset.local.',
      'mysql.data.svc.clusterset.local. 5 IN SRV 0 33 3306 mysql-0.west.mysql.data.svc.clusterset.local.',
      'mysql.data.svc.clusterset.local. 5 IN SRV 0 33 3306 mysql-1.west.mysql.data.svc.clusterset.local.',
      '+ 10-20-0-1.east.mysql.data.svc.clusterset.local. 5 IN A 10.20.0.1',
      '+ mysql-0.west.mysql.data.svc.clusterset.local. 5 IN A 10.10.0.1',
      '+ mysql-0.west.mysql.data.svc.clusterset.local. 5 IN AAAA fd10::1',
      '+ mysql-1.west.mysql.data.svc.clusterset.local. 5 IN A 10.10.0.2',
    ],
  ],
  'SRV targets of IPv6 addresses are host names, whatever the address begins and ends with': [
    'SRV _echo._udp.v6.data.svc.clusterset.local',
    [
      '_echo._udp.v6.data.svc.clusterset.local. 5 IN SRV 0 33 7 fd10--5.west.v6.data.svc.clusterset.local.',
      '_echo._udp.v6.data.svc.clusterset.local. 5 IN SRV 0 33 7 0--1.west.v6.data.svc.clusterset.local.',
      '_echo._udp.v6.data.svc.clusterset.local. 5 IN SRV 0 33 7 fd10-0-0-1--0.west.v6.data.svc.clusterset.local.',
      '+ fd10--5.west.v6.data.svc.clusterset.local. 5 IN AAAA fd10::5',
      '+ 0--1.west.v6.data.svc.clusterset.local. 5 IN AAAA ::1',
      '+ fd10-0-0-1--0.west.v6.data.svc.clusterset.local. 5 IN AAAA fd10:0:0:1::',
    ],
  ],
  'an unnamed port of a headless service has no name': [
    'SRV _33060._tcp.mysql.data.svc.clusterset.local',
    NXDOMAIN,
  ],

  // One cluster's part
  'one cluster of a service answers with its Service IP': [
    'A west.web.shop.svc.clusterset.local',
    ['west.web.shop.svc.clusterset.local. 5 IN A 10.1.0.1'],
  ],
  'also where the service has a clusterset IP': [
    'A west.virtual.shop.svc.clusterset.local',
    ['west.virtual.shop.svc.clusterset.local. 5 IN A 10.1.0.2'],
  ],
  'one cluster without a ready endpoint is NODATA with the reason': [
    'A north.virtual.shop.svc.clusterset.local',
    [...NODATA, noneReady('north.virtual.shop', 'north')],
  ],
  'SRV of one cluster points to it': [
    'SRV west.dns.shop.svc.clusterset.local',
    [
      'west.dns.shop.svc.clusterset.local. 5 IN SRV 0 100 53 west.dns.shop.svc.clusterset.local.',
      '+ west.dns.shop.svc.clusterset.local. 5 IN A 10.1.0.3',
    ],
  ],
  'SRV of one cluster’s port points to it': [
    'SRV _dns._udp.west.dns.shop.svc.clusterset.local',
    [
      '_dns._udp.west.dns.shop.svc.clusterset.local. 5 IN SRV 0 100 53 west.dns.shop.svc.clusterset.local.',
      '+ west.dns.shop.svc.clusterset.local. 5 IN A 10.1.0.3',
    ],
  ],
  'a cluster that does not export the service has no part': [
    'A north.web.shop.svc.clusterset.local',
    NXDOMAIN,
  ],
  'one cluster of a headless service answers with its endpoints': [
    'A west.mysql.data.svc.clusterset.local',
    [
      'west.mysql.data.svc.clusterset.local. 5 IN A 10.10.0.1',
      'west.mysql.data.svc.clusterset.local. 5 IN A 10.10.0.2',
    ],
  ],
  'and SRV with its endpoints’ names': [
    'SRV _sql._tcp.east.mysql.data.svc.clusterset.local',
    [
      '_sql._tcp.east.mysql.data.svc.clusterset.local. 5 IN SRV 0 100 3306 10-20-0-1.east.mysql.data.svc.clusterset.local.',
      '+ 10-20-0-1.east.mysql.data.svc.clusterset.local. 5 IN A 10.20.0.1',
    ],
  ],

  // The zone's own names
  'the version of the schema': [
    'TXT dns-version.clusterset.local',
    ['dns-version.clusterset.local. 28800 IN TXT "1.0.0"'],
  ],
  'A of the version’s name is NODATA': ['A dns-version.clusterset.local', NODATA],
  'the zone has one SOA': [
    'SOA clusterset.local',
    ['clusterset.local. 5 IN SOA ns.dns.clusterset.local. hostmaster.clusterset.local. 1 60 10 86400 5'],
  ],
  'the zone has one NS, with its addresses': [
    'NS clusterset.local',
    [
      'clusterset.local. 5 IN NS ns.dns.clusterset.local.',
      '+ ns.dns.clusterset.local. 5 IN A 192.0.2.53',
      '+ ns.dns.clusterset.local. 5 IN AAAA 2001:db8::53',
    ],
  ],
  'the name server has the advertised addresses': [
    'AAAA ns.dns.clusterset.local',
    ['ns.dns.clusterset.local. 5 IN AAAA 2001:db8::53'],
  ],
  'A of the zone is NODATA': ['A clusterset.local', NODATA],

  // Empty non-terminals
  'svc.Z has only children': ['A svc.clusterset.local', NODATA],
  'a namespace has only children': ['A shop.svc.clusterset.local', NODATA],
  'a namespace that no import is in does not exist': ['A empty.svc.clusterset.local', NXDOMAIN],
  'a protocol has only children': ['SRV _tcp.web.shop.svc.clusterset.local', NODATA],
  'a protocol that no named port has does not exist': ['A _udp.web.shop.svc.clusterset.local', NXDOMAIN],
  'a protocol of a service with unnamed ports does not exist': [
    'A _tcp.plain.shop.svc.clusterset.local',
    NXDOMAIN,
  ],
  'a headless protocol has only children': ['A _tcp.mysql.data.svc.clusterset.local', NODATA],
  'a protocol of one cluster has only children': ['A _tcp.west.mysql.data.svc.clusterset.local', NODATA],
  'dns.Z has only children': ['A dns.clusterset.local', NODATA],
  'ANY of an empty non-terminal is NODATA': ['ANY shop.svc.clusterset.local', NODATA],

  // Nothing ready
  'a direct service with no endpoint ready anywhere exists, and says why it has no address': [
    'A dark.shop.svc.clusterset.local',
    [...NODATA, noneReady('dark.shop')],
  ],
  'its SRV says the same': [
    'SRV _http._tcp.dark.shop.svc.clusterset.local',
    [...NODATA, noneReady('dark.shop')],
  ],

  // Everything else
  'a service that is not imported does not exist': ['A absent.shop.svc.clusterset.local', NXDOMAIN],
  'a name of no form does not exist': ['A www.clusterset.local', NXDOMAIN],
  'a name too deep does not exist': ['A a.b.c.d.e.f.g.svc.clusterset.local', NXDOMAIN],
  'attributes in other places do not exist': ['SRV _http.x._tcp.web.shop.svc.clusterset.local', NXDOMAIN],
  'a name outside the zone is refused': ['A example.com', REFUSED],
  'the parent of the zone is refused': ['NS local', REFUSED],
  'the root is refused': ['NS .', REFUSED],
  'a zone with the same ending is refused': ['A notclusterset.local', REFUSED],
  'a reverse name in no zone of ours is refused': ['PTR 1.1.1.1.in-addr.arpa', REFUSED],

  // ANY, RFC 8482
  'ANY of a service is one HINFO': [
    'ANY web.shop.svc.clusterset.local',
    ['web.shop.svc.clusterset.local. 5 IN HINFO "RFC8482" ""'],
  ],
  'ANY of the zone is one HINFO': ['ANY clusterset.local', ['clusterset.local. 5 IN HINFO "RFC8482" ""']],
  'ANY of a name that does not exist is NXDOMAIN': ['ANY absent.shop.svc.clusterset.local', NXDOMAIN],

  // PTR
  'a clusterset IP belongs to its service': [
    'PTR 7.0.0.243.in-addr.arpa',
    ['7.0.0.243.in-addr.arpa. 5 IN PTR virtual.shop.svc.clusterset.local.'],
  ],
  'an IPv6 clusterset IP too': [
    'PTR 7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.3.4.d.f.ip6.arpa',
    [
      '7.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.3.4.d.f.ip6.arpa. 5 IN PTR virtual.shop.svc.clusterset.local.',
    ],
  ],
  'a remote endpoint’s address belongs to its name, in any network': [
    'PTR 1.0.10.10.in-addr.arpa',
    ['1.0.10.10.in-addr.arpa. 5 IN PTR mysql-0.west.mysql.data.svc.clusterset.local.'],
  ],
  'other types of it are NODATA': ['A 1.0.10.10.in-addr.arpa', ['NODATA 1.0.10.10.in-addr.arpa.']],
  'the own cluster’s endpoints are left to its own DNS': ['PTR 1.0.20.10.in-addr.arpa', REFUSED],
  'a Service IP has no reverse name': ['PTR 1.0.1.10.in-addr.arpa', REFUSED],
  'an address without an owner in a reverse zone does not exist': [
    'PTR 8.0.0.243.in-addr.arpa',
    ['NXDOMAIN 0.243.in-addr.arpa.'],
  ],
  'nor do names below an address': ['PTR 1.7.0.0.243.in-addr.arpa', ['NXDOMAIN 0.243.in-addr.arpa.']],
  'nor names that are no address': ['PTR www.0.243.in-addr.arpa', ['NXDOMAIN 0.243.in-addr.arpa.']],
  'ANY of a reverse name is one HINFO': [
    'ANY 7.0.0.243.in-addr.arpa',
    ['7.0.0.243.in-addr.arpa. 5 IN HINFO "RFC8482" ""'],
  ],
  'a network within a reverse zone has only children': [
    'PTR 0.0.243.in-addr.arpa',
    ['NODATA 0.243.in-addr.arpa.'],
  ],
  'a network around a reverse zone is not ours': ['PTR 243.in-addr.arpa', REFUSED],
  'a reverse zone has an SOA': [
    'SOA 0.243.in-addr.arpa',
    ['0.243.in-addr.arpa. 5 IN SOA ns.dns.clusterset.local. hostmaster.clusterset.local. 1 60 10 86400 5'],
  ],
  'a reverse zone has an NS': [
    'NS 0.243.in-addr.arpa',
    [
      '0.243.in-addr.arpa. 5 IN NS ns.dns.clusterset.local.',
      '+ ns.dns.clusterset.local. 5 IN A 192.0.2.53',
      '+ ns.dns.clusterset.local. 5 IN AAAA 2001:db8::53',
    ],
  ],
};

suite('names', () => {
  const zone = zoneOf(services, {
    advertise: ['192.0.2.53', '2001:db8::53'],
    reverseZones: ['243.0.0.0/16', 'fd43::/64'],
  });
  for (const [sentence, [question, lines]] of Object.entries(rows)) {
    test(`${sentence}: ${question}`, () => assert.deepEqual(ask(zone, question), lines));
  }

  test('every answer gives its reason in words', () => {
    for (const [question] of Object.values(rows)) {
      const { reason, detail } = answerOf(zone, question);
      assert.notEqual(reason, '');
      assert.match(detail, /^\S.{10,}$/, question);
    }
  });
});

suite('what an answer depends on', () => {
  const zone = zoneOf(services, { reverseZones: ['243.0.0.0/16'] });
  for (const [question, dependsOn] of Object.entries({
    'A web.shop.svc.clusterset.local': 'service:shop/web',
    'SRV _http._tcp.west.web.shop.svc.clusterset.local': 'service:shop/web',
    'A x.y.z.web.shop.svc.clusterset.local': 'service:shop/web',
    'A absent.empty.svc.clusterset.local': 'service:empty/absent',
    'A shop.svc.clusterset.local': 'namespace:shop',
    'A empty.svc.clusterset.local': 'namespace:empty',
    'SOA clusterset.local': 'apex',
    'A www.clusterset.local': 'apex',
    'A example.com': 'apex',
    'PTR 1.0.10.10.in-addr.arpa': 'reverse',
    'PTR 9.0.0.243.in-addr.arpa': 'reverse',
    'PTR 0.243.in-addr.arpa': 'reverse',
    'SOA 0.243.in-addr.arpa': 'apex',
  })) {
    test(`${question}: ${dependsOn}`, () => assert.equal(answerOf(zone, question).dependsOn, dependsOn));
  }
});

suite('odd services', () => {
  const db = (from: ServiceText['from'], more: Partial<ServiceText> = {}) => ({
    'data/db': { type: 'Headless', ports: ['sql 3306/TCP'], from, ...more } as const,
  });
  const odd: Record<
    string,
    [service: Record<string, ServiceText>, question: string, lines: readonly string[]]
  > = {
    'the same address in two clusters is answered once, as the own cluster’s': [
      db({ west: { endpoints: ['10.0.0.2', '10.0.0.1'] }, east: { endpoints: ['10.0.0.1'] } }),
      'A db.data.svc.clusterset.local',
      ['db.data.svc.clusterset.local. 5 IN A 10.0.0.1', 'db.data.svc.clusterset.local. 5 IN A 10.0.0.2'],
    ],
    'an address that is the own cluster’s too has only the remote owner': [
      db({ west: { endpoints: ['10.0.0.1 host=w'] }, east: { endpoints: ['10.0.0.1 host=e'] } }),
      'PTR 1.0.0.10.in-addr.arpa',
      ['1.0.0.10.in-addr.arpa. 5 IN PTR w.west.db.data.svc.clusterset.local.'],
    ],
    'an address of several services has several owners': [
      {
        ...db({ west: { endpoints: ['10.0.0.1 host=w'] } }),
        'data/cache': { type: 'Headless', from: { west: { endpoints: ['10.0.0.1'] } } },
      },
      'PTR 1.0.0.10.in-addr.arpa',
      [
        '1.0.0.10.in-addr.arpa. 5 IN PTR 10-0-0-1.west.cache.data.svc.clusterset.local.',
        '1.0.0.10.in-addr.arpa. 5 IN PTR w.west.db.data.svc.clusterset.local.',
      ],
    ],
    'endpoints with one hostname answer together': [
      db({ west: { endpoints: ['10.0.0.1 host=w', '10.0.0.2 host=w', '10.0.0.1 host=w'] } }),
      'A w.west.db.data.svc.clusterset.local',
      [
        'w.west.db.data.svc.clusterset.local. 5 IN A 10.0.0.1',
        'w.west.db.data.svc.clusterset.local. 5 IN A 10.0.0.2',
      ],
    ],
    'an endpoint with several addresses answers all': [
      db({ west: { endpoints: ['10.0.0.1,10.0.0.2 host=w'] } }),
      'A w.west.db.data.svc.clusterset.local',
      [
        'w.west.db.data.svc.clusterset.local. 5 IN A 10.0.0.1',
        'w.west.db.data.svc.clusterset.local. 5 IN A 10.0.0.2',
      ],
    ],
    'a hostname goes before another endpoint’s pod of that name': [
      db({ west: { endpoints: ['10.0.0.1 pod=w', '10.0.0.2 host=w'] } }),
      'A w.west.db.data.svc.clusterset.local',
      ['w.west.db.data.svc.clusterset.local. 5 IN A 10.0.0.2'],
    ],
    'a hostname that looks like an address is only that': [
      db({ west: { endpoints: ['fd00::2 host=fd00--1'] } }),
      'AAAA fd00-0-0-0-0-0-0-1.west.db.data.svc.clusterset.local',
      ['NXDOMAIN clusterset.local.'],
    ],
    'addresses are answered in canonical form, each once': [
      { 'data/db': { ips: ['FD43:0:0::7', 'fd43::7'], from: {} } },
      'AAAA db.data.svc.clusterset.local',
      ['db.data.svc.clusterset.local. 5 IN AAAA fd43::7'],
    ],
    'a per-cluster name of an unmerged cluster does not exist': [
      db({ west: { endpoints: ['10.0.0.1'] } }),
      'A north.db.data.svc.clusterset.local',
      ['NXDOMAIN clusterset.local.'],
    ],
  };
  for (const [sentence, [service, question, lines]] of Object.entries(odd)) {
    test(sentence, () => assert.deepEqual(ask(zoneOf(service), question), lines));
  }

  const withSlice = (change: (slice: EndpointSlice) => EndpointSlice): string[] => {
    const { imports, slices } = objectsOf(db({ west: { endpoints: ['10.0.0.1 pod=pod-0'] } }));
    const zone = zoneOf({});
    zone.replaceImports(imports);
    zone.replaceSlices(slices.map(change));
    return [
      ...ask(zone, 'A db.data.svc.clusterset.local'),
      ...ask(zone, 'A pod-0.west.db.data.svc.clusterset.local'),
    ].map((line) => line.replace(/^.* /, ''));
  };

  test('an endpoint without conditions is ready', () => {
    const lines = withSlice((slice) => ({
      ...slice,
      endpoints: slice.endpoints.map(({ addresses, targetRef }) => ({
        addresses,
        ...(targetRef && { targetRef }),
      })),
    }));
    assert.deepEqual(lines, ['10.0.0.1', '10.0.0.1']);
  });

  test('what an endpoint stands for is a name only where it is a pod', () => {
    const lines = withSlice((slice) => ({
      ...slice,
      endpoints: slice.endpoints.map((endpoint) => ({
        ...endpoint,
        targetRef: { kind: 'Node', name: 'pod-0' },
      })),
    }));
    assert.deepEqual(lines, ['10.0.0.1', 'clusterset.local.']);
  });

  test('a slice that says so publishes endpoints before they are ready', () => {
    const lines = withSlice((slice) => ({
      ...slice,
      metadata: { ...slice.metadata, annotations: { 'pharos.io/publish-not-ready': 'true' } },
      endpoints: slice.endpoints.map((endpoint) => ({ ...endpoint, conditions: { ready: false } })),
    }));
    assert.deepEqual(lines, ['10.0.0.1', '10.0.0.1']);
  });

  test('slices of a cluster that the import does not list do not count', () => {
    const lines = withSlice((slice) => ({
      ...slice,
      metadata: { ...slice.metadata, labels: { ...slice.metadata.labels, [Label.sourceCluster]: 'north' } },
    }));
    assert.deepEqual(lines, ['clusterset.local.', 'endpoint)', 'clusterset.local.']);
  });

  test('a cluster that is listed twice counts as listed first', () => {
    const { imports, slices } = objectsOf({ 'data/db': { from: { west: { ips: ['10.0.0.1'] } } } });
    const exports = [
      { cluster: 'west', ips: ['10.0.0.1'], weight: 1 },
      { cluster: 'west', ips: ['10.0.0.2'], weight: 1 },
    ];
    const zone = zoneOf({});
    zone.replaceSlices(slices);
    zone.replaceImports(
      imports.map((object) => ({
        ...object,
        metadata: { ...object.metadata, annotations: { 'pharos.io/exports': JSON.stringify(exports) } },
      })),
    );
    assert.deepEqual(ask(zone, 'A db.data.svc.clusterset.local'), [
      'db.data.svc.clusterset.local. 5 IN A 10.0.0.1',
    ]);
  });
});

suite('strict names', () => {
  const zone = zoneOf(services, { strictNames: true });
  const strict: Rows = {
    'one cluster of a headless service has only children': ['A west.mysql.data.svc.clusterset.local', NODATA],
    'of any type': ['SRV west.mysql.data.svc.clusterset.local', NODATA],
    'a cluster without a ready endpoint does not exist': [
      'A west.none.data.svc.clusterset.local',
      [...NXDOMAIN, noneReady('west.none.data')],
    ],
    'one cluster of a ClusterSetIP service does not exist': [
      'A west.web.shop.svc.clusterset.local',
      NXDOMAIN,
    ],
    'nor do its ports': ['SRV _http._tcp.west.web.shop.svc.clusterset.local', NXDOMAIN],
    'nor the ports of one cluster of a headless service': [
      'SRV _sql._tcp.west.mysql.data.svc.clusterset.local',
      NXDOMAIN,
    ],
    'nor their protocols': ['A _tcp.west.mysql.data.svc.clusterset.local', NXDOMAIN],
    'endpoints have their names': [
      'A mysql-1.west.mysql.data.svc.clusterset.local',
      ['mysql-1.west.mysql.data.svc.clusterset.local. 5 IN A 10.10.0.2'],
    ],
  };
  for (const [sentence, [question, lines]] of Object.entries(strict)) {
    test(`${sentence}: ${question}`, () => assert.deepEqual(ask(zone, question), lines));
  }
});

suite('zones', () => {
  test('several zones hold the same services, the closest origin counts, PTR points into the first', () => {
    const zone = zoneOf(services, {
      origins: ['Clusterset.Local', 'mesh.example.', 'svc.mesh.example'],
      ttl: 30,
    });
    assert.deepEqual(ask(zone, 'A web.shop.svc.mesh.example'), ['NXDOMAIN svc.mesh.example.']);
    assert.deepEqual(ask(zone, 'A web.shop.svc.svc.mesh.example'), [
      'web.shop.svc.svc.mesh.example. 30 IN A 10.2.0.1',
    ]);
    assert.deepEqual(ask(zone, 'A web.shop.svc.clusterset.local'), [
      'web.shop.svc.clusterset.local. 30 IN A 10.2.0.1',
    ]);
    assert.deepEqual(ask(zone, 'TXT dns-version.mesh.example'), [
      'dns-version.mesh.example. 28800 IN TXT "1.0.0"',
    ]);
    assert.deepEqual(ask(zone, 'PTR 1.0.10.10.in-addr.arpa'), [
      '1.0.10.10.in-addr.arpa. 30 IN PTR mysql-0.west.mysql.data.svc.clusterset.local.',
    ]);
  });

  test('a zone or a network that is none is refused at once', () => {
    assert.throws(() => new Zone({ origins: ['cluster set.local'] }), /cannot be a zone/);
    assert.throws(() => new Zone({ origins: ['.'] }), /cannot be a zone/);
    assert.throws(() => new Zone({ reverseZones: ['243.0.0.0'] }), /is not a network/);
    assert.throws(() => new Zone({ reverseZones: ['243.0.0.0/33'] }), /is not a network/);
  });

  test('a reverse zone of one address exists, whether the address has an owner or not', () => {
    const zone = zoneOf(services, { reverseZones: ['243.0.0.7/32', '243.0.0.9/32'] });
    assert.deepEqual(ask(zone, 'PTR 9.0.0.243.in-addr.arpa'), ['NODATA 9.0.0.243.in-addr.arpa.']);
    assert.deepEqual(ask(zone, 'PTR 7.0.0.243.in-addr.arpa'), [
      '7.0.0.243.in-addr.arpa. 5 IN PTR virtual.shop.svc.clusterset.local.',
    ]);
    assert.equal(answerOf(zone, 'SOA 7.0.0.243.in-addr.arpa').kind, 'records');
  });

  test('without an advertised address the name server exists and has none', () => {
    const zone = zoneOf({});
    assert.deepEqual(ask(zone, 'NS clusterset.local'), [
      'clusterset.local. 5 IN NS ns.dns.clusterset.local.',
    ]);
    assert.deepEqual(ask(zone, 'A ns.dns.clusterset.local'), NODATA);
  });
});
