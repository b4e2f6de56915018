import { MachineError, messageOf } from '../../../core/errors.ts';
import type { Host } from '../../../host/types.ts';
import { containerCredentials, instanceCredentials } from './role-credentials.ts';
import { profileCredentials, type CredentialsWorld } from './profile-credentials.ts';
import type { AwsCredentials } from '../api/sigv4.ts';

/** Where credentials may come from besides the environment, in the order in which they count. */
export interface CredentialSources {
  /** As flags gave them, or as docker-machine stored them. */
  readonly given: { readonly accessKey: string; readonly secretKey: string; readonly sessionToken: string };
  /** A profile by name; empty for that of AWS_PROFILE, or the default one. */
  readonly profile: string;
  readonly region: string;
}

/** Credentials with where they come from, for people. */
export interface FoundCredentials {
  readonly credentials: AwsCredentials;
  readonly from: string;
  /** Milliseconds since the epoch; absent for those that do not end. */
  readonly expiresMs?: number;
}

/**
 * Finds credentials as the tools of AWS do: given, environment, profile (keys, role, single sign-on, process), container,
 * instance. Nothing that is found is kept.
 * @throws MachineError `credentials-missing`, and what is wrong with a source that was named.
 */
export async function findCredentials(
  host: Host,
  sources: CredentialSources,
  signal: AbortSignal,
): Promise<FoundCredentials> {
  const { given, profile } = sources;
  if (given.accessKey !== '' && given.secretKey !== '') {
    return { credentials: keys(given.accessKey, given.secretKey, given.sessionToken), from: 'the flags' };
  }
  const world: CredentialsWorld = { host, signal, region: sources.region };
  // A profile that was named goes before keys that happen to be in the environment.
  const named = profile !== '' ? await profileCredentials(world, profile) : undefined;
  const found =
    named ??
    fromEnvironment(host) ??
    (await profileCredentials(world, undefined)) ??
    (await containerCredentials(world)) ??
    (await instanceCredentials(world));
  if (found === undefined) {
    throw new MachineError(
      'credentials-missing',
      // docker-machine's text.
      'amazonec2 driver requires AWS credentials configured with the --amazonec2-access-key and --amazonec2-secret-key options, environment variables, ~/.aws/credentials, or an instance role',
      { remedies: ['Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE.'] },
    );
  }
  return found;
}

/** The same, with a failure as a sentence: for checks. */
export async function credentialsProblem(
  host: Host,
  sources: CredentialSources,
  signal: AbortSignal,
): Promise<string | undefined> {
  try {
    await findCredentials(host, sources, signal);
    return undefined;
  } catch (error) {
    signal.throwIfAborted();
    return messageOf(error);
  }
}

function fromEnvironment({ facts: { env } }: Host): FoundCredentials | undefined {
  const accessKey = env['AWS_ACCESS_KEY_ID'] ?? env['AWS_ACCESS_KEY'] ?? '';
  const secretKey = env['AWS_SECRET_ACCESS_KEY'] ?? env['AWS_SECRET_KEY'] ?? '';
  return accessKey === '' || secretKey === ''
    ? undefined
    : { credentials: keys(accessKey, secretKey, env['AWS_SESSION_TOKEN'] ?? ''), from: 'the environment' };
}

function keys(accessKeyId: string, secretAccessKey: string, sessionToken: string): AwsCredentials {
  return { accessKeyId, secretAccessKey, ...(sessionToken === '' ? {} : { sessionToken }) };
}
