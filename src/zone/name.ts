/** What a name in the zone asks for, by its form alone: parsed before anything is looked up. */
export type ZoneName =
  | { readonly kind: 'apex' }
  | { readonly kind: 'dns-version' }
  /** `dns.Z`, which exists only because `ns.dns.Z` does. */
  | { readonly kind: 'dns' }
  | { readonly kind: 'name-server' }
  | { readonly kind: 'svc' }
  | { readonly kind: 'namespace'; readonly namespace: string }
  | ({ readonly kind: 'service' } & InService)
  | ({ readonly kind: 'cluster'; readonly cluster: string } & InService)
  | ({ readonly kind: 'endpoint'; readonly endpoint: string; readonly cluster: string } & InService)
  /** `_proto.…`, which exists only because `_port._proto.…` does. Without `cluster`: of the whole service. */
  | ({ readonly kind: 'protocol'; readonly protocol: string; readonly cluster?: string } & InService)
  | ({
      readonly kind: 'port';
      readonly port: string;
      readonly protocol: string;
      readonly cluster?: string;
    } & InService)
  /** No name of the schema. `service` says below which service it is, where it is below one. */
  | { readonly kind: 'other'; readonly service?: InService };

interface InService {
  readonly namespace: string;
  readonly service: string;
}

/** A zone that is served. */
export interface Origin {
  /** Outermost last, lower case. */
  readonly labels: readonly string[];
  /** With the final dot, lower case. */
  readonly name: string;
}

/** @throws Error where `text` is not a domain name that could be a zone of ours */
export function parseOrigin(text: string): Origin {
  const labels = parseDomainName(text);
  if (labels.length === 0 || !labels.every((label) => /^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?$/.test(label))) {
    throw new Error(
      `"${text}" cannot be a zone: use a name of letters, digits and dashes, e.g. clusterset.local`,
    );
  }
  return { labels, name: `${labels.join('.')}.` };
}

/** The origin that these labels are in, the closest of several; undefined outside all of them. */
export function originOf(labels: readonly string[], origins: readonly Origin[]): Origin | undefined {
  let closest: Origin | undefined;
  for (const origin of origins) {
    if (closest !== undefined && closest.labels.length >= origin.labels.length) continue;
    const start = labels.length - origin.labels.length;
    if (start >= 0 && origin.labels.every((label, index) => label === labels[start + index]))
      closest = origin;
  }
  return closest;
}

const OTHER = { kind: 'other' } as const;

/** @param labels of the name without those of the origin, outermost last, lower case */
export function parseZoneName(labels: readonly string[]): ZoneName {
  // Outermost first: the schema reads from the zone inwards.
  const [top, namespace, service, first, second, third, ...more] = labels.toReversed();
  if (top === undefined) return { kind: 'apex' };
  if (top !== 'svc') return parseInfrastructure(labels);
  if (namespace === undefined) return { kind: 'svc' };
  if (service === undefined) return { kind: 'namespace', namespace };
  const at = { namespace, service };
  if (first === undefined) return { kind: 'service', ...at };
  const other = { kind: 'other', service: at } as const;
  if (more.length > 0) return other;
  if (isAttribute(first)) {
    const protocol = first.slice(1);
    if (second === undefined) return { kind: 'protocol', protocol, ...at };
    if (third !== undefined || !isAttribute(second)) return other;
    return { kind: 'port', port: second.slice(1), protocol, ...at };
  }
  const cluster = first;
  if (second === undefined) return { kind: 'cluster', cluster, ...at };
  if (isAttribute(second)) {
    const protocol = second.slice(1);
    if (third === undefined) return { kind: 'protocol', protocol, cluster, ...at };
    return isAttribute(third) ? { kind: 'port', port: third.slice(1), protocol, cluster, ...at } : other;
  }
  return third === undefined ? { kind: 'endpoint', endpoint: second, cluster, ...at } : other;
}

function parseInfrastructure(labels: readonly string[]): ZoneName {
  switch (labels.join('.')) {
    case 'dns-version':
      return labels.length === 1 ? { kind: 'dns-version' } : OTHER;
    case 'dns':
      return labels.length === 1 ? { kind: 'dns' } : OTHER;
    case 'ns.dns':
      return labels.length === 2 ? { kind: 'name-server' } : OTHER;
    default:
      return OTHER;
  }
}

/** RFC 8552: labels of attributes begin with an underscore, so that they never meet host names. */
const isAttribute = (label: string): boolean => label.startsWith('_');

/**
 * The labels of a name in presentation form (RFC 1035, 5.1), lower case; the final dot may be left out.
 *
 * @throws Error where it is not a domain name: an empty label, one over 63 bytes, over 255 in all
 */
export function parseDomainName(text: string): readonly string[] {
  const bare = text.replace(/(?<!\\)\.$/, '');
  if (bare === '') return [];
  const labels: string[] = [];
  let label = '';
  for (let index = 0; index < bare.length; index++) {
    const char = bare.charAt(index);
    if (char === '.') {
      labels.push(label);
      label = '';
    } else if (char === '\\') {
      const decimal = /^[0-9]{3}/.exec(bare.slice(index + 1))?.[0];
      label += decimal === undefined ? bare.charAt(index + 1) : String.fromCharCode(Number(decimal));
      index += decimal?.length ?? 1;
    } else label += char;
  }
  labels.push(label);
  const wrong = labels.find((label) => label === '' || label.length > 63 || /[^\0-\xff]/.test(label));
  if (wrong !== undefined || labels.reduce((size, label) => size + label.length + 1, 1) > 255) {
    throw new Error(
      `"${text}" is not a domain name: labels are 1 to 63 bytes, the whole at most 255 (RFC 1035, 2.3.4)`,
    );
  }
  return labels.map((label) => label.replaceAll(/[A-Z]/g, (letter) => letter.toLowerCase()));
}

/** Presentation form, with the final dot; bytes that are not plain are escaped (RFC 1035, 5.1). */
export const formatDomainName = (labels: readonly string[]): string =>
  `${labels.map(formatLabel).join('.')}.`;

const formatLabel = (label: string): string =>
  label.replaceAll(/[^A-Za-z0-9_-]/g, (char) => `\\${String(char.charCodeAt(0)).padStart(3, '0')}`);
