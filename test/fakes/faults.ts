import type { Files } from '../../src/host/types.ts';
import { systemError } from './memory-tree.ts';

/** A fault to inject: the n-th (from 1) operation that matches fails with `code`, and each one after it if `lasting`. */
export interface Fault {
  readonly code: string;
  readonly operation?: keyof Files;
  readonly path?: string | RegExp;
  readonly nth?: number;
  readonly lasting?: boolean;
}

/** Faults that wait for their operation. */
export class FaultList {
  readonly #faults: { readonly fault: Fault; seen: number }[] = [];
  readonly #key: (path: string) => string;

  /** @param key the normal form under which paths are compared */
  constructor(key: (path: string) => string) {
    this.#key = key;
  }

  add(fault: Fault): void {
    this.#faults.push({ fault, seen: 0 });
  }

  clear(): void {
    this.#faults.length = 0;
  }

  /** Throws the fault that is due. One without an operation hits every writing one. */
  strike(operation: keyof Files, path: string, isWrite: boolean): void {
    for (const entry of this.#faults) {
      const { fault } = entry;
      const hitsOperation = fault.operation === undefined ? isWrite : fault.operation === operation;
      const hitsPath =
        fault.path === undefined ||
        (typeof fault.path === 'string' ? this.#key(fault.path) === this.#key(path) : fault.path.test(path));
      if (!hitsOperation || !hitsPath) {
        continue;
      }
      entry.seen += 1;
      const nth = fault.nth ?? 1;
      if (entry.seen === nth || (fault.lasting === true && entry.seen > nth)) {
        throw systemError(fault.code, operation, path);
      }
    }
  }
}
