import { knownHostsText } from '../ssh/client-config.ts';
import { machinePaths } from './machine-paths.ts';
import type { OpenMachine } from './open.ts';
import { updateOwnData } from './own-data.ts';
import type { Session } from './session.ts';

/**
 * Pins the key to which a machine has changed, and no other any more; the caller holds the machine's lock and has seen that
 * its server shows it.
 */
export async function settleHostKey(
  session: Session,
  { name, directory }: Pick<OpenMachine, 'name' | 'directory'>,
  hostKey: string,
): Promise<void> {
  const { files } = session.host;
  const { sshKnownHosts } = machinePaths(directory);
  // A program that connects again by itself reads it then. First, so that it is written also when this is broken off.
  if ((await files.stat(sshKnownHosts)) !== undefined) {
    await files.writeAtomic(sshKnownHosts, knownHostsText(name, [hostKey]), 0o600);
  }
  await updateOwnData(session, name, { sshHostKey: hostKey, nextSshHostKey: undefined });
}

/** True when two public lines are of the same key. */
export function isSameKey(one: string, other: string): boolean {
  const bare = (line: string): string => line.trim().split(/\s+/).slice(0, 2).join(' ');
  return bare(one) === bare(other);
}

/** True while the store has the private half of the key with which the machine booted first. */
export async function hasGivenHostKey(
  { host }: Session,
  { directory }: Pick<OpenMachine, 'directory'>,
): Promise<boolean> {
  return (await host.files.stat(machinePaths(directory).sshHostKey)) !== undefined;
}
