import { cloudConfig, expiryScript, joinUserData } from '../cloud/user-data.ts';
import { MachineError } from '../core/errors.ts';
import type { DriverContext, ProviderMaterial } from './driver.ts';

/** What drivers with the capability `provider` have in common. */

/** What the driver was given for its provider. @throws MachineError `bug` when it was not. */
export function requireProvider({ provider }: Pick<DriverContext<unknown>, 'provider'>): ProviderMaterial {
  if (provider === undefined) {
    throw new MachineError('bug', 'A driver was called without what it needs for a provider.');
  }
  return provider;
}

/** What a provider takes as user data, and what the user has for it. */
export interface UserDataGiven {
  /** The user's own data, if there is any. */
  readonly theirs: string | undefined;
  /** What the provider takes at most, before it is encoded. */
  readonly bytesMax: number;
}

/**
 * The user data of a new machine: what we want of cloud-init (host key, end of its time, installation of the engine) together
 * with the user's own. When it resolves, the machine's host key is pinned, or the user has been told that it cannot be.
 * Of ours the installation is left out where there is no room for it.
 */
export async function firstBootData(
  { emit, name }: Pick<DriverContext<unknown>, 'emit' | 'name'>,
  provider: ProviderMaterial,
  { theirs, bytesMax }: UserDataGiven,
): Promise<string> {
  const { expiresMs } = await provider.ownership();
  const needed = [
    cloudConfig(await provider.hostKey()),
    // A script, not a part of the configuration: commands in that would take the place of the user's.
    ...(expiresMs === undefined ? [] : [expiryScript(expiresMs)]),
  ] as const;
  const { text, isOurs } = joinUserData(needed, theirs);
  if (!isOurs) {
    const timer = expiresMs === undefined ? '' : ', and it does not power itself off when its time is over';
    const message = `The user data is not of cloud-init, so the SSH host key of "${name}" is the one that it shows first${timer}.`;
    emit({ type: 'warn', machine: name, message });
    return text;
  }
  await provider.pinHostKey();
  const engine = await provider.engineScript();
  if (engine === undefined) {
    return text;
  }
  const whole = joinUserData([...needed, engine], theirs).text;
  if (Buffer.byteLength(whole) > bytesMax) {
    const message = `The user data leaves no room for the installation of the engine, which "${name}" gets over SSH.`;
    emit({ type: 'note', machine: name, message });
    return text;
  }
  await provider.awaitEngine();
  return whole;
}
