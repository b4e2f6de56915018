import { textField } from '../../../cloud/json-fields.ts';
import { MachineError } from '../../../core/errors.ts';
import type { Emit } from '../../../core/events.ts';
import type { Host } from '../../../host/types.ts';

/** Credentials as Google's files have them, and what they are exchanged for. */

/** Who looks for credentials. */
export interface CredentialsWorld {
  readonly host: Host;
  readonly signal: AbortSignal;
  readonly emit: Emit;
}

/** What lets a request in. */
export interface AccessToken {
  readonly token: string;
  /** Milliseconds since the epoch. */
  readonly expiresMs: number;
  /** Project that is charged for requests of a user (`x-goog-user-project`). */
  readonly quotaProject?: string;
}

/** Credentials with where they come from, for people. */
export interface FoundDocument {
  readonly document: Readonly<Record<string, unknown>>;
  readonly from: string;
}

/** What an access token of ours may be used for. */
export const computeScope = 'https://www.googleapis.com/auth/compute';
/** Takes a text out of credentials. */
export type Need = (name: string) => string;

/** @throws MachineError `credentials-missing` by what it returns, for a text that is not there. */
export function needIn(document: FoundDocument['document'], from: string): Need {
  return (name) => {
    const value = textField(document, name);
    if (value === undefined || value === '') {
      throw unusable(from, `it has no ${name}`);
    }
    return value;
  };
}

/** Credentials that cannot be used. */
export function unusable(from: string, why: string): MachineError {
  return new MachineError('credentials-missing', `The credentials of ${from} cannot be used.`, {
    why: `${why}.`,
  });
}
