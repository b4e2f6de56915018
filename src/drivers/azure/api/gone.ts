import { cloudCode } from '../../../cloud/json-api.ts';
import { isMachineError } from '../../../core/errors.ts';

/** What errors of the resource manager mean for those who asked. */

/** True for a URL of the resource manager. */
export function isWithin(url: string, management: string): boolean {
  return URL.canParse(url) && new URL(url).origin === new URL(management).origin;
}

/**
 * The result, or undefined when Azure says by name that there is no such thing. The page of a proxy that has the same status
 * says nothing.
 */
export async function unlessGone<T>(action: () => Promise<T>): Promise<T | undefined> {
  try {
    return await action();
  } catch (error) {
    if (isGone(error)) {
      return undefined;
    }
    throw error;
  }
}

/** True for an error that says that something is not there. */
export function isGone(error: unknown): boolean {
  return isMachineError(error) && error.code === 'cloud-refused' && /NotFound$/i.test(cloudCode(error) ?? '');
}

/** True for an error that says that something else is not there which the request names. */
export function isMissingReference(error: unknown): boolean {
  return isGone(error) || /^InvalidResourceReference$/i.test(cloudCode(error) ?? '');
}

/** True for an error that says that something is still used. */
export function isInUseError(error: unknown): boolean {
  return /InUse|CannotBeDeleted|^OperationNotAllowed$|^NicReservedForAnotherVm$/i.test(
    cloudCode(error) ?? '',
  );
}
