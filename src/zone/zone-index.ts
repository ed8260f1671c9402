import { reverseAddresses } from './answer-reverse.ts';
import type { Dependency } from './records.ts';
import type { ServiceView } from './service.ts';

/** `namespace/name` of a service. */
export type ServiceKey = `${string}/${string}`;

type View = ServiceView | undefined;

const NONE: readonly string[] = [];

/** What the zone finds services by, beside their names; kept in step with one service's change at a time. */
export class ZoneIndex {
  /** namespace → how many services it has */
  readonly #namespaces = new Map<string, number>();
  /** cluster → keys of the services it is a member of */
  readonly #memberships = new Map<string, Set<ServiceKey>>();
  /** address → keys of the services that own it in reverse zones, sorted */
  readonly #owners = new Map<string, readonly ServiceKey[]>();
  /** service's key → the addresses that it owns, where it owns any */
  readonly #owned = new Map<ServiceKey, readonly string[]>();

  hasNamespace(namespace: string): boolean {
    return this.#namespaces.has(namespace);
  }

  ownersOf(address: string): readonly ServiceKey[] {
    return this.#owners.get(address) ?? [];
  }

  get memberships(): ReadonlyMap<string, ReadonlySet<ServiceKey>> {
    return this.#memberships;
  }

  /** @param changed gets the dependencies of all answers that this change may have changed */
  update(key: ServiceKey, before: View, after: View, changed: Set<Dependency>): void {
    changed.add(`service:${key}`);
    this.#countNamespace(key, Number(after !== undefined) - Number(before !== undefined), changed);
    this.#updateMemberships(key, before, after);
    this.#updateOwners(key, after, changed);
  }

  #countNamespace(key: ServiceKey, difference: number, changed: Set<Dependency>): void {
    const namespace = key.slice(0, key.indexOf('/'));
    const before = this.#namespaces.get(namespace) ?? 0;
    const after = before + difference;
    if (after === 0) this.#namespaces.delete(namespace);
    else this.#namespaces.set(namespace, after);
    if ((before === 0) !== (after === 0)) changed.add(`namespace:${namespace}`);
  }

  #updateMemberships(key: ServiceKey, before: View, after: View): void {
    if (before?.members.map(({ id }) => id).join() === after?.members.map(({ id }) => id).join()) return;
    for (const { id } of before?.members ?? []) {
      const keys = this.#memberships.get(id);
      keys?.delete(key);
      if (keys?.size === 0) this.#memberships.delete(id);
    }
    for (const { id } of after?.members ?? []) {
      const keys = this.#memberships.get(id);
      if (keys === undefined) this.#memberships.set(id, new Set([key]));
      else keys.add(key);
    }
  }

  #updateOwners(key: ServiceKey, after: View, changed: Set<Dependency>): void {
    const old = this.#owned.get(key) ?? NONE;
    const now = after === undefined ? NONE : reverseAddresses(after);
    if (old.length === 0 && now.length === 0) return;
    changed.add('reverse');
    if (now.length === 0) this.#owned.delete(key);
    else this.#owned.set(key, now);
    const [was, is] = [new Set(old), new Set(now)];
    for (const address of was) {
      if (is.has(address)) continue;
      const others = this.ownersOf(address).filter((owner) => owner !== key);
      if (others.length === 0) this.#owners.delete(address);
      else this.#owners.set(address, others);
    }
    for (const address of is) {
      if (was.has(address)) continue;
      const others = this.ownersOf(address);
      this.#owners.set(address, others.length === 0 ? [key] : [...others, key].sort());
    }
  }
}
