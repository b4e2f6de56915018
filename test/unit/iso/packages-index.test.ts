import test from 'ava';
import { isPoolPath, parsePackages } from '../../../iso/build/packages-index.ts';

const sum = 'a'.repeat(64);
const index = `Package: runc
Source: runc-app (1.1.15+ds1-2)
Version: 1.1.15+ds1-2+b4
Architecture: amd64
Depends: libc6 (>= 2.34),
 libseccomp2
Filename: pool/main/r/runc-app/runc_1.1.15+ds1-2+b4_amd64.deb
Size: 3229748
SHA256: ${sum}

Package: runc-extra
Version: 1
Architecture: all
Filename: pool/main/r/runc-extra/runc-extra_1_all.deb
Size: 5
SHA256: ${sum}
`;

test('the wanted package is found, by its whole name', (t) => {
  t.deepEqual(
    parsePackages(index, (name) => name === 'runc', 'Packages'),
    [
      {
        name: 'runc',
        version: '1.1.15+ds1-2+b4',
        architecture: 'amd64',
        filename: 'pool/main/r/runc-app/runc_1.1.15+ds1-2+b4_amd64.deb',
        sizeBytes: 3229748,
        sha256: sum,
        source: 'runc-app',
        sourceVersion: '1.1.15+ds1-2',
        depends: 'libc6 (>= 2.34),',
      },
    ],
  );
});

test('without a field Source the package is its own source', (t) => {
  const [record] = parsePackages(index, (name) => name === 'runc-extra', 'Packages');
  t.is(record?.source, 'runc-extra');
  t.is(record?.sourceVersion, '1');
});

test('a wanted record that is incomplete or hostile is refused, another one is not looked at', (t) => {
  const changes: readonly (readonly [string, string])[] = [
    [`SHA256: ${sum}`, 'SHA256: abc'],
    ['Size: 3229748', 'Size: many'],
    ['Size: 3229748', 'Size: 0'],
    ['pool/main/r/runc-app/', 'pool/../../etc/'],
    ['pool/main/r/runc-app/', 'https://elsewhere.example/'],
    ['Version: 1.1.15+ds1-2+b4', 'Version: $(id)'],
  ];
  for (const [from, to] of changes) {
    const changed = index.replace(from, to);
    t.throws(
      () => parsePackages(changed, (name) => name === 'runc', 'Packages'),
      { code: 'image-build-failed' },
      to,
    );
    t.notThrows(() => parsePackages(changed, (name) => name === 'runc-extra', 'Packages'));
  }
});

test('paths of packages stay below the archive', (t) => {
  t.true(isPoolPath('pool/updates/main/l/linux/linux-image_6.12~1_amd64.deb'));
  for (const path of [
    '',
    'pool/a.rpm',
    '/pool/a.deb',
    'pool/../a.deb',
    'pool/a b.deb',
    'pool/a?.deb',
    'x/a.deb',
  ]) {
    t.false(isPoolPath(path), path);
  }
});
