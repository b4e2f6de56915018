import type { Host } from '../../host/types.ts';
import { found, type Found } from './findings.ts';

const changeBits = 0o022;
const readBits = 0o077;

/** Whether others can change a directory; nothing where there is none, and on Windows, which has no such bits. */
export async function examineDirectory(host: Host, path: string): Promise<Found[]> {
  const mode = await modeOf(host, path);
  return mode === undefined || (mode & changeBits) === 0
    ? []
    : [found('store-unsafe', { path, mode: shown(mode) })];
}

/** Whether others can read or change a file that is for its owner alone. @param kind "a private key" */
export async function examineSecret(host: Host, path: string, kind: string): Promise<Found[]> {
  const mode = await modeOf(host, path);
  return mode === undefined || (mode & readBits) === 0
    ? []
    : [found('file-open', { path, kind, mode: shown(mode) })];
}

/** Permissions of what a path leads to. */
async function modeOf({ files, facts }: Host, path: string): Promise<number | undefined> {
  if (facts.platform === 'win32') {
    return undefined;
  }
  try {
    return (await files.stat(await files.realPath(path)))?.mode;
  } catch {
    return undefined;
  }
}

function shown(mode: number): string {
  return `0${(mode & 0o777).toString(8)}`;
}
