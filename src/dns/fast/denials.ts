/**
 * The finished answer to each name of a zone that does not exist. Only pointers in it depend on the name, and
 * on nothing but its length: there are 255 of them.
 */
import type { AnswerSource } from '../../zone/records.ts';
import { BARE_OPT, OWN_UDP_SIZE } from '../edns.ts';
import { encodeAnswer } from '../encode.ts';
import { CLASS_IN, HEADER_BYTES } from '../header.ts';
import type { MessageWriter } from '../writer.ts';
import { encodeBlock } from './block.ts';
import { wireName } from './wire-name.ts';
import type { ServedZone } from './zone-names.ts';

const MAX_NAME = 255;
const MAX_LABEL = 63;
/** In no name that exists. */
const FILLER = '\0';

/** @param origin the zone's labels */
export function denialsOf(
  source: AnswerSource,
  origin: readonly string[],
  writer: MessageWriter,
): Pick<ServedZone, 'denials' | 'denialAt'> {
  const answer = source.answer({ labels: [FILLER, ...origin], type: 1 }, { turn: 0 });
  const denialAt = new Int32Array(MAX_NAME + 1);
  // Offset 0 stands for none.
  const blocks: Int32Array[] = [new Int32Array(1)];
  let top = 1;
  const shortest = wireName(origin).length + 2;
  for (let length = shortest; length <= MAX_NAME && answer.kind === 'nxdomain'; length++) {
    const labels = [...fillers(length - shortest + 2), ...origin];
    const question = Buffer.concat([wireName(labels), Uint8Array.of(0, 1, 0, CLASS_IN)]);
    const finished = encodeAnswer(answer, question, labels, writer);
    const questionEnd = HEADER_BYTES + question.length;
    const block = encodeBlock(finished, questionEnd, OWN_UDP_SIZE - BARE_OPT.length - questionEnd);
    denialAt[length] = top;
    blocks.push(block);
    top += block.length;
  }
  const denials = new Int32Array(top);
  let at = 0;
  for (const block of blocks) {
    denials.set(block, at);
    at += block.length;
  }
  return { denials, denialAt };
}

/** Labels that take so many bytes in wire form: at least 2. */
function fillers(bytes: number): string[] {
  const labels: string[] = [];
  for (let left = bytes; left > 0;) {
    // One byte alone is no label.
    const size = left <= MAX_LABEL + 1 ? left : Math.min(MAX_LABEL + 1, left - 2);
    labels.push(FILLER.repeat(size - 1));
    left -= size;
  }
  return labels;
}
