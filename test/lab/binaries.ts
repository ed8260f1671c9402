import { existsSync, globSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { cacheDir, contentKey } from './cache.ts';
import { command, must } from './command.ts';
import { lock } from './lock.ts';

/** A Go module of ours (test/lab/go/<name> unless told) that pins the version of what is built from it. */
interface Part {
  /** Where the module is, from the root of the repository, and what of it is Go of ours: it is built anew when that changes. */
  readonly source?: string;
  /** The module whose version is that of the part. */
  readonly module: string;
  /** Name of the binary → the package it is built from. */
  readonly packages: Readonly<Record<string, string>>;
  readonly ldflags: (version: string) => string;
}

const kubernetesVersion = 'k8s.io/component-base/version';
const stripped = (): string => '-s -w';

const parts = {
  kubernetes: {
    module: 'k8s.io/kubernetes',
    packages: {
      'kube-apiserver': 'k8s.io/kubernetes/cmd/kube-apiserver',
      'kube-controller-manager': 'k8s.io/kubernetes/cmd/kube-controller-manager',
      'kube-scheduler': 'k8s.io/kubernetes/cmd/kube-scheduler',
      kubelet: 'k8s.io/kubernetes/cmd/kubelet',
      'kube-proxy': 'k8s.io/kubernetes/cmd/kube-proxy',
      kubectl: 'k8s.io/kubernetes/cmd/kubectl',
    },
    // Without these a server calls itself v0.0.0 and clients refuse it.
    ldflags: (version) => {
      const [major, minor] = version.slice(1).split('.');
      return `-s -w -X ${kubernetesVersion}.gitVersion=${version} -X ${kubernetesVersion}.gitMajor=${major} -X ${kubernetesVersion}.gitMinor=${minor} -X ${kubernetesVersion}.gitTreeState=clean`;
    },
  },
  etcd: {
    module: 'go.etcd.io/etcd/server/v3',
    packages: { etcd: 'go.etcd.io/etcd/server/v3' },
    ldflags: stripped,
  },
  wireguard: {
    module: 'golang.zx2c4.com/wireguard',
    packages: { 'wireguard-go': 'golang.zx2c4.com/wireguard' },
    ldflags: stripped,
  },
  coredns: {
    module: 'github.com/coredns/coredns',
    packages: { coredns: 'github.com/coredns/coredns' },
    ldflags: stripped,
  },
  'coredns-pharos': {
    source: 'coredns-plugin-shim',
    module: 'github.com/coredns/coredns',
    packages: { 'coredns-pharos': './cmd/coredns' },
    ldflags: stripped,
  },
  helm: {
    module: 'helm.sh/helm/v3',
    packages: { helm: 'helm.sh/helm/v3/cmd/helm' },
    ldflags: (version) => `-s -w -X helm.sh/helm/v3/internal/version.version=${version}`,
  },
} as const satisfies Record<string, Part>;

type PartName = keyof typeof parts;

/** What {@link ensureBinaries} can provide. */
export type Binary = { [P in PartName]: keyof (typeof parts)[P]['packages'] }[PartName];

const binariesOf = (...names: readonly PartName[]): Binary[] =>
  names.flatMap((name) => Object.keys(parts[name].packages) as Binary[]);

export const allBinaries: readonly Binary[] = binariesOf(...(Object.keys(parts) as PartName[]));

/** What a whole cluster needs. */
export const clusterBinaries: readonly Binary[] = binariesOf('kubernetes', 'etcd', 'coredns');

const goFlags = ['-buildvcs=false', '-trimpath'];
const goEnv = { ...process.env, CGO_ENABLED: '0', GOFLAGS: '', GOWORK: 'off' };
const moduleDir = (name: string): string => {
  const { source }: Partial<Part> = name in parts ? parts[name as PartName] : {};
  return source === undefined
    ? join(import.meta.dirname, 'go', name)
    : join(import.meta.dirname, '../..', source);
};

/** The Go files of a part that is our own code, tests left out. */
async function ownSource(name: PartName): Promise<string> {
  const files = globSync('**/*.go', { cwd: moduleDir(name) }).filter((file) => !file.endsWith('_test.go'));
  const texts = await Promise.all(
    files.sort().map(async (file) => `${file}\n${await readFile(join(moduleDir(name), file), 'utf8')}`),
  );
  return texts.join('\n');
}

const progress = (text: string): void => void process.stderr.write(`lab: ${text}\n`);

async function goVersion(dir: string): Promise<string> {
  try {
    return (await must('go', ['env', 'GOVERSION'], { cwd: dir, env: goEnv })).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    throw new Error(
      'The lab builds its Kubernetes API server, etcd and CoreDNS from Go modules, but there is no `go` in PATH: install Go 1.26 or newer (https://go.dev/doc/install; on Debian and Ubuntu: apt-get install golang-go)',
      { cause: error },
    );
  }
}

/** Version of a module as its go.mod requires it. */
export function requiredVersion(goMod: string, module: string): string {
  for (const line of goMod.split('\n')) {
    const [path, version] = line
      .trim()
      .replace(/^require\s+/, '')
      .split(/\s+/);
    if (path === module && version?.startsWith('v')) return version;
  }
  throw new Error(`go.mod does not require ${module}`);
}

/** Where a part of this version, built by this Go with these flags, has its place in the cache. */
async function placeOf(name: PartName): Promise<{ readonly dir: string; readonly version: string }> {
  const part: Part = parts[name];
  const goMod = await readFile(join(moduleDir(name), 'go.mod'), 'utf8');
  const version = requiredVersion(goMod, part.module);
  const key = contentKey(
    goMod,
    await readFile(join(moduleDir(name), 'go.sum')),
    await goVersion(moduleDir(name)),
    [...goFlags, part.ldflags(version)].join(' '),
    ...(part.source === undefined ? [] : [await ownSource(name)]),
  );
  return { dir: join(cacheDir, 'bin', `${name}-${version}-${key}`), version };
}

/** A new folder beside `place`, with what an interrupted build left there taken away. The build lock must be held. */
async function temporaryBeside(place: string): Promise<string> {
  await mkdir(dirname(place), { recursive: true });
  for (const entry of await readdir(dirname(place))) {
    if (entry.includes('.building-')) await rm(join(dirname(place), entry), { recursive: true });
  }
  return mkdtemp(`${place}.building-`);
}

async function build(
  name: PartName,
  version: string,
  into: string,
  binaries: readonly string[],
): Promise<void> {
  const part: Part = parts[name];
  const started = Date.now();
  let packages = 0;
  const what = `building ${name} ${version} (${binaries.join(', ')})`;
  const elapsed = (): string => `${Math.round((Date.now() - started) / 1000)} s`;
  progress(`${what}; kept in ${into}`);
  const ticker = setInterval(() => progress(`${what}: ${packages} packages, ${elapsed()}`), 15_000);
  const temporary = await temporaryBeside(into);
  try {
    // Several packages go into a folder under their own names; a single one may be called what we like.
    const [only] = binaries.length === 1 ? binaries : [];
    const output = only === undefined ? `${temporary}/` : join(temporary, only);
    await must(
      'go',
      [
        'build',
        '-v',
        ...goFlags,
        '-ldflags',
        part.ldflags(version),
        '-o',
        output,
        ...binaries.map((binary) => part.packages[binary] ?? binary),
      ],
      {
        cwd: moduleDir(name),
        env: goEnv,
        // With -v Go names each package as it compiles it.
        onStderr: (text) => (packages += text.split('\n').length - 1),
      },
    );
    await mkdir(into, { recursive: true });
    for (const binary of binaries) await rename(join(temporary, binary), join(into, binary));
  } finally {
    clearInterval(ticker);
    await rm(temporary, { recursive: true, force: true });
  }
  progress(`built ${name} ${version} in ${elapsed()}`);
}

async function ensurePart(name: PartName, binaries: readonly string[]): Promise<[string, string][]> {
  const { dir, version } = await placeOf(name);
  const missing = (): string[] => binaries.filter((binary) => !existsSync(join(dir, binary)));
  if (missing().length > 0) {
    // One build at a time on a machine: two at once are slower than one after the other, and may be the same.
    await using _ = await lock('build', () => progress('waiting for another process that builds'));
    const todo = missing();
    if (todo.length > 0) await build(name, version, dir, todo);
  }
  return binaries.map((binary) => [binary, join(dir, binary)]);
}

/**
 * Paths of real binaries of pinned versions (test/lab/go), built where the cache lacks them: about nine
 * minutes for all on two cores, told on stderr. Any number of processes may ask at the same time.
 */
export async function ensureBinaries<B extends Binary>(names: readonly B[]): Promise<Record<B, string>> {
  const paths: [string, string][] = [];
  for (const [name, part] of Object.entries(parts)) {
    const wanted = names.filter((binary) => binary in part.packages);
    if (wanted.length > 0) paths.push(...(await ensurePart(name as PartName, wanted)));
  }
  return Object.fromEntries(paths) as Record<B, string>;
}

/** The CRDs of the Multi-Cluster Services API, as its module publishes them: paths of YAML files. */
export async function ensureCrds(): Promise<string[]> {
  const dir = moduleDir('mcs-api');
  const module = 'sigs.k8s.io/mcs-api';
  const goMod = await readFile(join(dir, 'go.mod'), 'utf8');
  const place = join(
    cacheDir,
    'bin',
    `mcs-api-${requiredVersion(goMod, module)}-${contentKey(goMod, await readFile(join(dir, 'go.sum')))}`,
  );
  if (!existsSync(place)) {
    await goVersion(dir);
    const result = await command('go', ['mod', 'download', '-json', module], { cwd: dir, env: goEnv });
    const answer = JSON.parse(result.stdout || '{}') as { Dir?: string; Error?: string };
    if (!answer.Dir) throw new Error(`Cannot download ${module}: ${answer.Error ?? result.stderr}`);
    const source = join(answer.Dir, 'config', 'crd');
    await using _ = await lock('build');
    if (!existsSync(place)) {
      const temporary = await temporaryBeside(place);
      for (const file of await readdir(source)) {
        // Files of Go's module cache are read-only: take the text, not the mode.
        if (file.endsWith('.yaml'))
          await writeFile(join(temporary, file), await readFile(join(source, file)));
      }
      await rename(temporary, place);
    }
  }
  return (await readdir(place)).sort().map((file) => join(place, file));
}
