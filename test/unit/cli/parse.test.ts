import test from 'ava';
import fc from 'fast-check';
import { isMachineError } from '../../../src/core/errors.ts';
import type { CommandFlag } from '../../../src/cli/definitions.ts';
import { parseInteger, resolveFlags, tokenize, type TokenizeOptions } from '../../../src/cli/parse.ts';

const flags: readonly CommandFlag[] = [
  { name: 'quiet', aliases: ['q'], type: 'bool', help: '' },
  { name: 'timeout', aliases: ['t'], type: 'int', default: 10, env: 'T_TIMEOUT', help: '' },
  { name: 'filter', type: 'list', env: 'T_FILTER', help: '' },
  { name: 'driver', aliases: ['d'], type: 'string', env: 'T_DRIVER', help: '' },
  { name: 'no-share', type: 'bool', env: 'T_NO_SHARE', help: '' },
  {
    name: 'qemu-memory',
    aliases: ['memory'],
    type: 'size',
    unit: 'MiB',
    default: 2048,
    env: 'T_MEMORY',
    help: '',
  },
];

interface Read {
  readonly values: Record<string, unknown>;
  readonly args: readonly string[];
}

function read(argv: readonly string[], env: Record<string, string> = {}, options?: TokenizeOptions): Read {
  const { given, args } = tokenize(flags, argv, options);
  return { values: resolveFlags(flags, given, env), args };
}

const defaults = { timeout: 10, 'qemu-memory': 2048 };

const accepted: readonly (readonly [string, Record<string, unknown>, readonly string[]])[] = [
  ['-quiet', { quiet: true }, []],
  ['-q=true', { quiet: true }, []],
  ['-q=T', { quiet: true }, []],
  ['--quiet=0', { quiet: false }, []],
  ['--quiet -q', { quiet: true }, []],
  ['-q -filter state=Running', { quiet: true, filter: ['state=Running'] }, []],
  ['--filter=state=running', { filter: ['state=running'] }, []],
  ['--filter a,b --filter c', { filter: ['a,b', 'c'] }, []],
  ['-t=0x10 -q', { timeout: 16, quiet: true }, []],
  ['-t 010', { timeout: 8 }, []],
  ['-t -1', { timeout: -1 }, []],
  ['-t 1_000', { timeout: 1000 }, []],
  ['NAME --driver none', { driver: 'none' }, ['NAME']],
  ['-d none -- NAME', { driver: 'none' }, ['NAME']],
  ['-driver none NAME', { driver: 'none' }, ['NAME']],
  ['-d= NAME', { driver: '' }, ['NAME']],
  ['-d -q x', { driver: '-q' }, ['x']],
  ['-d a -d b', { driver: 'b' }, []],
  ['-d=a=b', { driver: 'a=b' }, []],
  ['--quiet false NAME', { quiet: true }, ['false', 'NAME']],
  ['--no-share=false', { 'no-share': false }, []],
  ['a -q b - c', { quiet: true }, ['a', 'b', '-', 'c']],
  ['a -q -- -b --', { quiet: true }, ['a', '-b', '--']],
  ['--memory 4g', { 'qemu-memory': 4096 }, []],
  ['--memory 4GiB', { 'qemu-memory': 4096 }, []],
  ['--memory 1.5g', { 'qemu-memory': 1536 }, []],
  ['--memory 2048k', { 'qemu-memory': 2 }, []],
  ['--qemu-memory 3000 --memory 4g', { 'qemu-memory': 3000 }, []],
  ['', {}, []],
];

for (const [line, values, args] of accepted) {
  test(`accepts: ${line === '' ? '(nothing)' : line}`, (t) => {
    t.deepEqual(read(line === '' ? [] : line.split(' ')), { values: { ...defaults, ...values }, args });
  });
}

const refused: readonly (readonly [string, string])[] = [
  ['--bogus', 'flag provided but not defined: -bogus'],
  ['-qt 1', 'flag provided but not defined: -qt'],
  ['--quie', 'flag provided but not defined: -quie'],
  ['--no-quiet', 'flag provided but not defined: -no-quiet'],
  ['--filter.x=1', 'flag provided but not defined: -filter.x'],
  ['--__proto__.x=1', 'flag provided but not defined: -__proto__.x'],
  ['--constructor', 'flag provided but not defined: -constructor'],
  ['-t abc', 'invalid value "abc" for flag -t: parse error'],
  ['-t 1.5', 'invalid value "1.5" for flag -t: parse error'],
  ['-t 08', 'invalid value "08" for flag -t: parse error'],
  ['-t 99999999999999999999', 'invalid value "99999999999999999999" for flag -t: parse error'],
  ['-t=', 'invalid value "" for flag -t: parse error'],
  ['-t', 'flag needs an argument: -t'],
  ['-d', 'flag needs an argument: -d'],
  ['-q=maybe', 'invalid boolean value "maybe" for -q: parse error'],
  ['--memory lots', 'invalid value "lots" for flag -memory: parse error'],
  ['--memory 3k', 'invalid value "3k" for flag -memory: parse error'],
  ['---x', 'bad flag syntax: ---x'],
  ['--=x', 'bad flag syntax: --=x'],
  ['-=x', 'bad flag syntax: -=x'],
];

