import { createHash } from 'node:crypto';
import { brotliCompressSync, constants } from 'node:zlib';
import {
  formatManifest,
  imageDigest,
  type ImageFile,
  type ImageManifest,
} from '../../../src/image/manifest.ts';
import { makeBzImage } from './make-kernel.ts';

/** Test helper: an image of a few kilobytes, in every form in which one travels. */
export interface TinyImage {
  readonly manifest: ImageManifest;
  /** Text of manifest.json. */
  readonly manifestText: string;
  /** SHA-256 of that text. */
  readonly manifestSha256: string;
  /** As `image build` leaves it: raw files, and the compressed forms beside them. */
  readonly built: ReadonlyMap<string, Buffer>;
  /** As it is sent: compressed where there is a compressed form, without vmlinux. */
  readonly sent: ReadonlyMap<string, Buffer>;
  /** What a machine boots, by name. */
  readonly boot: ReadonlyMap<string, Buffer>;
}

/** What may differ between two of them. */
export interface TinyImageOptions {
  readonly architecture?: 'amd64' | 'arm64';
  /** Goes into the root file system, so that images can be told apart. */
  readonly mark?: string;
  readonly sourceDateEpoch?: number;
  /** Bytes of the root file system, of the kind that does not compress. */
  readonly rootBytes?: number;
  /** Changes the manifest's entries of files before the manifest is finished. */
  readonly alter?: (files: readonly ImageFile[]) => readonly ImageFile[];
}

export function tinyImage(options: TinyImageOptions = {}): TinyImage {
  const { architecture = 'amd64', mark = 'one' } = options;
  const boot = new Map<string, Buffer>();
  const vmlinux = Buffer.from(`\x7fELF${'kernel '.repeat(300)}`, 'latin1');
  boot.set('vmlinuz', architecture === 'amd64' ? makeBzImage(vmlinux) : Buffer.from('MZ'.repeat(2000)));
  if (architecture === 'amd64') {
    boot.set('vmlinux', vmlinux);
  }
  boot.set('initrd', Buffer.from(`070701 ${'initramfs '.repeat(500)}`));
  boot.set(
    'root.erofs',
    Buffer.concat([Buffer.from(`root ${mark} `.repeat(1000)), noise(options.rootBytes ?? 0)]),
  );
  const packed = new Map(
    [...boot]
      .filter(([name]) => name !== 'vmlinux' && !(name === 'vmlinuz' && architecture === 'amd64'))
      .map(([name, data]) => [`${name}.br`, pack(data)] as const),
  );
  const listed = [...boot].map(([name, data]): ImageFile => {
    const form = packed.get(`${name}.br`);
    return form === undefined
      ? { name, ...sumOf(data) }
      : { name, ...sumOf(data), compressed: { name: `${name}.br`, encoding: 'br', ...sumOf(form) } };
  });
  const manifest = tinyManifest(options.alter?.(listed) ?? listed, options);
  const manifestText = formatManifest(manifest);
  const head = ['manifest.json', Buffer.from(manifestText)] as const;
  return {
    manifest,
    manifestText,
    manifestSha256: sumOf(Buffer.from(manifestText)).sha256,
    boot,
    built: new Map([head, ...boot, ...packed]),
    sent: new Map([
      head,
      ...[...boot].filter(([name]) => name !== 'vmlinux' && !packed.has(`${name}.br`)),
      ...packed,
    ]),
  };
}

function tinyManifest(files: readonly ImageFile[], options: TinyImageOptions): ImageManifest {
  const { architecture = 'amd64', sourceDateEpoch = 1_795_040_263 } = options;
  return {
    schema: 1,
    version: '20261118-26.1.5',
    architecture,
    sourceDateEpoch,
    lockSha256: '0'.repeat(64),
    kernelRelease: `6.12.117+deb13-${architecture}`,
    engineVersion: '26.1.5',
    digest: imageDigest(files),
    files,
    tree: [],
    packages: [],
  };
}

function pack(data: Buffer): Buffer {
  return brotliCompressSync(data, {
    params: { [constants.BROTLI_PARAM_LARGE_WINDOW]: 1, [constants.BROTLI_PARAM_LGWIN]: 28 },
  });
}

function sumOf(data: Uint8Array): { readonly size: number; readonly sha256: string } {
  return { size: data.length, sha256: createHash('sha256').update(data).digest('hex') };
}

/** The same bytes in every run. */
function noise(lengthBytes: number): Buffer {
  const bytes = Buffer.alloc(lengthBytes);
  let state = 1;
  for (let at = 0; at < lengthBytes; at += 1) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[at] = state >>> 16;
  }
  return bytes;
}

/** A copy with one bit of one byte changed, in the middle. */
export function withChangedByte(data: Uint8Array): Buffer {
  const bytes = Buffer.from(data);
  const at = Math.floor(bytes.length / 2);
  bytes[at] = (bytes[at] ?? 0) ^ 0x01;
  return bytes;
}
