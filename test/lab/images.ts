import { existsSync } from 'node:fs';
import { readdir, realpath, stat } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { ensureBinaries } from './binaries.ts';
import { command, must } from './command.ts';
import { writeArchive, type Image } from './image-archive.ts';
import { lock } from './lock.ts';
import { makeLayer, type Layer, type LayerContent } from './layers.ts';

/** Images that every node of the lab has, made of programs of this machine: nothing is pulled from a registry. */
export const image = {
  pause: 'lab.pharos.io/pause:1',
  coredns: 'lab.pharos.io/coredns:1',
  /** A shell, busybox, and the real curl, dig, getent, socat, ip, nft and conntrack. Sleeps unless told otherwise. */
  tools: 'lab.pharos.io/tools:1',
  /** Answers GET / on port 8080 with its host name and the address that asked: `web-0 10.101.0.7`; POST with what it was sent. */
  whoami: 'lab.pharos.io/whoami:1',
  /** By the names that everybody's examples have: this machine's busybox, which resolves no names, and its curl. */
  busybox: 'docker.io/library/busybox:1.36',
  curl: 'docker.io/curlimages/curl:8.10.1',
  /** Not on the nodes until loaded: {@link pharosImage}. Its command is `pharos`. */
  pharos: 'docker.io/library/pharos:lab',
  /** Not on the nodes until loaded: {@link pharosHostImage}. The same with the host's tools, for gateways and route agents. */
  pharosHost: 'docker.io/library/pharos-host:lab',
} as const;

const searchPath = [
  ...(process.env['PATH'] ?? '').split(delimiter),
  '/usr/sbin',
  '/sbin',
  '/usr/bin',
  '/bin',
];

/** Path of a program, with links followed. */
async function which(program: string): Promise<string> {
  for (const dir of searchPath) {
    const path = join(dir, program);
    if (existsSync(path)) return realpath(path);
  }
  throw new Error(`The lab's images need ${program}, which is not installed here`);
}

/** Shared libraries that a program is linked with, by the paths that it looks for them at. */
async function libraries(program: string): Promise<string[]> {
  // Status 1 for a static program: it needs none.
  const { stdout } = await command('ldd', [program]);
  return [...stdout.matchAll(/(?:=> |^\s*)(\/\S+) \(0x/gm)].map((match) => match[1] ?? '');
}

/** Programs of this machine and their libraries, for an image. */
export async function programs(names: readonly string[]): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const name of names) {
    const path = await which(name);
    files[`/usr/bin/${name}`] = path;
    for (const library of await libraries(path)) files[library] = library;
  }
  return files;
}

/** Busybox and what programs expect to find in any system. */
export async function baseContent(): Promise<LayerContent> {
  const busybox = await which('busybox');
  const applets = (await must(busybox, ['--list'])).trim().split('\n');
  return {
    files: { '/bin/busybox': busybox },
    links: {
      ...Object.fromEntries(
        applets.filter((a) => a !== 'busybox').map((applet) => [`/bin/${applet}`, 'busybox']),
      ),
      '/var/run': '/run',
    },
    texts: {
      '/etc/passwd': 'root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/false\n',
      '/etc/group': 'root:x:0:\nnogroup:x:65534:\n',
      // glibc asks nobody but /etc/hosts and DNS.
      '/etc/nsswitch.conf': 'hosts: files dns\n',
    },
    directories: {
      '/tmp': 0o1777,
      '/root': 0o700,
      '/proc': 0o755,
      '/sys': 0o755,
      '/dev': 0o755,
      '/run': 0o755,
    },
  };
}

// The server listens for both families, and writes an address as [::ffff:10.101.0.7] or [fd10:101::7].
const whoami = `#!/bin/sh
client=\${REMOTE_ADDR#[}
client=\${client#::ffff:}
printf 'Content-Type: text/plain\\n\\n'
if [ "$REQUEST_METHOD" = POST ]; then exec head -c "$CONTENT_LENGTH"; fi
printf '%s %s\\n' "$(hostname)" "\${client%]}"
`;
const forever = '2147483647';

