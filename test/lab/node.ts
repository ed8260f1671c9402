import { existsSync } from 'node:fs';
import { mkdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { makeNodeCgroup, removeCgroups } from './cgroups.ts';
import { canConnect } from './connect.ts';
import { command, must, type CommandResult } from './command.ts';
import type { Fabric } from './fabric.ts';
import type { Netns } from './netns.ts';
import { configDir, initScript, type NodeSettings } from './node-files.ts';
import { cleanEnvironment, Daemon } from './processes.ts';
import { GivenUp, until } from './wait.ts';

/** A process of a node: what it is called, and its command line. */
export interface NodeService {
  readonly name: string;
  readonly command: readonly [string, ...string[]];
}

export interface NodeDeps {
  readonly lab: string;
  /** The node's folder on this machine. */
  readonly dir: string;
  readonly fabric: Fabric;
  readonly netns: Netns;
  /** Name of the fabric's end of the node's cable. */
  readonly link: string;
  readonly settings: Omit<NodeSettings, 'disk' | 'cgroup'>;
  /** Archives of images to have from the start. */
  readonly images: readonly string[];
  /** Started with the node: etcd and the API server, where the node carries them. */
  readonly first: readonly NodeService[];
  /** Started once `apiReady` has resolved: clients of the API server. */
  readonly clients: readonly NodeService[];
  /** Started once containerd runs with its images as well: kubelet. */
  readonly last: readonly NodeService[];
  readonly apiReady: () => Promise<void>;
}

export interface SpawnOptions {
  readonly env?: Readonly<Record<string, string>>;
  /** For its log file and messages; the command's own name unless given. */
  readonly name?: string;
  readonly cwd?: string;
}

/**
 * A machine of the lab: namespaces around a first process whose end ends everything in them, a cable to
 * the fabric, a folder as its disk. The network outlives a power cut, as cables do.
 */
export class LabNode {
  readonly name: string;
  /** Its address in the fabric, and where the cluster is dual-stack its IPv6 address as well. */
  readonly ip: string;
  readonly ips: readonly string[];
  readonly #deps: NodeDeps;
  #init: Daemon | undefined;
  #inside: Daemon[] = [];
  #beside: Daemon[] = [];

  constructor(deps: NodeDeps) {
    this.#deps = deps;
    this.name = deps.settings.name;
    this.ips = deps.settings.addresses.ips;
    this.ip = this.ips[0] ?? '';
  }

  /** Switches it on: resolves when kubelet and the rest have been started. Nothing where it is on already. */
  async start(): Promise<void> {
    if (this.#init?.running) return;
    const { lab, dir, settings, first, clients, last, apiReady } = this.#deps;
    const disk = join(dir, 'disk');
    await mkdir(disk, { recursive: true });
    await rm(join(disk, 'ready'), { force: true });
    // What a killed node left makes the next kubelet wait for a minute.
    await removeCgroups(lab, this.name);
    const cgroup = await makeNodeCgroup(lab, this.name);
    const script = initScript({ ...settings, disk, cgroup });
    const [file, ...args] = this.#deps.netns.enter([
      'unshare',
      '--mount',
      '--propagation=private',
      '--uts',
      '--ipc',
      '--pid',
      '--fork',
      '--mount-proc',
      '--kill-child',
      'sh',
      '-c',
      script,
    ]);
    const init = new Daemon(file, args, `node ${this.name}`, { lab, logFile: join(dir, 'log', 'init.log') });
    this.#init = init;
    await until(
      `node ${this.name}`,
      10_000,
      () => {
        if (!init.running) throw new GivenUp(`node ${this.name} has ended:\n${init.tail()}`);
        return existsSync(join(disk, 'ready')) ? true : undefined;
      },
      5,
    );
    const startAll = (services: readonly NodeService[]): Promise<unknown> =>
      Promise.all(services.map((service) => this.#startService(service)));
    await startAll(first);
    await Promise.all([
      apiReady().then(() => startAll(clients)),
      // A kubelet that finds no containerd ends.
      Promise.all([this.#startContainerd(), apiReady()]).then(() => startAll(last)),
    ]);
  }

  /** Cuts its power: every process in it is gone at once, the disk stays. Repeatable. */
  async stop(): Promise<void> {
    if (this.#init?.running) {
      process.kill(await this.#firstProcess(), 'SIGKILL');
      await this.#init.ended();
    }
    await Promise.all(this.#beside.map((daemon) => daemon.stop('SIGKILL')));
    // The kernel has ended these; each has an nsenter outside, which is about to notice.
    await Promise.all(this.#inside.map((daemon) => daemon.ended()));
    this.#beside = [];
    this.#inside = [];
  }

  /** What ended of that which should run, each with the end of its log. */
  endedServices(): string[] {
    const all = [...(this.#init ? [this.#init] : []), ...this.#inside];
    return all
      .filter((daemon) => !daemon.running)
      .map((daemon) => `${daemon.name} has ended:\n${daemon.tail()}`);
  }

  /** Cuts its cable: it runs on, and nothing reaches it. Repeatable. */
  async partition(): Promise<void> {
    await this.#deps.fabric.setLink(this.#deps.link, 'down');
  }

  /** Mends its cable. Repeatable. */
  async heal(): Promise<void> {
    await this.#deps.fabric.setLink(this.#deps.link, 'up');
  }

  /** Runs a command inside: the node's processes, mounts and network (`['nft', 'list', 'ruleset']`). */
  async exec(args: readonly string[], options: { readonly input?: string } = {}): Promise<CommandResult> {
    const [file, ...rest] = await this.#enter(args);
    return command(file, rest, { env: cleanEnvironment(), ...options });
  }

  /**
   * Starts a process of this machine (its files, its programs) on the node's network, where the fabric and the
   * cluster's pods reach it. It ends with the node.
   */
  spawn(file: string, args: readonly string[], options: SpawnOptions = {}): Daemon {
    const [nsenter, ...rest] = this.#deps.netns.enter([file, ...args]);
    const name = options.name ?? file.split('/').at(-1) ?? file;
    const daemon = new Daemon(nsenter, rest, `${name} on ${this.name}`, {
      lab: this.#deps.lab,
      logFile: join(this.#deps.dir, 'log', `${name}.log`),
      ...(options.env === undefined ? {} : { env: options.env }),
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
    this.#beside.push(daemon);
    return daemon;
  }

  /** Brings the images of an archive onto the node. */
  async loadImage(archive: string): Promise<void> {
    const [file, ...args] = await this.#enter(['ctr', '-n', 'k8s.io', 'images', 'import', archive]);
    await must(file, args, { env: cleanEnvironment() });
  }

  /** Process id, as this machine sees it, of the first process inside: that of /proc/1 there. */
  async #firstProcess(): Promise<number> {
    if (!this.#init?.running) throw new Error(`Node ${this.name} is off`);
    const pid = this.#init.pid;
    const [child] = (await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')).split(' ');
    return Number(child);
  }

  async #enter(args: readonly string[]): Promise<readonly [string, ...string[]]> {
    const pid = String(await this.#firstProcess());
    return ['nsenter', '--target', pid, '--mount', '--uts', '--ipc', '--net', '--pid', '--', ...args];
  }

  async #startService(service: NodeService): Promise<Daemon> {
    const [file, ...args] = await this.#enter(service.command);
    const daemon = new Daemon(file, args, `${service.name} of ${this.name}`, {
      lab: this.#deps.lab,
      logFile: join(this.#deps.dir, 'log', `${service.name}.log`),
    });
    this.#inside.push(daemon);
    return daemon;
  }

  async #startContainerd(): Promise<void> {
    const { dir, images } = this.#deps;
    const containerd = await this.#startService({
      name: 'containerd',
      command: ['containerd', '--config', `${configDir}/containerd.toml`],
    });
    const socket = `/proc/${await this.#firstProcess()}/root/run/containerd/containerd.sock`;
    await until(`containerd of ${this.name}`, 30_000, async () => {
      if (!containerd.running) throw new GivenUp(`containerd has ended:\n${containerd.tail()}`);
      return canConnect({ path: socket });
    });
    for (const archive of images) {
      const done = join(dir, 'disk', `imported-${archive.split('/').at(-1)}`);
      if (existsSync(done)) continue;
      await this.loadImage(archive);
      await writeFile(done, '');
    }
  }
}
