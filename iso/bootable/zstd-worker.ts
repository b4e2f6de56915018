import { parentPort } from 'node:worker_threads';
import { zstdCompress, type SearchEffort } from '../formats/zstd/zstd.ts';

/** The thread of iso/bootable/zstd-pool.ts: compresses the blocks that are sent to it. */

/** One block to compress. */
export interface ZstdRequest {
  readonly data: Uint8Array;
  readonly effort: SearchEffort;
}

/** The same block, compressed. */
export interface ZstdAnswer {
  readonly packed: Uint8Array;
}

parentPort?.on('message', ({ data, effort }: ZstdRequest) => {
  const answer: ZstdAnswer = { packed: zstdCompress(data, effort) };
  parentPort?.postMessage(answer);
});
