import { createHash } from 'node:crypto';
import { MachineError, messageOf } from '../core/errors.ts';

/** A file of an image, beside its manifest. */
export interface ImageFile {
  readonly name: string;
  readonly size: number;
  /** Lower-case hexadecimal, as all sums here. */
  readonly sha256: string;
  /** The form in which it is sent, where there is one. */
  readonly compressed?: {
    readonly name: string;
    readonly encoding: 'br';
    readonly size: number;
    readonly sha256: string;
  };
}

/** A file or link of the root file system. */
export interface ImageTreeEntry {
  readonly path: string;
  /** Permission bits in octal, for example `0755`. */
  readonly mode: string;
  readonly size: number;
  /** Of the content; of a link's target. */
  readonly sha256: string;
  /** Only of a symbolic link. */
  readonly target?: string;
  /** The Debian package that it comes from, or `tsmachine`. */
  readonly package: string;
}

/** A Debian package whose files are in the image. */
export interface ImagePackage {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** Of the .deb file. */
  readonly sha256: string;
  readonly source: string;
  readonly sourceVersion: string;
  /** `main` or `security`. */
  readonly suite: string;
  /** The version that the lock pins, when it had left the mirror and this one was taken instead. */
  readonly replaced?: string;
}

/** What manifest.json says about an image. */
export interface ImageManifest {
  readonly schema: 1;
  /** The day of the packages and the engine's version, for example `20261118-26.1.5`. */
  readonly version: string;
  readonly architecture: 'amd64' | 'arm64';
  /** Seconds since 1970; the time of every file in the image. */
  readonly sourceDateEpoch: number;
  readonly lockSha256: string;
  readonly kernelRelease: string;
  readonly engineVersion: string;
  /** Stands for everything that a machine boots: see `imageDigest`. */
  readonly digest: string;
  readonly files: readonly ImageFile[];
  readonly tree: readonly ImageTreeEntry[];
  readonly packages: readonly ImagePackage[];
}

/** The files that the digest covers, in its order. */
export const digestFiles = ['vmlinuz', 'initrd', 'root.erofs'] as const;

/** The kernel as its distribution ships it. */
export const kernelFileName = 'vmlinuz';
/** The kernel as QEMU starts it on amd64; made out of `vmlinuz` where it was not sent. */
export const unpackedKernelFileName = 'vmlinux';

/** All of the image as a CD with boot loaders, for hypervisors that boot nothing else. */
export const isoFileName = 'image.iso';

/**
 * What a machine boots from, the kernel first. The rest of an image directory (ISO, SBOM, archives) is for other
 * uses.
 */
export function bootFiles(manifest: ImageManifest): readonly ImageFile[] {
  return [kernelFileName, unpackedKernelFileName, 'initrd', 'root.erofs']
    .map((name) => manifest.files.find((file) => file.name === name))
    .filter((file) => file !== undefined);
}

/** The text whose SHA-256 sum is the image's digest: one line of name, blank and sum for each file. */
export function digestText(files: readonly ImageFile[]): string {
  return digestFiles
    .map((name) => {
      const file = files.find((candidate) => candidate.name === name);
      if (file === undefined) {
        throw new MachineError('image-invalid', `The image has no file ${name}`);
      }
      return `${name} ${file.sha256}\n`;
    })
    .join('');
}

/** The image's digest: it stands for everything that a machine boots. */
export function imageDigest(files: readonly ImageFile[]): string {
  return createHash('sha256').update(digestText(files)).digest('hex');
}

/**
 * The text of a manifest.json. It ends with a sum over everything before, so that a change by accident is noticed
 * also where no other sum covers it.
 */
export function formatManifest(manifest: ImageManifest): string {
  return `${JSON.stringify({ ...manifest, checksum: checksumOf(manifest) }, undefined, 1)}\n`;
}

function checksumOf(manifest: unknown): string {
  return createHash('sha256').update(JSON.stringify(manifest)).digest('hex');
}

/** Checks one value; the text is what it should have been. */
type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === 'string' && value !== '' && value.length <= 4096;
const isSum: Check = (value) => typeof value === 'string' && /^[0-9a-f]{64}$/.test(value);
const isSize: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
/** A file beside the manifest: never a path. */
const isFileName: Check = (value) =>
  typeof value === 'string' && /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(value);
const isMode: Check = (value) => typeof value === 'string' && /^[0-7]{4}$/.test(value);
const optional =
  (check: Check): Check =>
  (value) =>
    value === undefined || check(value);
const listOf =
  (fields: Readonly<Record<string, Check>>): Check =>
  (value) =>
    Array.isArray(value) && value.every((item) => faultOf(item, fields) === undefined);

const compressedFields = {
  name: isFileName,
  encoding: (value: unknown) => value === 'br',
  size: isSize,
  sha256: isSum,
};
const fileFields: Readonly<Record<string, Check>> = {
  name: isFileName,
  size: isSize,
  sha256: isSum,
  compressed: optional((value) => faultOf(value, compressedFields) === undefined),
};
const treeFields: Readonly<Record<string, Check>> = {
  path: isText,
  mode: isMode,
  size: isSize,
  sha256: isSum,
  target: optional(isText),
  package: isText,
};
const packageFields: Readonly<Record<string, Check>> = {
  name: isText,
  version: isText,
  architecture: isText,
  sha256: isSum,
  source: isText,
  sourceVersion: isText,
  suite: isText,
  replaced: optional(isText),
};
const manifestFields: Readonly<Record<string, Check>> = {
  schema: (value) => value === 1,
  version: isText,
  architecture: (value) => value === 'amd64' || value === 'arm64',
  sourceDateEpoch: isSize,
  lockSha256: isSum,
  kernelRelease: isText,
  engineVersion: isText,
  digest: isSum,
  files: listOf(fileFields),
  tree: listOf(treeFields),
  packages: listOf(packageFields),
};

/**
 * Reads the text of a manifest.json; `file` names it in errors. Manifests of before there was a sum at their end
 * are read too.
 * @throws MachineError `image-invalid` with the name of the first field that is not as it should be.
 */
export function parseManifest(text: string, file = 'manifest.json'): ImageManifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new MachineError('image-invalid', `${file} is not JSON.`, { why: messageOf(cause) });
  }
  const fault = faultOf(value, manifestFields);
  if (fault === 'schema') {
    throw new MachineError('image-invalid', `${file} is of a form that this version does not know.`, {
      remedies: ['Upgrade tsmachine, or build the image again with "tsmachine image build".'],
    });
  }
  if (fault !== undefined) {
    throw new MachineError('image-invalid', `${file} has no usable "${fault}".`);
  }
  const { checksum, ...rest } = value as ImageManifest & { readonly checksum?: unknown };
  const manifest: ImageManifest = rest;
  if (checksum !== undefined && checksum !== checksumOf(manifest)) {
    throw new MachineError('image-invalid', `${file} was changed.`, {
      why: 'the sum at its end does not fit its content',
    });
  }
  if (imageDigest(manifest.files) !== manifest.digest) {
    throw new MachineError('image-invalid', `${file} was changed.`, {
      why: 'the digest that it gives is not that of the files that it lists',
    });
  }
  return manifest;
}

/** The first field that its check refuses; `(all)` when the value is no object. */
function faultOf(value: unknown, fields: Readonly<Record<string, Check>>): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    return '(all)';
  }
  const record = value as Readonly<Record<string, unknown>>;
  return Object.entries(fields).find(([name, check]) => !check(record[name]))?.[0];
}
