/** A mistake of whoever called, told in one line: what, where, what to do. */
export class UserError extends Error {
  override readonly name = 'UserError';
  readonly code = 'user-error';
}

/**
 * How an error that ends a command is told. Those with a `code` - of ours and of the system - were
 * expected and say all in their message; everything else is a bug and brings its stack.
 */
export function failureText(command: string, error: unknown): string {
  if (error instanceof Error && 'code' in error && typeof error.code === 'string') {
    return `pharos ${command}: ${error.message.replaceAll(/\s*\n\s*/g, ' ')}`;
  }
  const detail = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return `pharos ${command}: this is a bug in Pharos, please report it: ${detail}`;
}
