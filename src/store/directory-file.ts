/** Reads one file of manifests: YAML or JSON, many documents, lists flattened. Pure. */
import {
  Composer,
  type Document,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  Parser,
} from 'yaml';
import { type Kind, Kinds } from '../api/kinds.ts';
import type { KubeObject } from '../api/objects.ts';
import {
  validateEndpointSlice,
  validateGateway,
  validateNamespace,
  validateService,
  validateServiceExport,
  validateServiceImport,
  type Validation,
} from '../api/validate.ts';
import type { ManifestProblem } from './directory-problem.ts';

export interface Manifest {
  readonly kind: Kind;
  readonly object: KubeObject;
  readonly file: string;
  /** From 1; absent where the file is one JSON value, which is not read by lines. */
  readonly line?: number;
}

export interface ManifestFile {
  readonly manifests: readonly Manifest[];
  /** With one of these, `manifests` is not the whole of what the file means to say. */
  readonly errors: readonly ManifestProblem[];
  /** Kinds that Pharos has no use for, such as StatefulSet → how many there are. */
  readonly ignored: ReadonlyMap<string, number>;
}

interface LoadedKind {
  readonly kind: Kind;
  readonly validate: (value: unknown) => Validation<KubeObject>;
}

/** What is loaded; everything else in a manifest is somebody else's. */
const LOADED: readonly LoadedKind[] = [
  { kind: Kinds.Namespace, validate: validateNamespace },
  { kind: Kinds.Service, validate: validateService },
  { kind: Kinds.EndpointSlice, validate: validateEndpointSlice },
  { kind: Kinds.ServiceExport, validate: validateServiceExport },
  { kind: Kinds.ServiceImport, validate: validateServiceImport },
  { kind: Kinds.Gateway, validate: validateGateway },
];

/** API groups of which Pharos knows every kind that a manifest may have: others there are typing errors. */
const WHOLLY_KNOWN = new Set(['multicluster.x-k8s.io', 'discovery.k8s.io']);

/** Versions that mean the same as the one in {@link LOADED}. */
const SAME_AS: Readonly<Record<string, string>> = {
  'multicluster.x-k8s.io/v1alpha1': Kinds.ServiceExport.apiVersion,
};

/** A document of a file: what it holds, and where. */
interface Source {
  readonly value: unknown;
  /** The offset of what a problem's path names, as in `items[2].spec.ports[0].port is …`. */
  readonly offsetOf: (problem: string) => number;
}

/** @param file for the problems alone */
export function readManifests(file: string, text: string): ManifestFile {
  if (file.endsWith('.json')) {
    const content = readJson(file, text);
    if (content !== undefined) return content;
  }
  const reader = new Reader(file);
  for (const document of documentsOf(text, reader.lines)) {
    for (const { pos, message } of document.errors) reader.error(pos[0], message);
    if (document.errors.length > 0) continue;
    let value: unknown;
    try {
      value = document.toJS();
    } catch (error) {
      reader.error(startOf(document.contents), (error as Error).message);
      continue;
    }
    reader.item({ value, offsetOf: (problem) => startOf(named(problem, document.contents)) }, value, '');
  }
  return reader;
}

/** A file that is one JSON value without a problem; others are read again as YAML, for the lines. */
function readJson(file: string, text: string): ManifestFile | undefined {
  const reader = new Reader(file);
  try {
    const value: unknown = JSON.parse(text);
    reader.item({ value, offsetOf: () => 0 }, value, '');
  } catch {
    return undefined;
  }
  return reader.errors.length === 0
    ? { errors: [], ignored: reader.ignored, manifests: reader.manifests.map(withoutLine) }
    : undefined;
}

const withoutLine = ({ line: _line, ...manifest }: Manifest): Manifest => manifest;

/** One after the other: the syntax tree of a document is many times its size. */
function* documentsOf(text: string, lines: LineCounter): Generator<Document.Parsed> {
  const composer = new Composer({ lineCounter: lines, prettyErrors: false, merge: true });
  yield* composer.compose(new Parser(lines.addNewLine).parse(text), true, text.length);
}

class Reader implements ManifestFile {
  readonly manifests: Manifest[] = [];
  readonly errors: ManifestProblem[] = [];
  readonly ignored = new Map<string, number>();
  readonly lines = new LineCounter();
  readonly #file: string;

  constructor(file: string) {
    this.#file = file;
  }

