import type { Host } from '../host/types.ts';

/** Directory for what this driver has found out about the computer and may find out again. */
export function cacheDirectory(host: Pick<Host, 'facts'>): string {
  const cache = host.facts.env['XDG_CACHE_HOME'];
  const base = cache?.startsWith('/') === true ? cache : `${host.facts.homeDirectory}/.cache`;
  return `${base}/tsmachine`;
}

/** A program file with its size and date: another build is another text. Undefined when it cannot be read. */
export async function programStamp(host: Host, program: string): Promise<string | undefined> {
  try {
    const path = await host.files.realPath(program);
    const stat = await host.files.stat(path);
    return `${path}:${stat?.sizeBytes ?? 0}:${Math.round(stat?.modifiedMs ?? 0)}`;
  } catch {
    return undefined;
  }
}
