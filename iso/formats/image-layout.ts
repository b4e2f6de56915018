import { layoutError } from './layout-error.ts';

/** Bytes in memory, or a file that is read only when the image is written. */
export type ImageContent =
  { readonly bytes: Uint8Array } | { readonly filePath: string; readonly sizeBytes: number };

/** Place of a file's data in an image, in sectors of 2048 bytes. */
export interface Extent {
  readonly lba: number;
  readonly sizeBytes: number;
}

/** A piece of an image at its place; gaps between pieces are zeros. */
export interface ImagePart {
  readonly offsetBytes: number;
  readonly content: ImageContent;
}

/** An image that is decided to the last byte, but whose large files are still on the disk. */
export interface ImageLayout {
  readonly sizeBytes: number;
  /** In ascending order, without overlap. */
  readonly parts: readonly ImagePart[];
  /** Place of each file by its path. */
  readonly extents: ReadonlyMap<string, Extent>;
}

export function contentBytes(content: ImageContent): number {
  return 'bytes' in content ? content.bytes.length : content.sizeBytes;
}

/** The whole image in memory. Throws MachineError when a part is a file on the disk: those are for writeImage. */
export function imageBytes(layout: ImageLayout): Uint8Array {
  const image = new Uint8Array(layout.sizeBytes);
  for (const { offsetBytes, content } of layout.parts) {
    if (!('bytes' in content)) {
      throw layoutError(`${content.filePath} is on the disk: this image can only be written to a file.`);
    }
    image.set(content.bytes, offsetBytes);
  }
  return image;
}
