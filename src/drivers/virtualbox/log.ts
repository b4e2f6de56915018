import { posix, win32 } from 'node:path';
import type { Host } from '../../host/types.ts';
import type { MachineInfo } from './output.ts';

const tailBytesMax = 64 * 1024;
const hardeningTailBytesMax = 8 * 1024;

/** The ends of the logs that VirtualBox writes for a start; empty when there are none. */
export async function readLogs(host: Host, { logFolder }: MachineInfo): Promise<string> {
  if (logFolder === '') {
    return '';
  }
  const paths = host.facts.platform === 'win32' ? win32 : posix;
  const parts = await Promise.all([
    tailOf(host, paths.join(logFolder, 'VBoxHardening.log'), hardeningTailBytesMax),
    tailOf(host, paths.join(logFolder, 'VBox.log'), tailBytesMax),
  ]);
  return parts.join('\n');
}

async function tailOf(host: Host, path: string, bytesMax: number): Promise<string> {
  try {
    const stat = await host.files.stat(path);
    const offset = Math.max(0, (stat?.sizeBytes ?? 0) - bytesMax);
    return stat === undefined
      ? ''
      : new TextDecoder().decode(await host.files.readRange(path, offset, bytesMax));
  } catch {
    // A log is only there to explain something else.
    return '';
  }
}
