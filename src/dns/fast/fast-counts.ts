/** What fast paths count: plain numbers that another thread can read when metrics are scraped. */

/** Which number is which. */
export const FastCount = {
  queries: 0,
  truncated: 1,
  /** Messages that got no response. */
  dropped: 2,
  /** Answers that the system did not take. */
  lost: 3,
  /** Queries over the rate limit: those told to come over TCP, and those told nothing. */
  rateSlipped: 4,
  rateDropped: 5,
  /** Responses by the 16 response codes that fit into a header. */
  firstRcode: 8,
} as const;

export type FastCounts = Float64Array<ArrayBuffer> | Float64Array<SharedArrayBuffer>;

const NUMBERS = 24;

export const fastCounts = (): Float64Array<ArrayBuffer> => new Float64Array(NUMBERS);

/** The same in memory that threads share. */
export const sharedFastCounts = (): Float64Array<SharedArrayBuffer> =>
  new Float64Array(new SharedArrayBuffer(NUMBERS * Float64Array.BYTES_PER_ELEMENT));
