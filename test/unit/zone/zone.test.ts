import assert from 'node:assert/strict';
import { suite, test } from 'node:test';
import * as fc from 'fast-check';
import { parseClusterId } from '../../../src/api/identity.ts';
import { Label } from '../../../src/api/names.ts';
import type { EndpointSlice, KubeObject, ServiceImport } from '../../../src/api/objects.ts';
import type { Dependency, ResourceRecord } from '../../../src/zone/records.ts';
import { Zone } from '../../../src/zone/zone.ts';
import {
  aReachability,
  aSlice,
  anEvent,
  anImport,
  happen,
  NAMES,
  QUESTIONS,
  visible,
  type Event,
} from './arbitraries.ts';
import { answerOf, ask, objectsOf, zoneOf, type ServiceText } from './driver.ts';

const REFUSED = ['REFUSED', 'EDE 20: the name is in no zone that is served here'];

const WEB = 'A web.shop.svc.clusterset.local';
const web = objectsOf({ 'shop/web': { from: { west: { ips: ['10.1.0.1'] } } } });
const webWith = (ip: string) => objectsOf({ 'shop/web': { from: { west: { ips: [ip] } } } });
const first = <T>(list: readonly T[]): T => {
  assert.ok(list[0]);
  return list[0];
};

const newZone = (): Zone =>
  new Zone({
    ownCluster: parseClusterId('east'),
    reverseZones: ['243.0.0.0/16', 'fd43::/64'],
    advertise: ['192.0.2.1'],
  });

function synced(): Zone {
  const zone = newZone();
  zone.replaceImports([]);
  zone.replaceSlices([]);
  return zone;
}

/** What the zone tells its listeners, oldest first. */
function listen(zone: Zone): ('all' | Dependency[])[] {
  const heard: ('all' | Dependency[])[] = [];
  zone.subscribe((changed) => heard.push(changed === 'all' ? changed : [...changed].sort()));
  return heard;
}

suite('before the first full lists', () => {
  const notReady = ['SERVFAIL', 'EDE 14: the first full list of imports and endpoints is not in yet'];

  test('nothing is answered but that, whatever single objects have come', () => {
    const zone = newZone();
    zone.setImport(first(web.imports));
    zone.setSlice(first(web.slices));
    zone.setReachability(new Map());
    for (const question of [
      WEB,
      'SOA clusterset.local',
      'A none.none.svc.clusterset.local',
      'PTR 1.0.0.243.in-addr.arpa',
    ]) {
      assert.deepEqual(ask(zone, question), notReady);
    }
    assert.deepEqual(ask(zone, 'A example.com'), REFUSED);
    zone.replaceImports(web.imports);
    assert.deepEqual(ask(zone, WEB), notReady);
    assert.equal(zone.serial, 0);
  });

  test('one of the lists is not enough, in either order', () => {
    const zone = newZone();
    zone.replaceSlices(web.slices);
    assert.equal(zone.synced, false);
    zone.replaceImports(web.imports);
    assert.equal(zone.synced, true);
    assert.deepEqual(ask(zone, WEB), ['web.shop.svc.clusterset.local. 5 IN A 10.1.0.1']);
  });

  test('listeners hear once, that all is new', () => {
    const zone = newZone();
    const heard = listen(zone);
    zone.replaceImports(web.imports);
    zone.replaceSlices(web.slices);
    assert.deepEqual(heard, ['all']);
    assert.equal(zone.serial, 1);
  });
});

