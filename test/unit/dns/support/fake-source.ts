import { ReasonCode } from '../../../../src/zone/reasons.ts';
import type {
  Answer,
  AnswerSource,
  Asker,
  Dependency,
  ExtendedError,
  Question,
  ResourceRecord,
} from '../../../../src/zone/records.ts';

export const ZONE = 'clusterset.local.';

/** What `records` and its like take beside what they always say. */
interface Extras {
  readonly additional?: readonly ResourceRecord[];
  readonly period?: number;
  readonly perClient?: boolean;
  readonly dependsOn?: Dependency;
  readonly ede?: ExtendedError;
}

export const explained = (extras: Extras = {}) => ({
  reason: ReasonCode.zoneData,
  detail: '',
  dependsOn: extras.dependsOn ?? ('apex' as const),
  ...(extras.ede && { ede: extras.ede }),
});

export function records(answer: readonly ResourceRecord[], extras: Extras = {}): Answer {
  const { additional = [], period = 1, perClient = false } = extras;
  return { ...explained(extras), kind: 'records', answer, additional, period, perClient };
}

export function soa(serial: number, ttl = 60, minimum = 5): ResourceRecord {
  const timers = { refresh: 7200, retry: 1800, expire: 86_400 };
  const primary = `ns.dns.${ZONE}`;
  return { type: 'SOA', name: ZONE, ttl, primary, mailbox: `hostmaster.${ZONE}`, serial, ...timers, minimum };
}

export const a = (name: string, address: string, ttl = 5): ResourceRecord => ({
  type: 'A',
  name,
  ttl,
  address,
});

/** The n-th of many IPv4 addresses. */
export const address = (n: number): string => `10.${n >> 16}.${(n >> 8) & 255}.${n & 255}`;

/** A source whose answers a test writes as a function of the name, and that remembers what it was asked. */
export class FakeSource implements AnswerSource {
  serial = 1;
  readonly asked: { readonly name: string; readonly type: number; readonly asker: Asker }[] = [];
  readonly #listeners = new Set<(changed: 'all' | ReadonlySet<Dependency>) => void>();
  readonly #answer: (name: string, asker: Asker, type: number) => Answer | undefined;

  /** Names for which `answer` returns undefined do not exist. */
  constructor(answer: (name: string, asker: Asker, type: number) => Answer | undefined) {
    this.#answer = answer;
  }

  get listeners(): number {
    return this.#listeners.size;
  }

  answer({ labels, type }: Question, asker: Asker): Answer {
    const name = `${labels.join('.')}.`;
    this.asked.push({ name, type, asker });
    const found = this.#answer(name, asker, type);
    return found ?? { ...explained(), kind: 'nxdomain', soa: soa(this.serial) };
  }

  subscribe(listener: (changed: 'all' | ReadonlySet<Dependency>) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  change(...changed: Dependency[] | ['all']): void {
    this.serial++;
    const what = changed[0] === 'all' ? 'all' : new Set(changed as Dependency[]);
    for (const listener of this.#listeners) listener(what);
  }
}
