import { StoreError, type StoreErrorCode } from './store.ts';

/** metav1.Status, as far as it is used. */
export interface Status {
  readonly message?: unknown;
  readonly reason?: unknown;
  readonly code?: unknown;
  readonly details?: {
    readonly name?: unknown;
    readonly retryAfterSeconds?: unknown;
    readonly causes?: readonly { readonly reason?: unknown }[];
  };
}

interface FailureFacts {
  /** The HTTP status; absent where no answer came. */
  readonly status?: number | undefined;
  /** The machine-readable reason of a metav1.Status. */
  readonly reason?: string | undefined;
  /** The reasons of the Status's causes. */
  readonly causes?: readonly string[];
  readonly retryAfterSeconds?: number | undefined;
  readonly cause?: unknown;
}

/** The `reason` of an answer that makes no sense, whatever its HTTP status. */
export const GARBLED = 'Garbled';

/** A request to an API server that was refused, or got no answer: the cause, before anyone knows what for. */
export class KubeFailure extends Error {
  override readonly name = 'KubeFailure';
  readonly status: number | undefined;
  readonly reason: string | undefined;
  readonly causes: readonly string[];
  readonly retryAfterSeconds: number | undefined;

  constructor(message: string, { status, reason, causes, retryAfterSeconds, cause }: FailureFacts = {}) {
    super(message, { cause });
    this.status = status;
    this.reason = reason;
    this.causes = causes ?? [];
    this.retryAfterSeconds = retryAfterSeconds;
  }

  /** The history that the server was asked for is no longer there: list again (Kubernetes' "410 Gone"). */
  get isGone(): boolean {
    return this.status === 410 || this.reason === 'Expired' || this.reason === 'Gone';
  }

  /** The server was reached, and answered something that does not help. */
  get isAnswer(): boolean {
    return this.status !== undefined || this.reason === GARBLED;
  }

  /** The server does not know the kind at all, unlike an object of the kind that is missing. */
  get isMissingKind(): boolean {
    return this.status === 404 && this.reason === undefined;
  }
}

/** What an HTTP answer of 400 and above says. `retryAfter` is the header of that name. */
export function failureOfResponse(status: number, body: string, retryAfter: string | undefined): KubeFailure {
  const seconds = /^\d+$/.test(retryAfter ?? '') ? Number(retryAfter) : undefined;
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === 'object' && parsed !== null) return failureOfStatus(parsed, status, seconds);
  } catch {
    // Not from the API machinery: a proxy, or the plain "404 page not found" of an unknown path.
  }
  const text = body.replaceAll(/\s+/g, ' ').trim().slice(0, 200);
  return new KubeFailure(`HTTP ${status}${text === '' ? '' : `: ${text}`}`, {
    status,
    retryAfterSeconds: seconds,
  });
}

/** What a metav1.Status says, in an answer or in an ERROR event of a watch. */
export function failureOfStatus(
  { message, reason, code, details }: Status,
  status = typeof code === 'number' ? code : 500,
  retryAfterSeconds?: number,
): KubeFailure {
  const text = typeof message === 'string' && message !== '' ? message : 'no message';
  // A Status about a missing object names it; one about an unknown kind or path does not.
  const named = reason !== 'NotFound' || details?.name !== undefined;
  const hinted = typeof details?.retryAfterSeconds === 'number' ? details.retryAfterSeconds : undefined;
  return new KubeFailure(`HTTP ${status}: ${text}`, {
    status,
    reason: typeof reason === 'string' && named ? reason : undefined,
    causes: (details?.causes ?? []).flatMap((cause) =>
      typeof cause.reason === 'string' ? cause.reason : [],
    ),
    retryAfterSeconds: retryAfterSeconds ?? hinted,
  });
}

/** What an error of the network, of TLS or of the authentication says. */
export function failureOfError(error: unknown): KubeFailure {
  if (error instanceof KubeFailure) return error;
  return new KubeFailure(explain(error), { cause: error });
}

function explain(error: unknown): string {
  // All addresses of a host name were tried, each with its own result.
  if (error instanceof AggregateError) return error.errors.map(explain).join(', ');
  if (!(error instanceof Error)) return String(error);
  // Node's name for a body that ended before its end.
  if (error.message === 'aborted') return 'the connection was lost in the middle of the answer';
  return error.message;
}

/**
 * @param action what was tried with which object, to stand after "Cannot": `apply ServiceExport shop/mysql`
 * @param location the server
 */
export function storeError(action: string, location: string, failure: KubeFailure): StoreError {
  const code = codeOf(failure);
  const message = `Cannot ${action} at ${location}: ${failure.message}; ${advice(code, failure)}`;
  return new StoreError(code, message, {
    cause: failure,
    ...(failure.retryAfterSeconds !== undefined && { retryAfterSeconds: failure.retryAfterSeconds }),
  });
}

function codeOf({ status, causes }: KubeFailure): StoreErrorCode {
  if (status === undefined || status >= 500) return 'unavailable';
  switch (status) {
    case 401:
      return 'forbidden';
    case 403:
      // Nothing can be created in a namespace that is being deleted: soon there is none.
      return causes.includes('NamespaceTerminating') ? 'not-found' : 'forbidden';
    case 404:
      return 'not-found';
    case 409:
      return 'conflict';
    case 408:
    case 410:
    case 429:
      return 'unavailable';
    default:
      return 'invalid';
  }
}

function advice(code: StoreErrorCode, failure: KubeFailure): string {
  switch (code) {
    case 'conflict':
      return 'read it again and retry';
    case 'forbidden':
      return failure.status === 401
        ? 'check or renew the credentials'
        : 'grant this identity the permission (RBAC)';
    case 'invalid':
      return 'correct it and try again';
    case 'not-found':
      return failure.isMissingKind ? 'install the CustomResourceDefinition of this kind' : 'create it first';
    case 'unavailable':
      if (failure.status !== undefined) return 'try again later';
      if (failure.message.startsWith('ENOENT')) return 'check the files that the kubeconfig names';
      return /certificate|CERT|altname/i.test(failure.message)
        ? 'check certificate-authority-data and tls-server-name of the kubeconfig'
        : 'check that the API server runs and can be reached from here';
    default:
      return code satisfies never;
  }
}
