import path from 'node:path';
import type { GuestFile } from '../drivers/driver.ts';
import type { Host } from '../host/types.ts';

/** Files below this directory of a machine are handed to its guest at every boot. */
const guestDirectoryName = 'guest';

/** Names of the files that a guest takes its identity from, in the order in which they are listed. */
export const guestFileNames = [
  'hostname',
  'machine-id',
  'authorized_keys',
  'ssh_host_ed25519_key',
  'ca.pem',
  'server.pem',
  'server-key.pem',
  'engine-args',
  'engine-env',
  'extra-ca.pem',
  'registry-certs.tar',
  'dns',
  'shares',
] as const;

/** One of the names that the guest knows. */
export type GuestFileName = (typeof guestFileNames)[number];

/** Where a guest file of a machine lies. */
export function guestFilePath(machineDirectory: string, name: GuestFileName): string {
  return path.join(machineDirectory, guestDirectoryName, name);
}

/** Writes guest files whose content differs from what is there (0600; they hold keys). */
export async function writeGuestFiles(
  host: Host,
  machineDirectory: string,
  contents: Partial<Record<GuestFileName, string | Uint8Array>>,
): Promise<void> {
  await host.files.makeDirectory(path.join(machineDirectory, guestDirectoryName), 0o700);
  for (const name of guestFileNames) {
    const content = contents[name];
    if (content !== undefined) {
      await host.files.writeAtomic(guestFilePath(machineDirectory, name), content, 0o600);
    }
  }
}

/** Whether one of these files is not there with this content; an empty one is as good as none. */
export async function changedGuestFiles(
  host: Host,
  machineDirectory: string,
  contents: Partial<Record<GuestFileName, string | Uint8Array>>,
): Promise<boolean> {
  for (const name of guestFileNames) {
    const content = contents[name];
    const present = await host.files.readBytes(guestFilePath(machineDirectory, name)).catch(() => '');
    if (content !== undefined && !Buffer.from(content).equals(Buffer.from(present))) {
      return true;
    }
  }
  return false;
}

/** The guest files of a machine that are there. */
export async function listGuestFiles(host: Host, machineDirectory: string): Promise<GuestFile[]> {
  const found: GuestFile[] = [];
  for (const name of guestFileNames) {
    const file = guestFilePath(machineDirectory, name);
    const stat = await host.files.stat(file);
    // fw_cfg takes no empty files, and an empty one says nothing.
    if (stat?.kind === 'file' && stat.sizeBytes > 0) {
      found.push({ name, path: file });
    }
  }
  return found;
}
