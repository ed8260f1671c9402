/** Tells tables what changes in the zone, and makes the answers that they keep. */
import { ReasonCode } from '../../zone/reasons.ts';
import type { Answer, AnswerSource, Dependency } from '../../zone/records.ts';
import { BARE_OPT, OWN_UDP_SIZE } from '../edns.ts';
import type { Finished } from '../encode.ts';
import { HEADER_BYTES } from '../header.ts';
import type { Request } from '../request.ts';
import type { MessageWriter } from '../writer.ts';
import { DEPENDENCY_COUNTERS } from './answer-table.ts';
import { encodeBlock, isTooLarge, words } from './block.ts';
import { denialsOf } from './denials.ts';
import { EntryAt, type KeptAnswer, MAX_PERIOD } from './entry.ts';
import { nameHash, questionHash } from './name-hash.ts';
import type { TableChange, TableHolder } from './table-change.ts';
import { wireName } from './wire-name.ts';

/** Names below a zone that everything below is asked of the zone itself; see ZoneNames. */
const TOPS = ['svc', 'dns', 'hostmaster', 'dns-version'];

const SERVICE = 'service:';
const NAMESPACE = 'namespace:';

export class TableFeed {
  readonly #source: AnswerSource;
  readonly #seed: number;
  readonly #writer: MessageWriter;
  readonly #holders = new Set<TableHolder>();
  readonly #changes = new Uint32Array(DEPENDENCY_COUNTERS);
  // `NAMESPACE/NAME` of services and `NAMESPACE/` of namespaces that tables know.
  readonly #known = new Set<string>();
  readonly #unsubscribe: () => void;

  /**
   * @param seed of all hashes: what nobody outside can know
   * @param writer scratch space
   */
  constructor(source: AnswerSource, seed: number, writer: MessageWriter) {
    this.#source = source;
    this.#seed = seed;
    this.#writer = writer;
    this.#unsubscribe = source.subscribe((changed) => this.#change(changed));
    this.#learn();
  }

