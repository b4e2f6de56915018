import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';

// The registration of Rosetta at the kernel: which files it is for.

const script = readFileSync(
  path.join(import.meta.dirname, '../../../../iso/rootfs/usr/lib/tsmachine/rosetta'),
  'utf8',
);

/** Bytes that the kernel makes of \\xNN, and of other characters as they are. */
function bytesOf(name: string): number[] {
  const text = new RegExp(`^${name}='(.*)'$`, 'm').exec(script)?.[1] ?? '';
  return [...text.matchAll(/\\x([0-9a-f]{2})|(.)/gs)].map(([, hex, other]) =>
    hex === undefined ? (other ?? '').charCodeAt(0) : Number.parseInt(hex, 16),
  );
}

/** The first 20 bytes of an ELF file (elf(5)). */
function header(type: number, machine: number, bits = 2): number[] {
  return [0x7f, 0x45, 0x4c, 0x46, bits, 1, 1, 0, ...Array<number>(8).fill(0), type, 0, machine, 0];
}

const x8664 = 0x3e;
const aarch64 = 0xb7;

for (const [what, bytes, isTaken] of [
  ['a program for x86-64', header(2, x8664), true],
  ['one that can be anywhere in memory', header(3, x8664), true],
  ['one of another system interface', header(2, x8664).with(7, 3), true],
  ['an object file', header(1, x8664), false],
  ['a program for arm64', header(2, aarch64), false],
  ['one for 32 bits', header(2, x8664, 1), false],
  ['a script', [...Buffer.from('#!/bin/sh\necho hello\n')], false],
] as const) {
  test(`Rosetta ${isTaken ? 'runs' : 'does not run'} ${what}`, (t) => {
    const [magic, mask] = [bytesOf('magic'), bytesOf('mask')];
    t.is(magic.length, 20);
    t.is(mask.length, 20);
    t.is(
      magic.every((byte, at) => ((byte ^ (bytes[at] ?? 0)) & (mask[at] ?? 0)) === 0),
      isTaken,
    );
  });
}
