/** examples/mysql as it is, and a stream of rows through it. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from '../../lab/wait.ts';
import { type ClusterName, PATIENCE_MS, type TunnelledClusters } from './tunnelled-clusters.ts';

const example = (name: string): Promise<string> =>
  readFile(join(import.meta.dirname, '../../../examples/mysql', name), 'utf8');

const PRIMARY = { cluster: 'west', pod: 'mysql-0' } as const;
const REPLICA = { cluster: 'east', pod: 'mysql-replica-0' } as const;
const CLIENT = 'mariadb -uroot -pchange-me -N -n shop';
/** Ends the streams. */
const STOP = '/tmp/stop';
const EVERY_US = 50_000;

/** A statement for each turn, until the file is there; `$i` counts. */
const stream = (statement: string): string =>
  `i=$FROM; while [ ! -e ${STOP} ]; do echo "${statement}"; i=$((i+1)); usleep ${EVERY_US}; done | ${CLIENT}`;

export class Replication {
  readonly #clusters: TunnelledClusters;
  #next = 0;

  private constructor(clusters: TunnelledClusters) {
    this.#clusters = clusters;
  }

  /** Applies the example's two files; resolves when the replica follows the primary. */
  static async start(clusters: TunnelledClusters): Promise<Replication> {
    await clusters.west.apply(await example('primary.yaml'));
    await clusters.east.apply(await example('replica.yaml'));
    const replication = new Replication(clusters);
    await until('the primary', PATIENCE_MS, () => replication.#sql(PRIMARY, 'SELECT 1'));
    await replication.#sql(PRIMARY, 'CREATE TABLE IF NOT EXISTS written (id INT PRIMARY KEY)');
    await until('the replica follows', PATIENCE_MS, () =>
      replication.#sql(REPLICA, 'SELECT COUNT(*) FROM written'),
    );
    return replication;
  }

  /**
   * Writes rows into the primary, and has `disturb` called once they arrive at the replica. Resolves when rows
   * written after it have arrived as well, all of them, with the longest time that none did.
   */
  async writeWhile(disturb: () => Promise<void>): Promise<{ rows: number; pauseMs: number }> {
    const from = this.#next;
    const start = `rm -f ${STOP}; FROM=${from}`;
    const writing = this.#shell(PRIMARY, `${start}; ${stream('INSERT INTO written VALUES ($i);')}`);
    const watching = this.#shell(
      REPLICA,
      `${start}; ${stream('SELECT ROUND(UNIX_TIMESTAMP(NOW(6)) * 1000), COUNT(*) FROM written;')}`,
    );
    const arrived = async (count: number): Promise<number> => {
      const [line] = await this.#sql(REPLICA, 'SELECT COUNT(*) FROM written');
      const now = Number(line);
      return until(`${count} rows in the replica`, PATIENCE_MS, async () => {
        const [text] = await this.#sql(REPLICA, 'SELECT COUNT(*) FROM written');
        return Number(text) >= now + count ? Number(text) : undefined;
      });
    };
    await arrived(20);
    await disturb();
    await arrived(40);
    await Promise.all([PRIMARY, REPLICA].map((at) => this.#shell(at, `touch ${STOP}`)));
    await writing;
    const samples = (await watching).map((line) => line.split('\t').map(Number));
    const all = 'SELECT COUNT(*), MIN(id), MAX(id), SUM(id) FROM written';
    const written = await this.#sql(PRIMARY, all);
    await until('all rows in the replica', PATIENCE_MS, async () => {
      assert.deepEqual(await this.#sql(REPLICA, all), written);
      return true;
    });
    const [rows = 0] = (written[0] ?? '').split('\t').map(Number);
    this.#next = rows;
    return { rows: rows - from, pauseMs: longestPause(samples) };
  }

  #sql(at: typeof PRIMARY | typeof REPLICA, statement: string): Promise<string[]> {
    return this.#shell(at, `${CLIENT} -e "${statement}"`);
  }

  #shell({ cluster, pod }: { cluster: ClusterName; pod: string }, script: string): Promise<string[]> {
    return this.#clusters.inPod(cluster, pod, script);
  }
}

/** @param samples time in ms and number of rows then */
function longestPause(samples: readonly (readonly number[])[]): number {
  let longest = 0;
  let [since = 0, last = 0] = samples[0] ?? [];
  for (const [time = 0, count = 0] of samples) {
    if (count === last) continue;
    longest = Math.max(longest, time - since);
    [since, last] = [time, count];
  }
  return longest;
}
