import test from 'ava';
import fc from 'fast-check';
import { isMachineError } from '../../../src/core/errors.ts';
import { checkElfClosure } from '../../../iso/build/elf-closure.ts';
import { FileTree } from '../../../iso/build/file-tree.ts';
import { elfSection, isElf, readElf } from '../../../iso/formats/elf.ts';
import { makeElf, makeModule } from './make-elf.ts';

test('loader and needed libraries are read', (t) => {
  const elf = makeElf({ interpreter: '/lib64/ld.so', needed: ['libc.so.6', 'libm.so.6'] });
  t.deepEqual(readElf(elf, 'a'), {
    machine: 62,
    interpreter: '/lib64/ld.so',
    needed: ['libc.so.6', 'libm.so.6'],
  });
  t.deepEqual(readElf(makeElf({ machine: 183 }), 'a'), { machine: 183, interpreter: undefined, needed: [] });
});

test('scripts and short files are no ELF', (t) => {
  t.false(isElf(Buffer.from('#!/bin/sh\n')));
  t.false(isElf(Buffer.from('\x7fELF')));
  t.true(isElf(makeElf()));
});

test('a named section is found', (t) => {
  t.is(elfSection(makeModule(['depends=a']), '.modinfo', 'a.ko')?.toString(), 'depends=a\0');
  t.is(elfSection(makeModule([]), '.text', 'a.ko'), undefined);
});

test('damaged tables are refused and never lead out of the file', (t) => {
  const whole = makeElf({ interpreter: '/lib64/ld.so', needed: ['libc.so.6'] });
  fc.assert(
    fc.property(
      fc.integer({ min: 16, max: whole.length - 1 }),
      fc.integer({ min: 0, max: 255 }),
      (at, value) => {
        const damaged = Buffer.from(whole);
        damaged[at] = value;
        try {
          readElf(damaged, 'a');
        } catch (error) {
          return isMachineError(error) && error.code === 'image-build-failed';
        }
        return true;
      },
    ),
    { numRuns: 500 },
  );
  t.throws(() => readElf(whole.subarray(0, 80), 'usr/bin/cut'), { message: /usr\/bin\/cut/ });
});

function treeOf(files: Readonly<Record<string, Buffer>>): FileTree {
  const tree = new FileTree();
  for (const [path, data] of Object.entries(files)) {
    tree.file(path, data);
  }
  tree.link('lib64', 'usr/lib64');
  return tree;
}

const program = makeElf({ interpreter: '/lib64/ld.so', needed: ['libc.so.6'] });

test('a tree with all libraries passes, also through links', (t) => {
  const tree = treeOf({ 'usr/bin/a': program, 'usr/lib/x86_64-linux-gnu/libc.so.6.1': makeElf() });
  tree.link('usr/lib/x86_64-linux-gnu/libc.so.6', 'libc.so.6.1');
  tree.link('usr/lib64/ld.so', '../lib/x86_64-linux-gnu/libc.so.6.1');
  t.notThrows(() => {
    checkElfClosure(tree, 'amd64');
  });
});

test('a missing library, a missing loader and another processor are named', (t) => {
  const error = t.throws(() => {
    checkElfClosure(treeOf({ 'usr/bin/a': program, 'usr/bin/b': makeElf({ machine: 183 }) }), 'amd64');
  });
  t.true(isMachineError(error));
  if (isMachineError(error)) {
    t.deepEqual(error.facts['faults'], [
      'usr/bin/a needs the loader /lib64/ld.so',
      'usr/bin/a needs libc.so.6',
      'usr/bin/b is for another processor',
    ]);
  }
});

test('a link that leads nowhere does not count as the library', (t) => {
  const tree = treeOf({ 'usr/bin/a': makeElf({ needed: ['libc.so.6'] }) });
  tree.link('usr/lib/libc.so.6', 'libc.so.6.1');
  t.throws(
    () => {
      checkElfClosure(tree, 'amd64');
    },
    { code: 'image-build-failed' },
  );
});
