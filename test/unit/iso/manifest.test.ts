import test from 'ava';
import { imageId, osRelease, uuidText } from '../../../iso/build/image-id.ts';
import { cycloneDx } from '../../../iso/build/sbom.ts';
import {
  digestText,
  formatManifest,
  imageDigest,
  parseManifest,
  type ImageManifest,
} from '../../../src/image/manifest.ts';

const sum = (letter: string): string => letter.repeat(64);

const files: ImageManifest['files'] = [
  { name: 'vmlinuz', size: 1, sha256: sum('a') },
  { name: 'initrd', size: 2, sha256: sum('b') },
  {
    name: 'root.erofs',
    size: 3,
    sha256: sum('c'),
    compressed: { name: 'root.erofs.br', encoding: 'br', size: 1, sha256: sum('d') },
  },
];

const manifest: ImageManifest = {
  schema: 1,
  version: '20261118-26.1.5',
  architecture: 'amd64',
  sourceDateEpoch: 1_795_040_263,
  lockSha256: sum('0'),
  kernelRelease: '6.12.117+deb13-amd64',
  engineVersion: '26.1.5',
  digest: imageDigest(files),
  files,
  tree: [
    { path: 'usr/bin/sh', mode: '0777', size: 7, sha256: sum('e'), target: 'busybox', package: 'tsmachine' },
    { path: 'usr/bin/doas', mode: '4755', size: 43, sha256: sum('f'), package: 'opendoas' },
  ],
  packages: [
    {
      name: 'libc++1',
      version: '1:2.41-12+deb13u4',
      architecture: 'amd64',
      sha256: sum('9'),
      source: 'glibc',
      sourceVersion: '2.41-12+deb13u4',
      suite: 'main',
      replaced: '2.41-12',
    },
  ],
};

test('a manifest is read as it was written', (t) => {
  t.deepEqual(parseManifest(formatManifest(manifest)), manifest);
  t.deepEqual(parseManifest(JSON.stringify(manifest)), manifest, 'also without the sum at its end');
});

test('every changed letter of a manifest is noticed, and the file is named', (t) => {
  const text = formatManifest(manifest);
  // A key that is not known says nothing, so the name of the sum itself may change.
  const sumAt = text.indexOf('"checksum"');
  for (let at = 0; at < sumAt; at += 1) {
    if (/[0-9a-z]/i.test(text[at] ?? '')) {
      const changed = `${text.slice(0, at)}${text[at] === 'e' ? 'f' : 'e'}${text.slice(at + 1)}`;
      const error = t.throws(() => parseManifest(changed, '/a/manifest.json'), { code: 'image-invalid' });
      t.true(error.message.startsWith('/a/manifest.json'), `${at}: ${error.message}`);
    }
  }
});

test('a field that is missing, of another type or hostile is named', (t) => {
  const [vmlinuz] = manifest.files;
  const cases: Record<string, unknown> = {
    version: { ...manifest, version: '' },
    architecture: { ...manifest, architecture: 'riscv64' },
    sourceDateEpoch: { ...manifest, sourceDateEpoch: '1' },
    lockSha256: { ...manifest, lockSha256: 'short' },
    kernelRelease: { ...manifest, kernelRelease: undefined },
    digest: { ...manifest, digest: sum('G') },
    files: { ...manifest, files: [{ ...vmlinuz, name: '../../etc/passwd' }] },
    tree: { ...manifest, tree: {} },
    packages: { ...manifest, packages: [{}] },
    '(all)': [],
  };
  for (const [field, value] of Object.entries(cases)) {
    const error = t.throws(() => parseManifest(JSON.stringify(value)), { code: 'image-invalid' }, field);
    t.true(error.message.includes(`"${field}"`), error.message);
  }
  t.throws(() => parseManifest('{'), { code: 'image-invalid' });
  for (const name of ['', '.hidden', 'a/b', 'a\\b', 'x'.repeat(65)]) {
    const hostile = [
      { ...manifest.files[2], compressed: { name, encoding: 'br', size: 1, sha256: sum('d') } },
    ];
    t.throws(
      () => parseManifest(JSON.stringify({ ...manifest, files: hostile })),
      { code: 'image-invalid' },
      name,
    );
  }
});

test('a manifest of another schema asks for an upgrade', (t) => {
  const error = t.throws(() => parseManifest(JSON.stringify({ ...manifest, schema: 2 })), {
    code: 'image-invalid',
  });
  t.regex((error as unknown as { remedies: string[] }).remedies.join(), /Upgrade/);
});

test('an image without one of the files that boot is refused', (t) => {
  const some = files.filter((file) => file.name !== 'initrd');
  const error = t.throws(() => parseManifest(JSON.stringify({ ...manifest, files: some })), {
    code: 'image-invalid',
  });
  t.regex(error.message, /initrd/);
});

test('the digest covers what boots, in a fixed order', (t) => {
  const text = `vmlinuz ${sum('a')}\ninitrd ${sum('b')}\nroot.erofs ${sum('c')}\n`;
  t.is(digestText(manifest.files), text);
  t.is(digestText([...manifest.files].reverse()), text);
});

const engine = {
  name: 'docker.io',
  version: '26.1.5+dfsg1-9+deb13u1',
  architecture: 'amd64',
  archive: 'main' as const,
  filename: 'pool/main/d/docker.io.deb',
  sizeBytes: 1,
  sha256: sum('a'),
  source: 'docker.io',
  sourceVersion: '26.1.5+dfsg1-9+deb13u1',
};

test('the identity follows from lock and packages alone', (t) => {
  const lock = { sha256: sum('0'), sourceDateEpoch: 1_795_040_263 };
  const id = imageId(lock, [engine]);
  t.is(id.version, '20261118-26.1.5');
  t.deepEqual(imageId(lock, [engine]), id);
  t.notDeepEqual(imageId(lock, [{ ...engine, sha256: sum('b') }]).uuid, id.uuid);
  t.notDeepEqual(imageId({ ...lock, sha256: sum('1') }, [engine]).uuid, id.uuid);
  t.regex(uuidText(id.uuid), /^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  t.throws(() => imageId(lock, []), { code: 'image-build-failed' });
});

test('os-release is one that docker-machine can read', (t) => {
  const text = osRelease(imageId({ sha256: sum('0'), sourceDateEpoch: 1_795_040_263 }, [engine]));
  const lines = text.trimEnd().split('\n');
  t.true(lines.every((line) => line.split('=').length === 2));
  t.true(lines.includes('ID=boot2docker'));
  t.true(lines.includes('VERSION_ID="26.1.5"'));
});

test('the bill of materials names each package by its URL', async (t) => {
  const { version, components, serialNumber } = JSON.parse(
    await cycloneDx(manifest, Buffer.alloc(16, 0x88)),
  ) as {
    version: number;
    serialNumber: string;
    components: readonly { purl: string; hashes: readonly { content: string }[] }[];
  };
  t.is(version, 1);
  t.is(serialNumber, 'urn:uuid:88888888-8888-8888-8888-888888888888');
  t.is(components[0]?.purl, 'pkg:deb/debian/libc%2B%2B1@1:2.41-12%2Bdeb13u4?arch=amd64&distro=debian-13');
  t.is(components[0]?.hashes[0]?.content, sum('9'));
});
