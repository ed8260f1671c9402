/** docs/tutorial/playground.md, command by command as it is written, in a network of its own: its ports are fixed. */
import assert from 'node:assert/strict';
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, suite, test } from 'node:test';
import { command } from '../lab/command.ts';
import type { Netns } from '../lab/netns.ts';
import { Daemon } from '../lab/processes.ts';
import { GivenUp, until } from '../lab/wait.ts';
import { Namespaces, noNamespaces } from '../support/namespaces.ts';
import { tutorialCommands } from '../support/tutorial.ts';

const checkout = join(import.meta.dirname, '../..');

suite('the tutorial of the playground', { skip: noNamespaces() ?? false }, () => {
  const steps = tutorialCommands('playground');
  const namespaces = new Namespaces();
  const scratch = mkdtempSync(join(tmpdir(), 'pharos-tutorial-'));
  let netns: Netns;
  let playground: Daemon | undefined;

  before(async () => {
    netns = await namespaces.create('tutorial');
    // What the reader writes goes here, not into the checkout.
    for (const name of readdirSync(checkout)) symlinkSync(join(checkout, name), join(scratch, name));
  });
  after(async () => {
    await interrupt();
    await namespaces[Symbol.asyncDispose]();
    rmSync(scratch, { recursive: true, force: true });
  });

  /** The next command of the tutorial, which must be this one: a reader has no other. */
  const next = (begins: string): string => {
    const step = steps.shift() ?? '';
    assert.ok(step.startsWith(begins), `the tutorial says "${step}", the test expected "${begins} …"`);
    return step;
  };
  const shell = async (line: string): Promise<string> => {
    const { stdout, stderr, code } = await command(...split(netns.enter(['sh', '-c', line])), {
      cwd: scratch,
    });
    assert.equal(code, 0, `${line}\n${stdout}${stderr}`);
    return stdout;
  };
  /** As Ctrl+C does it: npm would not tell what it started. */
  const interrupt = async (): Promise<void> => {
    if (playground?.running !== true) return;
    process.kill(-playground.pid, 'SIGINT');
    await playground.stop();
    await until('the ports free again', 60_000, async () => {
      const [curl, args] = split(netns.enter(['curl', '-s', 'http://127.0.0.1:8053/']));
      return (await command(curl, args)).code !== 0 || undefined;
    });
  };
  const start = async (line: string): Promise<void> => {
    await interrupt();
    const [file, args] = split(netns.enter(['sh', '-c', `exec ${line}`]));
    const logFile = join(namespaces.dir, `${line.replaceAll(/\W/g, '-')}.log`);
    const daemon = new Daemon(file, args, line, { lab: namespaces.lab, logFile, cwd: scratch });
    playground = daemon;
    await until(`"${line}" runs`, 60_000, async () => {
      if (!daemon.running)
        throw new GivenUp(`"${line}" has ended:
${daemon.tail()}`);
      return readFileSync(logFile, 'utf8').includes('Stop with Ctrl+C') || undefined;
    });
  };

  test('starts, and answers as it says', async () => {
    next('npm ci');
    await start(next('npm start'));
    const headless = await shell(next('dig'));
    assert.match(headless, /^mysql\.shop\.svc\.clusterset\.local\.\s+5\s+IN\s+A\s+10\./m);
    assert.match(await shell(next('dig')), /^10\.\d+\.\d+\.\d+\n$/);
    assert.match(await shell(next('dig')), /^0 \d+ 3306 mysql-\d\.west\.mysql\.shop/m);
    const turns = (await shell(next('for'))).trim().split('\n');
    assert.equal(turns.length, 4);
    assert.equal(new Set(turns).size, 2, 'two clusters take turns');
  });

  test('follows what the reader changes', async () => {
    await shell(next('cp'));
    await start(next('npm start'));
    for (const cluster of ['west', 'east']) {
      const file = join(scratch, 'my-clusters', cluster, 'web.yaml');
      const documents = readFileSync(file, 'utf8').split(/^---$/m);
      writeFileSync(file, documents.filter((each) => !each.includes('kind: ServiceExport')).join('---'));
    }
    const status = next('dig');
    await until(
      'the name is gone',
      60_000,
      async () => (await shell(status)).includes('NXDOMAIN') || undefined,
    );
  });

  test('cuts a cluster off and brings it back', async () => {
    await shell(next('curl'));
    assert.match(await shell(next('dig')), /status: /);
    await shell(next('curl'));
    assert.match(await shell(next('node')), /web\.shop\.svc\.clusterset\.local\. A /);
    assert.deepEqual(steps, [], 'the tutorial says more than the test does');
  });
});

const split = ([file, ...args]: readonly [string, ...string[]]): [string, string[]] => [file, args];
