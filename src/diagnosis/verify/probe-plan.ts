/** What the pods of `pharos verify` and `pharos benchmark` are told, and what they report. */
import * as z from 'zod';
import type { IpFamily } from '../../api/objects.ts';

const target = z.object({
  /** `Service` or `pod`: what the addresses of the name are. */
  kind: z.enum(['Service', 'pod']),
  name: z.string(),
  port: z.number(),
  /** What the name must have addresses of. */
  families: z.array(z.enum(['IPv4', 'IPv6'])),
});

const plan = z.object({
  /** The cluster whose server must answer. */
  to: z.string(),
  targets: z.array(target),
  /** Bytes of payload. */
  sizes: z.array(z.number()),
  timeoutMs: z.number(),
  /** What to measure, where that is wanted. */
  measure: z.object({ queries: z.number(), trips: z.number(), seconds: z.number() }).optional(),
});

export type ProbePlan = z.infer<typeof plan>;
export type ProbeTarget = ProbePlan['targets'][number] & { readonly families: readonly IpFamily[] };

/** @throws Error where the text is no plan */
export const parsePlan = (text: string): ProbePlan => plan.parse(JSON.parse(text));

/** `told` = it is so, and that is neither good nor bad. */
export type ProbeResult = 'ok' | 'failed' | 'told';

/** What was tried, what came of it, and the details. */
export type ProbeRow = readonly [what: string, result: ProbeResult, note: string];

/** Times in milliseconds, by what was measured. */
export interface Measured {
  readonly what: string;
  readonly unit: 'ms' | 'Mbit/s';
  /** Ascending; at most {@link MAX_SAMPLES} of them, evenly chosen. */
  readonly samples: readonly number[];
  readonly count: number;
}

export interface ProbeReport {
  readonly rows: readonly ProbeRow[];
  readonly measured: readonly Measured[];
}

const report = z.object({
  rows: z.array(z.tuple([z.string(), z.enum(['ok', 'failed', 'told']), z.string()])),
  measured: z.array(
    z.object({
      what: z.string(),
      unit: z.enum(['ms', 'Mbit/s']),
      samples: z.array(z.number()),
      count: z.number(),
    }),
  ),
});

/** The kubelet keeps 4096 bytes of what a container leaves at its end. */
const MAX_BYTES = 4000;
const MAX_SAMPLES = 80;

/** Made short enough to be kept: notes are cut first. */
export function formatReport({ rows, measured }: ProbeReport): string {
  for (const note of [200, 80, 20, 0]) {
    const text = JSON.stringify({
      rows: rows.map(([what, result, told]) => [what, result, told.slice(0, note)]),
      measured,
    });
    if (Buffer.byteLength(text) <= MAX_BYTES) return text;
  }
  return JSON.stringify({ rows: [['report', 'failed', 'it is too long']], measured: [] });
}

/** @throws Error where the text is no report */
export const parseReport = (text: string): ProbeReport => report.parse(JSON.parse(text));

/** Of any number of values at most {@link MAX_SAMPLES}, in order, first and last among them. */
export function sampled(values: readonly number[]): number[] {
  const sorted = values.toSorted((a, b) => a - b);
  const round = (value: number): number => Number(value.toPrecision(3));
  if (sorted.length <= MAX_SAMPLES) return sorted.map(round);
  return Array.from({ length: MAX_SAMPLES }, (_, index) =>
    round(sorted[Math.round((index * (sorted.length - 1)) / (MAX_SAMPLES - 1))] ?? 0),
  );
}
