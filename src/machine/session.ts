import type { DriverEnvironment } from '../drivers/driver.ts';

/**
 * What every operation on machines is given: the world, the store (absolute path: MACHINE_STORAGE_PATH or
 * ~/.docker/machine), whom to tell, a signal that is aborted when the user interrupts, and what is to be ended
 * with the session.
 */
export interface Session extends DriverEnvironment {
  /** Ends what was registered with `atEnd`, last first. Never throws. */
  readonly close: () => Promise<void>;
}

/** A session that keeps account of what is to be ended with it. */
export function createSession(parts: Omit<DriverEnvironment, 'atEnd'>): Session {
  const closers: (() => Promise<void>)[] = [];
  return {
    ...parts,
    atEnd: (close) => {
      closers.push(close);
    },
    close: async () => {
      for (let close = closers.pop(); close !== undefined; close = closers.pop()) {
        // Whatever cannot be ended any more has ended.
        await close().catch(() => undefined);
      }
    },
  };
}
