import { join } from 'node:path';
import { ensureBinaries } from './binaries.ts';
import { etcdArgs } from './control-plane.ts';
import { freePort } from './ports.ts';
import { Daemon } from './processes.ts';

export interface EtcdPlace {
  readonly lab: string;
  readonly dir: string;
  /** A command line that runs this one where the etcd is to be: this machine's network, or the fabric's. */
  readonly enter: (args: readonly [string, ...string[]]) => readonly [string, ...string[]];
}

/** Starts an etcd for the API servers of one place to share; answers its URL there. They wait for it themselves. */
export async function startEtcd({ lab, dir, enter }: EtcdPlace): Promise<string> {
  const { etcd } = await ensureBinaries(['etcd']);
  const clientUrl = `http://127.0.0.1:${await freePort()}`;
  const peerUrl = `http://127.0.0.1:${await freePort()}`;
  const [file, ...args] = enter([etcd, ...etcdArgs({ dataDir: join(dir, 'data'), clientUrl, peerUrl })]);
  const daemon = new Daemon(file, args, 'etcd', { lab, logFile: join(dir, 'etcd.log') });
  if (!daemon.running) throw new Error(`Cannot start ${etcd}`);
  return clientUrl;
}

/** Drops all revisions but the present one, by etcd's JSON gateway. */
export async function compact(url: string): Promise<void> {
  const call = async (path: string, body: object): Promise<unknown> => {
    const response = await fetch(url + path, { method: 'POST', body: JSON.stringify(body) });
    const text = await response.text();
    if (!response.ok) throw new Error(`etcd ${path}: ${response.status}: ${text}`);
    return JSON.parse(text);
  };
  const any = Buffer.from([0]).toString('base64');
  const { header } = (await call('/v3/kv/range', { key: any })) as { header: { revision: string } };
  await call('/v3/kv/compaction', { revision: header.revision, physical: true });
}
