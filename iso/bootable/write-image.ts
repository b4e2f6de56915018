import { createReadStream } from 'node:fs';
import { open, rename, rm } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { MachineError } from '../../src/core/errors.ts';
import { contentBytes } from '../formats/image-layout.ts';
import type { ImageContent, ImageLayout } from '../formats/image-layout.ts';

const READ_CHUNK_BYTES = 1 << 20;

async function writeAll(target: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  let written = 0;
  while (written < bytes.length) {
    const result = await target.write(bytes, written, bytes.length - written, offset + written);
    written += result.bytesWritten;
  }
}

async function writeContent(target: FileHandle, content: ImageContent, offset: number): Promise<void> {
  if ('bytes' in content) {
    await writeAll(target, content.bytes, offset);
    return;
  }
  let copied = 0;
  // One byte more than announced is asked for, so that a file that has grown is noticed as well.
  const source = createReadStream(content.filePath, {
    end: content.sizeBytes,
    highWaterMark: READ_CHUNK_BYTES,
  });
  for await (const chunk of source as AsyncIterable<Buffer>) {
    if (copied + chunk.length <= content.sizeBytes) {
      await writeAll(target, chunk, offset + copied);
    }
    copied += chunk.length;
  }
  if (copied !== content.sizeBytes) {
    throw new MachineError(
      'image-build-failed',
      `${content.filePath} changed while the disk image was written`,
      {
        why: `It had ${content.sizeBytes} bytes before and does not have them any more.`,
        remedies: ['Run the command again, and only one at a time for the same files.'],
      },
    );
  }
}

/**
 * Writes an image to a file, which appears under its name only when it is complete. Files that the layout
 * names are streamed. Throws MachineError when such a file is no longer as long as the layout says.
 */
export async function writeImage(layout: ImageLayout, outputPath: string): Promise<void> {
  const temporaryPath = `${outputPath}.partial`;
  await rm(temporaryPath, { force: true });
  const target = await open(temporaryPath, 'wx', 0o644);
  try {
    // Gaps between the parts read as zeros, also where they are not allocated.
    await target.truncate(layout.sizeBytes);
    for (const part of layout.parts) {
      if (contentBytes(part.content) > 0) {
        await writeContent(target, part.content, part.offsetBytes);
      }
    }
    await target.sync();
  } catch (error) {
    await target.close();
    await rm(temporaryPath, { force: true });
    throw error;
  }
  await target.close();
  await rename(temporaryPath, outputPath);
}
