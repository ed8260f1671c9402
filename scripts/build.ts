/**
 * `npm run build`: writes dist/, what the published package runs. Each entry is bundled with the packages that
 * it uses, so that installing Pharos installs nothing else, and of a large package (the Kubernetes client is
 * 90 MB when imported whole) only what is used is loaded; what the source imports lazily stays in files of
 * its own. The licences of all that went in are in dist/THIRD-PARTY-NOTICES.txt.
 */
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { build, type Metafile, type Plugin } from 'esbuild';

const root = join(import.meta.dirname, '..');
const source = join(root, 'src');
const dist = join(root, 'dist');

/**
 * What is started by its file's name: programs and worker threads, as paths in src/ without the ending. In
 * the source a worker is `new URL('./worker.ts', import.meta.url)`, which becomes the URL of its bundle.
 */
const ENTRIES = ['cli', 'dns/udp-worker'] as const;

/** What runs in browsers, likewise: one file, without Node's modules. */
const BROWSER_ENTRY = 'page/client/main';
/** Files that are read as they are, with their folder. */
const ASSETS = 'page/assets';

/** Bundled modules other than entries are here: as deep as src/ROOM/file.ts, so that '../../deploy' is the same. */
const CHUNKS = 'chunks';

/** Points URLs of entries that the source starts at their bundles. */
const entryUrls: Plugin = {
  name: 'entry-urls',
  setup(building) {
    building.onLoad({ filter: /\/src\/.*\.ts$/ }, ({ path }) => {
      const text = readFileSync(path, 'utf8');
      const contents = text.replaceAll(
        /new URL\('([^']+)\.ts', import\.meta\.url\)/g,
        (_whole, target: string) => {
          const entry = relative(source, resolve(dirname(path), target));
          if (entry !== BROWSER_ENTRY && !ENTRIES.some((each) => each === entry)) {
            throw new Error(
              `${path}: starts ${target}.ts, which is no entry; add "${entry}" to scripts/build.ts`,
            );
          }
          return `new URL('../${entry}.js', import.meta.url)`;
        },
      );
      return { contents, loader: 'ts' };
    });
  },
};

/**
 * Of the Kubernetes client only how it reads and uses kubeconfigs. It does not say of its modules that importing
 * them does nothing by itself, which is true of all but its polyfill: told so, the bundler leaves out the 700
 * models that nobody uses. undici, a megabyte that takes 20 MB of memory, serves its calls by fetch alone;
 * Pharos makes requests of its own, from the options that `applyToHTTPSOptions` gives.
 */
const onlyKubeConfig: Plugin = {
  name: 'only-kube-config',
  setup(building) {
    building.onResolve({ filter: /^\.|^@kubernetes\/client-node$/ }, async ({ path, ...from }) => {
      if (from.pluginData === 'again' || (path.startsWith('.') && !isClient(from.importer))) return undefined;
      const resolved = await building.resolve(path, { ...from, pluginData: 'again' });
      return isClient(resolved.path) ? { ...resolved, sideEffects: path.includes('polyfill') } : resolved;
    });
    building.onResolve({ filter: /^undici$/ }, ({ path, importer }) =>
      isClient(importer) ? { path, namespace: 'left-out' } : undefined,
    );
    building.onLoad({ filter: /^undici$/, namespace: 'left-out' }, () => ({
      contents: `
        class LeftOut { constructor() { throw new Error('undici is not in this bundle; see scripts/build.ts'); } }
        export { LeftOut as Agent, LeftOut as ProxyAgent, LeftOut as fetch };`,
    }));
  },
};
/**
 * Node's own modules by `require`: an `import` of one makes a facade of all its exports, for which node:http loads the
 * whole of fetch, 13 MB and ten times as long.
 */
const builtinsByRequire: Plugin = {
  name: 'builtins-by-require',
  setup(building) {
    building.onResolve({ filter: /^[a-z]/ }, ({ path, kind }) =>
      isBuiltin(path) && kind !== 'require-call' ? { path, namespace: 'builtin' } : undefined,
    );
    building.onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
      contents: `module.exports = require(${JSON.stringify(path)});`,
    }));
  },
};

const isClient = (path: string): boolean => path.includes('/node_modules/@kubernetes/client-node/');

interface BundledPackage {
  readonly name: string;
  readonly version: string;
  readonly license: string | undefined;
  /** The texts that must go with its code. */
  readonly notices: readonly string[];
}

