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

/**
 * The user data of a new machine: what we want of cloud-init (host key, end of its time) together with the user's own. When it resolves, the machine's
 * host key is pinned, or the user has been told that it cannot be.
 * @param theirs the user's own data, if there is any
 */
export async function firstBootData(
  { emit, name }: Pick<DriverContext<unknown>, 'emit' | 'name'>,
  provider: ProviderMaterial,
  theirs: string | undefined,
): Promise<string> {
  const { expiresMs } = await provider.ownership();
  const { text, isOurs } = joinUserData(
    [
      cloudConfig(await provider.hostKey()),
      // A script, not a part of the configuration: commands in that would take the place of the user's.
      ...(expiresMs === undefined ? [] : [expiryScript(expiresMs)]),
    ],
    theirs,
  );
  if (isOurs) {
    await provider.pinHostKey();
  } else {
    const timer = expiresMs === undefined ? '' : ', and it does not power itself off when its time is over';
    const message = `The user data is not of cloud-init, so the SSH host key of "${name}" is the one that it shows first${timer}.`;
    emit({ type: 'warn', machine: name, message });
  }
  return text;
}
