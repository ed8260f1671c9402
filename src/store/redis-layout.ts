/**
 * How a cluster's objects lie in Redis; docs/reference/redis.md has it for readers. Three keys with one
 * prefix: a hash of the objects, a stream of their changes, and a hash that says which state this is.
 *
 * The state has a generation, one more with each write, and a nonce. Each entry of the stream has its
 * generation for an id and names the nonce of the state before it: who holds state (g, n) may go on with an
 * entry only where that is g + 1 and follows n. Whatever a failover, a restore or a flush did, what does not
 * follow shows, and the reader reads the whole state again.
 */
import { type Kind, Kinds, keyOf } from '../api/kinds.ts';
import type { KubeObject } from '../api/objects.ts';
import {
  type Validation,
  validateConfigMap,
  validateEndpointSlice,
  validateGateway,
  validateNamespace,
  validateServiceExport,
  validateServiceImport,
} from '../api/validate.ts';

export interface RedisKeys {
  readonly meta: string;
  readonly objects: string;
  readonly changes: string;
}

/** The braces make Redis Cluster, and proxies like it, keep the three in one place. */
export function redisKeys(cluster: string, prefix = `pharos:{${cluster}}`): RedisKeys {
  return { meta: `${prefix}:meta`, objects: `${prefix}:objects`, changes: `${prefix}:changes` };
}

/** Fields of the `meta` hash, in the order in which {@link parseMeta} wants their values. */
export const META_FIELDS = ['format', 'cluster', 'epoch', 'generation', 'nonce', 'complete', 'beat'] as const;

/** What `meta` says: which state this is, and who wrote it. */
export interface RedisMeta {
  readonly cluster: string;
  /** Of the writer's election: a lower one has lost. */
  readonly epoch: number;
  readonly generation: number;
  readonly nonce: string;
  /** Whether the objects are all; not so while the first publication is under way. */
  readonly complete: boolean;
  /** Changes while the writer lives and sees its API server. */
  readonly beat: string;
}

/** Of what is written; another one is not read. */
export const REDIS_FORMAT = '1';

/** @returns `absent` where nothing was ever published, a text where this is nothing that Pharos wrote */
export function parseMeta(values: readonly unknown[]): RedisMeta | 'absent' | { readonly foreign: string } {
  const [format, cluster, epochText, generationText, nonce, complete, beat] = values;
  if (values.every((value) => value === null)) return 'absent';
  if (format !== REDIS_FORMAT)
    return { foreign: `its format is ${JSON.stringify(format)}, must be "${REDIS_FORMAT}"` };
  const epoch = wholeNumber(epochText);
  const generation = wholeNumber(generationText);
  if (epoch === undefined || generation === undefined) {
    return { foreign: 'its epoch and generation must be whole numbers' };
  }
  if (typeof cluster !== 'string' || typeof nonce !== 'string' || nonce === '') {
    return { foreign: 'its cluster or nonce is missing' };
  }
  return {
    cluster,
    epoch,
    generation,
    nonce,
    complete: complete === '1',
    beat: typeof beat === 'string' ? beat : '',
  };
}

const wholeNumber = (text: unknown): number | undefined =>
  typeof text === 'string' && /^\d{1,16}$/.test(text) && Number.isSafeInteger(Number(text))
    ? Number(text)
    : undefined;

/** The field of an object in the `objects` hash, such as `serviceimports/shop/web`. */
export const fieldOf = (kind: Kind, object: KubeObject): string => `${kind.plural}/${keyOf(object)}`;

interface Readable {
  readonly kind: Kind;
  readonly validate: (value: unknown) => Validation<KubeObject>;
}

/** Plural name → how objects of the kind are read. What a stranger put there becomes typed here or not at all. */
const READABLE: ReadonlyMap<string, Readable> = new Map(
  [
    { kind: Kinds.ServiceImport, validate: validateServiceImport },
    { kind: Kinds.EndpointSlice, validate: validateEndpointSlice },
    { kind: Kinds.Gateway, validate: validateGateway },
    { kind: Kinds.ConfigMap, validate: validateConfigMap },
    { kind: Kinds.ServiceExport, validate: validateServiceExport },
    { kind: Kinds.Namespace, validate: validateNamespace },
  ].map((readable): [string, Readable] => [readable.kind.plural, readable]),
);

export type ReadObject =
  { readonly kind: Kind; readonly object: KubeObject; readonly field: string } | { readonly problem: string };

/** More than an API server would store (etcd takes 1.5 MiB). */
const MAX_OBJECT_LENGTH = 2 ** 21;

/** Reads one field of the `objects` hash. */
export function readField(field: string, json: string): ReadObject {
  if (json.length > MAX_OBJECT_LENGTH) return { problem: `${field} is ${json.length} characters long` };
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (error) {
    return { problem: `${field} is not JSON: ${(error as Error).message}` };
  }
  const read = readObject(value);
  if ('problem' in read) return { problem: `${field}: ${read.problem}` };
  return read.field === field ? read : { problem: `${field} holds ${read.field}` };
}

function readObject(value: unknown): ReadObject {
  const { apiVersion, kind: name } = (value ?? {}) as { apiVersion?: unknown; kind?: unknown };
  for (const { kind, validate } of READABLE.values()) {
    if (kind.kind !== name || kind.apiVersion !== apiVersion) continue;
    const result = validate(value);
    if (!result.ok) return { problem: result.problems.join('; ') };
    return { kind, object: result.object, field: fieldOf(kind, result.object) };
  }
  return { problem: 'it is of no kind that is read from Redis' };
}

