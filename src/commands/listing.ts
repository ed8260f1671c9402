/** Objects as a table, a wide one, JSON or YAML, whatever they are. Pure. */
import { stringify } from 'yaml';
import { formatTable } from './print-table.ts';

export type OutputFormat = 'table' | 'wide' | 'json' | 'yaml';

export interface Column<Row> {
  readonly heading: string;
  /** Only in a wide table. */
  readonly wide?: true;
  /** @param now milliseconds since 1970 */
  readonly text: (row: Row, now: number) => string;
}

/** How rows of one kind are told apart, and shown. JSON and YAML show every field of them. */
export interface Listing<Row> {
  readonly columns: readonly Column<Row>[];
  /** What a row is about: its name for people, and the same as long as it is about the same. */
  readonly nameOf: (row: Row) => string;
  /** What to say where there is no row. */
  readonly none: string;
  /** The row without what moves all the time, such as a heartbeat: a difference in it is news. */
  readonly newsOf: (row: Row) => unknown;
}

/** @param now milliseconds since 1970 */
export function formatRows<Row>(
  { columns }: Listing<Row>,
  rows: readonly Row[],
  output: OutputFormat,
  now: number,
): string {
  switch (output) {
    case 'json':
    case 'yaml':
      return formatFields(rows, output);
    case 'table':
    case 'wide': {
      const shown = columns.filter(({ wide }) => output === 'wide' || wide === undefined);
      return formatTable(
        shown.map(({ heading }) => heading),
        rows.map((row) => shown.map(({ text }) => text(row, now))),
      );
    }
    default:
      return output satisfies never;
  }
}

/** What is new since a look before, and the names of what is no longer there. */
export function changedRows<Row>(
  { nameOf, newsOf }: Listing<Row>,
  before: readonly Row[],
  now: readonly Row[],
): { readonly changed: readonly Row[]; readonly gone: readonly string[] } {
  const known = new Map(before.map((row) => [nameOf(row), JSON.stringify(newsOf(row))]));
  const names = new Set(now.map(nameOf));
  return {
    changed: now.filter((row) => known.get(nameOf(row)) !== JSON.stringify(newsOf(row))),
    gone: [...known.keys()].filter((name) => !names.has(name)),
  };
}

/** Text of {@link changedRows}, to stand below what {@link formatRows} gave before. */
export function formatChanges<Row>(
  listing: Listing<Row>,
  { changed, gone }: ReturnType<typeof changedRows<Row>>,
  output: OutputFormat,
  now: number,
): string {
  const isTable = output === 'table' || output === 'wide';
  const text = changed.length === 0 ? '' : formatRows(listing, changed, output, now);
  // The columns have had their headings.
  const rows = isTable ? text.slice(text.indexOf('\n') + 1) : text;
  if (gone.length === 0) return rows;
  if (isTable) return rows + gone.map((name) => `${name} is gone\n`).join('');
  return (
    rows +
    formatFields(
      gone.map((name) => ({ gone: name })),
      output,
    )
  );
}

const formatFields = (rows: readonly unknown[], output: 'json' | 'yaml'): string =>
  output === 'json' ? `${JSON.stringify(rows, undefined, 2)}\n` : stringify(rows);