  /** Brings a table up to date and keeps it so. @returns how to stop that */
  attach(holder: TableHolder): () => void {
    holder.apply(this.#everything());
    this.#holders.add(holder);
    return () => this.#holders.delete(holder);
  }

  /** An answer as tables keep it; undefined where they must not: refusals, and what is for one client alone. */
  kept(request: Request, answer: Answer, turn: number, finished: Finished): KeptAnswer | undefined {
    if (answer.kind === 'refused' || answer.kind === 'not-synced') return undefined;
    if (answer.kind === 'records' && answer.perClient) return undefined;
    if (answer.kind === 'nxdomain' && this.#list(request.labels(), answer.dependsOn)) return undefined;
    const length = request.keyLength - 2;
    const questionEnd = HEADER_BYTES + length + 4;
    const block = encodeBlock(finished, questionEnd, OWN_UDP_SIZE - BARE_OPT.length - questionEnd);
    const period =
      answer.kind === 'records' && !(isTooLarge(block) && isReordered(answer)) ? answer.period : 1;
    if (period > MAX_PERIOD) return undefined;
    const entry = new Int32Array(EntryAt.name + words(length));
    const name = new Uint8Array(entry.buffer, 4 * EntryAt.name);
    name.set(request.key.subarray(0, length));
    const view = new DataView(entry.buffer, 4 * EntryAt.name);
    const counter = counterOf(answer.dependsOn);
    entry[EntryAt.hash] = questionHash(nameHash(view, 0, length, this.#seed), request.type);
    entry[EntryAt.question] = length | (request.type << 16);
    entry[EntryAt.dependency] = counter;
    entry[EntryAt.change] = this.#changes[counter]!;
    entry[EntryAt.period] = period;
    entry[EntryAt.turn] = (turn + 1) % period;
    return { entry, turn: turn % period, block };
  }

  close(): void {
    this.#unsubscribe();
    this.#holders.clear();
  }

  #change(changed: 'all' | ReadonlySet<Dependency>): void {
    if (changed === 'all') {
      this.#learn();
      const everything = this.#everything();
      for (const holder of this.#holders) holder.apply(everything);
      return;
    }
    const counters: number[] = [];
    const added: number[] = [];
    const removed: number[] = [];
    for (const dependency of changed) {
      const counter = counterOf(dependency);
      counters.push(counter);
      this.#changes[counter]!++;
      this.#follow(dependency, added, removed);
    }
    const change: TableChange = { type: 'changed', serial: this.#source.serial, counters, added, removed };
    for (const holder of this.#holders) holder.apply(change);
  }

  /**
   * Tells all names below a service whose names are asked for and do not exist, so that tables can deny the next ones.
   * @returns whether there was such a service
   */
  #list(labels: readonly string[], dependsOn: Dependency): boolean {
    const { names } = this.#source;
    const [, namespace = '', service = ''] = /^service:([^/]*)\/(.*)$/s.exec(dependsOn) ?? [];
    const origin = names?.origins.findLast((each) =>
      each.labels.every((label, index) => label === labels.at(index - each.labels.length)),
    );
    const below = names?.synced === true ? names.below(namespace, service) : undefined;
    if (origin === undefined || below === undefined) return false;
    const own = [service, namespace, 'svc', ...origin.labels];
    if (
      labels.length <= own.length ||
      !own.every((label, index) => label === labels.at(index - own.length))
    ) {
      return false;
    }
    const change: TableChange = {
      type: 'listed',
      service: {
        name: wireName(own),
        hash: this.#hash(own),
        counter: counterOf(dependsOn),
        below: Int32Array.from(below.names, (name) => this.#hash([...name, ...own])),
        dashed: below.dashed,
      },
    };
    for (const holder of this.#holders) holder.apply(change);
    return true;
  }

  /** Adds the hashes of names that came or went with what changed. */
  #follow(dependency: Dependency, added: number[], removed: number[]): void {
    const { names } = this.#source;
    if (names === undefined) return;
    let key: string;
    let exists: boolean;
    // All services of a cluster may change at once: no pattern is matched, and nothing compiled.
    if (dependency.startsWith(SERVICE)) {
      key = dependency.slice(SERVICE.length);
      const slash = key.indexOf('/');
      exists = names.hasService(key.slice(0, slash), key.slice(slash + 1));
    } else if (dependency.startsWith(NAMESPACE)) {
      const namespace = dependency.slice(NAMESPACE.length);
      key = `${namespace}/`;
      exists = names.hasNamespace(namespace);
    } else return;
    if (exists === this.#known.has(key)) return;
    if (exists) this.#known.add(key);
    else this.#known.delete(key);
    (exists ? added : removed).push(...this.#hashes(key));
  }

  #learn(): void {
    this.#known.clear();
    for (const { namespace, name } of this.#source.names?.services() ?? []) {
      this.#known.add(`${namespace}/`);
      this.#known.add(`${namespace}/${name}`);
    }
  }

  #everything(): TableChange {
    const { names, serial } = this.#source;
    const origins = names?.synced === true ? names.origins : [];
    const hashes = [...this.#known].flatMap((key) => this.#hashes(key));
    for (const top of TOPS) for (const { labels } of origins) hashes.push(this.#hash([top, ...labels]));
    return {
      type: 'reset',
      serial,
      seed: this.#seed,
      changes: this.#changes.slice(),
      zones: origins.map(({ labels }) => ({
        name: wireName(labels),
        depth: labels.length,
        ...denialsOf(this.#source, labels, this.#writer),
      })),
      names: Int32Array.from(hashes),
    };
  }

  /** The hashes of a service's or a namespace's name in each zone. */
  #hashes(key: string): number[] {
    const [namespace = '', service = ''] = key.split('/');
    const labels = service === '' ? [namespace, 'svc'] : [service, namespace, 'svc'];
    return (this.#source.names?.origins ?? []).map((origin) => this.#hash([...labels, ...origin.labels]));
  }

  #hash(labels: readonly string[]): number {
    const name = wireName(labels);
    return nameHash(new DataView(name.buffer), 0, name.length, this.#seed);
  }
}

/** Whether every turn of an answer has the same records, in another order: where one is too large, all are. */
const isReordered = ({ reason }: Answer): boolean => reason === ReasonCode.endpoints;

/** FNV-1a. */
function counterOf(dependency: Dependency): number {
  let hash = 0x811c_9dc5;
  for (let index = 0; index < dependency.length; index++) {
    hash = Math.imul(hash ^ dependency.charCodeAt(index), 0x0100_0193);
  }
  return (hash ^ (hash >>> 16)) & (DEPENDENCY_COUNTERS - 1);
}
