/**
 * nftables: rulesets as text that is put together from checked values alone, applied by `nft -f -` in one
 * transaction and read back as JSON.
 *
 * Why text, when nft reads JSON too: nftables 1.0.6 cannot declare in JSON a map whose value is
 * `addr . port`, or whose key is given by `typeof`.
 */
import { type Cidr, type IpAddress } from '../api/cidr.ts';
import type { DeviceName, Mac } from './device.ts';
import { NFT_COMMENT, NFT_TABLE } from './marks.ts';
import { CommandError, type Run } from './run.ts';

declare const brand: unique symbol;
/** Text in nft's language that {@link nft} made, or a constant of the program. */
export type NftText = { readonly text: string; readonly [brand]: 'NftText' };

/** What may stand in a ruleset. Plain strings may not: give a parsed value, or quote it by {@link quoted}. */
export type NftValue = number | Cidr | IpAddress | Mac | NftText | readonly NftText[];

const made = (text: string): NftText => ({ text }) as NftText;

/** Addresses, networks and numbers: what branded values look like, checked again where they are used. */
const PLAIN = /^[0-9a-f.:/]+$/;

/** A piece of ruleset: the constant parts as they are written, checked values between them. */
export function nft(parts: TemplateStringsArray, ...values: readonly NftValue[]): NftText {
  return made(parts.reduce((text, part, i) => text + (i === 0 ? '' : valueText(values[i - 1])) + part, ''));
}

function valueText(value: NftValue | undefined): string {
  if (typeof value === 'number') {
    if (!Number.isSafeInteger(value)) throw new Error(`${value} is not a whole number for nft`);
    return String(value);
  }
  if (typeof value === 'string') {
    if (!PLAIN.test(value)) throw new Error(`${JSON.stringify(value)} must not stand in a ruleset`);
    return value;
  }
  if (value !== undefined && 'text' in value) return value.text;
  return (value ?? []).map(({ text }) => text).join('\n');
}

/** The texts with commas between: what stands in the braces of a set. */
export const elements = (texts: readonly NftText[]): NftText =>
  made(texts.map(({ text }) => text).join(', '));

/** A device's name. */
export const quoted = (device: DeviceName): NftText => made(`"${device}"`);

/** @throws Error where `text` has something else than letters, digits, blanks and `=:._-` */
export function quotedText(text: string): NftText {
  if (!/^[A-Za-z0-9 =:._-]{0,120}$/.test(text)) {
    throw new Error(`${JSON.stringify(text)} must not stand in a ruleset`);
  }
  return made(`"${text}"`);
}

/** A name of Pharos's own for a chain, set or map: the prefix keeps it off nft's keywords. */
export function named(text: string): NftText {
  if (!/^ph_[a-z0-9_]{1,28}$/.test(text)) throw new Error(`${JSON.stringify(text)} is no name for nft`);
  return made(text);
}

export type NftFamily = 'ip' | 'ip6' | 'inet';

/** Runs a ruleset as one transaction: all of it or nothing. @throws CommandError with nft's own words */
export async function applyNft(run: Run, ruleset: NftText, signal?: AbortSignal): Promise<void> {
  await run('nft', ['-f', '-'], {
    input: `${ruleset.text}\n`,
    deadlineMs: 60_000,
    ...(signal !== undefined && { signal }),
  });
}

/** An object of `nft -j`: `{ table: {…} }`, `{ chain: {…} }`, `{ rule: {…} }`, `{ set: {…} }`, `{ map: {…} }`. */
export type NftObject = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/**
 * Pharos's own table in a family, as JSON; undefined where there is none.
 * @param withElements also what is in its sets and maps, which may be much
 */
export async function readNftTable(
  run: Run,
  family: NftFamily,
  withElements = false,
): Promise<readonly NftObject[] | undefined> {
  try {
    const args = [...(withElements ? [] : ['-t']), '-j', 'list', 'table', family, NFT_TABLE];
    return parseNft(await run('nft', args, { deadlineMs: 60_000 }));
  } catch (error) {
    if (isAbsent(error)) return undefined;
    throw error;
  }
}

/** Whether the table of Pharos's name is there and carries its mark; nft 1.0.6 leaves comments out of its JSON. */
export async function hasOurNftTable(run: Run, family: NftFamily): Promise<boolean> {
  try {
    const text = await run('nft', ['-t', 'list', 'table', family, NFT_TABLE], { deadlineMs: 60_000 });
    return text.includes(`comment "${NFT_COMMENT}`);
  } catch (error) {
    if (isAbsent(error)) return false;
    throw error;
  }
}

const isAbsent = (error: unknown): boolean =>
  error instanceof CommandError && error.stderr.includes('No such file or directory');

/** @throws Error where the output is not nft's */
function parseNft(output: string): readonly NftObject[] {
  const value: unknown = JSON.parse(output);
  const objects =
    typeof value === 'object' && value !== null && 'nftables' in value ? value.nftables : undefined;
  if (!Array.isArray(objects)) throw new Error('"nft -j" wrote no list "nftables"');
  return (objects as unknown[]).filter(
    (object): object is NftObject => typeof object === 'object' && object !== null && !('metainfo' in object),
  );
}
