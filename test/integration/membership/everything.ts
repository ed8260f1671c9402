import assert from 'node:assert/strict';
import { until } from '../../lab/wait.ts';
import type { RestClient } from './rest-client.ts';

/** A kind of object, or a subresource of one (`pods/log`), that an API server serves. */
export interface Resource {
  /** '' for the core group. */
  readonly group: string;
  readonly apiVersion: string;
  readonly kind: string;
  /** `pods`, `pods/log` */
  readonly name: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
}

interface GroupList {
  readonly groups: readonly { readonly preferredVersion: { readonly groupVersion: string } }[];
}

interface ResourceList {
  readonly resources: readonly Omit<Resource, 'group' | 'apiVersion'>[];
}

/** All that an API server serves, each group in its preferred version, in the order of the server. */
export async function resourcesOf(admin: RestClient): Promise<Resource[]> {
  const { groups } = (await get(admin, '/apis')) as GroupList;
  const versions = ['v1', ...groups.map(({ preferredVersion }) => preferredVersion.groupVersion)];
  const lists = await Promise.all(
    versions.map(async (apiVersion) => {
      const { resources } = (await get(admin, root(apiVersion))) as ResourceList;
      const group = apiVersion.includes('/') ? apiVersion.replace(/\/.*/, '') : '';
      return resources.map((resource) => ({ ...resource, group, apiVersion }));
    }),
  );
  return lists.flat();
}

/** The collection in a namespace, or of the whole cluster where the resource has no namespaces. */
export const collectionPath = ({ apiVersion, name, namespaced }: Resource, namespace?: string): string =>
  `${root(apiVersion)}${namespaced && namespace !== undefined ? `/namespaces/${namespace}` : ''}/${name.replace(/\/.*/, '')}`;

/** One object, or its subresource. */
export const objectPath = (resource: Resource, object: string, namespace?: string): string => {
  const subresource = resource.name.replace(/^[^/]*/, '');
  return `${collectionPath(resource, namespace)}/${object}${subresource}`;
};

interface ObjectList {
  readonly items: readonly {
    readonly metadata: {
      readonly name: string;
      readonly namespace?: string;
      readonly resourceVersion: string;
    };
  }[];
}

/** What Kubernetes itself changes all the time. */
const RESTLESS = new Set(['events', 'leases', 'componentstatuses']);

/** Every object of an API server: `resource namespace/name` → resourceVersion. */
export async function inventoryOf(admin: RestClient): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  const listed = (await resourcesOf(admin)).filter(
    ({ name, verbs }) => verbs.includes('list') && !RESTLESS.has(name),
  );
  const lists = await Promise.all(
    listed.map(async (resource) => ({
      resource,
      list: (await get(admin, collectionPath(resource))) as ObjectList,
    })),
  );
  for (const { resource, list } of lists) {
    for (const { metadata } of list.items) {
      found.set(`${resource.name} ${metadata.namespace ?? ''}/${metadata.name}`, metadata.resourceVersion);
    }
  }
  return found;
}

/** What differs between two inventories, a line each. */
export const changes = (before: Map<string, string>, after: Map<string, string>): string[] => [
  ...[...before.keys()].filter((key) => !after.has(key)).map((key) => `- ${key}`),
  ...[...after].flatMap(([key, version]) => {
    if (!before.has(key)) return `+ ${key}`;
    return before.get(key) === version ? [] : `~ ${key}`;
  }),
];

/** An API server that has just got a definition answers 429 for a moment. */
const get = (admin: RestClient, path: string): Promise<unknown> =>
  until(`GET ${path}`, 30_000, async () => {
    const { status, body } = await admin.send('GET', path);
    if (status === 429) return undefined;
    assert.equal(status, 200, `GET ${path}: ${JSON.stringify(body)}`);
    return body;
  });

const root = (apiVersion: string): string =>
  apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