suite('changes', () => {
  test('the first service of a namespace, its change and its end touch what they change, each raises the serial', () => {
    const zone = synced();
    const heard = listen(zone);
    zone.setImport(first(web.imports));
    zone.setSlice(first(web.slices));
    zone.setSlice(first(webWith('10.1.0.9').slices));
    zone.removeImport(first(web.imports));
    assert.deepEqual(heard, [
      ['apex', 'namespace:shop', 'service:shop/web'],
      ['apex', 'service:shop/web'],
      ['apex', 'namespace:shop', 'service:shop/web'],
    ]);
    assert.equal(zone.serial, 4);
  });

  test('what changes no answer is told to nobody and keeps the serial', () => {
    const zone = zoneOf({
      'shop/web': { from: { west: { ips: ['10.1.0.1'], endpoints: ['10.0.0.1', '10.0.0.2'] } } },
    });
    const heard = listen(zone);
    const half = objectsOf({
      'shop/web': { from: { west: { ips: ['10.1.0.1'], endpoints: ['10.0.0.1', '10.0.0.2 unready'] } } },
    });
    zone.setImport({
      ...first(half.imports),
      metadata: { ...first(half.imports).metadata, resourceVersion: '99' },
    });
    zone.setSlice(first(half.slices));
    zone.replaceImports(half.imports);
    zone.replaceSlices(half.slices);
    zone.removeSlice({ ...first(half.slices), metadata: { namespace: 'shop', name: 'other' } });
    zone.setReachability(new Map([['west', { reachable: true }]]));
    zone.setStale(undefined);
    assert.deepEqual(heard, []);
    assert.equal(zone.serial, 1);
  });

  test('a new full list tells of what differs only', () => {
    const from = { west: { ips: ['10.1.0.1'] } };
    const zone = zoneOf({ 'a/kept': { from }, 'a/gone': { from }, 'b/changed': { from } });
    const heard = listen(zone);
    zone.replaceImports(
      objectsOf({ 'a/kept': { from }, 'b/changed': { from, policy: 'all' }, 'c/new': { from } }).imports,
    );
    assert.deepEqual(heard, [
      ['apex', 'namespace:c', 'service:a/gone', 'service:b/changed', 'service:c/new'],
    ]);
    assert.equal(zone.serial, 2);
  });

  test('headless endpoints of other clusters touch reverse names, the own cluster’s do not', () => {
    const part = (cluster: string) =>
      objectsOf({ 'data/db': { type: 'Headless', from: { [cluster]: { endpoints: ['10.0.0.1'] } } } });
    for (const [cluster, reverse] of [
      ['west', true],
      ['east', false],
    ] as const) {
      const zone = synced();
      zone.replaceImports(part(cluster).imports);
      const heard = listen(zone);
      zone.setSlice(first(part(cluster).slices));
      assert.deepEqual(heard, [['apex', ...(reverse ? ['reverse'] : []), 'service:data/db']]);
    }
  });

  test('a cluster that is lost touches its services only', () => {
    const zone = zoneOf({
      'a/both': { from: { west: { ips: ['10.1.0.1'] }, north: { ips: ['10.3.0.1'] } } },
      'a/north': { from: { north: { ips: ['10.3.0.2'] } } },
    });
    const heard = listen(zone);
    zone.setReachability(
      new Map([
        ['west', { reachable: false, reason: 'no answer' }],
        ['north', { reachable: true }],
      ]),
    );
    assert.deepEqual(heard, [['apex', 'service:a/both']]);
    zone.setReachability('all');
    assert.equal(heard.length, 2);
  });

  const before: Record<string, ServiceText> = {
    'shop/web': {
      policy: 'all',
      ports: ['http 80/TCP'],
      from: { west: { ips: ['10.1.0.1'] }, north: { ips: ['10.3.0.1'] } },
    },
    'data/db': {
      type: 'Headless',
      ports: ['sql 3306/TCP'],
      from: { west: { endpoints: ['10.0.0.1 host=a', '10.0.0.2 pod=b'] } },
    },
    'shop/foreign': { foreign: true, from: { west: { endpoints: ['10.1.0.4'] } } },
  };
  type Change = [question: string, service: string, change: Partial<ServiceText>];
  const one: Record<string, Change> = {
    'the type': ['SRV web.shop.svc.clusterset.local', 'shop/web', { type: 'Headless' }],
    'a port’s name': [
      'SRV _http._tcp.web.shop.svc.clusterset.local',
      'shop/web',
      { ports: ['https 80/TCP'] },
    ],
    'a port’s number': ['SRV web.shop.svc.clusterset.local', 'shop/web', { ports: ['http 81/TCP'] }],
    'the clusterset IP': [WEB, 'shop/web', { ips: ['243.0.0.1'] }],
    'the policy': [WEB, 'shop/web', { policy: 'weighted' }],
    'the affinity': [WEB, 'shop/web', { affinity: true }],
    'an exporter that leaves': [WEB, 'shop/web', { from: { west: { ips: ['10.1.0.1'] } } }],
    'an exporter that comes': [
      WEB,
      'shop/web',
      { from: { ...before['shop/web']?.from, east: { ips: ['10.2.0.1'] } } },
    ],
    'a weight': [
      WEB,
      'shop/web',
      { from: { west: { ips: ['10.1.0.1'], weight: 2 }, north: { ips: ['10.3.0.1'] } } },
    ],
    'a Service IP': [
      WEB,
      'shop/web',
      { from: { west: { ips: ['10.1.0.9'], endpoints: ['10.1.0.1'] }, north: { ips: ['10.3.0.1'] } } },
    ],
    readiness: [
      WEB,
      'shop/web',
      {
        from: { west: { ips: ['10.1.0.1'], endpoints: ['10.1.0.1 unready'] }, north: { ips: ['10.3.0.1'] } },
      },
    ],
    'a family that is there and not ready': [
      'AAAA foreign.shop.svc.clusterset.local',
      'shop/foreign',
      { from: { west: { endpoints: ['10.1.0.4', 'fd01::4 unready'] } } },
    ],
    'an endpoint’s hostname': [
      'A a.west.db.data.svc.clusterset.local',
      'data/db',
      { from: { west: { endpoints: ['10.0.0.1 host=c', '10.0.0.2 pod=b'] } } },
    ],
    'an endpoint’s pod': [
      'A b.west.db.data.svc.clusterset.local',
      'data/db',
      { from: { west: { endpoints: ['10.0.0.1 host=a', '10.0.0.2 pod=c'] } } },
    ],
    'an endpoint’s address': [
      'PTR 1.0.0.10.in-addr.arpa',
      'data/db',
      { from: { west: { endpoints: ['10.0.0.9 host=a', '10.0.0.2 pod=b'] } } },
    ],
    'the order of endpoints': [
      'A db.data.svc.clusterset.local',
      'data/db',
      { from: { west: { endpoints: ['10.0.0.2 pod=b', '10.0.0.1 host=a'] } } },
    ],
    'a headless port': ['SRV _sql._tcp.db.data.svc.clusterset.local', 'data/db', { ports: ['sql 3307/TCP'] }],
    'a headless weight': [
      'SRV db.data.svc.clusterset.local',
      'data/db',
      {
        from: {
          west: { weight: 7, endpoints: ['10.0.0.1 host=a', '10.0.0.2 pod=b'] },
          north: { endpoints: ['10.0.0.3'] },
        },
      },
    ],
  };
  for (const [what, [question, service, change]] of Object.entries(one)) {
    test(`${what} that changes, alone, changes the answer and is told of, and so is its change back`, () => {
      const zone = zoneOf(before);
      const first = answerOf(zone, question);
      const heard = listen(zone);
      const after = objectsOf({
        ...before,
        [service]: { from: {}, ...before[service], ...change },
      });
      zone.replaceSlices(after.slices);
      zone.replaceImports(after.imports);
      assert.notDeepEqual(visible(answerOf(zone, question)), visible(first));
      assert.ok(heard.flat().includes(first.dependsOn));
      const second = answerOf(zone, question);
      heard.length = 0;
      const back = objectsOf(before);
      zone.replaceImports(back.imports);
      zone.replaceSlices(back.slices);
      assert.deepEqual(visible(answerOf(zone, question)), visible(first));
      assert.ok(heard.flat().includes(second.dependsOn));
    });
  }

  test('a cluster that exported a service later is lost like any other', () => {
    const zone = zoneOf({ 'shop/web': { from: { north: { ips: ['10.3.0.1'] } } } });
    const more = objectsOf({
      'shop/web': { from: { north: { ips: ['10.3.0.1'] }, west: { ips: ['10.1.0.1'] } } },
    });
    zone.replaceSlices(more.slices);
    zone.replaceImports(more.imports);
    const heard = listen(zone);
    zone.setReachability(new Map([['north', { reachable: true }]]));
    assert.deepEqual(heard, [['apex', 'service:shop/web']]);
  });

  test('a slice that changes hands leaves its old service', () => {
    const from = { west: { endpoints: ['10.0.0.1'] } };
    const { imports, slices } = objectsOf({
      'data/a': { type: 'Headless', from },
      'data/b': { type: 'Headless', from },
    });
    const zone = synced();
    zone.replaceImports(imports);
    const [ofA, ofB] = slices.map((slice) => ({ ...slice, metadata: { ...slice.metadata, name: 'one' } }));
    assert.ok(ofA && ofB);
    zone.setSlice(ofA);
    const heard = listen(zone);
    zone.setSlice(ofB);
    assert.equal(answerOf(zone, 'A a.data.svc.clusterset.local').kind, 'nxdomain');
    assert.equal(answerOf(zone, 'A b.data.svc.clusterset.local').kind, 'records');
    assert.deepEqual(heard, [['apex', 'reverse', 'service:data/a', 'service:data/b']]);
  });

  test('an address keeps its other owners when one goes, and gets one back that returns', () => {
    const headless: ServiceText = { type: 'Headless', from: { west: { endpoints: ['10.0.0.1 host=h'] } } };
    const zone = zoneOf({ 'data/a': headless, 'data/b': headless, 'data/c': headless });
    zone.replaceImports(objectsOf({ 'data/a': headless, 'data/c': headless }).imports);
    assert.deepEqual(
      ask(zone, 'PTR 1.0.0.10.in-addr.arpa').map((line) => line.replace(/^.* /, '')),
      ['h.west.a.data.svc.clusterset.local.', 'h.west.c.data.svc.clusterset.local.'],
    );
    zone.replaceImports(objectsOf({ 'data/c': headless }).imports);
    assert.deepEqual(
      ask(zone, 'PTR 1.0.0.10.in-addr.arpa').map((line) => line.replace(/^.* /, '')),
      ['h.west.c.data.svc.clusterset.local.'],
    );
    zone.replaceImports([]);
    assert.deepEqual(ask(zone, 'PTR 1.0.0.10.in-addr.arpa'), REFUSED);
    zone.replaceImports(objectsOf({ 'data/a': headless }).imports);
    assert.deepEqual(ask(zone, 'PTR 1.0.0.10.in-addr.arpa'), [
      '1.0.0.10.in-addr.arpa. 5 IN PTR h.west.a.data.svc.clusterset.local.',
    ]);
  });

  test('endpoints of several slices have one order, whichever came first', () => {
    const { imports, slices } = objectsOf({
      'data/db': { type: 'Headless', from: { west: { endpoints: ['10.0.0.1'] } } },
    });
    const named = (name: string, address: string): EndpointSlice => {
      const slice = first(slices);
      return { ...slice, metadata: { ...slice.metadata, name }, endpoints: [{ addresses: [address] }] };
    };
    const lists = [
      [named('a', '10.0.0.1'), named('b', '10.0.0.2')],
      [named('b', '10.0.0.2'), named('a', '10.0.0.1')],
    ];
    for (const list of lists) {
      const zone = synced();
      zone.replaceImports(imports);
      for (const slice of list) zone.setSlice(slice);
      assert.deepEqual(ask(zone, 'A db.data.svc.clusterset.local'), [
        'db.data.svc.clusterset.local. 5 IN A 10.0.0.1',
        'db.data.svc.clusterset.local. 5 IN A 10.0.0.2',
      ]);
    }
  });

  test('slices wait for their import, and for its return', () => {
    const zone = synced();
    zone.setSlice(first(web.slices));
    assert.deepEqual(ask(zone, WEB), ['NXDOMAIN clusterset.local.']);
    zone.setImport(first(web.imports));
    assert.deepEqual(ask(zone, WEB), ['web.shop.svc.clusterset.local. 5 IN A 10.1.0.1']);
    zone.removeImport(first(web.imports));
    assert.deepEqual(ask(zone, WEB), ['NXDOMAIN clusterset.local.']);
    zone.setImport(first(web.imports));
    assert.deepEqual(ask(zone, WEB), ['web.shop.svc.clusterset.local. 5 IN A 10.1.0.1']);
  });

  test('an unsubscribed listener hears no more', () => {
    const zone = synced();
    const heard: unknown[] = [];
    const unsubscribe = zone.subscribe((changed) => heard.push(changed));
    unsubscribe();
    zone.setImport(first(web.imports));
    assert.deepEqual(heard, []);
  });

  test('the serial begins after the one given and wraps as RFC 1982 has it', () => {
    const zone = new Zone({ serial: 2 ** 32 - 1 });
    zone.replaceImports([]);
    zone.replaceSlices([]);
    assert.equal(zone.serial, 0);
  });
});

