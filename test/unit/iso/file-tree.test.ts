import test from 'ava';
import { FileTree } from '../../../iso/build/file-tree.ts';
import { PathPatterns } from '../../../iso/build/path-pattern.ts';
import {
  addInitramfsBase,
  addRootLinks,
  checkLinks,
  joinCertificates,
} from '../../../iso/build/root-links.ts';
import { busyboxApplets } from '../../../iso/applets.ts';

const data = Buffer.from('x');

test('directories are made, and entries are sorted by bytes', (t) => {
  const tree = new FileTree();
  tree.file('b/c', data);
  tree.file('b-d', data);
  tree.file('a\u{1f600}', data);
  tree.file('a\uffee', data);
  t.deepEqual(
    tree.sorted().map((entry) => entry.path),
    ['a\uffee', 'a\u{1f600}', 'b', 'b-d', 'b/c'],
  );
});

test('a later file replaces an earlier one', (t) => {
  const tree = new FileTree();
  tree.file('etc/a', data, { owner: 'package' });
  tree.file('etc/a', Buffer.from('mine'), { mode: 0o600 });
  const entry = tree.get('etc/a');
  t.is(entry?.owner, 'tsmachine');
  t.is(entry?.mode, 0o600);
});

test('a file cannot take the place of a directory, nor lie below a link', (t) => {
  const tree = new FileTree();
  tree.file('usr/bin/a', data);
  tree.link('bin', 'usr/bin');
  t.throws(
    () => {
      tree.file('usr/bin', data);
    },
    { code: 'image-build-failed' },
  );
  t.throws(
    () => {
      tree.file('bin/b', data);
    },
    { code: 'image-build-failed' },
  );
});

test('links are followed, in every segment, up and in circles', (t) => {
  const tree = new FileTree();
  tree.file('usr/lib/x/libc.so.6', data);
  tree.link('lib', 'usr/lib');
  tree.link('usr/lib64/ld.so', '../lib/x/libc.so.6');
  tree.link('abs', '/lib/x/../x/libc.so.6');
  tree.link('round', 'about');
  tree.link('about', 'round');
  for (const path of ['lib/x/libc.so.6', '/usr/lib64/ld.so', 'abs', 'lib/./x/libc.so.6']) {
    t.is(tree.resolve(path)?.path, 'usr/lib/x/libc.so.6', path);
  }
  t.is(tree.resolve('round'), undefined);
  t.is(tree.resolve('lib/missing'), undefined);
});

test('busybox is linked where no real program has the name', (t) => {
  const tree = new FileTree();
  for (const name of [
    'bin/busybox',
    'bin/tini-static',
    'bin/socat1',
    'lib/x',
    'sbin/mke2fs',
    'sbin/e2fsck',
    'sbin/xtables-legacy-multi',
    'sbin/xtables-nft-multi',
  ]) {
    tree.file(`usr/${name}`, data, { mode: 0o755, owner: 'real' });
  }
  addRootLinks(tree);
  t.is(tree.get('usr/sbin/mke2fs')?.owner, 'real');
  t.is(tree.get('usr/bin/mke2fs'), undefined);
  t.is(tree.resolve('sbin/modprobe')?.path, 'usr/bin/busybox');
  t.is(tree.resolve('bin/sh')?.path, 'usr/bin/busybox');
  t.is(tree.resolve('sbin/init')?.path, 'usr/bin/busybox');
  t.is(tree.get('tmp')?.mode, 0o1777);
  t.notThrows(() => {
    checkLinks(tree);
  });
});

test('the initramfs links exist as applets and lead to busybox', (t) => {
  const tree = new FileTree();
  addInitramfsBase(tree, data);
  checkLinks(tree);
  const known = new Set(Object.values(busyboxApplets).flatMap((names) => names.split(' ')));
  for (const entry of tree.sorted()) {
    if (entry.kind === 'symlink') {
      t.true(known.has(entry.path.replace(/^.*\//, '')), entry.path);
      t.is(tree.resolve(entry.path)?.path, 'bin/busybox');
    }
  }
});

test('a link that leads nowhere stops the build, one to /run does not', (t) => {
  const tree = new FileTree();
  tree.link('var/run', '../run');
  tree.link('etc/mtab', '../proc/self/mounts');
  checkLinks(tree);
  tree.link('usr/bin/gone', 'nothing');
  t.throws(
    () => {
      checkLinks(tree);
    },
    { code: 'image-build-failed' },
  );
});

test('certificates are joined, each ended by one line end, and their folders go', (t) => {
  const tree = new FileTree();
  tree.file('usr/share/ca-certificates/mozilla/B.crt', Buffer.from('two\n\n'), { owner: 'ca-certificates' });
  tree.file('usr/share/ca-certificates/mozilla/A.crt', Buffer.from('one'), { owner: 'ca-certificates' });
  tree.file('usr/share/other', data);
  joinCertificates(tree);
  const bundle = tree.get('etc/ssl/certs/ca-certificates.crt');
  t.is(bundle?.kind === 'file' ? Buffer.from(bundle.data).toString() : '', 'one\ntwo\n');
  t.is(bundle?.owner, 'ca-certificates');
  t.false(tree.has('usr/share/ca-certificates'));
  t.true(tree.has('usr/share/other'));
});

test('patterns match within one folder and tell which found nothing', (t) => {
  const patterns = new PathPatterns(
    ['usr/lib/{triplet}/libz.so.1*', 'usr/bin/a+b', 'etc/none'],
    'x86_64-linux-gnu',
  );
  t.true(patterns.matches('usr/lib/x86_64-linux-gnu/libz.so.1.3.1'));
  t.true(patterns.matches('usr/bin/a+b'));
  t.false(patterns.matches('usr/bin/aab'));
  t.false(patterns.matches('usr/lib/x86_64-linux-gnu/libz.so.1/deeper'));
  t.false(patterns.matches('xusr/bin/a+b'));
  t.deepEqual(patterns.unused(), ['etc/none']);
});
