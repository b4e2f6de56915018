import type { DriverCache } from '../drivers/driver.ts';
import { withLock } from '../store/lock.ts';
import { driverCacheDirectory, joinPath } from '../store/paths.ts';
import type { Session } from './session.ts';

/** Long enough for another process to boot a template on a busy computer. */
const lockTimeoutMs = 5 * 60 * 1000;

/** A driver's part of the store's cache. */
export function driverCache(session: Session, driverName: string): DriverCache {
  const directory = driverCacheDirectory(session.storePath, driverName);
  return {
    directory,
    exclusively: async (name, action) =>
      withLock(
        session.host,
        joinPath(directory, `${name}.lock`),
        {
          what: name,
          timeoutMs: lockTimeoutMs,
          signal: session.signal,
          onWait: ({ pid }) => {
            session.emit({ type: 'note', message: `Waiting for process ${pid} that prepares the same.` });
          },
        },
        action,
      ),
  };
}
