import assert from 'node:assert/strict';
import { encodeAnswer } from '../../../../src/dns/encode.ts';
import { HEADER_BYTES, MAX_MESSAGE } from '../../../../src/dns/header.ts';
import { Options } from '../../../../src/dns/options.ts';
import { defaultProtocol } from '../../../../src/dns/protocol.ts';
import { readRequest, Request } from '../../../../src/dns/request.ts';
import { writeFinished } from '../../../../src/dns/response.ts';
import { MessageWriter } from '../../../../src/dns/writer.ts';
import type { AnswerSource } from '../../../../src/zone/records.ts';

const OPTIONS = new Options(defaultProtocol());

const writer = new MessageWriter(Buffer.alloc(MAX_MESSAGE));

/** Every answer over UDP that the zone gives now to a query without a fault, one per turn in their order, in hex. */
export function slowly(source: AnswerSource, message: Buffer, client: string): string[] {
  const request = new Request();
  assert.equal(readRequest(message, message.length, request), 'query');
  const labels = request.labels();
  const question = message.subarray(HEADER_BYTES, request.questionEnd);
  const answerAt = (turn: number) => source.answer({ labels, type: request.type }, { turn, client });
  const first = answerAt(0);
  const out = Buffer.alloc(MAX_MESSAGE);
  const limit = Math.min(request.udpSize, 1232);
  return Array.from({ length: first.kind === 'records' ? first.period : 1 }, (_, turn) => {
    const finished = encodeAnswer(answerAt(turn), question, labels, writer);
    out.fill(0);
    const length = Math.abs(writeFinished(finished, source.serial, message, request, OPTIONS, out, limit));
    return out.toString('hex', 0, length);
  });
}
