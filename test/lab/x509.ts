import { generateKeyPairSync, randomBytes, sign, type KeyObject } from 'node:crypto';
import { isIP } from 'node:net';

/** A certificate with its private key, both PEM. */
export interface Identity {
  readonly certificate: string;
  readonly key: string;
}

/** The subject as Kubernetes reads it: CN is the user, each O a group. */
export interface Subject {
  readonly user: string;
  readonly groups?: readonly string[];
}

// DER (X.690), the few types that a certificate needs.

function tlv(tag: number, ...content: readonly Buffer[]): Buffer {
  const body = Buffer.concat(content);
  if (body.length < 0x80) return Buffer.concat([Buffer.from([tag, body.length]), body]);
  const length = Buffer.from(body.length.toString(16).padStart(body.length > 0xff ? 4 : 2, '0'), 'hex');
  return Buffer.concat([Buffer.from([tag, 0x80 | length.length]), length, body]);
}

const sequence = (...content: readonly Buffer[]): Buffer => tlv(0x30, ...content);
const set = (...content: readonly Buffer[]): Buffer => tlv(0x31, ...content);
const integer = (bytes: Buffer): Buffer => tlv(0x02, bytes);
const octets = (content: Buffer): Buffer => tlv(0x04, content);
const bits = (content: Buffer, unused = 0): Buffer => tlv(0x03, Buffer.from([unused]), content);
const utf8 = (text: string): Buffer => tlv(0x0c, Buffer.from(text));
const yes = tlv(0x01, Buffer.from([0xff]));

function oid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const bytes = [first * 40 + second];
  for (const arc of rest) {
    const groups = [arc & 0x7f];
    for (let high = arc >> 7; high > 0; high >>= 7) groups.unshift((high & 0x7f) | 0x80);
    bytes.push(...groups);
  }
  return tlv(0x06, Buffer.from(bytes));
}

/** GeneralizedTime with seconds, as RFC 5280 4.1.2.5.2 wants it; UTCTime before 2050 (4.1.2.5). */
function time(at: Date): Buffer {
  const digits = at.toISOString().replace(/[-:T]|\.\d+/g, '');
  return at.getUTCFullYear() < 2050
    ? tlv(0x17, Buffer.from(digits.slice(2)))
    : tlv(0x18, Buffer.from(digits));
}

const attribute = (type: string, value: string): Buffer => set(sequence(oid(type), utf8(value)));

const name = ({ user, groups = [] }: Subject): Buffer =>
  sequence(...groups.map((group) => attribute('2.5.4.10', group)), attribute('2.5.4.3', user));

const extension = (id: string, critical: boolean, value: Buffer): Buffer =>
  sequence(oid(id), ...(critical ? [yes] : []), octets(value));

function addressBytes(ip: string): Buffer {
  if (isIP(ip) === 4) return Buffer.from(ip.split('.').map(Number));
  const [head = '', tail] = ip.split('::');
  const groups = (text: string): string[] => (text === '' ? [] : text.split(':'));
  const before = groups(head);
  const after = groups(tail ?? '');
  const all = [...before, ...Array<string>(8 - before.length - after.length).fill('0'), ...after];
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex');
}

/** RFC 5280 4.2.1.6: dNSName is [2], iPAddress is [7]. */
const altName = (host: string): Buffer =>
  isIP(host) ? tlv(0x87, addressBytes(host)) : tlv(0x82, Buffer.from(host));

const ecdsaWithSha256 = sequence(oid('1.2.840.10045.4.3.2'));

function makeCertificate(
  subject: Subject,
  publicKey: KeyObject,
  extensions: readonly Buffer[],
  issuer: { readonly subject: Subject; readonly key: KeyObject },
): string {
  // A day back, for clocks that disagree; positive, as RFC 5280 4.1.2.2 wants the serial.
  const now = Date.now();
  const day = 86_400_000;
  const serial = randomBytes(16);
  serial[0] = (serial[0]! & 0x7f) | 0x40;
  const body = sequence(
    tlv(0xa0, integer(Buffer.from([2]))),
    integer(serial),
    ecdsaWithSha256,
    name(issuer.subject),
    sequence(time(new Date(now - day)), time(new Date(now + 3650 * day))),
    name(subject),
    publicKey.export({ type: 'spki', format: 'der' }),
    tlv(0xa3, sequence(...extensions)),
  );
  const der = sequence(body, ecdsaWithSha256, bits(sign('sha256', body, issuer.key)));
  const base64 = der.toString('base64').replace(/.{64}/g, '$&\n').trimEnd();
  return `-----BEGIN CERTIFICATE-----\n${base64}\n-----END CERTIFICATE-----\n`;
}

const newKey = (): { publicKey: KeyObject; privateKey: KeyObject } =>
  generateKeyPairSync('ec', { namedCurve: 'P-256' });

const pem = (key: KeyObject): string => key.export({ type: 'pkcs8', format: 'pem' }).toString();

/** A key pair alone, for the tokens of service accounts. */
export function makeKeyPair(): { readonly publicKey: string; readonly privateKey: string } {
  const { publicKey, privateKey } = newKey();
  return {
    publicKey: publicKey.export({ type: 'spki', format: 'pem' }).toString(),
    privateKey: pem(privateKey),
  };
}

/** A certificate authority of one test cluster. */
export class Authority {
  readonly certificate: string;
  readonly key: string;
  readonly #subject: Subject;
  readonly #privateKey: KeyObject;

  constructor(commonName: string) {
    this.#subject = { user: commonName };
    const { publicKey, privateKey } = newKey();
    this.#privateKey = privateKey;
    this.key = pem(privateKey);
    this.certificate = makeCertificate(
      this.#subject,
      publicKey,
      [
        extension('2.5.29.19', true, sequence(yes)),
        // digitalSignature, keyCertSign, cRLSign
        extension('2.5.29.15', true, bits(Buffer.from([0b1000_0110]), 1)),
      ],
      { subject: this.#subject, key: privateKey },
    );
  }

  /** A certificate for a client, and for a server on `hosts` (names or addresses). */
  issue(subject: Subject, hosts: readonly string[] = []): Identity {
    const { publicKey, privateKey } = newKey();
    const serverAuth = oid('1.3.6.1.5.5.7.3.1');
    const clientAuth = oid('1.3.6.1.5.5.7.3.2');
    const certificate = makeCertificate(
      subject,
      publicKey,
      [
        extension('2.5.29.19', true, sequence()),
        // digitalSignature, keyEncipherment
        extension('2.5.29.15', true, bits(Buffer.from([0b1010_0000]), 5)),
        extension('2.5.29.37', false, sequence(serverAuth, clientAuth)),
        ...(hosts.length > 0 ? [extension('2.5.29.17', false, sequence(...hosts.map(altName)))] : []),
      ],
      { subject: this.#subject, key: this.#privateKey },
    );
    return { certificate, key: pem(privateKey) };
  }
}
