import { MachineError, messageOf, systemCode } from '../core/errors.ts';

/**
 * Runs an action that writes. What the system says becomes `store-write-failed` with the path; EEXIST stays as
 * it is for everything but directories, because callers decide by it.
 */
export async function asWriter<T>(verb: string, path: string, action: () => Promise<T>): Promise<T> {
  try {
    return await action();
  } catch (error) {
    if (systemCode(error) === 'EEXIST' && verb !== 'make the directory') {
      throw error;
    }
    throw new MachineError('store-write-failed', `Cannot ${verb} ${path}: ${messageOf(error)}.`, {
      cause: error,
      facts: { path, systemCode: systemCode(error) },
    });
  }
}
