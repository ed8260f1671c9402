import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { command, must } from './command.ts';
import { freePort } from './ports.ts';
import { Daemon } from './processes.ts';
import { GivenUp, until } from './wait.ts';

export interface RedisSettings {
  readonly lab: string;
  /** A folder of its own, where its data are too. */
  readonly dir: string;
  readonly port?: number;
  /** Further lines of its configuration. */
  readonly lines?: readonly string[];
  /** Serves TLS only, with these PEM files; clients must show a certificate of the same authority. */
  readonly tls?: { readonly ca: string; readonly cert: string; readonly key: string };
  /** As a Sentinel, which writes its configuration itself. */
  readonly sentinel?: boolean;
}

/** A real Redis on a port of 127.0.0.1, which keeps what it holds only in memory. */
export class RedisServer {
  readonly port: number;
  readonly #settings: RedisSettings;
  #daemon: Daemon | undefined;

  private constructor(settings: RedisSettings, port: number) {
    this.#settings = settings;
    this.port = port;
  }

  static async start(settings: RedisSettings): Promise<RedisServer> {
    const server = new RedisServer(settings, settings.port ?? (await freePort()));
    await server.start();
    return server;
  }

  /** Starts it again, empty, where it was stopped. */
  async start(): Promise<void> {
    const { dir, lab, lines = [], tls, sentinel = false } = this.#settings;
    await mkdir(dir, { recursive: true });
    const file = join(dir, 'redis.conf');
    const text = [
      'bind 127.0.0.1',
      // A title would be written over the environment, by which the lab finds its processes.
      'set-proc-title no',
      ...(tls === undefined
        ? [`port ${this.port}`]
        : [
            'port 0',
            `tls-port ${this.port}`,
            `tls-ca-cert-file ${tls.ca}`,
            `tls-cert-file ${tls.cert}`,
            `tls-key-file ${tls.key}`,
          ]),
      `dir ${dir}`,
      ...(sentinel ? [] : ['save ""', 'appendonly no']),
      ...lines,
      '',
    ];
    await writeFile(file, text.join('\n'));
    const name = sentinel ? 'redis-sentinel' : 'redis-server';
    this.#daemon = new Daemon(name, [file], `${name} ${this.port}`, {
      lab,
      logFile: join(dir, 'redis.log'),
      cwd: dir,
    });
    await until(`redis ${this.port}`, 30_000, async () => {
      if (this.#daemon?.running !== true) throw new GivenUp(`it has ended:\n${this.#daemon?.tail()}`);
      const answer = await this.cli(['PING']);
      return /PONG|NOAUTH/.test(answer) ? true : undefined;
    });
  }

  async stop(signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
    await this.#daemon?.stop(signal);
  }

  /** What redis-cli answers, errors too. */
  async cli(args: readonly string[], login: readonly string[] = []): Promise<string> {
    const { tls } = this.#settings;
    const by = tls === undefined ? [] : ['--tls', '--cacert', tls.ca, '--cert', tls.cert, '--key', tls.key];
    const { stdout, stderr } = await command('redis-cli', [
      '-p',
      String(this.port),
      ...by,
      ...login,
      ...args,
    ]);
    return `${stdout}${stderr}`.trim();
  }

  /** As {@link cli}, where an error is one. */
  async must(...args: string[]): Promise<string> {
    return (await must('redis-cli', ['-e', '-p', String(this.port), ...args])).trim();
  }
}
