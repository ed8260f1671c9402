import { styleText } from 'node:util';

const COLOURS = { debug: 'gray', info: 'green', warn: 'yellow', error: 'red' } as const;

/** A JSON log line for reading: time of day, level, component, message, then the fields as name=value. */
export function prettyLine(json: string, colour: boolean): string {
  const { time, level, component, msg, ...fields } = JSON.parse(json) as Record<string, unknown>;
  const paint = (format: Parameters<typeof styleText>[0], text: string): string =>
    colour ? styleText(format, text, { validateStream: false }) : text;
  const rest = Object.entries(fields).map(([name, value]) => {
    const text = typeof value === 'string' && /^[^\s="]+$/.test(value) ? value : fieldText(value);
    return ` ${paint('gray', `${name}=`)}${text}`;
  });
  const word = String(level);
  const painted = paint(COLOURS[word as keyof typeof COLOURS] ?? 'red', word.toUpperCase().padEnd(5));
  return `${String(time).slice(11, 23)} ${painted} ${String(component)}: ${String(msg)}${rest.join('')}\n`;
}

/** Errors as their message, and their stack below; everything else as JSON. */
function fieldText(value: unknown): string {
  if (typeof value !== 'object' || value === null || !('message' in value)) return JSON.stringify(value);
  const stack = 'stack' in value && typeof value.stack === 'string' ? `\n${value.stack}` : '';
  return JSON.stringify(value.message) + stack;
}
