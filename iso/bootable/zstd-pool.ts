import { availableParallelism } from 'node:os';
import { Worker } from 'node:worker_threads';
import type { SearchEffort } from '../formats/zstd/zstd.ts';
import type { ZstdAnswer, ZstdRequest } from './zstd-worker.ts';

/** More threads than this only take memory: about 30 MB each. */
const THREADS_MAX = 8;

/** A thread that compresses one block at a time. */
class CompressingThread {
  readonly #worker: Worker;
  #fail: (error: Error) => void = () => undefined;

  constructor() {
    // The same ending as this file's: compiled or not, the worker lies beside it.
    const ending = import.meta.url.endsWith('.ts') ? '.ts' : '.js';
    this.#worker = new Worker(new URL(`./zstd-worker${ending}`, import.meta.url));
    this.#worker.on('error', (error: Error) => {
      this.#fail(error);
    });
    this.#worker.on('exit', (code) => {
      this.#fail(new Error(`The compressing thread ended with ${code}.`));
    });
  }

  pack(request: ZstdRequest): Promise<Uint8Array> {
    return new Promise((resolve, reject) => {
      this.#fail = reject;
      this.#worker.once('message', (answer: ZstdAnswer) => {
        resolve(answer.packed);
      });
      // Of a view the whole buffer below it would be copied, here the root file system: hence a block of its own.
      const data = new Uint8Array(request.data);
      this.#worker.postMessage({ ...request, data }, [data.buffer]);
    });
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}

/**
 * Compresses blocks in several threads; the results are in the order of the blocks. The number of threads does
 * not change the result, because each block is compressed by itself. `onDone` is told how many are done.
 */
export async function compressBlocks(
  blocks: readonly Uint8Array[],
  effort: SearchEffort,
  onDone: (count: number) => void,
): Promise<Uint8Array[]> {
  const threadCount = Math.min(availableParallelism(), THREADS_MAX, blocks.length);
  const threads = Array.from({ length: threadCount }, () => new CompressingThread());
  const results: Uint8Array[] = [];
  let next = 0;
  let done = 0;
  const work = async (thread: CompressingThread): Promise<void> => {
    for (let index = next; index < blocks.length; index = next) {
      next += 1;
      results[index] = await thread.pack({ data: blocks[index] ?? new Uint8Array(0), effort });
      done += 1;
      onDone(done);
    }
  };
  try {
    await Promise.all(threads.map(work));
  } finally {
    await Promise.all(threads.map((thread) => thread.end()));
  }
  return results;
}
