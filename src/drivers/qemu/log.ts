import { systemCode } from '../../core/errors.ts';
import type { Host } from '../../host/types.ts';

const logTailBytesMax = 64 * 1024;

/** What QEMU has written so far. */
export async function readLog(host: Host, path: string): Promise<string> {
  try {
    return new TextDecoder().decode(await host.files.readRange(path, 0, logTailBytesMax));
  } catch (error) {
    if (systemCode(error) === 'ENOENT') {
      return '';
    }
    throw error;
  }
}
