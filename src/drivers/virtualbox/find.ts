import { posix, win32 } from 'node:path';
import type { Host } from '../../host/types.ts';

const registryTimeoutMs = 10_000;

/**
 * Path of VBoxManage: where its installer says that it is, on PATH, or in the application of macOS.
 * Undefined when VirtualBox is not installed.
 */
export async function findVBoxManage(host: Host): Promise<string | undefined> {
  const { facts, processes } = host;
  const isWindows = facts.platform === 'win32';
  for (const variable of isWindows ? ['VBOX_MSI_INSTALL_PATH', 'VBOX_INSTALL_PATH'] : []) {
    const found = await inDirectory(host, facts.env[variable] ?? '');
    if (found !== undefined) {
      return found;
    }
  }
  return (
    (isWindows ? await inDirectory(host, await registeredDirectory(host)) : undefined) ??
    (await processes.find('VBoxManage')) ??
    (await inDirectory(
      host,
      facts.platform === 'darwin' ? '/Applications/VirtualBox.app/Contents/MacOS' : '',
    ))
  );
}

async function inDirectory(host: Host, directory: string): Promise<string | undefined> {
  if (directory === '') {
    return undefined;
  }
  const path =
    host.facts.platform === 'win32'
      ? win32.join(directory, 'VBoxManage.exe')
      : posix.join(directory, 'VBoxManage');
  return (await host.files.stat(path).catch(() => undefined)) === undefined ? undefined : path;
}

/** What the installer of Windows wrote into the registry; empty when there is nothing. */
async function registeredDirectory({ processes }: Host): Promise<string> {
  try {
    const key = 'HKLM\\SOFTWARE\\Oracle\\VirtualBox';
    const { stdout } = await processes.run('reg', ['query', key, '/v', 'InstallDir'], {
      timeoutMs: registryTimeoutMs,
      acceptExitCodes: 'any',
    });
    return parseRegistryValue(stdout, 'InstallDir');
  } catch {
    // Without reg.exe the installation is looked for elsewhere.
    return '';
  }
}

/** A text value in the output of `reg query KEY /v NAME`; empty when it is not there. */
export function parseRegistryValue(stdout: string, name: string): string {
  const line = stdout.split(/\r?\n/).find((one) => one.trimStart().startsWith(`${name} `));
  return /\bREG_(?:EXPAND_)?SZ\s+(.*?)\s*$/.exec(line ?? '')?.[1] ?? '';
}
