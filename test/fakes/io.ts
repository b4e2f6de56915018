import { PassThrough, Writable } from 'node:stream';
import type { Host } from '../../src/host/types.ts';
import type { Io, OutputFacts, ProgramName } from '../../src/cli/io.ts';

/** An output that keeps what is written. */
export class TextOutput extends Writable implements OutputFacts {
  text = '';
  readonly isTTY: boolean;
  readonly columns?: number;
  readonly rows?: number;

  constructor(isTTY = false) {
    super();
    this.isTTY = isTTY;
    if (isTTY) {
      this.columns = 100;
      this.rows = 30;
    }
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }
}

/** A terminal side in memory. */
export interface FakeIo extends Io {
  readonly stdout: TextOutput;
  readonly stderr: TextOutput;
  readonly stdin: PassThrough;
  /** What exitNow was called with. */
  readonly exits: number[];
  /** As if the user pressed Ctrl-C. */
  interrupt(): void;
  /** As if the reader of stdout went away. */
  closeOutput(): void;
}

/** Streams in memory; stdin holds `input` and ends. */
export function createFakeIo(
  host: Host,
  options: { readonly program?: ProgramName; readonly input?: string; readonly isTTY?: boolean } = {},
): FakeIo {
  const interruptListeners = new Set<() => void>();
  const closeListeners: (() => void)[] = [];
  const stdin = new PassThrough();
  stdin.end(options.input ?? '');
  const exits: number[] = [];
  return {
    program: options.program ?? 'tsmachine',
    host,
    stdin,
    stdout: new TextOutput(options.isTTY),
    stderr: new TextOutput(options.isTTY),
    exits,
    onInterrupt: (listener) => {
      interruptListeners.add(listener);
      return () => interruptListeners.delete(listener);
    },
    onOutputClosed: (listener) => {
      closeListeners.push(listener);
    },
    exitNow: (code) => {
      exits.push(code);
    },
    interrupt: () => {
      for (const listener of interruptListeners) {
        listener();
      }
    },
    closeOutput: () => {
      for (const listener of closeListeners) {
        listener();
      }
    },
  };
}
