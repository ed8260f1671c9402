import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { type Configured, configure } from '../../../src/config/configure.ts';
import { agentSpec } from '../../../src/config/specs/agent.ts';
import { completionSpec } from '../../../src/config/specs/completion.ts';
import { dnsSpec } from '../../../src/config/specs/dns.ts';
import { gatewayDrainSpec } from '../../../src/config/specs/gateway-drain.ts';
import { gatewaySpec } from '../../../src/config/specs/gateway.ts';
import { playgroundSpec } from '../../../src/config/specs/playground.ts';

const specs = [playgroundSpec, dnsSpec, agentSpec, completionSpec, gatewaySpec, gatewayDrainSpec];
const directory = mkdtempSync(join(tmpdir(), 'pharos-config-'));
after(() => rmSync(directory, { recursive: true }));

interface Row {
  readonly args: string;
  readonly variables?: Record<string, string>;
  /** Content of the file that `--config pharos.yaml` names. */
  readonly file?: string;
}

function run({ args, variables = {}, file }: Row): Configured {
  if (file !== undefined) writeFileSync(join(directory, 'pharos.yaml'), file);
  return configure(specs, '1.2.3', args === '' ? [] : args.split(' '), { variables, directory });
}

function valuesOf(row: Row): Record<string, unknown> {
  const configured = run(row);
  assert.equal(configured.type, 'run', JSON.stringify(configured));
  return configured.type === 'run' ? configured.values : {};
}

function problemOf(row: Row): string {
  const configured = run(row);
  assert.equal(configured.type, 'wrong', JSON.stringify(configured));
  return configured.type === 'wrong' ? configured.problem : '';
}

describe('values come from where they are promised', () => {
  const file = 'ttl: 30\nlisten: ["127.0.0.1:1053", "[::1]:1053"]\nstrict-names: true\nzone: example.org\n';
  const rows: Record<string, Row & { wants: Record<string, unknown> }> = {
    'the flag beats variable, file and default': {
      args: 'dns --ttl 10 --config pharos.yaml',
      variables: { PHAROS_TTL: '20' },
      file,
      wants: { ttl: 10 },
    },
    'the variable beats file and default': {
      args: 'dns --config pharos.yaml',
      variables: { PHAROS_TTL: '20' },
      file,
      wants: { ttl: 20 },
    },
    'a flag after two words is that command’s, also where the first word alone has it': {
      args: 'gateway drain gw1 --kubeconfig west.yaml',
      wants: { node: 'gw1', kubeconfig: 'west.yaml' },
    },
    'the file beats the default': { args: 'dns --config pharos.yaml', file, wants: { ttl: 30 } },
    'the default is what is left': { args: 'dns', wants: { ttl: 5, strictNames: false, policy: 'local' } },
    'the file may be named by the variable': {
      args: 'dns',
      variables: { PHAROS_CONFIG: 'pharos.yaml' },
      file,
      wants: { ttl: 30, strictNames: true, zone: ['example.org.'] },
    },
    'a list in the file is a repeated flag': {
      args: 'dns --config pharos.yaml',
      file,
      wants: {
        listen: [
          { address: '127.0.0.1', port: 1053 },
          { address: '::1', port: 1053 },
        ],
      },
    },
    'a repeated flag replaces the whole list of the file': {
      args: 'dns --config pharos.yaml --listen 127.0.0.2:53 --listen :5353',
      file,
      wants: {
        listen: [
          { address: '127.0.0.2', port: 53 },
          { address: '::', port: 5353 },
        ],
      },
    },
    'a list in a variable is parted by commas': {
      args: 'dns',
      variables: { PHAROS_ZONE: 'clusterset.local, Example.ORG.' },
      wants: { zone: ['clusterset.local.', 'example.org.'] },
    },
    'of a flag given twice that is no list the last one counts': {
      args: 'dns --ttl 1 --ttl 2',
      wants: { ttl: 2 },
    },
    'a switch that the variable turned on is turned off by its negation': {
      args: 'dns --no-strict-names',
      variables: { PHAROS_STRICT_NAMES: 'true' },
      wants: { strictNames: false },
    },
    'a switch is off until it is written': { args: 'agent --leader-elect', wants: { leaderElect: true } },
    'an operand is a value like any other': { args: 'playground ./clusters', wants: { dir: './clusters' } },
    'an operand may be absent': { args: 'playground', wants: { dir: undefined } },
    'a value may stand behind an equals sign': { args: 'dns --ttl=7', wants: { ttl: 7 } },
    'a store may be a directory': {
      args: 'dns --store directory:./east --stale-after 2m',
      wants: { store: { type: 'directory', path: './east' }, staleAfter: 120 },
    },
    'a store may be a Redis': {
      args: 'dns --store redis://redis:6380/2',
      wants: {
        store: {
          type: 'redis',
          url: {
            shown: 'redis://redis:6380/2',
            hosts: [{ host: 'redis', port: 6380 }],
            login: {},
            db: 2,
          },
        },
      },
    },
    'an empty config file changes nothing': { args: 'dns --config pharos.yaml', file: '', wants: { ttl: 5 } },
  };
  for (const [sentence, row] of Object.entries(rows)) {
    it(sentence, () => {
      const values = valuesOf(row);
      for (const [name, wanted] of Object.entries(row.wants)) assert.deepEqual(values[name], wanted, name);
    });
  }
});