/** The packages of which something went into the bundles, by name. Throws where one has no licence to keep. */
function packagesOf(inputs: Metafile['inputs']): BundledPackage[] {
  const packages = new Map<string, BundledPackage>();
  for (const input of Object.keys(inputs).sort()) {
    const [, folder, name] = /^(.*node_modules\/((?:@[^/]+\/)?[^/]+))\//.exec(input) ?? [];
    if (folder === undefined || name === undefined || packages.has(name)) continue;
    const files = readdirSync(join(root, folder)).filter((file) =>
      /^(licen[cs]e|notice|copying)/i.test(file),
    );
    const { version, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8')) as {
      version: string;
      license?: string;
    };
    if (files.length === 0 && license === undefined) throw new Error(`${name} says nothing of its licence`);
    const notices = files.map((file) => readFileSync(join(root, folder, file), 'utf8').trim());
    packages.set(name, { name, version, license, notices });
  }
  return [...packages.values()];
}

/** The bill of materials in CycloneDX 1.5: this package, and what is inside its bundles. No times or random ids: a rebuild is the same. */
function billOfMaterials(packages: readonly BundledPackage[]): object {
  const { name, version, license } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    name: string;
    version: string;
    license: string;
  };
  const purl = (of: string, at: string): string => `pkg:npm/${of.replace('@', '%40')}@${at}`;
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.5',
    version: 1,
    metadata: {
      component: {
        type: 'application',
        'bom-ref': purl(name, version),
        name,
        version,
        licenses: [{ license: { id: license } }],
      },
    },
    components: packages.map((each) => ({
      type: 'library',
      'bom-ref': purl(each.name, each.version),
      name: each.name,
      version: each.version,
      purl: purl(each.name, each.version),
      ...(each.license !== undefined && { licenses: [{ expression: each.license }] }),
    })),
  };
}

/** A module that looks for files beside itself must be as deep in dist/ as in src/. */
function checkDepths({ outputs }: Metafile): void {
  for (const [output, { inputs }] of Object.entries(outputs)) {
    for (const input of Object.keys(inputs)) {
      if (
        !input.startsWith('src/') ||
        !/import\.meta\.(url|dirname)/.test(readFileSync(join(root, input), 'utf8'))
      ) {
        continue;
      }
      if (input.split(sep).length === output.split(sep).length) continue;
      throw new Error(`${input} uses import.meta and is bundled into ${output}, which is not as deep`);
    }
  }
}

rmSync(dist, { recursive: true, force: true });
const { metafile } = await build({
  absWorkingDir: root,
  entryPoints: ENTRIES.map((entry) => ({ in: join(source, `${entry}.ts`), out: entry })),
  outdir: dist,
  bundle: true,
  splitting: true,
  chunkNames: `${CHUNKS}/[name]-[hash]`,
  format: 'esm',
  platform: 'node',
  target: 'node22.19',
  // Names stay, for stacks that can be read.
  minifySyntax: true,
  minifyWhitespace: true,
  sourcemap: 'linked',
  legalComments: 'linked',
  // Packages in CommonJS require Node's own modules.
  banner: {
    js: "import{createRequire as pharosRequire}from'node:module';const require=pharosRequire(import.meta.url);",
  },
  // Optional, and not there: debug's colours.
  external: ['supports-color'],
  plugins: [entryUrls, onlyKubeConfig, builtinsByRequire],
  metafile: true,
  logLevel: 'warning',
});
checkDepths(metafile);
await build({
  absWorkingDir: root,
  entryPoints: [join(source, `${BROWSER_ENTRY}.ts`)],
  outfile: join(dist, `${BROWSER_ENTRY}.js`),
  bundle: true,
  format: 'esm',
  platform: 'browser',
  target: 'es2022',
  minify: true,
  logLevel: 'warning',
});
cpSync(join(source, ASSETS), join(dist, ASSETS), { recursive: true });
const packages = packagesOf(metafile.inputs);
const rule = `\n\n${'-'.repeat(80)}\n\n`;
const notices = packages.map(({ name, version, license, notices }) =>
  [`${name} ${version}: ${license ?? 'see below'}`, ...notices].join('\n\n'),
);
writeFileSync(
  join(dist, 'THIRD-PARTY-NOTICES.txt'),
  `This package contains code of others:${rule}${notices.join(rule)}\n`,
);
writeFileSync(join(dist, 'sbom.cdx.json'), `${JSON.stringify(billOfMaterials(packages), undefined, 2)}\n`);
if (!existsSync(join(dist, 'cli.js'))) throw new Error('dist/cli.js was not written');
