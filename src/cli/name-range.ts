import { MachineError } from '../core/errors.ts';

/** More at once are a mistake in typing. */
const namesMax = 1000;

/**
 * The names that somebody means: `build-{1..40}` and `build-{01..40}` count, `{a,b}` are alternatives, as in a shell (some
 * expand them themselves, others hand them on); `count` makes NAME-1 to NAME-count of each.
 * @throws MachineError `arguments-invalid` for a range that is none, more than 1000 names, and a name that comes twice.
 */
export function expandNames(patterns: readonly string[], count?: number): string[] {
  if (count !== undefined && (!Number.isInteger(count) || count < 1)) {
    throw new MachineError('arguments-invalid', '--count takes a whole number from 1 on.');
  }
  const names = patterns
    .flatMap(expand)
    .flatMap((name) =>
      count === undefined ? [name] : Array.from({ length: count }, (_, index) => `${name}-${index + 1}`),
    );
  if (names.length > namesMax) {
    throw tooMany(names.length);
  }
  const twice = names.find((name, index) => names.indexOf(name) !== index);
  if (twice !== undefined) {
    throw new MachineError('arguments-invalid', `The name "${twice}" is there twice.`);
  }
  return names;
}

function expand(pattern: string): string[] {
  const match = /^([^{}]*)\{([^{}]*)\}(.*)$/.exec(pattern);
  if (match === null) {
    return [pattern];
  }
  const [, before = '', inner = '', after = ''] = match;
  return alternatives(inner, pattern).flatMap((each) => expand(`${before}${each}${after}`));
}

function alternatives(inner: string, pattern: string): string[] {
  const range = /^(\d+)\.\.(\d+)$/.exec(inner);
  if (range === null) {
    if (!inner.includes(',')) {
      throw new MachineError('arguments-invalid', `"${pattern}" is no range of names.`, {
        remedies: ['Ranges look like build-{1..40} or build-{a,b}.'],
      });
    }
    return inner.split(',');
  }
  const [, first = '', last = ''] = range;
  const [from, to] = [Number(first), Number(last)];
  if (Math.abs(to - from) >= namesMax) {
    throw tooMany(Math.abs(to - from) + 1);
  }
  const width = /^0\d/.test(first) || /^0\d/.test(last) ? Math.max(first.length, last.length) : 0;
  const step = from <= to ? 1 : -1;
  return Array.from({ length: Math.abs(to - from) + 1 }, (_, index) =>
    String(from + index * step).padStart(width, '0'),
  );
}

function tooMany(count: number): MachineError {
  return new MachineError(
    'arguments-invalid',
    `${count} machines are more than are made at once (${namesMax}).`,
  );
}
