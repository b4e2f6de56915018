import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import type { Emit } from '../../src/core/events.ts';
import { readErofs } from '../formats/erofs-reader.ts';
import { writeSquashfs } from '../formats/squashfs/squashfs.ts';
import { zstdCompress, type SearchEffort } from '../formats/zstd/zstd.ts';
import { compressBlocks } from './zstd-pool.ts';

/**
 * The parts of the ISO that are stored compressed there, although the other forms of the image have them plain.
 * The compressor is our own, so that the bytes are the same with every version of Node on every computer.
 */

/** Settled by trying: twice the depth saves half a percent more. */
const EFFORT: SearchEffort = { depth: 32, niceLength: 96 };
/** For metadata and the initramfs, where more effort gains nothing. */
const QUICK_EFFORT: SearchEffort = { depth: 16, niceLength: 64 };
/** Four times smaller blocks make the image 5 % larger and the start no faster. */
const SQUASHFS_BLOCK_BYTES = 1 << 20;
/** One frame of our compressor; an initramfs above this stays as it is. */
const FRAME_BYTES_MAX = 1 << 24;
const CPIO_MAGIC = '070701';

export interface CompressRootOptions {
  /** The root file system as the image build writes it. */
  readonly erofsPath: string;
  readonly outputPath: string;
  /** Time of every file, in seconds since 1970. */
  readonly sourceDateEpoch: number;
  readonly emit: Emit;
}

/**
 * Makes a squashfs image with the same tree as an EROFS image of ours: names, modes, owners, links, contents.
 * Takes about a minute and a half of one processor; several are used. Throws MachineError for a damaged image.
 */
export async function compressRoot(options: CompressRootOptions): Promise<void> {
  const { erofsPath, outputPath, emit } = options;
  const entries = readErofs(await readFile(erofsPath), erofsPath);
  const chunks = await writeSquashfs(entries, {
    timeSeconds: options.sourceDateEpoch,
    blockBytes: SQUASHFS_BLOCK_BYTES,
    compressor: {
      pack: (data) => zstdCompress(data, QUICK_EFFORT),
      packAll: (blocks) =>
        compressBlocks(blocks, EFFORT, (done) => {
          emit({ type: 'progress', label: 'Compressing the root file system', done, total: blocks.length });
        }),
    },
  });
  await writeWhole(outputPath, chunks);
}

/**
 * Compresses an initramfs that is plain; one that is compressed already, or larger than a frame may be, is copied
 * as it is. Every Debian kernel reads both.
 */
export async function compressInitrd(initrdPath: string, outputPath: string): Promise<void> {
  const initrd = await readFile(initrdPath);
  const plain = initrd.toString('latin1', 0, CPIO_MAGIC.length) === CPIO_MAGIC;
  await writeWhole(outputPath, [
    plain && initrd.length <= FRAME_BYTES_MAX ? zstdCompress(initrd, QUICK_EFFORT) : initrd,
  ]);
}

async function writeWhole(outputPath: string, chunks: readonly Uint8Array[]): Promise<void> {
  const temporaryPath = `${outputPath}.partial`;
  try {
    await writeFile(temporaryPath, chunks);
    await rename(temporaryPath, outputPath);
  } finally {
    await rm(temporaryPath, { force: true });
  }
}
