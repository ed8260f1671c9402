import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { CommandError, type Run } from '../../../src/host/run.ts';
import { checkTool, isOlder, requireTools } from '../../../src/host/requirements.ts';

const saying =
  (words: Readonly<Record<string, string>>): Run =>
  async (file) => {
    const said = words[file];
    if (said === undefined) throw new CommandError('command-missing', `no ${file}`);
    return said;
  };

describe('programs of the host', () => {
  it('are compared number by number', () => {
    const older = [
      ['1.0.1', '1.0.2', true],
      ['1.0.2', '1.0.2', false],
      ['1.1', '1.0.2', false],
      ['5.9', '5.10', true],
      ['6.1.0', '5.10', false],
    ] as const;
    for (const [version, than, is] of older) assert.equal(isOlder(version, than), is, `${version} ${than}`);
  });

  it('tell their versions in these words', async () => {
    const run = saying({
      nft: 'nftables v1.0.6 (Lester Gooch #5)\n',
      ip: 'ip utility, iproute2-6.1.0, libbpf 1.1.2\n',
      swanctl: 'strongSwan 5.9.8 swanctl\n',
      conntrack: 'conntrack v1.4.7 (conntrack-tools)\n',
    });
    assert.deepEqual(await requireTools(run, ['nftables', 'iproute2', 'strongswan', 'conntrack']), {
      nftables: '1.0.6',
      iproute2: '6.1.0',
      strongswan: '5.9.8',
      conntrack: '1.4.7',
    });
  });

  it('that are missing, too old or strange are told all at once, with what to do', async () => {
    const run = saying({ nft: 'nftables v0.9.8 (E.D.S.)', ip: 'BusyBox' });
    await assert.rejects(requireTools(run, ['nftables', 'iproute2', 'conntrack']), {
      code: 'host-requirements',
      message:
        'nftables is 0.9.8; Pharos needs 1.0.2 or newer: older ones do not read maps as Pharos declares them; ' +
        'install the package nftables. "ip -V" tells no version; Pharos needs 5.10 or newer: older ones know no ' +
        'nexthop objects as Pharos uses them; install the package iproute2. conntrack is not installed ' +
        '("conntrack" is not in PATH); Pharos needs 1.4.5 or newer: older ones do not select entries as Pharos ' +
        'does; install the package conntrack',
    });
    assert.equal((await checkTool(run, 'nftables')).ok, false);
  });
});
