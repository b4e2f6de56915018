import { createHash } from 'node:crypto';
import { link, mkdir, readFile, readdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { formatManifest, imageDigest, parseManifest } from '../../src/image/manifest.ts';

/**
 * Makes another image out of one, in a new directory: newer by a day, with the same system in it. What is the same is linked.
 * @param blocks so many blocks of zeros are put behind its initramfs; with another number it is another image
 * @returns its digest
 */
export async function makeOtherImage(from: string, to: string, blocks: number): Promise<string> {
  const manifest = parseManifest(await readFile(path.join(from, 'manifest.json'), 'utf8'));
  await mkdir(to, { recursive: true });
  // Zeros behind its end are nothing to the kernel.
  const initrd = Buffer.concat([await readFile(path.join(from, 'initrd')), Buffer.alloc(512 * blocks)]);
  await writeFile(path.join(to, 'initrd'), initrd);
  const kept = manifest.files.map(({ name }) => name).filter((name) => name !== 'initrd');
  for (const name of (await readdir(from)).filter((each) => kept.includes(each))) {
    await link(path.join(from, name), path.join(to, name));
  }
  const sha256 = createHash('sha256').update(initrd).digest('hex');
  const files = manifest.files.map((file) =>
    file.name === 'initrd'
      ? { name: 'initrd', size: initrd.length, sha256 }
      : { name: file.name, size: file.size, sha256: file.sha256 },
  );
  const digest = imageDigest(files);
  const other = {
    ...manifest,
    version: manifest.version.replace(/^\d+/, (day) => String(Number(day) + 1)),
    sourceDateEpoch: manifest.sourceDateEpoch + 86_400,
    files,
    digest,
  };
  await writeFile(path.join(to, 'manifest.json'), formatManifest(other));
  return digest;
}
