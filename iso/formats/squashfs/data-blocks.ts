import type { FileEntry } from '../entry.ts';

/**
 * How the contents of files become blocks: a file of at least one block is cut into blocks of its own, smaller
 * ones share blocks ("fragments"), because small blocks compress badly.
 */

/** Where the content of a file is found. */
export interface FileBlocks {
  /** Indexes of its own blocks in the plan; for an empty file and one in a fragment none. */
  readonly blocks: readonly number[];
  readonly fragment: { readonly index: number; readonly offset: number } | undefined;
}

export interface DataPlan {
  /** All blocks in the order of the image, first those of files, then the fragments. */
  readonly blocks: readonly Uint8Array[];
  readonly fragmentCount: number;
  readonly files: ReadonlyMap<FileEntry, FileBlocks>;
}

/** Plans the blocks of these files; each in the order given. */
export function planData(files: readonly FileEntry[], blockBytes: number): DataPlan {
  const blocks: Uint8Array[] = [];
  const fragments: Uint8Array[][] = [];
  let fragmentBytes = 0;
  const places = new Map<FileEntry, FileBlocks>();
  for (const file of files) {
    const { data } = file;
    if (data.length >= blockBytes) {
      const own: number[] = [];
      for (let from = 0; from < data.length; from += blockBytes) {
        own.push(blocks.length);
        blocks.push(data.subarray(from, from + blockBytes));
      }
      places.set(file, { blocks: own, fragment: undefined });
    } else if (data.length === 0) {
      places.set(file, { blocks: [], fragment: undefined });
    } else {
      if (fragments.length === 0 || fragmentBytes + data.length > blockBytes) {
        fragments.push([]);
        fragmentBytes = 0;
      }
      places.set(file, { blocks: [], fragment: { index: fragments.length - 1, offset: fragmentBytes } });
      fragments.at(-1)?.push(data);
      fragmentBytes += data.length;
    }
  }
  return {
    blocks: [...blocks, ...fragments.map((parts) => Buffer.concat(parts))],
    fragmentCount: fragments.length,
    files: places,
  };
}
