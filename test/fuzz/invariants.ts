/** What holds for every packet and its response, whatever the packet. */
import dnsPacket from 'dns-packet';
import type { Transport } from '../../src/dns/counters.ts';

const HEADER = 12;
const CLASSIC_SIZE = 512;
const OWN_SIZE = 1232;
const FORMERR = 1;
const TYPE_OPT = 41;

/**
 * @param intact whether the packet is as it was made, so that it may be called malformed for its sections alone
 * @returns what is wrong, in a sentence; undefined where nothing is
 */
export function violation(
  packet: Buffer,
  response: Buffer | undefined,
  transport: Transport,
  intact = false,
): string | undefined {
  const due = packet.length >= HEADER && packet[2]! < 0x80;
  if (response === undefined) return due ? 'there is no response' : undefined;
  if (!due) return 'what is no query got a response';
  if (response.readUInt16BE(0) !== packet.readUInt16BE(0)) return 'the id is not the same';
  if (response[2]! < 0x80) return 'QR is not set';
  if (((response[2]! ^ packet[2]!) & 0x79) !== 0) return 'opcode or RD are not the same';
  if ((response[3]! & 0xf0) !== 0) return 'RA, Z, AD or CD is set';

  let decoded: dnsPacket.DecodedPacket;
  try {
    decoded = dnsPacket.decode(response);
  } catch (error) {
    return `it does not decode: ${String(error)}`;
  }
  if (dnsPacket.decode.bytes !== response.length) return 'there are bytes after it';
  const { questions = [], answers = [], authorities = [], additionals = [] } = decoded;
  if (questions.length > 1) return 'it has more than one question';
  if (questions.length === 1) {
    const end = endOfQuestion(response);
    if (!response.subarray(HEADER, end).equals(packet.subarray(HEADER, end)))
      return 'the question is not the same';
  }
  const opts = countOpts(decoded);
  if (opts > 1) return 'it has two OPT records';
  const limit = opts === 1 ? OWN_SIZE : CLASSIC_SIZE;
  if (transport === 'udp' && response.length > limit) return `it is longer than ${limit} bytes`;
  const rcode = response[3]! & 0x0f;
  const asked = understood(packet);
  if (asked !== undefined) {
    const optsAsked = countOpts(asked);
    if (rcode !== FORMERR && opts !== optsAsked)
      return 'OPT is there without being asked for, or is not there';
    if (
      intact &&
      rcode === FORMERR &&
      optsAsked < 2 &&
      !hasBadCookie(asked) &&
      packet.readUInt16BE(endOfQuestion(packet) - 4) !== TYPE_OPT
    ) {
      return 'it is called malformed and is not';
    }
  }
  if (decoded.flag_tc && answers.length + authorities.length > 0) return 'it is truncated and has records';
  if (rcode !== 0 && answers.length > 0) return 'it is an error and has answers';
  const negative =
    rcode === 3 || (rcode === 0 && answers.length === 0 && !decoded.flag_tc && questions.length === 1);
  const bad = additionals.some((record) => record.type === 'OPT' && record.extendedRcode !== 0);
  if (negative && !bad && authorities[0]?.type !== 'SOA') return 'it is negative and has no SOA';
  return undefined;
}

const countOpts = ({ additionals = [] }: dnsPacket.DecodedPacket): number =>
  additionals.filter(({ type }) => type === 'OPT').length;

/** An ordinary query as another library reads it; undefined for all that may be called malformed. */
function understood(packet: Buffer): dnsPacket.DecodedPacket | undefined {
  const ordinary = [0, 1, 0, 0, 0, 0, 0].every((byte, index) => packet[4 + index] === byte);
  if (!ordinary || packet[11]! > 2 || (packet[2]! & 0x78) !== 0) return undefined;
  try {
    const decoded = dnsPacket.decode(packet);
    return dnsPacket.decode.bytes === packet.length && !hasPointer(packet) && rootOwned(decoded)
      ? decoded
      : undefined;
  } catch {
    return undefined;
  }
}

/** RFC 7873, 5.2.2: a cookie option of 8, or 16 to 40 bytes; others are malformed. */
const hasBadCookie = ({ additionals = [] }: dnsPacket.DecodedPacket): boolean =>
  additionals.some(
    (record) =>
      record.type === 'OPT' &&
      (record.options as { code: number; data: Buffer }[]).some(
        ({ code, data }) => code === 10 && data.length !== 8 && (data.length < 16 || data.length > 40),
      ),
  );

const hasPointer = (packet: Buffer): boolean => packet.subarray(HEADER).some((byte) => byte >= 0xc0);

const rootOwned = ({ additionals = [] }: dnsPacket.DecodedPacket): boolean =>
  additionals.every(({ type, name }) => type !== 'OPT' || name === '.');

function endOfQuestion(message: Buffer): number {
  let at = HEADER;
  while (message[at] !== 0) at += message[at]! + 1;
  return at + 5;
}
