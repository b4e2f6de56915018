import { createHash } from 'node:crypto';
import type { Host } from '../host/types.ts';
import type { BootMaterial } from './driver.ts';

/**
 * The network card's address: the same over restarts, different between machines. Made from the
 * machine id that the guest is given, else from the directory. "52" marks it as locally administered.
 */
export async function macAddress(host: Host, directory: string, boot: BootMaterial): Promise<string> {
  const file = boot.guestFiles.find((candidate) => candidate.name === 'machine-id');
  const source = file === undefined ? directory : await host.files.readText(file.path);
  const digest = createHash('sha256').update(`mac ${source.trim()}`).digest();
  return ['52', '54', '00', ...[0, 1, 2].map((index) => digest.toString('hex', index, index + 1))].join(':');
}
