import { execFile } from 'node:child_process';

export type CommandErrorCode = 'command-missing' | 'command-failed' | 'command-timeout' | 'command-aborted';

/** A program of the host that did not do what it was asked to. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly code: CommandErrorCode;
  /** Exit status, where it came to one. */
  readonly status: number | undefined;
  /** What it said on stderr. */
  readonly stderr: string;
  constructor(
    code: CommandErrorCode,
    message: string,
    options: { status?: number | undefined; stderr?: string; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause });
    this.code = code;
    this.status = options.status;
    this.stderr = options.stderr ?? '';
  }
}

export interface RunOptions {
  /** For its stdin. */
  readonly input?: string;
  /** It is killed after so long. */
  readonly deadlineMs?: number;
  readonly signal?: AbortSignal;
}

/**
 * Runs a program to its end and answers what it wrote on stdout. There is no shell between: arguments
 * arrive as they are. Rejects with {@link CommandError}.
 */
export type Run = (file: string, args: readonly string[], options?: RunOptions) => Promise<string>;

const DEADLINE_MS = 10_000;
/** A table of nftables with the clusterset IPs of 10,000 services takes some 50 MB as JSON. */
const MAX_OUTPUT = 512 * 1024 * 1024;
const MAX_SAID = 2000;

/** @param prefix a command line that runs another one, such as `['nsenter', '--net=…', '--']` */
export function runner(prefix: readonly string[] = []): Run {
  return (file, args, { input, deadlineMs = DEADLINE_MS, signal } = {}) => {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const [program = file, ...rest] = [...prefix, file, ...args];
    const what = [file, ...args].join(' ').slice(0, 200);
    const child = execFile(
      program,
      rest,
      {
        timeout: deadlineMs,
        killSignal: 'SIGKILL',
        maxBuffer: MAX_OUTPUT,
        // Numbers and messages as the parsers know them.
        env: { PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin:/usr/bin:/bin`, LC_ALL: 'C' },
        ...(signal !== undefined && { signal }),
      },
      (error, stdout, stderr) => {
        if (error === null) resolve(stdout);
        else reject(explain(error, what, stderr, deadlineMs, signal));
      },
    );
    // A program may end without reading its input: that is told by its status.
    child.stdin?.on('error', () => {});
    child.stdin?.end(input ?? '');
    return promise;
  };
}

function explain(
  cause: Error & { code?: unknown; killed?: boolean },
  what: string,
  stderr: string,
  deadlineMs: number,
  signal: AbortSignal | undefined,
): CommandError {
  const said = stderr.trim().slice(0, MAX_SAID);
  if (cause.code === 'ENOENT') {
    const message = `Cannot run "${what}": the program is not installed`;
    return new CommandError('command-missing', message, { cause });
  }
  if (signal?.aborted === true) {
    return new CommandError('command-aborted', `"${what}" was called off`, { cause, stderr: said });
  }
  if (cause.killed === true) {
    const message = `"${what}" did not end within ${deadlineMs / 1000} s and was killed`;
    return new CommandError('command-timeout', message, { cause, stderr: said });
  }
  const status = typeof cause.code === 'number' ? cause.code : undefined;
  const message = `"${what}" failed (${status === undefined ? String(cause.code) : `exit status ${status}`}): ${said || 'it said nothing'}`;
  return new CommandError('command-failed', message, { cause, status, stderr: said });
}
