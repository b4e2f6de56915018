/** Places and numbers of the format [MS-VHDX], "Virtual Hard Disk v2 (VHDX) File Format", version 1. */
export const kibibyte = 1024;
export const mebibyte = 1024 * kibibyte;

export const fileSignature = 'vhdxfile';
export const headerSignature = 'head';
export const regionSignature = 'regi';
export const metadataSignature = 'metadata';

/** The two headers; the one with the higher sequence number counts. */
export const headerOffsets = [64 * kibibyte, 128 * kibibyte] as const;
export const headerBytes = 4 * kibibyte;
/** The two region tables, which are the same. */
export const regionOffsets = [192 * kibibyte, 256 * kibibyte] as const;
export const tableBytes = 64 * kibibyte;

export const regions = {
  blocks: '2dc27766-f623-4200-9d64-115e9bfd4a08',
  metadata: '8b7ca206-4790-4b9a-b8fe-575f050f886e',
} as const;

export const items = {
  fileParameters: 'caa16737-fa36-4d43-b3b6-33f0aa44e76b',
  diskSize: '2fa54224-cd1b-4876-b211-5dbed83bf4b8',
  diskId: 'beca12ab-b2e6-4523-93ef-c309e000c746',
  logicalSector: '8141bf1d-a96f-4709-ba47-f233a8faab5f',
  physicalSector: 'cda348c7-445d-4471-9cc9-e9885251c556',
} as const;

export const logicalSectorBytes = 512;
export const physicalSectorBytes = 4096;

/** State of a block whose content is in the file. */
export const blockPresent = 6n;

/** So many blocks share one block of a sector bitmap, which has an entry of its own behind them. */
export function chunkRatio(blockBytes: number): number {
  return (2 ** 23 * logicalSectorBytes) / blockBytes;
}

/** Entries that the block allocation table of a disk without a parent needs. */
export function blockEntries(diskBytes: number, blockBytes: number): number {
  const blocks = Math.ceil(diskBytes / blockBytes);
  return blocks + Math.floor((blocks - 1) / chunkRatio(blockBytes));
}
