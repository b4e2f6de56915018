import test from 'ava';
import fc from 'fast-check';
import { callBlock, hostBlock, knownHostsText, type ClientHost } from '../../../src/ssh/client-config.ts';

const host: ClientHost = {
  alias: 'M.1',
  hostName: '10.0.0.2',
  port: 2222,
  user: 'docker',
  identityFile: '/s/id_rsa',
  knownHostsFile: '/s/50%/known hosts',
};

test('a block for the file of the user', (t) => {
  t.is(
    hostBlock(host, 'linux'),
    [
      'Host M.1',
      '  HostName 10.0.0.2',
      '  Port 2222',
      '  User docker',
      '  IdentityFile /s/id_rsa',
      '  IdentitiesOnly yes',
      '  HostKeyAlias tsmachine-m.1',
      '  UserKnownHostsFile "/s/50%%/known hosts"',
      '  GlobalKnownHostsFile /dev/null',
      '  StrictHostKeyChecking yes',
      '  CheckHostIP no',
      '  UpdateHostKeys no',
      '',
    ].join('\n'),
  );
});

test('a block for calls has the settings of docker-machine as well', (t) => {
  t.true(callBlock(host, 'linux').startsWith(hostBlock(host, 'linux')));
  t.regex(callBlock(host, 'linux'), /^ {2}PasswordAuthentication no$/m);
});

test('a machine without a key of its own asks for the keys of the user', (t) => {
  t.notRegex(hostBlock({ ...host, identityFile: undefined }, 'linux'), /Identit/);
});

test('paths of Windows, and addresses with a zone', (t) => {
  const text = hostBlock({ ...host, identityFile: 'C:\\Users\\An n\\id', hostName: 'fe80::1%eth0' }, 'win32');
  t.regex(text, /^ {2}IdentityFile "C:\/Users\/An n\/id"$/m);
  t.regex(text, /^ {2}HostName fe80::1%%eth0$/m);
});

test('a value makes no setting of its own, or is refused', (t) => {
  const keywords = hostBlock(host, 'linux').match(/^ *\w+/gm);
  fc.assert(
    fc.property(
      fc.constantFrom('alias', 'hostName', 'user', 'identityFile', 'knownHostsFile'),
      fc.string({
        unit: fc.constantFrom('a', ' ', '"', "'", '\\', '\n', '\r', '#', '%', '$', '{', '-', '/', '@'),
      }),
      (field, value) => {
        try {
          const text = hostBlock({ ...host, [field]: value }, 'linux');
          t.deepEqual(text.match(/^ *\w+/gm), keywords);
          t.notRegex(text, /\$\{|\r/);
        } catch (error) {
          t.regex(String(error), /cannot be (used for SSH|told to the SSH program)/);
        }
      },
    ),
    { seed: 5 },
  );
  for (const [field, value] of [
    ['user', '-oProxyCommand=x'],
    ['hostName', '-oProxyCommand=x'],
    ['alias', '*'],
    ['identityFile', '/a\n  ProxyCommand x'],
  ] as const) {
    t.throws(() => hostBlock({ ...host, [field]: value }, 'linux'), { code: 'record-invalid' }, field);
  }
});

test('the file of host keys has the key without its comment', (t) => {
  t.is(knownHostsText('M', ['ssh-ed25519 AAAA some body\n']), 'tsmachine-m ssh-ed25519 AAAA\n');
  t.is(knownHostsText('m', ['a A', 'b B x']), 'tsmachine-m a A\ntsmachine-m b B\n');
});