suite('stale data', () => {
  const zone = zoneOf({
    'shop/web': { from: { west: { ips: ['10.1.0.1'] } } },
    'shop/dark': { from: { west: { ips: ['10.1.0.2'], endpoints: ['10.1.0.2 unready'] } } },
  });
  const heard = listen(zone);
  zone.setStale('2026-11-24T09:00:00Z');
  const stale = 'no contact with the API server since 2026-11-24T09:00:00Z';

  test('is answered, and says since when', () => {
    assert.deepEqual(ask(zone, WEB), ['web.shop.svc.clusterset.local. 5 IN A 10.1.0.1', `EDE 3: ${stale}`]);
    assert.deepEqual(ask(zone, 'A none.shop.svc.clusterset.local'), [
      'NXDOMAIN clusterset.local.',
      `EDE 3: ${stale}`,
    ]);
  });

  test('keeps the error that an answer has of its own', () => {
    assert.deepEqual(ask(zone, 'A dark.shop.svc.clusterset.local'), [
      'NODATA clusterset.local.',
      `EDE 22: dark.shop.svc.clusterset.local. has no ready endpoint (west: no ready endpoint); ${stale}`,
    ]);
  });

  test('makes every kept answer out of date, and so does its end', () => {
    assert.deepEqual(heard, ['all']);
    zone.setStale(undefined);
    assert.deepEqual(heard, ['all', 'all']);
    assert.deepEqual(ask(zone, WEB), ['web.shop.svc.clusterset.local. 5 IN A 10.1.0.1']);
  });
});

