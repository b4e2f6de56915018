import test from 'ava';
import fc from 'fast-check';
import { compareVersions, upstreamVersion } from '../../../iso/build/debian-version.ts';

test('versions are in the order of dpkg', (t) => {
  const ascending = [
    '0~~',
    '0~~a',
    '0~',
    '0',
    '0a',
    '0.9-1',
    '1.0~rc1-1',
    '1.0-1~bpo1',
    '1.0-1',
    '1.0-1+b2',
    '1.0-1+b10',
    '1.0-1+deb13u1',
    '1.0-1.1',
    '1.0a-1',
    '1.0+dfsg1-1',
    '1.0.1-1',
    '1.2-3',
    '1.10-1',
    '6.12.107-1',
    '6.12.117-1',
    '26.1.5+dfsg1-9+deb13u1',
    '1:0.1-1',
    '2:0',
  ];
  for (const [index, version] of ascending.entries()) {
    t.is(compareVersions(version, version), 0);
    for (const later of ascending.slice(index + 1)) {
      t.true(compareVersions(version, later) < 0, `${version} < ${later}`);
      t.true(compareVersions(later, version) > 0, `${later} > ${version}`);
    }
  }
});

test('leading zeros and an epoch of 0 make no difference', (t) => {
  t.is(compareVersions('1.01-1', '1.1-1'), 0);
  t.is(compareVersions('0:1.0-1', '1.0-1'), 0);
  t.is(compareVersions('1.0', '1.0-0'), 0);
});

test('the order is one: turned round it is the opposite, and it is transitive', (t) => {
  const version = fc.stringMatching(/^[0-9a-zA-Z.+~]{1,8}(-[0-9a-zA-Z.+~]{1,4})?$/);
  fc.assert(
    fc.property(version, version, version, (a, b, c) => {
      const sign = Math.sign(compareVersions(a, b));
      const [low, middle, high] = [a, b, c].sort(compareVersions) as [string, string, string];
      return (
        sign === -Math.sign(compareVersions(b, a)) &&
        compareVersions(low, middle) <= 0 &&
        compareVersions(middle, high) <= 0 &&
        compareVersions(low, high) <= 0
      );
    }),
  );
  t.pass();
});

test('the upstream version has neither epoch nor revision', (t) => {
  t.is(upstreamVersion('1:1.37.0-6+b9'), '1.37.0');
  t.is(upstreamVersion('26.1.5+dfsg1-9+deb13u1'), '26.1.5+dfsg1');
  t.is(upstreamVersion('1.0-rc-1'), '1.0-rc');
});
