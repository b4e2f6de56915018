import type { Readable, Writable } from 'node:stream';
import type { Host } from '../host/types.ts';

/** What the program calls itself: the name under which it was started. */
export type ProgramName = 'tsmachine' | 'docker-machine';

/**
 * The terminal side of the outside world: streams, signals and the way out. The process entry makes
 * one from `process`; tests make their own, so that every verb runs in-process.
 */
export interface Io {
  readonly program: ProgramName;
  readonly host: Host;
  readonly stdin: Readable & { readonly isTTY?: boolean };
  readonly stdout: Writable & OutputFacts;
  readonly stderr: Writable & OutputFacts;
  /** Calls the listener at each SIGINT or SIGTERM; the function returned ends that. */
  onInterrupt(listener: () => void): () => void;
  /** Calls the listener when nobody reads stdout any more. */
  onOutputClosed(listener: () => void): void;
  /** Ends the program at once. */
  exitNow(code: number): void;
}

/** What is known of an output besides that it takes text. */
export interface OutputFacts {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
}
