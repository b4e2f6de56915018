import type { GuestFile } from '../../driver.ts';
import type { Host } from '../../../host/types.ts';
import { tarArchive } from '../../tar.ts';

/** What a resumed guest is told. */
export interface IdentityMessage {
  readonly guestFiles: readonly GuestFile[];
  /** JSON for the engine's configuration file. */
  readonly engineConfig: string;
  /** The size that the guest's file system grows to. */
  readonly diskBytes: number;
}

/** Name of the engine's configuration beside the guest files. */
const engineConfigName = 'engine.json';

/**
 * The message to the guest's script `template`: a line "resume SECONDS DISKBYTES ENGINEID", then a tar with the files
 * of the identity, then the end of the stream. Made in the moment of sending, because it holds the time.
 */
export async function identityMessage(host: Host, message: IdentityMessage): Promise<Uint8Array> {
  const files = await Promise.all(
    message.guestFiles.map(async ({ name, path }) => ({
      name,
      mode: 0o600,
      content: await host.files.readBytes(path),
    })),
  );
  const config = new TextEncoder().encode(message.engineConfig);
  const archive = tarArchive([...files, { name: engineConfigName, mode: 0o600, content: config }]);
  const engineId = randomUuid(host);
  const seconds = Math.round(host.clock.nowMs() / 1000);
  const line = new TextEncoder().encode(`resume ${seconds} ${message.diskBytes} ${engineId}\n`);
  const bytes = new Uint8Array(line.length + archive.length);
  bytes.set(line);
  bytes.set(archive, line.length);
  return bytes;
}

/** A random UUID, version 4 (RFC 9562), of which the engine makes its id too. */
function randomUuid(host: Pick<Host, 'randomBytes'>): string {
  const bytes = host.randomBytes(16);
  bytes[6] = ((bytes[6] ?? 0) & 0x0f) | 0x40;
  bytes[8] = ((bytes[8] ?? 0) & 0x3f) | 0x80;
  const hex = Buffer.from(bytes).toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
