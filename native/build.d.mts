/** @returns what went wrong, or undefined */
export function compile(compiler: string, output: string, flags?: readonly string[]): string | undefined;
