import { readFile } from 'node:fs/promises';

/** What a server wrote down of a request, as far as tests ask. */
export interface AuditedRequest {
  /** `get`, `list`, `watch`, `create`, `patch`, `delete`, … as RBAC calls them. */
  readonly verb: string;
  readonly user: string;
  /** Path and query. */
  readonly uri: string;
  /** Plural name of the kind with its subresource, `serviceexports/status`; '' for what is no object. */
  readonly resource: string;
  readonly namespace: string;
  readonly name: string;
  /** HTTP status; of a watch that of its head. */
  readonly status: number;
  /** Milliseconds since 1970 by the server's clock. */
  readonly receivedAt: number;
  readonly answeredAt: number;
}

/** All requests, each once: when it was answered, a watch when its answer began. */
export const auditPolicy = {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  rules: [{ level: 'Metadata', omitStages: ['RequestReceived', 'Panic'] }],
};

interface AuditEvent {
  readonly stage: string;
  readonly verb: string;
  readonly user: { readonly username: string };
  readonly requestURI: string;
  readonly objectRef?: {
    readonly resource?: string;
    readonly subresource?: string;
    readonly namespace?: string;
    readonly name?: string;
  };
  readonly responseStatus?: { readonly code?: number };
  readonly requestReceivedTimestamp: string;
  readonly stageTimestamp: string;
}

const WRITES = new Set(['create', 'update', 'patch', 'delete', 'deletecollection']);

export const isWrite = ({ verb }: AuditedRequest): boolean => WRITES.has(verb);

/** A complete list: asked for as one, or as the beginning of a watch. A page after the first counts with it. */
export const isList = ({ verb, uri }: AuditedRequest): boolean =>
  verb === 'list'
    ? !uri.includes('continue=')
    : verb === 'watch' && (uri.includes('sendInitialEvents=true') || !uri.includes('resourceVersion='));

/** In order of arrival. */
export async function readAuditLog(file: string): Promise<AuditedRequest[]> {
  const lines = (await readFile(file, 'utf8')).split('\n');
  // What comes after the last line break is still being written.
  lines.pop();
  return lines
    .map((line) => JSON.parse(line) as AuditEvent)
    .filter(({ stage, verb }) => (stage === 'ResponseStarted') === (verb === 'watch'))
    .map(({ verb, user, requestURI, objectRef = {}, responseStatus, ...times }) => ({
      verb,
      user: user.username,
      uri: requestURI,
      resource: [objectRef.resource, objectRef.subresource].filter(Boolean).join('/'),
      namespace: objectRef.namespace ?? '',
      name: objectRef.name ?? '',
      status: responseStatus?.code ?? 0,
      receivedAt: Date.parse(times.requestReceivedTimestamp),
      answeredAt: Date.parse(times.stageTimestamp),
    }))
    .sort((a, b) => a.receivedAt - b.receivedAt);
}
