/**
 * Metrics as data: a part of Pharos counts in plain numbers and describes them here; they are read when
 * somebody scrapes. Names are `pharos_<part>_<what>[_<unit>][_total]` in base units; labels have values
 * from closed sets only, never an address, a service or a query name.
 */
export interface Sample {
  /** A value for each of the source's `labels`. */
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** What a histogram has counted since the start. */
export interface Distribution {
  /** Upper bounds of all buckets but the last, rising. */
  readonly bounds: readonly number[];
  /** Observations in each bucket alone (not cumulated), one more than there are bounds. */
  readonly counts: ArrayLike<number>;
  readonly sum: number;
}

interface Described {
  readonly name: string;
  /** One sentence with its full stop. */
  readonly help: string;
}

export type MetricSource =
  | (Described & {
      readonly type: 'counter' | 'gauge';
      /** Names of the labels; absent where there is one value. */
      readonly labels?: readonly string[];
      /** Called at each scrape; must not throw. */
      read(): number | readonly Sample[];
    })
  | (Described & { readonly type: 'histogram'; read(): Distribution });
