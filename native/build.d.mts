/** @returns what went wrong, or undefined */
export function compile(compiler: string, output: string, flags?: readonly string[]): string | undefined;
export const PORTABLE: string[];
export const COMPILERS: Record<'x64' | 'arm64', string[]>;
