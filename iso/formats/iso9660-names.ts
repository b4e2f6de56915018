import { compareBytes } from './iso9660-encoding.ts';
import { layoutError } from './layout-error.ts';

/**
 * Identifiers of ISO 9660 interchange level 2: up to 30 characters out of A-Z, 0-9 and underscore, for files
 * with one dot and the version `;1`. The true names are in Rock Ridge; these serve loaders that do not read it.
 */

const NAME_CHARACTERS_MAX = 30;

interface SplitName {
  readonly base: string;
  readonly extension: string;
}

function toDCharacters(text: string): string {
  return text.toUpperCase().replace(/[^A-Z0-9_]/g, '_');
}

function splitFileName(name: string): SplitName {
  const dot = name.lastIndexOf('.');
  // A leading dot belongs to the name: `.profile` has no extension.
  if (dot <= 0) {
    return { base: toDCharacters(name), extension: '' };
  }
  return { base: toDCharacters(name.slice(0, dot)), extension: toDCharacters(name.slice(dot + 1)) };
}

function candidate(name: string, isDirectory: boolean, attempt: number): string {
  const suffix = attempt === 0 ? '' : `_${attempt}`;
  if (isDirectory) {
    return toDCharacters(name).slice(0, NAME_CHARACTERS_MAX - suffix.length) + suffix;
  }
  const { base, extension } = splitFileName(name);
  const shortExtension = extension.slice(0, 8);
  const baseMax = NAME_CHARACTERS_MAX - shortExtension.length - suffix.length;
  return `${base.slice(0, baseMax)}${suffix}.${shortExtension};1`;
}

/**
 * Identifier for `name` that is not in `taken` yet, and adds it there. The first name in byte order gets the
 * plain form, so the caller must ask in a fixed order to get the same image every time.
 */
export function isoIdentifier(name: string, isDirectory: boolean, taken: Set<string>): string {
  // One directory cannot hold more names than attempts, so that a free one is always found.
  for (let attempt = 0; attempt <= taken.size; attempt += 1) {
    const identifier = candidate(name, isDirectory, attempt);
    if (!taken.has(identifier)) {
      taken.add(identifier);
      return identifier;
    }
  }
  throw layoutError(`no free ISO 9660 identifier for ${name}`);
}

/**
 * Order of two identifiers in a directory (ECMA-119 clause 10.3): by file name, then by extension, each as if
 * filled up with blanks. Plain byte order of the whole differs, because `;` sorts between digits and letters.
 */
export function compareIdentifiers(a: string, b: string): number {
  const encoder = new TextEncoder();
  const [leftBase = '', leftExtension = ''] = a.replace(/;1$/, '').split('.');
  const [rightBase = '', rightExtension = ''] = b.replace(/;1$/, '').split('.');
  const byBase = compareBytes(encoder.encode(leftBase), encoder.encode(rightBase));
  return byBase === 0 ? compareBytes(encoder.encode(leftExtension), encoder.encode(rightExtension)) : byBase;
}
