/**
 * Compares two versions as dpkg does (deb-version(7)): epoch, upstream version, revision; in each, runs
 * of non-digits by letters before other characters and `~` before everything, runs of digits by value.
 */
export function compareVersions(left: string, right: string): number {
  const one = split(left);
  const other = split(right);
  return (
    one.epoch - other.epoch ||
    compareParts(one.upstream, other.upstream) ||
    compareParts(one.revision, other.revision)
  );
}

/** The upstream part of a version: without epoch and revision. */
export function upstreamVersion(version: string): string {
  return split(version).upstream;
}

function split(version: string): { epoch: number; upstream: string; revision: string } {
  const colon = version.indexOf(':');
  const rest = version.slice(colon + 1);
  const dash = rest.lastIndexOf('-');
  return {
    epoch: colon < 0 ? 0 : Number.parseInt(version.slice(0, colon), 10),
    upstream: dash < 0 ? rest : rest.slice(0, dash),
    revision: dash < 0 ? '' : rest.slice(dash + 1),
  };
}

function compareParts(left: string, right: string): number {
  const one: string[] = left.match(/\d+|\D+/g) ?? [];
  const other: string[] = right.match(/\d+|\D+/g) ?? [];
  // A version may begin with digits; then its first run of non-digits is the empty one.
  if (/^\d/.test(left)) {
    one.unshift('');
  }
  if (/^\d/.test(right)) {
    other.unshift('');
  }
  for (let index = 0; index < Math.max(one.length, other.length); index += 1) {
    const difference =
      index % 2 === 0
        ? compareText(one[index] ?? '', other[index] ?? '')
        : compareDigits(one[index] ?? '0', other[index] ?? '0');
    if (difference !== 0) {
      return difference;
    }
  }
  return 0;
}

function compareDigits(left: string, right: string): number {
  const one = BigInt(left);
  const other = BigInt(right);
  return one < other ? -1 : one > other ? 1 : 0;
}

function compareText(left: string, right: string): number {
  for (let index = 0; index < Math.max(left.length, right.length); index += 1) {
    const difference = order(left[index]) - order(right[index]);
    if (difference !== 0) {
      return difference;
    }
  }
  return 0;
}

function order(character: string | undefined): number {
  if (character === undefined) {
    return 0;
  }
  if (character === '~') {
    return -1;
  }
  const code = character.charCodeAt(0);
  return /[A-Za-z]/.test(character) ? code : code + 256;
}
