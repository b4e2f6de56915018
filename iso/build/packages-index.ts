import { inputError } from '../formats/input-error.ts';

/** One version of a package, as a Packages index lists it. */
export interface PackageRecord {
  readonly name: string;
  readonly version: string;
  readonly architecture: string;
  /** Path below the archive's address. */
  readonly filename: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  readonly source: string;
  readonly sourceVersion: string;
  /** The field Depends, as it stands. */
  readonly depends: string;
}

/**
 * The records of a Packages index (deb-control(5)) whose name passes `wanted`, in the index's order.
 * Throws `image-build-failed` when a wanted record is incomplete.
 */
export function parsePackages(
  index: string,
  wanted: (name: string) => boolean,
  file: string,
): readonly PackageRecord[] {
  const records: PackageRecord[] = [];
  for (const paragraph of index.split('\n\n')) {
    const name = /^Package: (\S+)$/m.exec(paragraph)?.[1];
    if (name !== undefined && wanted(name)) {
      records.push(parseRecord(name, paragraph, file));
    }
  }
  return records;
}

function parseRecord(name: string, paragraph: string, file: string): PackageRecord {
  const fields = new Map<string, string>();
  for (const line of paragraph.split('\n')) {
    const colon = line.indexOf(': ');
    if (colon > 0 && !line.startsWith(' ')) {
      fields.set(line.slice(0, colon), line.slice(colon + 2));
    }
  }
  const version = fields.get('Version') ?? '';
  const filename = fields.get('Filename') ?? '';
  const sha256 = fields.get('SHA256') ?? '';
  const sizeBytes = Number(fields.get('Size'));
  if (
    !/^[A-Za-z0-9.+~:-]+$/.test(version) ||
    !isPoolPath(filename) ||
    !/^[0-9a-f]{64}$/.test(sha256) ||
    !Number.isSafeInteger(sizeBytes) ||
    sizeBytes <= 0
  ) {
    throw inputError(file, `Its record of the package ${name} is incomplete.`);
  }
  const source = /^(\S+)(?: \(([^)]+)\))?$/.exec(fields.get('Source') ?? name);
  return {
    name,
    version,
    architecture: fields.get('Architecture') ?? '',
    filename,
    sizeBytes,
    sha256,
    source: source?.[1] ?? name,
    sourceVersion: source?.[2] ?? version,
    depends: fields.get('Depends') ?? '',
  };
}

/** True for the path of a package below an archive's address, which never leads out of it. */
export function isPoolPath(filename: string): boolean {
  return /^pool\/[A-Za-z0-9.+~_/-]+\.deb$/.test(filename) && !filename.split('/').includes('..');
}
