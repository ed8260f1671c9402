import type { ClusterId } from '../../../src/api/identity.ts';
import { parseClusterId } from '../../../src/api/identity.ts';
import { Kinds } from '../../../src/api/kinds.ts';
import { SecretText } from '../../../src/api/secret-text.ts';
import { shippedDefinitions } from '../../../src/membership/definitions.ts';
import { deployBroker } from '../../../src/membership/deploy.ts';
import {
  join as carryOut,
  type Joined,
  type JoinDeps,
  type JoinRequest,
  planJoin,
} from '../../../src/membership/join.ts';
import type { KubeObject } from '../../../src/api/objects.ts';
import { MemoryStore } from '../../../src/store/memory.ts';
import type { ObjectRef } from '../../../src/store/store.ts';
import type { IssuedToken, TokenIssuer } from '../../../src/store/token-issuer.ts';
import { FakeClock } from '../support/fake-clock.ts';

export const NAMESPACE = 'pharos-broker';
export const definitions = await shippedDefinitions();
export const id = (text: string): ClusterId => parseClusterId(text);

/** A broker in memory that gives out `token-1`, `token-2`, … */
export class MemoryBroker extends MemoryStore implements TokenIssuer {
  readonly issued: ObjectRef[] = [];
  lifetimeSeconds: number | undefined;

  async issueToken({ name, namespace = '' }: ObjectRef, lifetimeSeconds: number): Promise<IssuedToken> {
    this.issued.push({ name, namespace });
    return {
      token: new SecretText(`token-${this.issued.length}`),
      lifetimeSeconds: this.lifetimeSeconds ?? lifetimeSeconds,
    };
  }
}

/** A cluster as it is before anybody knows of Pharos. */
export async function cluster(name: string, clock: FakeClock): Promise<MemoryStore> {
  const store = new MemoryStore({ location: `https://${name}:6443`, clock });
  await store.apply(Kinds.Namespace, {
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name: 'kube-system' },
  });
  return store;
}

export async function broker(clock: FakeClock): Promise<MemoryBroker> {
  const store = new MemoryBroker({ location: 'https://broker:6443', clock });
  await deployBroker(store, NAMESPACE, definitions, clock);
  return store;
}

export interface Clusterset {
  readonly clock: FakeClock;
  readonly broker: MemoryBroker;
  readonly west: MemoryStore;
  readonly deps: JoinDeps & { readonly broker: MemoryBroker };
  readonly request: JoinRequest;
}

/** A broker, and west, which is about to join. */
export async function clusterset(): Promise<Clusterset> {
  const clock = new FakeClock();
  const theBroker = await broker(clock);
  const west = await cluster('west', clock);
  return {
    clock,
    broker: theBroker,
    west,
    deps: { broker: theBroker, member: west, definitions, clock },
    request: {
      cluster: id('west'),
      brokerNamespace: NAMESPACE,
      address: { server: 'https://broker.example:6443', certificateAuthority: 'PEM' },
    },
  };
}

/** As the command does it. */
export const join = async (deps: JoinDeps, request: JoinRequest): Promise<Joined> =>
  carryOut(deps, await planJoin(deps, request));

/** Everything in a store, as `Kind namespace/name@resourceVersion`, sorted: equal before and after = untouched. */
export async function inventory(store: MemoryStore): Promise<string[]> {
  const lists = await Promise.all(Object.values(Kinds).map((kind) => store.list<KubeObject>(kind)));
  return lists
    .flat()
    .map(
      ({ kind, metadata: { name, namespace = '', resourceVersion = '' } }) =>
        `${kind} ${namespace}/${name}@${resourceVersion}`,
    )
    .sort();
}
