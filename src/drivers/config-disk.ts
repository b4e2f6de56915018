import type { Host } from '../host/types.ts';
import type { GuestFile } from './driver.ts';

/** The guest looks for a volume of this name; the other end is iso/rootfs/usr/lib/tsmachine/identity. */
const volumeId = 'TSMCONFIG';

/**
 * Writes a CD with a machine's guest files, for hypervisors that can hand over nothing else. The guest reads it at every
 * boot. It holds private keys: mode 0600, replaced as a whole.
 * @throws MachineError `store-write-failed`.
 */
export async function writeConfigDisk(
  host: Host,
  path: string,
  guestFiles: readonly GuestFile[],
): Promise<void> {
  const [{ layoutIso9660 }, { imageBytes }] = await Promise.all([
    import('../../iso/formats/iso9660.ts'),
    import('../../iso/formats/image-layout.ts'),
  ]);
  const entries = await Promise.all(
    guestFiles.map(async (file) => ({
      kind: 'file' as const,
      path: `/${file.name}`,
      content: { bytes: await host.files.readBytes(file.path) },
    })),
  );
  await host.files.writeAtomic(
    path,
    imageBytes(layoutIso9660({ entries, volumeId, sourceDateEpoch: 0 })),
    0o600,
  );
}
