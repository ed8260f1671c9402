import { isMap, isScalar, isSeq, LineCounter, parseDocument } from 'yaml';
import type { Flags } from './flag.ts';
import { nearest } from './nearest.ts';

/** One flag's value in a config file. */
export interface FileEntry {
  readonly texts: readonly string[];
  readonly line: number;
}

export interface ConfigFile {
  readonly entries: ReadonlyMap<string, FileEntry>; // flag name → value
  /** What is wrong, each with file and line; the entries are those without a problem. */
  readonly problems: readonly string[];
}

/** Reads the YAML of `--config`: a map with flags' names as keys. `path` is for the messages alone. */
export function parseConfigFile(path: string, yaml: string, flags: Flags): ConfigFile {
  const lines = new LineCounter();
  const document = parseDocument(yaml, { lineCounter: lines, prettyErrors: false });
  const entries = new Map<string, FileEntry>();
  const problems: string[] = [];
  const at = (offset: number | undefined): string => `${path}:${lines.linePos(offset ?? 0).line}`;
  for (const error of document.errors) problems.push(`${at(error.pos[0])}: ${error.message}`);
  if (problems.length > 0 || document.contents === null) return { entries, problems };
  if (!isMap(document.contents)) {
    return { entries, problems: [`${at(document.contents.range?.[0])}: must be a map of flags by name`] };
  }
  for (const { key, value } of document.contents.items) {
    const name = isScalar(key) ? String(key.value) : '(not a name)';
    const offset = isScalar(key) ? key.range?.[0] : undefined;
    const flag = Object.hasOwn(flags, name) && name !== 'config' ? flags[name] : undefined;
    if (flag === undefined) {
      const near = nearest(name, Object.keys(flags));
      problems.push(
        `${at(offset)}: unknown key "${name}"${near === undefined ? '' : `; did you mean "${near}"?`}`,
      );
      continue;
    }
    const nodes = isSeq(value) ? value.items : [value];
    const texts = nodes.flatMap((node) => (isScalar(node) && node.value !== null ? [asText(node)] : []));
    if (texts.length !== nodes.length || (isSeq(value) && flag.form !== 'list')) {
      const wanted = flag.form === 'list' ? 'a value or a list of values' : 'one value';
      problems.push(`${at(offset)}: ${name} must have ${wanted}`);
      continue;
    }
    entries.set(name, { texts, line: lines.linePos(offset ?? 0).line });
  }
  return { entries, problems };
}

/** Numbers as they were written: `1.10` is not `1.1`. */
const asText = (node: { value: unknown; source?: string }): string =>
  typeof node.value === 'string' ? node.value : (node.source ?? String(node.value));