suite('objects that do not validate', () => {
  const slice = first(web.slices);
  const serviceImport = first(web.imports);
  const imports: Record<string, [object: unknown, why: RegExp]> = {
    'an import of an unknown type': [
      { ...serviceImport, spec: { type: 'ExternalName', ports: [] } },
      /spec\.type/,
    ],
    'an import whose name is no label': [
      { ...serviceImport, metadata: { namespace: 'shop', name: 'we.b' } },
      /name/,
    ],
    'an import in no namespace': [{ ...serviceImport, metadata: { name: 'web' } }, /namespace/],
    'an import without metadata': [{ spec: serviceImport.spec }, /namespace/],
    'an import that is null': [null, /namespace/],
  };
  for (const [what, [object, why]] of Object.entries(imports)) {
    test(`${what} is left out, with the reason`, () => {
      const zone = synced();
      zone.setImport(object as ServiceImport);
      assert.deepEqual([...zone.services()], []);
      assert.match([...zone.rejected.values()].join(), why);
    });
  }

  const slices: Record<string, [object: unknown, why: RegExp]> = {
    'a slice of names': [{ ...slice, addressType: 'FQDN' }, /addressType/],
    'a slice of no service': [
      { ...slice, metadata: { ...slice.metadata, labels: { [Label.sourceCluster]: 'west' } } },
      /service-name/,
    ],
    'a slice from no cluster': [
      { ...slice, metadata: { ...slice.metadata, labels: { [Label.serviceName]: 'web' } } },
      /source-cluster/,
    ],
    'a slice without a name': [
      { ...slice, metadata: { ...slice.metadata, name: undefined } },
      /metadata\.name/,
    ],
    'a slice in no namespace': [{ ...slice, metadata: { ...slice.metadata, namespace: 7 } }, /namespace/],
  };
  for (const [what, [object, why]] of Object.entries(slices)) {
    test(`${what} is left out, with the reason`, () => {
      const zone = synced();
      zone.setImport(serviceImport);
      zone.setSlice(object as EndpointSlice);
      assert.match(ask(zone, WEB).join(), /NODATA/);
      assert.match([...zone.rejected.values()].join(), why);
    });
  }

  test('an object that was good and is broken now counts as absent, and mended it is back', () => {
    const zone = synced();
    zone.setImport(serviceImport);
    zone.setSlice(slice);
    zone.setSlice({ ...slice, addressType: 'FQDN' });
    assert.match(ask(zone, WEB).join(), /NODATA/);
    assert.deepEqual([...zone.rejected.keys()], ['EndpointSlice shop/web.west.ipv4']);
    zone.setSlice(slice);
    assert.deepEqual(ask(zone, WEB), ['web.shop.svc.clusterset.local. 5 IN A 10.1.0.1']);
    zone.setImport({ ...serviceImport, metadata: { ...serviceImport.metadata, name: 'Web' } });
    zone.removeImport({ ...serviceImport, metadata: { ...serviceImport.metadata, name: 'Web' } });
    zone.setImport({ ...serviceImport, spec: { type: 'Other' as 'Headless', ports: [] } });
    assert.deepEqual(ask(zone, WEB), ['NXDOMAIN clusterset.local.']);
    assert.deepEqual([...zone.rejected.keys()], ['ServiceImport shop/web']);
    zone.setImport(serviceImport);
    assert.deepEqual(ask(zone, WEB), ['web.shop.svc.clusterset.local. 5 IN A 10.1.0.1']);
    assert.equal(zone.rejected.size, 0);
  });

  test('a new full list forgets what is gone', () => {
    const zone = synced();
    zone.setSlice({ ...slice, addressType: 'FQDN' });
    zone.replaceImports([]);
    assert.equal(zone.rejected.size, 1);
    zone.replaceSlices([]);
    assert.equal(zone.rejected.size, 0);
  });

  test('bad parts of a good object are left out, the rest stands', () => {
    const { imports, slices } = objectsOf({
      'data/db': {
        type: 'Headless',
        ports: ['sql 3306/TCP'],
        from: { west: { endpoints: ['10.0.0.1 host=UPPER', '10.0.0.300', '010.0.0.1', '10.0.0.2 pod=a.b'] } },
      },
    });
    const zone = synced();
    zone.replaceImports(imports);
    // The driver sorts by family, so an address that is none needs a hand.
    const good = first(slices);
    zone.setSlice({
      ...good,
      endpoints: [...good.endpoints, { addresses: ['fd00::1', '10.0.0.300', '010.0.0.1', '10.0.0.1%eth0'] }],
      ports: [
        ...good.ports,
        { name: 'Bad Name', port: 1 },
        { name: 'zero', port: 0 },
        { name: 'odd', protocol: 'SPX' as 'TCP', port: 1 },
      ],
    });
    assert.deepEqual(ask(zone, 'SRV db.data.svc.clusterset.local'), [
      'db.data.svc.clusterset.local. 5 IN SRV 0 50 3306 10-0-0-1.west.db.data.svc.clusterset.local.',
      'db.data.svc.clusterset.local. 5 IN SRV 0 50 3306 10-0-0-2.west.db.data.svc.clusterset.local.',
      '+ 10-0-0-1.west.db.data.svc.clusterset.local. 5 IN A 10.0.0.1',
      '+ 10-0-0-2.west.db.data.svc.clusterset.local. 5 IN A 10.0.0.2',
    ]);
  });

  for (const json of [
    'nonsense',
    '{}',
    '[{"cluster":"Not A Label"}, 7, null]',
    '[{"cluster":"west","ips":["x"],"weight":-1}]',
  ]) {
    test(`a list of exports that is ${json} harms nothing`, () => {
      const zone = synced();
      zone.setImport({
        ...serviceImport,
        metadata: { ...serviceImport.metadata, annotations: { 'pharos.io/exports': json } },
      });
      zone.setSlice(slice);
      assert.notEqual(answerOf(zone, WEB).kind, 'nxdomain');
    });
  }
});