/** One change of an entry in the stream. A removal carries the object as it was last. */
export interface RedisChange {
  readonly type: 'set' | 'removed';
  /** As in the `objects` hash. */
  readonly field: string;
  readonly read: ReadObject;
}

export interface RedisEntry {
  readonly generation: number;
  readonly epoch: number;
  readonly previous: string;
  readonly nonce: string;
  /** `reset`: more has changed than is listed here, read everything. */
  readonly changes: readonly RedisChange[] | 'reset';
}

/** @param fields name and value by turns @returns undefined where no Pharos wrote this */
export function parseEntry(id: string, fields: readonly string[]): RedisEntry | undefined {
  const named = new Map<string, string>();
  for (let index = 0; index + 1 < fields.length; index += 2) named.set(fields[index]!, fields[index + 1]!);
  const [, generationText] = /^(\d+)-0$/.exec(id) ?? [];
  const generation = wholeNumber(generationText);
  const epoch = wholeNumber(named.get('epoch'));
  const previous = named.get('previous');
  const nonce = named.get('nonce');
  const changes = named.get('changes');
  if (generation === undefined || epoch === undefined || previous === undefined || changes === undefined) {
    return undefined;
  }
  if (nonce === undefined || nonce === '') return undefined;
  const parsed = changes === 'reset' ? changes : parseChanges(changes);
  return parsed === undefined ? undefined : { generation, epoch, previous, nonce, changes: parsed };
}

function parseChanges(json: string): RedisChange[] | undefined {
  let list: unknown;
  try {
    list = JSON.parse(json);
  } catch {
    return undefined;
  }
  if (!Array.isArray(list)) return undefined;
  const parsed: RedisChange[] = [];
  for (const item of list as unknown[]) {
    const { field, set, removed } = (item ?? {}) as { field?: unknown; set?: unknown; removed?: unknown };
    if (typeof field !== 'string') return undefined;
    const [type, value] = removed === undefined ? (['set', set] as const) : (['removed', removed] as const);
    const read = readObject(value);
    const isItself = 'problem' in read || read.field === field;
    parsed.push({ type, field, read: isItself ? read : { problem: `it is ${read.field}` } });
  }
  return parsed;
}

/** How {@link parseEntry} wants changes: a JSON array of finished JSON texts. */
export const changesText = (
  changes: readonly { readonly type: RedisChange['type']; readonly field: string; readonly json: string }[],
): string =>
  `[${changes.map(({ type, field, json }) => `{"field":${JSON.stringify(field)},"${type}":${json}}`).join(',')}]`;

/**
 * Writes some changes as one step from the state that the writer knows to the next one, or nothing.
 *
 * KEYS meta, objects, changes. ARGV: 1 format, 2 cluster, 3 epoch, 4 generation known (0 = none), 5 nonce
 * known, 6 least generation to begin from, 7 new nonce, 8 'change' | 'fill' | 'reset' | 'beat', 9 beat,
 * 10 changes as text, 11 how many entries to keep, then field and JSON by turns ('' = remove).
 *
 * 'fill' writes objects of a state that is not complete and has no stream, 'reset' completes it.
 * @returns {'ok', generation} | {'fenced', epoch} | {'moved', generation}
 */
export const WRITE_SCRIPT = `
local meta = redis.call('HMGET', KEYS[1], 'epoch', 'generation', 'nonce')
local epoch = tonumber(meta[1] or '0') or 0
local generation = tonumber(meta[2] or '0') or 0
if epoch > tonumber(ARGV[3]) then return {'fenced', tostring(meta[1])} end
if generation ~= tonumber(ARGV[4]) or (meta[3] or '') ~= ARGV[5] then return {'moved', tostring(meta[2])} end
if ARGV[8] == 'beat' then
  redis.call('HSET', KEYS[1], 'beat', ARGV[9], 'epoch', ARGV[3])
  return {'ok', tostring(meta[2])}
end
local least = tonumber(ARGV[6])
if generation < least then generation = least end
local last = redis.call('XREVRANGE', KEYS[3], '+', '-', 'COUNT', 1)
if last[1] then
  local top = tonumber(string.match(last[1][1], '^(%d+)-'))
  if generation < top then generation = top end
end
generation = generation + 1
local text = string.format('%.0f', generation)
for at = 12, #ARGV, 2 do
  if ARGV[at + 1] == '' then redis.call('HDEL', KEYS[2], ARGV[at])
  else redis.call('HSET', KEYS[2], ARGV[at], ARGV[at + 1]) end
end
local complete = '1'
if ARGV[8] == 'fill' then complete = '0' else
  redis.call('XADD', KEYS[3], 'MAXLEN', ARGV[11], text .. '-0',
    'epoch', ARGV[3], 'previous', ARGV[5], 'nonce', ARGV[7], 'changes', ARGV[10])
end
redis.call('HSET', KEYS[1], 'format', ARGV[1], 'cluster', ARGV[2], 'epoch', ARGV[3],
  'generation', text, 'nonce', ARGV[7], 'complete', complete, 'beat', ARGV[9])
return {'ok', text}
`;
