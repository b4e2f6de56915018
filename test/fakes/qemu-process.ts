import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { createConnection } from 'node:net';

/** What pretended hypervisors need that run their guests in QEMU. */

/** True while a process runs. */
export function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    // One that has ended and that nobody has waited for counts as gone.
    const stat = existsSync(`/proc/${pid}/stat`) ? readFileSync(`/proc/${pid}/stat`, 'utf8') : '';
    return !stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z');
  } catch {
    return false;
  }
}

/** Sends one command; resolves when it is answered or the connection ends. */
export function qmp(
  path: string,
  execute: string,
  more: Readonly<Record<string, string>> = {},
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = createConnection(path);
    let text = '';
    socket.setEncoding('utf8');
    socket.once('error', reject);
    socket.once('close', () => {
      resolve();
    });
    socket.on('data', (piece: string) => {
      text += piece;
      if (text.includes('"id": "2"')) {
        socket.destroy();
      }
    });
    const requests = [
      { execute: 'qmp_capabilities', id: '1' },
      { execute, id: '2', arguments: more },
    ];
    socket.write(requests.map((request) => `${JSON.stringify(request)}\n`).join(''));
  });
}

/** Writes a file in one rename. */
export function writeWhole(path: string, text: string): void {
  writeFileSync(`${path}.tmp`, text);
  renameSync(`${path}.tmp`, path);
}
