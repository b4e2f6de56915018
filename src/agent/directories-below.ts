import type { Files } from '../host/types.ts';

/** A directory and those below it, the near ones first. Symlinks are not followed; what cannot be read is empty. */
export async function directoriesBelow(
  files: Pick<Files, 'list'>,
  path: string,
  { directoriesMax, skipped }: { readonly directoriesMax: number; readonly skipped: ReadonlySet<string> },
): Promise<string[]> {
  const separator = path.includes('\\') ? '\\' : '/';
  const found = [path];
  for (let index = 0; index < found.length; index += 1) {
    const directory = found[index] ?? '';
    const entries = await files.list(directory).catch(() => []);
    for (const { name, kind } of entries) {
      if (kind === 'directory' && !skipped.has(name) && found.length < directoriesMax) {
        found.push(`${directory.replace(/[\\/]$/, '')}${separator}${name}`);
      }
    }
  }
  return found;
}
