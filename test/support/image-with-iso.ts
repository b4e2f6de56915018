import { copyFile, link, readFile, stat, writeFile } from 'node:fs/promises';
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import path from 'node:path';
import { bootFiles, formatManifest, isoFileName, parseManifest } from '../../src/image/manifest.ts';
import { imageDirectory, makeIso } from '../e2e/iso-boot-bench.ts';

/**
 * The directory of an image of this checkout with its ISO, for drivers that boot one: the image's own where it was built
 * with one, else a directory in `folder` with links to its files and an ISO whose root is not compressed.
 */
export async function imageWithIso(folder: string): Promise<string> {
  const built = imageDirectory('amd64');
  const manifest = parseManifest(await readFile(path.join(built, 'manifest.json'), 'utf8'));
  if (manifest.files.some(({ name }) => name === isoFileName)) {
    return built;
  }
  for (const { name } of bootFiles(manifest)) {
    const [from, to] = [path.join(built, name), path.join(folder, name)];
    await link(from, to).catch(() => copyFile(from, to));
  }
  const iso = await makeIso('amd64', { folder, compressed: false });
  const to = path.join(folder, isoFileName);
  await link(iso, to);
  const file = { name: isoFileName, size: (await stat(to)).size, sha256: await sha256(to) };
  const text = formatManifest({ ...manifest, files: [...manifest.files, file] });
  await writeFile(path.join(folder, 'manifest.json'), text);
  return folder;
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const piece of createReadStream(file)) {
    hash.update(piece as Buffer);
  }
  return hash.digest('hex');
}
