import { open } from 'node:fs/promises';
import { MachineError } from '../../src/core/errors.ts';

/** The formats of a root file system that the guest's first stage knows, by their names in the ISO. */
export type RootKind = 'erofs' | 'sqfs';

const EROFS_MAGIC = 0xe0f5e1e2;
const EROFS_MAGIC_OFFSET = 1024;
const SQUASHFS_MAGIC = 0x73717368;

/** Reads which root format a file has from its magic number. Throws MachineError for any other file. */
export async function rootKindOf(path: string): Promise<RootKind> {
  const file = await open(path, 'r');
  try {
    const head = Buffer.alloc(EROFS_MAGIC_OFFSET + 4);
    await file.read(head, 0, head.length, 0);
    if (head.readUInt32LE(0) === SQUASHFS_MAGIC) {
      return 'sqfs';
    }
    if (head.readUInt32LE(EROFS_MAGIC_OFFSET) === EROFS_MAGIC) {
      return 'erofs';
    }
  } finally {
    await file.close();
  }
  throw new MachineError('image-build-failed', `${path} is not a root file system`, {
    why: 'It is neither an EROFS nor a squashfs image.',
    remedies: ['Build the image again.'],
  });
}