describe('wrong usage is told with place and remedy', () => {
  const rows: Record<string, Row & { says: string | RegExp }> = {
    'no command': { args: '', says: /^pharos: no command is given\n\nUsage: pharos/ },
    'an unknown command suggests the nearest': {
      args: 'playgruond',
      says: "pharos: unknown command 'playgruond'; did you mean playground?; see pharos --help",
    },
    'an unknown flag suggests the nearest': {
      args: 'dns --lisen 1',
      says: "pharos dns: unknown option '--lisen'; did you mean --listen?; see pharos dns --help",
    },
    'a flag without its value': {
      args: 'dns --ttl',
      says: /^pharos dns: option '--ttl <SECONDS>' argument missing; see/,
    },
    'a missing operand': {
      args: 'completion',
      says: /^pharos completion: missing required argument 'shell'; see/,
    },
    'too many operands': { args: 'playground a b', says: /^pharos playground: too many arguments/ },
    'a value that is none': {
      args: 'dns --ttl soon',
      says: 'pharos dns: --ttl "soon": must be seconds from 0 to 604800; see pharos dns --help',
    },
    'a word that is not among the choices': {
      args: 'dns --policy any',
      says: 'pharos dns: --policy "any": must be local, weighted or all; see pharos dns --help',
    },
    'the second of a repeated flag': {
      args: 'dns --listen :53 --listen 53',
      says: /^pharos dns: --listen "53": must be ADDRESS:PORT with a port up to 65535, for example 0.0.0.0:53/,
    },
    'a host name to listen on': {
      args: 'dns --listen localhost:53',
      says: /"localhost" is not an IP address; use for example 127.0.0.1:53/,
    },
    'an IPv6 address without brackets': { args: 'dns --listen ::1:53', says: /must be ADDRESS:PORT/ },
    'a store that is none': {
      args: 'dns --store etcd',
      says: /must be kubernetes, directory:DIR or redis:\/\/HOST/,
    },
    'a URL with a password in it, which is not repeated': {
      args: 'agent --publish redis://u:hu@sh@redis/x?sentinel-password=hush',
      says: 'pharos agent: --publish "redis://[secret]@redis/x?[parameters]": must be redis://[USER:PASSWORD@]HOST[:PORT][/DB], rediss:// for TLS, or redis+sentinel://HOST:PORT,HOST:PORT/MASTER[/DB]; see pharos agent --help',
    },
    'a Redis that is none': { args: 'agent --publish mysql://m', says: /must be redis:\/\/HOST or rediss:/ },
    'a cluster id that is none': { args: 'dns --cluster-id West', says: /"West" is not a cluster id/ },
    'a variable is named by its own name': {
      args: 'dns',
      variables: { PHAROS_STRICT_NAMES: 'yes' },
      says: 'pharos dns: PHAROS_STRICT_NAMES "yes": must be true or false; see pharos dns --help',
    },
    'a key of the file is named by file and line': {
      args: 'dns --config pharos.yaml',
      file: '# mine\n\nttl: -1\n',
      says: 'pharos dns: pharos.yaml:3: ttl "-1": must be seconds from 0 to 604800; see pharos dns --help',
    },
    'an unknown key suggests the nearest': {
      args: 'dns --config pharos.yaml',
      file: 'tll: 5\n',
      says: 'pharos dns: pharos.yaml:1: unknown key "tll"; did you mean "ttl"?; see pharos dns --help',
    },
    'an unknown key that is near nothing': {
      args: 'dns --config pharos.yaml',
      file: 'colour: blue\n',
      says: 'pharos dns: pharos.yaml:1: unknown key "colour"; see pharos dns --help',
    },
    'a map where a value is wanted': {
      args: 'dns --config pharos.yaml',
      file: 'ttl:\n  seconds: 5\n',
      says: /pharos.yaml:1: ttl must have one value/,
    },
    'a file that is a list': {
      args: 'dns --config pharos.yaml',
      file: '- ttl\n',
      says: /must be a map of flags by name/,
    },
    'a file that is not YAML': {
      args: 'dns --config pharos.yaml',
      file: 'ttl: [1\nzone',
      says: /pharos.yaml:\d: /,
    },
    'a file that is not there': {
      args: 'dns --config no.yaml',
      says: /--config "no.yaml": cannot be read: ENOENT/,
    },
    'everything at once, as a list': {
      args: 'dns --ttl soon --config pharos.yaml',
      variables: { PHAROS_POLICY: 'any' },
      file: 'tll: 5\nstale-after: never\n',
      says: [
        'pharos dns: 4 things are wrong; see pharos dns --help',
        '  pharos.yaml:1: unknown key "tll"; did you mean "ttl"?',
        '  --ttl "soon": must be seconds from 0 to 604800',
        '  PHAROS_POLICY "any": must be local, weighted or all',
        '  pharos.yaml:2: stale-after "never": must be a duration such as 500ms, 30s, 5m or 1h',
      ].join('\n'),
    },
  };
  for (const [sentence, row] of Object.entries(rows)) {
    it(sentence, () => {
      const problem = problemOf(row);
      if (typeof row.says === 'string') assert.equal(problem, row.says);
      else assert.match(problem, row.says);
    });
  }
});

describe('help', () => {
  for (const { name, example, flags } of specs) {
    it(`of ${name} has a worked example and every flag`, () => {
      const configured = run({ args: `${name} --help` });
      assert.equal(configured.type, 'print');
      const text = configured.type === 'print' ? configured.text : '';
      assert.ok(text.includes(`Example:\n  ${example.command}\n      ${example.effect}`), text);
      for (const flag of Object.keys(flags)) assert.match(text, new RegExp(`--${flag}\\b`));
    });
  }

  it('of pharos lists the commands and nothing else', () => {
    const configured = run({ args: '--help' });
    const text = configured.type === 'print' ? configured.text : '';
    const listed = [...text.matchAll(/^ {2}([a-z]+)[ [<]/gm)].map(([, command]) => command);
    assert.deepEqual(
      listed,
      specs.map(({ name }) => name).filter((name) => !name.includes(' ')),
    );
  });

  it('tells the version', () => {
    assert.deepEqual(run({ args: '--version' }), { type: 'print', text: '1.2.3\n' });
  });
});