for (const [line, message] of refused) {
  test(`refuses: ${line}`, (t) => {
    const error = t.throws(() => read(line.split(' ')));
    t.is(error.message, message);
    t.true(isMachineError(error) && error.exitCode === 2);
  });
}

test('flag beats environment, environment beats default, empty environment is none', (t) => {
  t.is(read([], { T_TIMEOUT: '0x20' }).values['timeout'], 32);
  t.is(read(['-t', '1'], { T_TIMEOUT: '0x20' }).values['timeout'], 1);
  t.is(read([], { T_TIMEOUT: '' }).values['timeout'], 10);
  t.is(read([], { T_NO_SHARE: 'T' }).values['no-share'], true);
  t.is(read([], { T_MEMORY: '1g' }).values['qemu-memory'], 1024);
  t.is(read(['--memory=2g'], { T_MEMORY: '1g' }).values['qemu-memory'], 2048);
});

test('a list has the values of the environment first, split at commas and trimmed', (t) => {
  t.deepEqual(read(['--filter', 'c,d'], { T_FILTER: 'a, b' }).values['filter'], ['a', 'b', 'c,d']);
  t.deepEqual(read([], { T_FILTER: 'a' }).values['filter'], ['a']);
});

test('a bad value in the environment is a usage error that names the variable', (t) => {
  const number = t.throws(() => read([], { T_TIMEOUT: 'soon' }));
  t.is(
    number.message,
    'invalid value "soon" for environment variable T_TIMEOUT (flag --timeout): parse error',
  );
  const bool = t.throws(() => read([], { T_NO_SHARE: 'maybe' }));
  t.is(
    bool.message,
    'Error parsing boolean value from T_NO_SHARE: strconv.ParseBool: parsing "maybe": invalid syntax',
  );
});

test('global options stop at the command', (t) => {
  const { given, end } = tokenize(flags, ['-q', '-t', '3', 'ls', '-q', '--bogus'], { stopAtArgument: true });
  t.is(given.length, 2);
  t.is(end, 3);
  t.is(tokenize(flags, ['-q', '--', 'ls'], { stopAtArgument: true }).end, 2);
});

test('unknown flags can be passed over', (t) => {
  const { given, args } = tokenize(flags, ['--x=1', '--y', 'a', '-d', 'none'], { skipUnknown: true });
  t.deepEqual(
    given.map(({ flag, value }) => [flag.name, value]),
    [['driver', 'none']],
  );
  t.deepEqual(args, ['a']);
});

test('integers are those of Go', (t) => {
  const known: readonly (readonly [string, number | undefined])[] = [
    ['0', 0],
    ['-0', 0],
    ['+7', 7],
    ['0b101', 5],
    ['0O17', 15],
    ['0x_ff', 255],
    ['0_7', 7],
    ['1__0', undefined],
    ['_1', undefined],
    ['1_', undefined],
    ['0x', undefined],
    ['', undefined],
    [' 1', undefined],
    ['1e3', undefined],
    ['９', undefined],
  ];
  for (const [text, value] of known) {
    t.is(parseInteger(text), value, text);
  }
});

test('every integer comes back, in every base', (t) => {
  fc.assert(
    fc.property(fc.maxSafeInteger(), (value) => {
      const sign = value < 0 ? '-' : '';
      const size = Math.abs(value);
      const texts = [
        `${value}`,
        `${sign}0x${size.toString(16)}`,
        `${sign}0b${size.toString(2)}`,
        `${sign}0${size.toString(8)}`,
      ];
      return texts.every((text) => parseInteger(text) === value);
    }),
  );
  t.pass();
});

test('no command line does anything but parse or be refused', (t) => {
  const word = fc.oneof(
    fc.string({ maxLength: 12 }),
    fc.constantFrom('-q', '--', '-', '-t', '--filter', '--driver=', '__proto__', '--__proto__=1', '-t=1'),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 8 }), (argv) => {
      try {
        const { values, args } = read(argv);
        return (
          Object.keys(values).every((key) => flags.some(({ name }) => name === key)) &&
          args.every((arg) => argv.includes(arg))
        );
      } catch (error) {
        return isMachineError(error) && error.exitCode === 2;
      }
    }),
    { numRuns: 2000 },
  );
  t.is(({} as Record<string, unknown>)['x'], undefined);
});
