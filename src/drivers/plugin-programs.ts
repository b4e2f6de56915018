import type { Host } from '../host/types.ts';
import { pathsOf } from './npm/directory.ts';

/** A program on PATH that is a plugin of docker-machine by its name. */
export interface PluginProgram {
  /** As in `create -d NAME`. */
  readonly name: string;
  readonly path: string;
}

const PROGRAM = {
  posix: /^docker-machine-driver-([\w.-]+)$/,
  windows: /^docker-machine-driver-([\w.-]+?)\.exe$/i,
};

/** Plugins of docker-machine that are on PATH, by name; none of them is run. The first of several is the one that counts. */
export async function pluginPrograms(host: Pick<Host, 'files' | 'facts'>): Promise<readonly PluginProgram[]> {
  const { facts, files } = host;
  const paths = pathsOf(facts);
  const isWindows = facts.platform === 'win32';
  const pattern = isWindows ? PROGRAM.windows : PROGRAM.posix;
  const found = new Map<string, PluginProgram>();
  // A copy of Windows' environment keeps the spelling "Path".
  for (const directory of (facts.env['PATH'] ?? facts.env['Path'] ?? '').split(paths.delimiter)) {
    // A program in a relative directory could be anybody's.
    const entries = paths.isAbsolute(directory) ? await files.list(directory).catch(() => []) : [];
    for (const entry of entries) {
      const name = pattern.exec(entry.name)?.[1];
      const path = paths.join(directory, entry.name);
      if (name !== undefined && !found.has(name) && (await isProgram(host, path))) {
        found.set(name, { name, path });
      }
    }
  }
  return [...found.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
}

async function isProgram({ files, facts }: Pick<Host, 'files' | 'facts'>, path: string): Promise<boolean> {
  try {
    const stat = await files.stat(await files.realPath(path));
    return stat?.kind === 'file' && (facts.platform === 'win32' || (stat.mode & 0o111) !== 0);
  } catch {
    return false;
  }
}
