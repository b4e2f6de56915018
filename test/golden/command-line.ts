import type { GoldenRow } from './row.ts';

const unknownFlag = (flag: string): string[] => [`flag provided but not defined: -${flag}`, ''];
const incorrect = ['Incorrect Usage.', '', 'HELP'];
const notACommand = (word: string): string[] => [
  `PROG: '${word}' is not a PROG command. See 'PROG --help'.`,
  '',
];
const oneName = ['Error: Expected one machine name as an argument', ''];
const noDefault = ['Error: No machine name(s) specified and no "default" machine exists', ''];

/** Reading the command line, help, and wrong numbers of arguments. */
export const commandLineRows: readonly GoldenRow[] = [
  ...['', 'help', 'h', '--help', '-h'].map((argv): GoldenRow => ({
    argv,
    setting: 'empty',
    exit: 0,
    stdout: ['HELP'],
    stderr: [],
  })),
  ...['rm -h', 'create --help', 'env -help', 'ssh -h'].map((argv): GoldenRow => ({
    argv,
    setting: 'empty',
    exit: 0,
    stdout: ['HELP'],
    stderr: [],
  })),
  ...['ls -quiet', 'ls -q=true', 'ls -q=T', 'ls -t=0x10 -q', '--debug=false ls -q', '-D=0 ls -q'].map(
    (argv): GoldenRow => ({ argv, setting: 'one', exit: 0, stdout: ['default', ''], stderr: [] }),
  ),
  ...['bogus', 'nosuch --help', 'help bogus'].map((argv): GoldenRow => ({
    argv,
    setting: 'empty',
    exit: 2,
    stdout: [],
    stderr: notACommand(argv.startsWith('nosuch') ? 'nosuch' : 'bogus'),
    differs: 'usage errors',
  })),
  ...(
    [
      ['--bogus', 'bogus'],
      ['ls --bogus', 'bogus'],
      ['ls -qt 1', 'qt'],
      ['ls --storage-path X', 'storage-path'],
      ['create -d none --virtualbox-memory 1 x', 'virtualbox-memory'],
    ] as const
  ).map(([argv, flag]): GoldenRow => ({
    argv,
    setting: 'empty',
    exit: 2,
    stdout: incorrect,
    stderr: unknownFlag(flag),
    differs: 'usage errors',
  })),
  ...(
    [
      ['ls -t abc', 'invalid value "abc" for flag -t: parse error'],
      ['ls -t', 'flag needs an argument: -t'],
      ['ls -q=maybe', 'invalid boolean value "maybe" for -q: parse error'],
      ['ls ---x', 'bad flag syntax: ---x'],
      ['create -d', 'flag needs an argument: -d'],
      ['create -d qemu --qemu-memory lots x', 'invalid value "lots" for flag -qemu-memory: parse error'],
    ] as const
  ).map(([argv, text]): GoldenRow => ({
    argv,
    setting: 'empty',
    exit: 2,
    stdout: incorrect,
    stderr: [text, ''],
    differs: 'usage errors',
  })),
  {
    argv: 'ls --quiet -q',
    setting: 'one',
    exit: 0,
    stdout: ['default', ''],
    stderr: [],
    differs: 'short and long form together',
  },
  {
    argv: 'ls -q',
    env: { MACHINE_DEBUG: 'xx' },
    setting: 'one',
    exit: 2,
    stdout: [],
    stderr: [
      'Error parsing boolean value from MACHINE_DEBUG: strconv.ParseBool: parsing "xx": invalid syntax',
      '',
    ],
    differs: 'usage errors',
  },
  {
    argv: 'ls -q',
    env: { MACHINE_NATIVE_SSH: 'maybe' },
    setting: 'one',
    exit: 2,
    stdout: [],
    stderr: [
      'Error parsing boolean value from MACHINE_NATIVE_SSH: strconv.ParseBool: parsing "maybe": invalid syntax',
      '',
    ],
    differs: 'bad int or bool in the environment',
  },
  ...['status', 'restart', 'url', 'ip', 'config', 'env', 'start', 'stop', 'kill'].map((argv): GoldenRow => ({
    argv,
    setting: 'four',
    exit: 1,
    stdout: [],
    stderr: noDefault,
  })),
  ...['status a b', 'url a b', 'env a b', 'version a b'].map((argv): GoldenRow => ({
    argv,
    setting: 'four',
    exit: 2,
    stdout: [],
    stderr: oneName,
    differs: 'usage errors',
  })),
  {
    argv: 'env -u default',
    setting: 'one',
    exit: 2,
    stdout: [],
    stderr: ['Error: Expected no machine name when the -u flag is present', ''],
    differs: 'usage errors',
  },
  ...[
    'config nope',
    'url nope',
    'status nope',
    'ip a b nope',
    'start nope a',
    'version nope',
    'env nope',
  ].map((argv): GoldenRow => ({ argv, setting: 'four', exit: 1, stdout: [], stderr: ['DNE(nope)', ''] })),
  {
    argv: 'kill nope nope2',
    setting: 'four',
    exit: 1,
    stdout: [],
    stderr: ['DNE(nope)', 'DNE(nope2)', ''],
  },
  ...['version', '-v', '--version'].map((argv): GoldenRow => ({
    argv,
    setting: 'empty',
    exit: 0,
    stdout: ['PROG version 0.16.2, build tsmachine-VERSION', ''],
    stderr: [],
    differs: 'version',
  })),
  {
    argv: 'version',
    env: { MACHINE_DEBUG: '1' },
    setting: 'empty',
    exit: 0,
    stdout: ['PROG version 0.16.2, build tsmachine-VERSION', ''],
    stderr: ['Docker Machine Version:  0.16.2, build tsmachine-VERSION', ''],
    differs: 'version',
  },
  {
    argv: '-D ls -q',
    setting: 'one',
    exit: 0,
    stdout: ['default', ''],
    stderr: ['Docker Machine Version:  0.16.2, build tsmachine-VERSION', ''],
    differs: 'version',
  },
];