  error(offset: number, reason: string): void {
    this.errors.push({ file: this.#file, line: this.#lineOf(offset), reason });
  }

  /** @param path of `item` within the document: '' or as `items[2].` */
  item(source: Source, item: unknown, path: string): void {
    if (item === null || item === undefined) return;
    const wrong = (field: string, reason: string): void =>
      this.error(source.offsetOf(`${path}${field} `), reason);
    if (!isObject(item)) {
      wrong('', 'must be a Kubernetes object, that is a map with apiVersion and kind');
      return;
    }
    const { kind, apiVersion, items } = item;
    if (!isFilled(kind) || !isFilled(apiVersion)) {
      const missing = isFilled(kind) ? 'apiVersion' : 'kind';
      wrong(missing, `the object has no ${missing}`);
    } else if (kind.endsWith('List') && Array.isArray(items)) {
      for (const [index, entry] of items.entries()) this.item(source, entry, `${path}items[${index}].`);
    } else {
      const loaded = this.#kind(item, apiVersion, kind, wrong);
      if (loaded !== undefined) this.#object(source, item, path, loaded);
    }
  }

  #kind(
    item: Readonly<Record<string, unknown>>,
    apiVersion: string,
    name: string,
    wrong: (field: string, reason: string) => void,
  ): LoadedKind | undefined {
    const version = SAME_AS[apiVersion] ?? apiVersion;
    const group = groupOf(apiVersion);
    const siblings = LOADED.filter(({ kind }) => groupOf(kind.apiVersion) === group);
    const loaded = siblings.find(({ kind }) => kind.kind === name);
    if (loaded?.kind.apiVersion === version) return loaded;
    if (loaded !== undefined) {
      const { apiVersion: served } = loaded.kind;
      wrong('apiVersion', `apiVersion is "${apiVersion}", for ${name} it must be ${served}`);
    } else if (WHOLLY_KNOWN.has(group)) {
      const names = siblings.map(({ kind }) => kind.kind).join(' or ');
      wrong('kind', `kind is "${name}", in ${group} it must be ${names}`);
    } else if (group === '' && (!isObject(item['metadata']) || !isFilled(item['metadata']['name']))) {
      // Of the core group every kind has a name: this is being typed.
      wrong('kind', `the ${name} has no metadata.name`);
    } else {
      this.ignored.set(name, (this.ignored.get(name) ?? 0) + 1);
    }
    return undefined;
  }

  #object(source: Source, item: object, path: string, { kind, validate }: LoadedKind): void {
    const validation = validate(asApplied(item, kind));
    if (validation.ok) {
      const line = this.#lineOf(source.offsetOf(path));
      this.manifests.push({ kind, object: validation.object, file: this.#file, line });
    } else {
      for (const problem of validation.problems) this.error(source.offsetOf(path + problem), problem);
    }
  }

  #lineOf(offset: number): number {
    return Math.max(1, this.lines.linePos(offset).line);
  }
}

const groupOf = (apiVersion: string): string => apiVersion.split('/').slice(0, -1).join('/');

const startOf = (node: unknown): number => (isNode(node) ? (node.range?.[0] ?? 0) : 0);

const isFilled = (value: unknown): value is string => typeof value === 'string' && value !== '';

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The node whose path a problem begins with (`spec.ports[0].port is …`), or the last that exists on the way. */
function named(problem: string, root: Node | null): Node | null {
  let at = root;
  for (let rest = problem; ;) {
    const index = /^\[(\d+)\]/.exec(rest);
    const keys = isMap(at) ? at.items.map(({ key }) => (isScalar(key) ? String(key.value) : '')) : [];
    // Keys may have dots themselves, as annotations do.
    const step =
      index?.[1] ?? keys.find((key) => rest.startsWith(key) && /^[.[ ]/.test(rest.slice(key.length)));
    const next = step !== undefined && (isMap(at) || isSeq(at)) ? at.get(step, true) : undefined;
    if (step === undefined || !isNode(next)) return at;
    at = next;
    rest = rest.slice(index?.[0].length ?? step.length).replace(/^\./, '');
  }
}

interface RawObject {
  readonly metadata?: Readonly<Record<string, unknown>>;
  readonly spec?: { readonly ipFamilies?: readonly string[]; readonly ipFamilyPolicy?: unknown };
}

/** As an API server with two address families would have it after `kubectl apply`. */
function asApplied(raw: RawObject, kind: Kind): unknown {
  // What only the server may say. A namespace is always there; kubectl takes "default".
  const { uid: _, resourceVersion: _2, generation: _3, ...metadata } = { ...raw.metadata };
  if (kind.namespaced) metadata['namespace'] ??= 'default';
  else delete metadata['namespace'];
  const object = { ...raw, apiVersion: kind.apiVersion, metadata };
  const policy = raw.spec?.ipFamilyPolicy;
  if (kind !== Kinds.Service || (policy !== 'PreferDualStack' && policy !== 'RequireDualStack'))
    return object;
  const first = raw.spec?.ipFamilies?.[0] ?? 'IPv4';
  const ipFamilies = [first, first === 'IPv4' ? 'IPv6' : 'IPv4'];
  return { ...object, spec: { ...raw.spec, ipFamilies } };
}
