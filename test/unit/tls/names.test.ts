import { isIP } from 'node:net';
import test from 'ava';
import fc from 'fast-check';
import { isMachineError } from '../../../src/core/errors.ts';
import { isDnsName, parseSubjectName, parseSubjectNames } from '../../../src/tls/names.ts';

test('addresses are normalised', (t) => {
  const cases: [given: string, text: string, bytes: string][] = [
    ['127.0.0.1', '127.0.0.1', '7f000001'],
    ['::1', '::1', '00000000000000000000000000000001'],
    ['fe80::1%eth0', 'fe80::1', 'fe800000000000000000000000000001'],
    ['FD00:0:0::00A', 'fd00::a', 'fd00000000000000000000000000000a'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
    ['::', '::', '00000000000000000000000000000000'],
    ['::ffff:1.2.3.4', '1.2.3.4', '01020304'],
    ['64:ff9b::1.2.3.4', '64:ff9b::102:304', '0064ff9b000000000000000001020304'],
    [' 10.0.0.7 ', '10.0.0.7', '0a000007'],
  ];
  for (const [given, text, bytes] of cases) {
    const name = parseSubjectName(given);
    t.is(name.text, text, given);
    t.is(name.kind === 'ip' ? Buffer.from(name.bytes).toString('hex') : '', bytes, given);
  }
});

test('host names are lower case and ASCII', (t) => {
  t.deepEqual(parseSubjectName('Build.Example.COM'), { kind: 'dns', text: 'build.example.com' });
  t.deepEqual(parseSubjectName('bücher.example'), { kind: 'dns', text: 'xn--bcher-kva.example' });
  t.deepEqual(parseSubjectName('*.example.com'), { kind: 'dns', text: '*.example.com' });
  t.deepEqual(parseSubjectName('my_host'), { kind: 'dns', text: 'my_host' });
});

test('what would break a certificate is refused', (t) => {
  const bad = [
    '',
    ' ',
    '256.1.1.1',
    '010.0.0.1',
    '127.1',
    '127.0.0.1/8',
    '127.0.0.1:2376',
    '[::1]',
    'fe80::zz',
    'a b',
    'a..b',
    '-a',
    'a-',
    '*',
    '*.com.*',
    'a\0b',
    'a\nb',
    'DNS:a,IP:1.2.3.4',
    `${'a'.repeat(64)}.example`,
    `${'a.'.repeat(130)}b`,
    'http://a',
    'user@host',
  ];
  for (const given of bad) {
    const error = t.throws(() => parseSubjectName(given), undefined, JSON.stringify(given));
    t.true(isMachineError(error) && error.code === 'flag-invalid', JSON.stringify(given));
  }
});

test('doubles are dropped in whatever form they come', (t) => {
  const names = parseSubjectNames(['::1', '0:0:0:0:0:0:0:1', 'A', 'a', '::ffff:127.0.0.1', '127.0.0.1']);
  t.deepEqual(
    names.map(({ text }) => text),
    ['::1', 'a', '127.0.0.1'],
  );
});

test('any text is either refused or becomes a name that cannot do harm', (t) => {
  const anything = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.ipV4(),
    fc.ipV6(),
    fc.domain(),
    fc.webAuthority(),
  );
  fc.assert(
    fc.property(anything, (given) => {
      let name;
      try {
        name = parseSubjectName(given);
      } catch (error) {
        return isMachineError(error) && error.code === 'flag-invalid';
      }
      return name.kind === 'dns'
        ? isDnsName(name.text) && /^[a-z0-9_.*-]{1,253}$/.test(name.text) && isIP(name.text) === 0
        : isIP(name.text) !== 0 && name.bytes.length === (isIP(name.text) === 4 ? 4 : 16);
    }),
  );
  t.pass();
});