/** Path of an archive with all images that a node starts with. */
export async function nodeImages(): Promise<string> {
  const { coredns } = await ensureBinaries(['coredns']);
  // Held until the archive is there: it is awaited below.
  await using _ = await lock('images');
  const base = await makeLayer(await baseContent());
  const tools = await makeLayer({
    files: await programs(['curl', 'dig', 'getent', 'socat', 'ip', 'nft', 'conntrack']),
  });
  const images: Image[] = [
    { reference: image.pause, layers: [base], entrypoint: ['/bin/sleep', forever] },
    {
      reference: image.coredns,
      layers: [await makeLayer({ files: { '/coredns': coredns } })],
      entrypoint: ['/coredns'],
    },
    { reference: image.tools, layers: [base, tools], command: ['/bin/sleep', forever] },
    { reference: image.curl, layers: [base, tools], entrypoint: ['/usr/bin/curl'] },
    { reference: image.busybox, layers: [base], command: ['/bin/sh'] },
    {
      reference: image.whoami,
      layers: [base, await makeLayer({ texts: { '/www/cgi-bin/index.cgi': whoami } })],
      entrypoint: ['/bin/httpd', '-f', '-p', '8080', '-h', '/www'],
    },
  ];
  return await writeArchive(images);
}

const project = join(import.meta.dirname, '..', '..');

/** Paths of all files of a folder, but for source maps. */
export async function filesBelow(dir: string): Promise<string[]> {
  const entries = await readdir(dir, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile() && !entry.name.endsWith('.map'))
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}

/** What deploy/Dockerfile copies: the package as it is published, and nothing of its making. */
const PACKAGE = ['package.json', 'LICENSE', 'dist', 'deploy/crds', 'deploy/manifests', 'examples'];

/** Layers of Node and of the package, the same in all images of Pharos. For one caller at a time. */
async function pharosLayers(): Promise<Layer[]> {
  await must(process.execPath, [join(project, 'scripts/build.ts')]);
  const files: Record<string, string> = {};
  for (const part of PACKAGE) {
    const path = join(project, part);
    for (const file of (await stat(path)).isDirectory() ? await filesBelow(path) : [path]) {
      files[join('/pharos', file.slice(project.length))] = file;
    }
  }
  const node = await realpath(process.execPath);
  const runtime: Record<string, string> = { '/usr/bin/node': node };
  for (const library of await libraries(node)) runtime[library] = library;
  return [await makeLayer({ files: runtime }), await makeLayer({ files })];
}

const pharosCommand = { entrypoint: ['/usr/bin/node', '/pharos/dist/cli.js'], workingDir: '/pharos' };

/** Path of an archive with {@link image.pharos}: what deploy/Dockerfile makes, of this Node and this checkout. */
export async function pharosImage(): Promise<string> {
  // Held until the archive is there: it is awaited below.
  await using _ = await lock('images');
  return await writeArchive([{ reference: image.pharos, layers: await pharosLayers(), ...pharosCommand }]);
}

/** strongSwan's libraries and plugins, which its programs load by path, and the settings that they must find. */
const STRONGSWAN = ['/usr/lib/ipsec', '/etc/strongswan.d'];

/** Path of an archive with {@link image.pharos} and {@link image.pharosHost}: both that deploy/Dockerfile makes. */
export async function pharosHostImage(): Promise<string> {
  const binaries = await ensureBinaries(['wireguard-go']);
  // Held until the archive is there: it is awaited below.
  await using _ = await lock('images');
  const layers = await pharosLayers();
  const tools = await programs(['ip', 'bridge', 'nft', 'conntrack', 'wg', 'swanctl', 'charon-systemd']);
  tools['/usr/bin/wireguard-go'] = binaries['wireguard-go'];
  tools['/etc/strongswan.conf'] = '/etc/strongswan.conf';
  for (const file of (await Promise.all(STRONGSWAN.map(filesBelow))).flat()) {
    tools[file] = file;
    if (/\.so(\.|$)/.test(file)) for (const library of await libraries(file)) tools[library] = library;
  }
  const host = [await makeLayer(await baseContent()), await makeLayer({ files: tools })];
  return await writeArchive([
    { reference: image.pharos, layers, ...pharosCommand },
    { reference: image.pharosHost, layers: [...host, ...layers], ...pharosCommand },
  ]);
}
