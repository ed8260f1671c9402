import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import * as fc from 'fast-check';
import { parseIp } from '../../../src/api/cidr.ts';
import { type Backend, type VipEntry, backendText } from '../../../src/routing/service-plan.ts';
import {
  NO_SERVICES,
  type ServiceState,
  entryKey,
  serviceChange,
} from '../../../src/routing/service-rules.ts';

const entry = (vip: string, slots: readonly string[], affinity = false): VipEntry => {
  const backends: Backend[] = slots.map((ip) => ({ ip: parseIp(ip), port: 8080 }));
  return {
    vip: parseIp(vip),
    protocol: 'TCP',
    port: 80,
    affinity,
    slots: backends,
    alive: new Set(backends.map(backendText)),
    own: [],
  };
};
const state = (...entries: VipEntry[]): ServiceState => ({
  vips: new Set(entries.map(({ vip }) => vip)),
  own: new Set(entries.flatMap(({ own }) => own)),
  entries: new Map(entries.map((given) => [entryKey(given), given])),
});

/** What the maps hold, as nft would have it; refuses what nft would refuse. */
class Maps {
  readonly content = new Map<string, string>();

  tell(text: string): void {
    for (const [, verb, family, map, list] of text.matchAll(
      /(add|delete) element (ip6?) pharos (\w+) \{ (.*) \}/g,
    )) {
      for (const element of (list ?? '').split(', ')) {
        const [key = '', value = ''] = element.split(' : ');
        const name = `${family} ${map} ${key}`;
        assert.equal(this.content.has(name), verb === 'delete', `${verb} ${name}`);
        if (verb === 'add') this.content.set(name, value);
        else this.content.delete(name);
      }
    }
  }
}

describe('changes of the maps', () => {
  it("are told in nft's words: what goes, then what comes", () => {
    const before = state(entry('243.0.0.1', ['10.1.0.1', '10.1.0.2']));
    const after = state(
      entry('243.0.0.1', ['10.1.0.1', '10.1.0.3', '10.1.0.4'], true),
      entry('fd43::1', ['fd10::1']),
    );
    assert.deepEqual(serviceChange(before, after)?.text.split('\n'), [
      'delete element ip pharos ph_backends { 243.0.0.1 . tcp . 80 . 1 }',
      'delete element ip pharos ph_shapes { 243.0.0.1 . tcp . 80 }',
      'add element ip pharos ph_backends { 243.0.0.1 . tcp . 80 . 1 : 10.1.0.3 . 8080, 243.0.0.1 . tcp . 80 . 2 : 10.1.0.4 . 8080 }',
      'add element ip pharos ph_shapes { 243.0.0.1 . tcp . 80 : goto ph_h3 }',
      'add element ip6 pharos ph_backends { fd43::1 . tcp . 80 . 0 : fd10::1 . 8080 }',
      'add element ip6 pharos ph_shapes { fd43::1 . tcp . 80 : goto ph_n1 }',
      'add element ip6 pharos ph_vips { fd43::1 }',
    ]);
  });

  it('of nothing are nothing', () =>
    assert.equal(
      serviceChange(state(entry('243.0.0.1', ['10.1.0.1'])), state(entry('243.0.0.1', ['10.1.0.1']))),
      undefined,
    ));

  it('from one state to another make the other of the one', () => {
    const anyEntry = fc
      .tuple(
        fc.constantFrom('243.0.0.1', '243.0.0.2', 'fd43::1'),
        fc.array(fc.constantFrom(1, 2, 3), { maxLength: 4 }),
        fc.boolean(),
      )
      .map(([vip, slots, affinity]) =>
        entry(
          vip,
          slots.map((n) => (vip.includes(':') ? `fd10::${n}` : `10.1.0.${n}`)),
          affinity,
        ),
      );
    const anyState = fc
      .uniqueArray(anyEntry, { selector: ({ vip }) => vip })
      .map((entries) => state(...entries));
    fc.assert(
      fc.property(anyState, anyState, (a, b) => {
        const [maps, fresh] = [new Maps(), new Maps()];
        maps.tell(serviceChange(NO_SERVICES, a)?.text ?? '');
        maps.tell(serviceChange(a, b)?.text ?? '');
        fresh.tell(serviceChange(NO_SERVICES, b)?.text ?? '');
        assert.deepEqual(maps.content, fresh.content);
      }),
    );
  });
});
