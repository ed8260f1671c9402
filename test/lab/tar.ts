/** One entry of a tar archive. `size` bytes of content follow a file's header, padded to 512. */
export type TarEntry =
  | { readonly type: 'directory'; readonly path: string; readonly mode: number }
  | { readonly type: 'file'; readonly path: string; readonly mode: number; readonly size: number }
  | { readonly type: 'link'; readonly path: string; readonly target: string };

const blockSize = 512;

/** POSIX ustar: a path over 100 bytes is split at a slash into prefix and name. */
function splitPath(path: string): { readonly name: string; readonly prefix: string } {
  if (Buffer.byteLength(path) <= 100) return { name: path, prefix: '' };
  for (let slash = path.indexOf('/'); slash !== -1; slash = path.indexOf('/', slash + 1)) {
    const name = path.slice(slash + 1);
    const prefix = path.slice(0, slash);
    if (Buffer.byteLength(name) <= 100 && Buffer.byteLength(prefix) <= 155) return { name, prefix };
  }
  throw new Error(`Path too long for a tar archive: ${path}`);
}

const octal = (value: number, width: number): string => `${value.toString(8).padStart(width - 1, '0')}\0`;

/** The 512 bytes before an entry's content. The same entry gives the same bytes: owner is root, time is 0. */
export function tarHeader(entry: TarEntry): Buffer {
  const header = Buffer.alloc(blockSize);
  const directory = entry.type === 'directory';
  const { name, prefix } = splitPath(directory ? `${entry.path}/` : entry.path);
  header.write(name, 0);
  header.write(octal(entry.type === 'link' ? 0o777 : entry.mode, 8), 100);
  header.write(octal(0, 8), 108);
  header.write(octal(0, 8), 116);
  header.write(octal(entry.type === 'file' ? entry.size : 0, 12), 124);
  header.write(octal(0, 12), 136);
  header.write(' '.repeat(8), 148);
  header.write(directory ? '5' : entry.type === 'link' ? '2' : '0', 156);
  if (entry.type === 'link') {
    if (Buffer.byteLength(entry.target) > 100) throw new Error(`Link target too long: ${entry.target}`);
    header.write(entry.target, 157);
  }
  header.write('ustar\x0000', 257);
  header.write(octal(0, 8), 329);
  header.write(octal(0, 8), 337);
  header.write(prefix, 345);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return header;
}

/** What fills the last block of a file of this size. */
export const tarPadding = (size: number): Buffer =>
  Buffer.alloc((blockSize - (size % blockSize)) % blockSize);

/** Two empty blocks. */
export const tarEnd: Buffer = Buffer.alloc(2 * blockSize);
