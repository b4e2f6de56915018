import type { TreeEntry } from '../../../iso/formats/entry.ts';
import { writeTar } from '../../../iso/formats/tar-writer.ts';
import { makeXz } from './make-xz.ts';

/** Test helper: a file, directory or link owned by root. */
export function file(path: string, text: string | Uint8Array, mode = 0o644): TreeEntry {
  return { kind: 'file', path, data: Buffer.from(text), mode, uid: 0, gid: 0 };
}

export function directory(path: string, mode = 0o755): TreeEntry {
  return { kind: 'directory', path, mode, uid: 0, gid: 0 };
}

export function symlink(path: string, target: string): TreeEntry {
  return { kind: 'symlink', path, target, mode: 0o777, uid: 0, gid: 0 };
}

/** The bytes of a tar archive with `./` in front of every name, as dpkg-deb writes it. */
export function makeTar(entries: readonly TreeEntry[]): Buffer {
  return Buffer.concat([
    ...writeTar(
      entries.map((entry) => ({ ...entry, path: `./${entry.path}` })),
      0,
    ),
  ]);
}

/** The bytes of an ar archive. */
export function makeAr(members: readonly (readonly [name: string, data: Uint8Array])[]): Buffer {
  const parts = [Buffer.from('!<arch>\n')];
  for (const [name, data] of members) {
    const head = `${name.padEnd(16)}${'0'.padEnd(12)}${'0'.padEnd(6)}${'0'.padEnd(6)}${'100644'.padEnd(8)}`;
    parts.push(Buffer.from(`${head}${String(data.length).padEnd(10)}\`\n`), Buffer.from(data));
    if (data.length % 2 === 1) {
      parts.push(Buffer.from('\n'));
    }
  }
  return Buffer.concat(parts);
}

/** The bytes of a Debian package with these files. */
export function makeDeb(entries: readonly TreeEntry[]): Buffer {
  return makeAr([
    ['debian-binary', Buffer.from('2.0\n')],
    ['control.tar.xz', makeXz(makeTar([file('control', 'Package: made-up\n')]))],
    ['data.tar.xz', makeXz(makeTar(entries))],
  ]);
}
