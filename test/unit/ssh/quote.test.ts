import test from 'ava';
import fc from 'fast-check';
import { isMachineError } from '../../../src/core/errors.ts';
import { quoteArgument, quoteArgv } from '../../../src/ssh/quote.ts';

/** Reads one quoted word as a POSIX shell does (XCU 2.2): only what quoteArgument may use. */
function unquote(word: string): string {
  let text = '';
  let rest = word;
  while (rest !== '') {
    const part = /^'([^']*)'|^\\(.)|^([A-Za-z0-9_./:,@+-])/s.exec(rest);
    if (part === null) {
      throw new Error(`a shell would do something with: ${rest}`);
    }
    text += part[1] ?? part[2] ?? part[3] ?? '';
    rest = rest.slice(part[0].length);
  }
  return text;
}

test('plain words stay as they are, others are quoted', (t) => {
  t.is(quoteArgument('/usr/bin/docker'), '/usr/bin/docker');
  t.is(quoteArgument(''), "''");
  t.is(quoteArgument('a b'), "'a b'");
  t.is(quoteArgument("it's"), "'it'\\''s'");
  t.is(quoteArgument('$(x) `y`'), "'$(x) `y`'");
  t.is(quoteArgument('a\\b!c'), "'a'\\\\'b'\\!'c'");
  t.is(quoteArgument('~root'), "'~root'");
  t.is(quoteArgument('A=b'), "'A=b'");
  t.is(quoteArgv(['sh', '-c', 'echo "$1"']), `sh -c 'echo "$1"'`);
});

test('a NUL is refused', (t) => {
  const error = t.throws(() => quoteArgument('a\0b'));
  t.true(isMachineError(error) && error.code === 'arguments-invalid');
});

test('every argument is read back as it was', (t) => {
  const anything = fc.string({ unit: 'binary' }).map((text) => text.replaceAll('\0', ''));
  const shellish = fc.string({ unit: fc.constantFrom(...Array.from(`'"\\$\`!;&|<>(){}[]*?~#= \t\nab`)) });
  fc.assert(
    fc.property(fc.oneof(anything, shellish), (argument) => unquote(quoteArgument(argument)) === argument),
  );
  t.pass();
});
