/** Reads one file of manifests: YAML or JSON, many documents, lists flattened. Pure. */
import {
  type Document,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseAllDocuments,
  type YAMLMap,
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
  readonly line: number;
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

/** @param file for the problems alone */
export function readManifests(file: string, text: string): ManifestFile {
  const reader = new Reader(file, text);
  reader.read();
  return reader;
}

class Reader implements ManifestFile {
  readonly manifests: Manifest[] = [];
  readonly errors: ManifestProblem[] = [];
  readonly ignored = new Map<string, number>();
  readonly #file: string;
  readonly #text: string;
  readonly #lines = new LineCounter();

  constructor(file: string, text: string) {
    this.#file = file;
    this.#text = text;
  }

  read(): void {
    const documents = parseAllDocuments(this.#text, {
      lineCounter: this.#lines,
      prettyErrors: false,
      merge: true,
    });
    if (!Array.isArray(documents)) return;
    for (const document of documents as Document.Parsed[]) {
      for (const { pos, message } of document.errors) this.#error(pos[0], message);
      if (document.errors.length === 0) this.#item(document, document.contents);
    }
  }

  #item(document: Document.Parsed, node: unknown): void {
    if (node === null || (isScalar(node) && node.value === null)) return;
    if (!isMap(node)) {
      this.#error(startOf(node), 'must be a Kubernetes object, that is a map with apiVersion and kind');
      return;
    }
    const kind = textAt(node, 'kind');
    const apiVersion = textAt(node, 'apiVersion');
    if (kind === undefined || apiVersion === undefined) {
      const missing = kind === undefined ? 'kind' : 'apiVersion';
      this.#error(startOf(node.get(missing, true) ?? node), `the object has no ${missing}`);
      return;
    }
    const items = node.get('items', true);
    if (kind.endsWith('List') && isSeq(items)) {
      for (const item of items.items) this.#item(document, item);
      return;
    }
    const loaded = this.#kind(node, apiVersion, kind);
    if (loaded !== undefined) this.#object(document, node, loaded);
  }

  #kind(node: YAMLMap, apiVersion: string, name: string): LoadedKind | undefined {
    const version = SAME_AS[apiVersion] ?? apiVersion;
    const group = groupOf(apiVersion);
    const siblings = LOADED.filter(({ kind }) => groupOf(kind.apiVersion) === group);
    const loaded = siblings.find(({ kind }) => kind.kind === name);
    if (loaded?.kind.apiVersion === version) return loaded;
    if (loaded !== undefined) {
      const at = startOf(node.get('apiVersion', true));
      this.#error(at, `apiVersion is "${apiVersion}", for ${name} it must be ${loaded.kind.apiVersion}`);
    } else if (WHOLLY_KNOWN.has(group)) {
      const names = siblings.map(({ kind }) => kind.kind).join(' or ');
      this.#error(startOf(node.get('kind', true)), `kind is "${name}", in ${group} it must be ${names}`);
    } else if (group === '' && node.getIn(['metadata', 'name']) === undefined) {
      // Of the core group every kind has a name: this is being typed.
      this.#error(startOf(node.get('kind', true)), `the ${name} has no metadata.name`);
    } else {
      this.ignored.set(name, (this.ignored.get(name) ?? 0) + 1);
    }
    return undefined;
  }

  #object(document: Document.Parsed, node: YAMLMap, { kind, validate }: LoadedKind): void {
    let raw: unknown;
    try {
      raw = node.toJS(document);
    } catch (error) {
      this.#error(startOf(node), (error as Error).message);
      return;
    }
    const validation = validate(asApplied(raw as RawObject, kind));
    if (validation.ok) {
      const { object } = validation;
      this.manifests.push({ kind, object, file: this.#file, line: this.#lineOf(startOf(node)) });
    } else {
      for (const problem of validation.problems) this.#error(startOf(named(problem, node)), problem);
    }
  }

  #error(offset: number, reason: string): void {
    this.errors.push({ file: this.#file, line: this.#lineOf(offset), reason });
  }

  #lineOf(offset: number): number {
    return Math.max(1, this.#lines.linePos(offset).line);
  }
}

const groupOf = (apiVersion: string): string => apiVersion.split('/').slice(0, -1).join('/');

const startOf = (node: unknown): number => (isNode(node) ? (node.range?.[0] ?? 0) : 0);

function textAt(node: YAMLMap, key: string): string | undefined {
  const value = node.get(key);
  return typeof value === 'string' && value !== '' ? value : undefined;
}

/** The node whose path a problem begins with (`spec.ports[0].port is …`), or the last that exists on the way. */
function named(problem: string, root: Node): Node {
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