suite('laws', () => {
  const askers = [{ turn: 0 }, { turn: 5, client: '10.9.9.9' }];
  /** All that the zone says, but for the serial, which tells of the way here. */
  const everything = (zone: Zone): string[] =>
    QUESTIONS.flatMap((question) =>
      askers.map((asker) =>
        JSON.stringify([question, visible(zone.answer(question, asker))]).replace(/"serial":[0-9]+/g, ''),
      ),
    );

  const build = (objects: readonly (ServiceImport | EndpointSlice)[]): Zone => {
    const zone = synced();
    for (const object of objects) {
      if (object.kind === 'ServiceImport') zone.setImport(object);
      else zone.setSlice(object);
    }
    return zone;
  };
  const keyOf = ({ kind, metadata }: KubeObject): string => `${kind} ${metadata.namespace}/${metadata.name}`;
  const distinct = fc.uniqueArray(fc.oneof(anImport, aSlice), { selector: keyOf, maxLength: 14 });

  test('the order of arrival does not matter', () => {
    const shuffled = distinct.chain((objects) =>
      fc.tuple(fc.constant(objects), fc.shuffledSubarray(objects, { minLength: objects.length })),
    );
    fc.assert(
      fc.property(shuffled, ([objects, others]) => {
        assert.deepEqual(everything(build(others)), everything(build(objects)));
      }),
      { numRuns: 60 },
    );
  });

  test('a zone that grew by changes answers as one that was made of the end state', () => {
    fc.assert(
      fc.property(fc.array(anEvent, { maxLength: 25 }), (events) => {
        const grown = synced();
        for (const event of events) happen(grown, event);
        grown.setStale(undefined);
        const { imports, slices, reachability, drained } = endState(events);
        const made = newZone();
        made.setReachability(reachability);
        made.setDrained(drained);
        made.replaceImports(imports);
        made.replaceSlices(slices);
        assert.deepEqual(everything(grown), everything(made));
        assert.equal([...grown.services()].length, [...made.services()].length);
      }),
      { numRuns: 60 },
    );
  });

  test('when an answer changes, what it depends on has been told', () => {
    fc.assert(
      fc.property(fc.array(anEvent, { minLength: 1, maxLength: 12 }), (events) => {
        const zone = synced();
        let told: 'all' | ReadonlySet<Dependency> = new Set();
        zone.subscribe((changed) => (told = changed));
        let before = QUESTIONS.map((question) => zone.answer(question, first(askers)));
        for (const event of events) {
          told = new Set();
          happen(zone, event);
          const after = QUESTIONS.map((question) => zone.answer(question, first(askers)));
          const heard = told as 'all' | ReadonlySet<Dependency>;
          for (const [index, answer] of after.entries()) {
            const old = before[index];
            assert.ok(old);
            // Whoever keeps an answer keeps it under the dependency of the answer that is out of date.
            if (heard === 'all' || heard.has(old.dependsOn)) continue;
            assert.deepEqual(
              visible(answer),
              visible(old),
              `${QUESTIONS[index]?.labels.join('.')} after ${event.type}`,
            );
          }
          before = after;
        }
      }),
      { numRuns: 100 },
    );
  });

  test('an answer comes again after its period, and only then the asker’s turn counts', () => {
    fc.assert(
      fc.property(distinct, fc.nat(500), (objects, turn) => {
        const zone = build(objects);
        for (const question of QUESTIONS) {
          const answer = zone.answer(question, { turn });
          if (answer.kind !== 'records') continue;
          assert.deepEqual(zone.answer(question, { turn: turn + answer.period }), answer);
        }
      }),
      { numRuns: 150 },
    );
  });

  test('an answer that is not for one client is the same for every client', () => {
    fc.assert(
      fc.property(distinct, fc.ipV4(), (objects, client) => {
        const zone = build(objects);
        for (const question of QUESTIONS) {
          const answer = zone.answer(question, { turn: 3 });
          if (answer.kind === 'records' && answer.perClient) continue;
          assert.deepEqual(zone.answer(question, { turn: 3, client }), answer);
        }
      }),
      { numRuns: 150 },
    );
  });

  test('what is in an answer is in the zone: owners, addresses, targets', () => {
    fc.assert(
      fc.property(distinct, aReachability, (objects, reachability) => {
        const zone = build(objects);
        zone.setReachability(reachability);
        const source = `${JSON.stringify(objects)} 192.0.2.1`;
        for (const question of QUESTIONS) {
          const answer = zone.answer(question, { turn: 1 });
          if (answer.kind !== 'records') continue;
          const texts = answer.answer.map((record) => JSON.stringify(record));
          assert.equal(new Set(texts).size, texts.length, 'no RRset holds two equal records');
          assert.ok(texts.length > 0);
          for (const record of answer.answer) {
            assert.equal(record.name, `${question.labels.join('.')}.`);
            if (record.type === 'SRV') assertTarget(zone, record.target, answer.additional);
            if (record.type === 'PTR') assertOwner(zone, record.target);
          }
          for (const record of [...answer.answer, ...answer.additional]) {
            if ('address' in record) assert.ok(source.includes(record.address), record.address);
          }
        }
      }),
      { numRuns: 200 },
    );
  });

  /** The additional section is what the target's own name says. */
  function assertTarget(zone: Zone, target: string, additional: readonly ResourceRecord[]): void {
    const own = additional.filter(({ name }) => name === target).map((record) => JSON.stringify(record));
    assert.ok(own.length > 0, target);
    const direct = ['A', 'AAAA'].flatMap((type) => {
      const answer = answerOf(zone, `${type} ${target}`, { turn: 1 });
      return answer.kind === 'records' ? answer.answer.map((record) => JSON.stringify(record)) : [];
    });
    assert.deepEqual(own.sort(), direct.sort());
  }

  function assertOwner(zone: Zone, target: string): void {
    assert.notEqual(answerOf(zone, `A ${target}`).kind, 'nxdomain', target);
  }

  test('below a name that does not exist nothing does (RFC 8020), and existence does not depend on the type', () => {
    fc.assert(
      fc.property(distinct, aReachability, fc.boolean(), (objects, reachability, strictNames) => {
        const zone = new Zone({ ownCluster: parseClusterId('east'), strictNames });
        zone.replaceImports(objects.filter((object) => object.kind === 'ServiceImport'));
        zone.replaceSlices(objects.filter((object) => object.kind === 'EndpointSlice'));
        zone.setReachability(reachability);
        const exists = new Map<string, boolean>();
        for (const { labels, type } of QUESTIONS) {
          const name = labels.join('.');
          const { kind } = zone.answer({ labels, type }, { turn: 0 });
          const now = kind === 'refused' ? kind : kind === 'nxdomain';
          assert.equal(exists.get(name) ?? now === false, now === false, `${name} TYPE${type}`);
          if (kind !== 'refused') exists.set(name, kind !== 'nxdomain');
        }
        for (const labels of NAMES) {
          const parent = exists.get(labels.slice(1).join('.'));
          if (parent === false) assert.equal(exists.get(labels.join('.')), false, labels.join('.'));
        }
      }),
      { numRuns: 200 },
    );
  });

  test('nothing throws, whatever objects come and whatever is asked', () => {
    const junk = fc.anything({ maxDepth: 3, withNullPrototype: true, withBigInt: true });
    const mangled = <T extends object>(good: fc.Arbitrary<T>): fc.Arbitrary<unknown> =>
      fc.oneof(
        junk,
        fc
          .tuple(good, fc.func(fc.tuple(fc.integer({ min: 0, max: 9 }), junk)))
          .map(([object, choose]) => mangle(object, choose)),
      );
    const label = fc.oneof(
      fc.constantFrom(
        'svc',
        'shop',
        'web',
        '_tcp',
        '_',
        '-',
        '--',
        '1',
        '10-0-0-1',
        'arpa',
        'in-addr',
        'ip6',
        'clusterset',
        'local',
      ),
      fc.string({ unit: 'binary', minLength: 1, maxLength: 63 }),
    );
    const question = fc.record({
      labels: fc
        .tuple(fc.array(label, { maxLength: 8 }), fc.boolean())
        .map(([labels, inside]) => (inside ? [...labels, 'clusterset', 'local'] : labels)),
      type: fc.integer({ min: 0, max: 65535 }),
    });
    fc.assert(
      fc.property(
        fc.array(mangled(anImport), { maxLength: 5 }),
        fc.array(mangled(aSlice), { maxLength: 5 }),
        fc.array(question, { maxLength: 5 }),
        fc.option(fc.string(), { nil: undefined }),
        fc.nat(),
        (imports, slices, questions, client, turn) => {
          const zone = newZone();
          zone.replaceImports(imports as ServiceImport[]);
          zone.replaceSlices(slices as EndpointSlice[]);
          for (const object of imports) zone.setImport(object as ServiceImport);
          for (const object of slices) zone.removeSlice(object as KubeObject);
          for (const asked of [...questions, ...QUESTIONS]) {
            zone.answer(asked, { turn, ...(client !== undefined && { client }) });
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});

/** The object with some of its parts, at any depth, replaced. */
function mangle(value: unknown, choose: (path: string) => [number, unknown], path = ''): unknown {
  const [chance, replacement] = choose(path);
  if (path !== '' && chance === 0) return replacement;
  if (Array.isArray(value)) return value.map((item, index) => mangle(item, choose, `${path}/${index}`));
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, mangle(item, choose, `${path}/${key}`)]),
  );
}

/** What these events leave, by the plain meaning of each. */
function endState(events: readonly Event[]) {
  const imports = new Map<string, ServiceImport>();
  const slices = new Map<string, EndpointSlice>();
  let reachability: Parameters<Zone['setReachability']>[0] = 'all';
  let drained: ReadonlyMap<string, string> = new Map();
  const key = ({ metadata }: KubeObject): string => `${metadata.namespace}/${metadata.name}`;
  for (const event of events) {
    if (event.type === 'replace imports') imports.clear();
    if (event.type === 'replace slices') slices.clear();
    if (event.type === 'replace imports')
      for (const object of event.objects) imports.set(key(object), object);
    else if (event.type === 'replace slices')
      for (const object of event.objects) slices.set(key(object), object);
    else if (event.type === 'set import') imports.set(key(event.object), event.object);
    else if (event.type === 'set slice') slices.set(key(event.object), event.object);
    else if (event.type === 'remove import') imports.delete(key(event.object));
    else if (event.type === 'remove slice') slices.delete(key(event.object));
    else if (event.type === 'reach') ({ reachability } = event);
    else if (event.type === 'drain') ({ drained } = event);
  }
  return { imports: [...imports.values()], slices: [...slices.values()], reachability, drained };
}
