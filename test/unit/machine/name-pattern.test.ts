import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { isMachineError } from '../../../src/core/errors.ts';
import { namePattern } from '../../../src/machine/name-pattern.ts';

// What Go 1.19's regexp makes of these patterns.
const recorded = JSON.parse(
  readFileSync(path.join(import.meta.dirname, '../../../../test/fixtures/templates/go-regexps.json'), 'utf8'),
) as {
  readonly names: readonly string[];
  readonly patterns: readonly {
    readonly pattern: string;
    readonly error?: string;
    readonly matches?: readonly string[];
  }[];
};

test('patterns match the names that they match in Go, and fail with its messages', (t) => {
  t.true(recorded.patterns.length > 80);
  for (const { pattern, error, matches } of recorded.patterns) {
    if (error === undefined) {
      t.deepEqual(recorded.names.filter(namePattern(pattern)), matches, pattern);
    } else {
      t.is(t.throws(() => namePattern(pattern)).message, error, pattern);
    }
  }
});

test('no pattern takes long', (t) => {
  const name = `${'a'.repeat(200)}!`;
  for (const pattern of [
    '^(a*)*$',
    '^(a|a)*$',
    '(a|aa)+$',
    `^${'a?'.repeat(200)}${'a'.repeat(200)}$`,
    '(.*)*x',
  ]) {
    t.false(namePattern(pattern)(name), pattern);
  }
});

test('whatever the pattern is, it works or is refused', (t) => {
  const pieces = fc.constantFrom(
    'a',
    'b',
    '.',
    '*',
    '+?',
    '{2}',
    '{1,3}',
    '(',
    ')',
    '|',
    '[',
    ']',
    '^',
    '$',
    '\\',
    '-',
    '(?i)',
    '[:alpha:]',
  );
  fc.assert(
    fc.property(fc.array(pieces, { maxLength: 12 }), fc.string({ maxLength: 8 }), (parts, name) => {
      try {
        namePattern(parts.join(''))(name);
      } catch (error) {
        return isMachineError(error) && error.code === 'flag-invalid';
      }
      return true;
    }),
    { seed: 7, numRuns: 2000 },
  );
  t.pass();
});

test('plain names match as in JavaScript', (t) => {
  fc.assert(
    fc.property(
      fc.stringMatching(/^[a-b.]{0,6}$/),
      fc.stringMatching(/^[a-b.*+?|]{0,6}$/),
      (name, pattern) => {
        let expected: boolean;
        try {
          expected = new RegExp(pattern).test(name);
        } catch {
          return;
        }
        try {
          t.is(namePattern(pattern)(name), expected, `${pattern} ${name}`);
        } catch (error) {
          // Go knows no `a+?+`, and neither does JavaScript; `a??` both.
          t.true(isMachineError(error));
        }
      },
    ),
    { seed: 7, numRuns: 1000 },
  );
});
