import { createHash } from 'node:crypto';
import { createWriteStream } from 'node:fs';
import { mkdir, readFile, rename, rm, stat } from 'node:fs/promises';
import path from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { constants, createGzip } from 'node:zlib';
import { compareBytes, type TreeEntry } from '../iso/formats/entry.ts';
import { writeTar } from '../iso/formats/tar-writer.ts';
import { MachineError } from '../src/core/errors.ts';
import {
  bootFiles,
  parseManifest,
  unpackedKernelFileName,
  type ImageFile,
  type ImageManifest,
} from '../src/image/manifest.ts';

/** What a download of the package may weigh, in bytes. */
export const packageBudgetBytes = 75_000_000;

/** Files of an image besides those that boot: what it is made of, and under which licences. */
const companions = ['sbom.cdx.json', 'licences.tar'];

/** What is packed, and where it goes. */
export interface ImagePackageOptions {
  /** An image directory, as `image build` leaves it. */
  readonly imageDirectory: string;
  readonly outputDirectory: string;
  /** Tells packages of one day apart. */
  readonly revision: number;
}

/** A package that was written. */
export interface ImagePackage {
  readonly name: string;
  readonly version: string;
  readonly file: string;
  readonly sizeBytes: number;
}

/**
 * Packs an image as the npm package `@tsmachine/image-ARCH`, in the form in which it is sent. The same image
 * gives the same bytes with the same Node.
 * @throws MachineError `image-invalid` when a file is not what the manifest says, or was not compressed.
 */
export async function packImage(options: ImagePackageOptions): Promise<ImagePackage> {
  const { imageDirectory, outputDirectory } = options;
  const manifestFile = path.join(imageDirectory, 'manifest.json');
  const manifestText = await readFile(manifestFile, 'utf8');
  const manifest = parseManifest(manifestText, manifestFile);
  const name = `@tsmachine/image-${manifest.architecture}`;
  const version = packageVersion(manifest.version, options.revision);

  const files = new Map<string, Uint8Array>([
    ['manifest.json', Buffer.from(manifestText)],
    ['README.md', Buffer.from(readme(name, manifest))],
  ]);
  for (const file of sentFiles(manifest)) {
    files.set(file.name, await readVerified(imageDirectory, file));
  }
  const description = { name, version, manifest, files: [...files.keys()].sort(compareBytes) };
  files.set('package.json', Buffer.from(packageJson(description)));

  await mkdir(outputDirectory, { recursive: true });
  const file = path.join(outputDirectory, `tsmachine-image-${manifest.architecture}-${version}.tgz`);
  await writeTarball(files, manifest.sourceDateEpoch, file);
  return { name, version, file, sizeBytes: (await stat(file)).size };
}

/**
 * The npm version of an image: year, month and day, and the revision of that day. `20261118-26.1.5` is
 * 2026.1118.0.
 */
export function packageVersion(imageVersion: string, revision: number): string {
  const [, year = '', monthAndDay = ''] = /^(\d{4})(\d{4})-/.exec(imageVersion) ?? [];
  if (year === '' || !Number.isSafeInteger(revision) || revision < 0) {
    throw new MachineError('image-invalid', `${imageVersion} does not begin with a day.`);
  }
  return `${year}.${Number(monthAndDay)}.${revision}`;
}

function sentFiles(manifest: ImageManifest): readonly Pick<ImageFile, 'name' | 'size' | 'sha256'>[] {
  const booted = bootFiles(manifest).filter((file) => file.name !== unpackedKernelFileName);
  const others = companions.map((name) => {
    const found = manifest.files.find((file) => file.name === name);
    if (found === undefined) {
      throw new MachineError(
        'image-invalid',
        `The image has no ${name}, and must not be passed on without it.`,
      );
    }
    return found;
  });
  const plain = booted.find(({ name, compressed }) => name !== 'vmlinuz' && compressed === undefined);
  if (plain !== undefined) {
    throw new MachineError('image-invalid', `The image has no compressed form of ${plain.name}.`, {
      remedies: ['Build it with a compression effort: tsmachine image build --quality 9'],
    });
  }
  return [...booted.map((file) => file.compressed ?? file), ...others];
}

async function readVerified(
  directory: string,
  file: Pick<ImageFile, 'name' | 'sha256'>,
): Promise<Uint8Array> {
  const from = path.join(directory, file.name);
  const data = await readFile(from);
  if (createHash('sha256').update(data).digest('hex') !== file.sha256) {
    throw new MachineError('image-invalid', `${from} is not the file that the image's manifest describes.`);
  }
  return data;
}

function packageJson(given: {
  readonly name: string;
  readonly version: string;
  readonly manifest: ImageManifest;
  readonly files: readonly string[];
}): string {
  const { manifest } = given;
  const content = {
    name: given.name,
    version: given.version,
    description: `Machine image of tsmachine for ${manifest.architecture}: Linux ${manifest.kernelRelease}, Docker engine ${manifest.engineVersion}`,
    license: 'SEE LICENSE IN README.md',
    files: given.files,
    tsmachine: { image: manifest.version, digest: manifest.digest },
  };
  return `${JSON.stringify(content, undefined, 2)}\n`;
}

function readme(name: string, manifest: ImageManifest): string {
  const sources = new Set(manifest.packages.map((one) => `${one.source} ${one.sourceVersion}`));
  return `# ${name}

The Linux that tsmachine boots, version ${manifest.version}, for ${manifest.architecture}. tsmachine finds this package where npm puts
it, checks every file against \`manifest.json\`, unpacks it into its cache, and uses it for the next
\`tsmachine create\`. It is data alone: nothing in it runs when it is installed.

## Licences

The image is put together from packages of Debian 13, unchanged. \`licences.tar\` has the copyright file of each,
\`sbom.cdx.json\` lists them with version and hash, and \`manifest.json\` says which file of the image came from
which package. The files of tsmachine itself are under the Apache License 2.0.

The source of each package is what Debian publishes under these names and versions:

${[...sources]
  .sort(compareBytes)
  .map((source) => `- ${source}`)
  .join('\n')}
`;
}

async function writeTarball(
  files: ReadonlyMap<string, Uint8Array>,
  timeSeconds: number,
  file: string,
): Promise<void> {
  const entries = [...files.keys()].sort(compareBytes).map((name): TreeEntry => ({
    kind: 'file',
    path: `package/${name}`,
    data: files.get(name) ?? new Uint8Array(0),
    mode: 0o644,
    uid: 0,
    gid: 0,
  }));
  const partial = `${file}.partial`;
  try {
    await pipeline(
      Readable.from(writeTar(entries, timeSeconds)),
      createGzip({ level: constants.Z_BEST_COMPRESSION }),
      createWriteStream(partial),
    );
    await rename(partial, file);
  } finally {
    await rm(partial, { force: true });
  }
}
