import { constants, promises as fs } from 'node:fs';
import { posix, win32 } from 'node:path';
import type { HostFacts } from './types.ts';

const EXTENSIONS_DEFAULT = '.COM;.EXE;.BAT;.CMD';

/**
 * Absolute path of a program on PATH, or of the file itself when `program` is a path. Relative directories
 * on PATH, the current directory among them, are passed over: a program there could be anybody's.
 */
export async function findProgram(
  facts: Pick<HostFacts, 'platform' | 'env'>,
  program: string,
): Promise<string | undefined> {
  const paths = facts.platform === 'win32' ? win32 : posix;
  const endings = facts.platform === 'win32' ? windowsEndings(facts.env, program) : [''];
  const isPath = paths.basename(program) !== program;
  const directories = isPath
    ? ['']
    : searchPath(facts)
        .split(paths.delimiter)
        .filter((directory) => paths.isAbsolute(directory));
  for (const directory of directories) {
    for (const ending of endings) {
      const candidate = isPath ? paths.resolve(program + ending) : paths.join(directory, program + ending);
      if (await isProgram(candidate)) {
        return candidate;
      }
    }
  }
  return undefined;
}

function searchPath(facts: Pick<HostFacts, 'env'>): string {
  // A copy of Windows' environment keeps the spelling "Path".
  return facts.env.PATH ?? facts.env.Path ?? '';
}

function windowsEndings(env: HostFacts['env'], program: string): readonly string[] {
  const endings = (env.PATHEXT ?? EXTENSIONS_DEFAULT).split(';').filter((ending) => ending !== '');
  const hasEnding = endings.some((ending) => program.toLowerCase().endsWith(ending.toLowerCase()));
  return hasEnding ? ['', ...endings] : endings;
}

async function isProgram(path: string): Promise<boolean> {
  try {
    await fs.access(path, constants.X_OK);
    return (await fs.stat(path)).isFile();
  } catch {
    return false;
  }
}
