import test from 'ava';
import fc from 'fast-check';
import { rsyncArguments, scpArguments } from '../../../src/machine/copy.ts';
import { locationArgument, parseLocation } from '../../../src/machine/location.ts';

test('locations of docker-machine', (t) => {
  const remote = (machine: string, path: string, user?: string): object => ({
    kind: 'remote',
    machine,
    path,
    ...(user === undefined ? {} : { user }),
  });
  t.deepEqual(parseLocation('m:/x', 'linux'), remote('m', '/x'));
  t.deepEqual(parseLocation('m:', 'linux'), remote('m', ''));
  t.deepEqual(parseLocation('root@m:a:b', 'linux'), remote('m', 'a:b', 'root'));
  t.deepEqual(parseLocation('C:\\x', 'linux'), remote('C', '\\x'));
  for (const [text, path, platform] of [
    ['x', 'x', 'linux'],
    ['./a:b', './a:b', 'linux'],
    ['localhost:/x', '/x', 'linux'],
    ['C:\\x', 'C:\\x', 'win32'],
    ['c:/x', 'c:/x', 'win32'],
  ] as const) {
    t.deepEqual(parseLocation(text, platform), { kind: 'local', path });
  }
});

test('an argument of a local path is never an option or a machine', (t) => {
  fc.assert(
    fc.property(fc.string(), (path) => {
      const argument = locationArgument({ kind: 'local', path }, 'linux');
      t.notRegex(argument, /^-|^[^/]*:/);
      t.true(argument === path || argument === './' + path || (path === '' && argument === '.'));
    }),
    { seed: 11 },
  );
});

const plan = {
  source: parseLocation('m:/a', 'linux'),
  target: parseLocation('b', 'linux'),
  recursive: false,
  quiet: false,
  configPath: '/s/ssh_config',
  platform: 'linux' as const,
};

test('arguments of scp', (t) => {
  t.deepEqual(scpArguments(plan), ['-F', '/s/ssh_config', '--', 'm:/a', 'b']);
  const between = { ...plan, target: parseLocation('u@n:', 'linux'), recursive: true, quiet: true };
  t.deepEqual(scpArguments(between), ['-F', '/s/ssh_config', '-3', '-r', '-q', '--', 'm:/a', 'u@n:']);
  const odd = { ...plan, source: parseLocation('m:a;b', 'linux') };
  t.deepEqual(scpArguments(odd), ['-F', '/s/ssh_config', '-s', '--', 'm:a;b', 'b']);
  t.false(scpArguments({ ...plan, source: parseLocation('m:~/*.log', 'linux') }).includes('-s'));
});

test('arguments of rsync', (t) => {
  t.deepEqual(rsyncArguments(plan), ['-e', 'ssh -F /s/ssh_config', '--progress', '--', 'm:/a', 'b']);
  const odd = {
    ...plan,
    configPath: "/it's here/ssh_config",
    source: parseLocation('m:a b', 'linux'),
    quiet: true,
  };
  t.deepEqual(rsyncArguments(odd), ['-e', "ssh -F '/it''s here/ssh_config'", '-s', '--', 'm:a b', 'b']);
  t.is(rsyncArguments({ ...plan, source: parseLocation('m::x', 'linux') }).at(-2), 'm:./:x');
});
