import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { command } from '../../lab/command.ts';
import { requirePackages } from '../../lab/packages.ts';

const example = join(import.meta.dirname, '../../../examples/clusters/east');
const script = join(import.meta.dirname, 'support/take-over.ts');
/** PHAROS_TAKE_OVERS=50 for a long look. */
const takeOvers = process.env['PHAROS_TAKE_OVERS'] ?? '4';

test(
  'a new process takes over from an old one under load, whichever way each reads UDP, and no query is lost',
  { skip: (await requirePackages(['iproute2'])) ?? false },
  async () => {
    const asRoot = process.getuid?.() === 0 ? [] : ['--map-root-user'];
    // tcp_migrate_req: connections that wait for an old process's accept go to the new one (Linux 5.14).
    const inside = 'ip link set lo up; echo 1 > /proc/sys/net/ipv4/tcp_migrate_req; exec "$@"';
    const { stdout, stderr, code } = await command('unshare', [
      ...[...asRoot, '--net', 'sh', '-ec', inside, 'sh'],
      ...[process.execPath, script, example, takeOvers],
    ]);
    assert.equal(code, 0, stderr);
    const { asked, lost } = JSON.parse(stdout);
    assert.deepEqual(lost, { udp: 0, tcp: 0, lasting: 0 }, `of ${JSON.stringify(asked)}`);
    for (const count of Object.values(asked)) assert.ok(Number(count) > 100, JSON.stringify(asked));
  },
);
