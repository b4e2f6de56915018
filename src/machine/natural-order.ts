/**
 * Order of machines in `ls`: by lower-case name, digits as numbers (m2 before m10); names that are equal by this in
 * the order of their bytes.
 */
export function compareNaturally(left: string, right: string): number {
  const [ours, theirs] = [chunksOf(left), chunksOf(right)];
  for (const [index, chunk] of ours.entries()) {
    const other = theirs[index];
    if (other === undefined) {
      return 1;
    }
    const order = compareChunks(chunk, other);
    if (order !== 0) {
      return order;
    }
  }
  return ours.length < theirs.length ? -1 : Buffer.compare(Buffer.from(left), Buffer.from(right));
}

function chunksOf(name: string): string[] {
  return name.toLowerCase().match(/\d+|\D+/g) ?? [];
}

function compareChunks(left: string, right: string): number {
  if (/^\d/.test(left) && /^\d/.test(right)) {
    const [number, other] = [BigInt(left), BigInt(right)];
    return number === other ? 0 : number < other ? -1 : 1;
  }
  return left === right ? 0 : left < right ? -1 : 1;
}
