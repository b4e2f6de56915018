import path from 'node:path';
import { projectRoot } from './cli.ts';
import { spawn } from 'node:child_process';

/**
 * A tar of a root file system that holds busybox and nothing else, for `docker import`.
 * @param architecture `amd64` or `arm64`; default: that of this computer
 */
export function busyboxTar(architecture?: 'amd64' | 'arm64'): Promise<Buffer> {
  const script = path.join(projectRoot, 'dist', 'scripts', 'demo-image.js');
  return new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [script, ...(architecture === undefined ? [] : [architecture])], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const chunks: Buffer[] = [];
    child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    child.on('error', reject);
    child.on('close', (code) => {
      if (code === 0) {
        resolve(Buffer.concat(chunks));
      } else {
        reject(new Error(`demo-image ended with ${String(code)}`));
      }
    });
  });
}
