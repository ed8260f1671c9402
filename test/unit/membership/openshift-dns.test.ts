import assert from 'node:assert/strict';
import { test } from 'node:test';
import { withoutServer, withServer, zonesOfOtherServers } from '../../../src/membership/openshift-dns.ts';

const stub = { zones: ['clusterset.local.'], servers: ['172.30.0.53'] };
const corp = { name: 'corp', zones: ['corp.example'], forwardPlugin: { upstreams: ['10.9.9.9'] } };

test('OpenShift’s DNS operator gets one server more, and loses it again', () => {
  const servers = withServer([corp], stub);
  assert.deepEqual(servers, [
    corp,
    { name: 'pharos', zones: ['clusterset.local'], forwardPlugin: { upstreams: ['172.30.0.53'] } },
  ]);
  assert.deepEqual(withServer(servers, stub), servers, 'a second time changes nothing');
  assert.deepEqual(withoutServer(servers), [corp]);
});

test('a zone that another server has is known, Lighthouse’s too', () => {
  const lighthouse = {
    name: 'lighthouse',
    zones: ['clusterset.local'],
    forwardPlugin: { upstreams: ['172.30.9.9'] },
  };
  assert.deepEqual(zonesOfOtherServers([lighthouse], stub.zones), ['clusterset.local.']);
  assert.deepEqual(zonesOfOtherServers(withServer([corp], stub), stub.zones), []);
});
