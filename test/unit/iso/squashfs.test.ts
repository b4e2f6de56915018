import test from 'ava';
import type { TreeEntry } from '../../../iso/formats/entry.ts';
import { writeSquashfs } from '../../../iso/formats/squashfs/squashfs.ts';
import { zstdCompress } from '../../../iso/formats/zstd/zstd.ts';
import { readSquashfs } from './read-squashfs.ts';

const effort = { depth: 8, niceLength: 32 };
const pack = (data: Uint8Array): Uint8Array => zstdCompress(data, effort);
const compressor = {
  pack,
  packAll: async (blocks: readonly Uint8Array[]): Promise<Uint8Array[]> => blocks.map(pack),
};

async function write(entries: readonly TreeEntry[], blockBytes = 1 << 16): Promise<Buffer> {
  return Buffer.concat(await writeSquashfs(entries, { timeSeconds: 1_700_000_000, blockBytes, compressor }));
}

const owner = { uid: 0, gid: 0 };

function data(length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, i) => (i * i * 31 + (i >> 9)) & 0xff));
}

test('a tree comes back with contents, owners and all bits of its modes', async (t) => {
  const entries: TreeEntry[] = [
    { kind: 'directory', path: 'usr', mode: 0o755, ...owner },
    { kind: 'directory', path: 'usr/bin', mode: 0o755, ...owner },
    { kind: 'file', path: 'usr/bin/doas', mode: 0o4755, ...owner, data: data(1000) },
    { kind: 'file', path: 'usr/bin/dockerd', mode: 0o755, ...owner, data: data(500_001) },
    { kind: 'file', path: 'usr/bin/one-block', mode: 0o755, ...owner, data: data(1 << 16) },
    { kind: 'file', path: 'usr/bin/zeros', mode: 0o644, ...owner, data: Buffer.alloc(300_000) },
    { kind: 'symlink', path: 'usr/bin/ls', mode: 0o777, ...owner, target: 'busybox' },
    { kind: 'directory', path: 'tmp', mode: 0o1777, ...owner },
    { kind: 'directory', path: 'home', mode: 0o700, uid: 1000, gid: 1001 },
    { kind: 'file', path: 'home/key', mode: 0o600, uid: 1000, gid: 1001, data: Buffer.alloc(0) },
    { kind: 'file', path: 'home-file', mode: 0o640, uid: 0, gid: 42, data: Buffer.from('x') },
  ];
  const nodes = readSquashfs(await write(entries));
  t.is(nodes.size, entries.length + 1);
  t.is(new Set([...nodes.values()].map((node) => node.number)).size, nodes.size);
  for (const entry of entries) {
    const node = nodes.get(entry.path);
    t.deepEqual([node?.mode, node?.uid, node?.gid], [entry.mode, entry.uid, entry.gid], entry.path);
    t.is(node?.timeSeconds, 1_700_000_000);
    t.is(node?.target, entry.kind === 'symlink' ? entry.target : undefined);
    t.true(entry.kind !== 'file' || node?.content?.equals(entry.data) === true, entry.path);
  }
  t.is(nodes.get('')?.linkCount, 5);
  t.is(nodes.get('usr')?.linkCount, 3);
});

test('many entries fill several blocks of metadata and headers of listings', async (t) => {
  const entries = Array.from({ length: 1500 }, (_, i): TreeEntry => {
    const path = `applet-${i}`;
    return { kind: 'symlink', path, mode: 0o777, ...owner, target: `../bin/busybox-${i * 7919}` };
  });
  const nodes = readSquashfs(await write(entries));
  t.is(nodes.size, 1501);
  t.is(nodes.get('applet-1499')?.target, `../bin/busybox-${1499 * 7919}`);
});

test('small files share blocks', async (t) => {
  const entries = Array.from({ length: 300 }, (_, i): TreeEntry => {
    return { kind: 'file', path: `module-${i}`, mode: 0o644, ...owner, data: data(2000 + i) };
  });
  const image = await write(entries);
  t.is(image.readUInt32LE(16), Math.ceil((300 * 2150) / (1 << 16)));
  t.true(readSquashfs(image).get('module-299')?.content?.equals(data(2299)));
});

test('an empty tree and a repeated one are right too', async (t) => {
  t.deepEqual([...readSquashfs(await write([])).keys()], ['']);
  const entries: TreeEntry[] = [{ kind: 'file', path: 'a', mode: 0o644, ...owner, data: data(70_000) }];
  t.deepEqual(await write(entries), await write(entries));
  t.is((await write(entries)).length % 4096, 0);
});

test('a tree with a missing directory is refused', async (t) => {
  const orphan: TreeEntry = { kind: 'file', path: 'a/b', mode: 0o644, ...owner, data: data(1) };
  await t.throwsAsync(write([orphan]), { code: 'image-build-failed' });
});

test('a directory that its short form cannot hold is refused', async (t) => {
  const entries = Array.from({ length: 600 }, (_, i): TreeEntry => {
    const path = `${'n'.repeat(120)}${i}`;
    return { kind: 'symlink', path, mode: 0o777, ...owner, target: 'x' };
  });
  await t.throwsAsync(write(entries), { code: 'image-build-failed' });
});
