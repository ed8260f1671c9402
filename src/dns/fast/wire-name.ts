/** A name in wire form (RFC 1035, 3.1), in memory of its own. @param labels outermost last, bytes as latin1 */
export function wireName(labels: readonly string[]): Uint8Array<ArrayBuffer> {
  const name = new Uint8Array(labels.reduce((sum, label) => sum + label.length + 1, 1));
  let at = 0;
  for (const label of labels) {
    name[at++] = label.length;
    for (let index = 0; index < label.length; index++) name[at++] = label.charCodeAt(index);
  }
  return name;
}
