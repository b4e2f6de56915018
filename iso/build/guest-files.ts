import { readFile, readdir } from 'node:fs/promises';
import path from 'node:path';
import { MachineError } from '../../src/core/errors.ts';
import { compareBytes } from '../formats/entry.ts';
import type { FileTree, Ownership } from './file-tree.ts';

const scriptStart = '#!';

/**
 * Puts all files below `directory` into the tree, over what packages brought. Modes do not come from this
 * computer, where a checkout or an unpacked npm package may have any: directories and scripts get 0755,
 * other files 0644, unless `modes` says otherwise.
 */
export async function addGuestFiles(
  tree: FileTree,
  directory: string,
  modes: Readonly<Record<string, Ownership>>,
): Promise<void> {
  const files = await listFiles(directory, '');
  for (const file of files.sort(compareBytes)) {
    const data = await readFile(path.join(directory, ...file.split('/')));
    tree.file(file, data, { mode: isScript(data) ? 0o755 : 0o644, ...modes[file] });
  }
  for (const [name, ownership] of Object.entries(modes)) {
    if (!tree.has(name)) {
      tree.directory(name, ownership);
    } else if (tree.get(name)?.kind === 'directory') {
      tree.directory(name, ownership);
    }
  }
}

/** The first program of the initramfs. Throws `image-build-failed` when there is none. */
export async function readInit(file: string): Promise<Buffer> {
  let data: Buffer;
  try {
    data = await readFile(file);
  } catch (cause) {
    throw new MachineError('image-build-failed', `There is no ${file}`, {
      why: 'It is the first program that the guest runs.',
      cause,
      remedies: ['Restore the file, or install tsmachine again.'],
    });
  }
  if (!isScript(data)) {
    throw new MachineError('image-build-failed', `${file} is not a script`, {
      why: 'It does not begin with "#!", so the kernel would not run it.',
      remedies: ['Restore the file, or install tsmachine again.'],
    });
  }
  return data;
}

function isScript(data: Buffer): boolean {
  return data.toString('latin1', 0, scriptStart.length) === scriptStart;
}

/** Paths below the folder with `/` between segments, whatever the platform. */
async function listFiles(folder: string, prefix: string): Promise<string[]> {
  const result: string[] = [];
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const name = `${prefix}${entry.name}`;
    if (entry.isDirectory()) {
      result.push(...(await listFiles(path.join(folder, entry.name), `${name}/`)));
    } else if (entry.isFile()) {
      result.push(name);
    } else {
      throw new MachineError(
        'image-build-failed',
        `${path.join(folder, entry.name)} is neither file nor directory`,
        {
          remedies: ['Links belong into iso/root-tree.ts.'],
        },
      );
    }
  }
  return result;
}
