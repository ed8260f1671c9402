import { SecretText } from './secret-text.ts';

/** How to reach a Redis, and where in it a cluster's objects are. */
export interface RedisUrl {
  /** For logs and errors: without credentials and parameters. */
  readonly shown: string;
  /** The server, or with `sentinel` the Sentinels. */
  readonly hosts: readonly { readonly host: string; readonly port: number }[];
  readonly sentinel?: { readonly master: string } & RedisLogin;
  readonly login: RedisLogin;
  readonly db: number;
  /** Present for TLS: paths of PEM files, and the name that the server's certificate must have. */
  readonly tls?: {
    readonly ca?: string;
    readonly cert?: string;
    readonly key?: string;
    readonly servername?: string;
  };
  /** What the names of all keys start with; by default they are named after the cluster. */
  readonly prefix?: string;
}

/** An ACL user; without a user name Redis's `default`. */
export interface RedisLogin {
  readonly username?: string;
  readonly password?: SecretText;
  /** The password is in this file, which is read for each connection. */
  readonly passwordFile?: string;
}

const FORMS =
  'redis://[USER:PASSWORD@]HOST[:PORT][/DB], rediss:// for TLS, or redis+sentinel://HOST:PORT,HOST:PORT/MASTER[/DB]';
const URL_PARTS = /^(rediss?)(\+sentinel)?:\/\/(?:([^@/?]*)@)?([^@/?]+)((?:\/[^/?]+){0,2})\/?(?:\?(.*))?$/;
const HOST_PARTS = /^(\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(\d{1,5}))?$/i;
const PARAMETERS = [
  'ca',
  'cert',
  'key',
  'servername',
  'password-file',
  'prefix',
  'sentinel-username',
  'sentinel-password',
  'sentinel-password-file',
] as const;

export const isRedisUrl = (text: string): boolean => /^rediss?(\+sentinel)?:/.test(text);

/** @throws Error that says what is wrong, and repeats none of it that may be secret */
export function parseRedisUrl(text: string): RedisUrl {
  const [, scheme = '', sentinel, credentials, hostsText = '', path = '', query = ''] =
    URL_PARTS.exec(text) ?? [];
  if (scheme === '') throw new Error(`must be ${FORMS}`);
  const isSentinel = sentinel !== undefined;
  const segments = path.split('/').slice(1).map(decoded);
  const master = isSentinel ? segments.shift() : undefined;
  if (isSentinel && master === undefined) {
    throw new Error('names no master; write redis+sentinel://HOST:PORT,HOST:PORT/MASTER');
  }
  if (segments.length > 1) throw new Error(`has too long a path; must be ${FORMS}`);
  const hosts = hostsText.split(',').map((host) => parseHost(host, isSentinel ? 26_379 : 6379));
  if (!isSentinel && hosts.length > 1) {
    throw new Error('names several servers; several Sentinels are written redis+sentinel://HOST,HOST/MASTER');
  }
  const parameters = parseParameters(query);
  const tls = {
    ...pick(parameters, 'ca', 'ca'),
    ...pick(parameters, 'cert', 'cert'),
    ...pick(parameters, 'key', 'key'),
    ...pick(parameters, 'servername', 'servername'),
  };
  if (scheme === 'redis' && Object.keys(tls).length > 0) {
    throw new Error(`has ${Object.keys(tls).join(', ')} without TLS; write rediss:// instead of redis://`);
  }
  if ((tls.cert === undefined) !== (tls.key === undefined)) {
    throw new Error('must have cert and key, or neither');
  }
  const { prefix } = parameters;
  if (prefix !== undefined && !/^[\x21-\x7e]{1,200}$/.test(prefix)) {
    throw new Error('has a prefix that must be 1 to 200 printable characters without spaces');
  }
  return {
    shown: `${scheme}${sentinel ?? ''}://${hostsText}${path}`,
    hosts,
    login: {
      ...parseLogin(credentials),
      ...pick(parameters, 'password-file', 'passwordFile'),
    },
    db: parseDb(segments[0]),
    ...(master !== undefined && {
      sentinel: {
        master,
        ...pick(parameters, 'sentinel-username', 'username'),
        ...(parameters['sentinel-password'] !== undefined && {
          password: new SecretText(parameters['sentinel-password']),
        }),
        ...pick(parameters, 'sentinel-password-file', 'passwordFile'),
      },
    }),
    ...(scheme === 'rediss' && { tls }),
    ...(prefix !== undefined && { prefix }),
  };
}

type Parameters = Partial<Record<(typeof PARAMETERS)[number], string>>;

function parseParameters(query: string): Parameters {
  const parameters: Parameters = {};
  for (const [name, value] of new URLSearchParams(query)) {
    const known = PARAMETERS.find((each) => each === name);
    if (known === undefined) throw new Error(`has an unknown parameter; known are ${PARAMETERS.join(', ')}`);
    if (value === '') throw new Error(`has an empty parameter ${known}`);
    parameters[known] = value;
  }
  return parameters;
}

/** The parameter `from` as the field `to`, where it is given. */
const pick = <K extends string>(
  parameters: Parameters,
  from: keyof Parameters,
  to: K,
): { readonly [key in K]?: string } =>
  parameters[from] === undefined ? {} : ({ [to]: parameters[from] } as { readonly [key in K]?: string });

function parseHost(text: string, defaultPort: number): { host: string; port: number } {
  const [, host, portText] = HOST_PARTS.exec(text) ?? [];
  const port = portText === undefined ? defaultPort : Number(portText);
  if (host === undefined || port < 1 || port > 65_535) {
    throw new Error('has a server that must be HOST or HOST:PORT, an IPv6 address in brackets');
  }
  return { host: host.replace(/^\[|\]$/g, ''), port };
}

function parseLogin(credentials: string | undefined): { username?: string; password?: SecretText } {
  if (credentials === undefined) return {};
  const colon = credentials.indexOf(':');
  const username = decoded(colon === -1 ? credentials : credentials.slice(0, colon));
  const password = colon === -1 ? '' : decoded(credentials.slice(colon + 1));
  return {
    ...(username !== '' && { username }),
    ...(password !== '' && { password: new SecretText(password) }),
  };
}

function parseDb(text = '0'): number {
  if (/^\d{1,5}$/.test(text)) return Number(text);
  throw new Error('has a database that must be a number');
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new Error('has a "%" that encodes nothing; in a user name or password write %25 for it');
  }
}
