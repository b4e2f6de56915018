import type { Emit } from '../core/events.ts';
import type { Host } from '../host/types.ts';

/** What every operation on machines is given: the world, the store, and whom to tell. */
export interface Session {
  readonly host: Host;
  /** Absolute path of the store: MACHINE_STORAGE_PATH or ~/.docker/machine. */
  readonly storePath: string;
  readonly emit: Emit;
  /** Aborted when the user interrupts. */
  readonly signal: AbortSignal;
}
