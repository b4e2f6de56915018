import { win32 } from 'node:path';
import type { Host } from '../host/types.ts';

const options = ['-NoLogo', '-NoProfile', '-NonInteractive', '-ExecutionPolicy', 'Bypass', '-EncodedCommand'];

/** Path of Windows PowerShell: on PATH, or where Windows has it; undefined when it is nowhere. */
export async function findPowerShell({ facts, files, processes }: Host): Promise<string | undefined> {
  const found = await processes.find('powershell.exe');
  const root = facts.env['SystemRoot'] ?? '';
  if (found !== undefined || root === '') {
    return found;
  }
  const own = win32.join(root, 'System32', 'WindowsPowerShell', 'v1.0', 'powershell.exe');
  return (await files.stat(own).catch(() => undefined)) === undefined ? undefined : own;
}

/** The arguments with which it carries out a script. */
export function powerShellArguments(script: string): string[] {
  return [...options, encodeCommand(script)];
}

/** The argument of -EncodedCommand: UTF-16, low byte first, in base64. */
export function encodeCommand(text: string): string {
  return Buffer.from(text, 'utf16le').toString('base64');
}
