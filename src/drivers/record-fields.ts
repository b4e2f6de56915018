import { invalidKey } from './config-values.ts';

/** Reads keys of a driver's part of a record as Go does: their case does not matter, and null stands for nothing. */
export interface RecordFields {
  /** @throws MachineError `record-invalid`. */
  readonly text: (key: string, pattern?: RegExp) => string;
  readonly whole: (key: string, range: { readonly min: number; readonly max: number }) => number;
  readonly flag: (key: string) => boolean;
  readonly list: (key: string, pattern?: RegExp) => readonly string[];
  /** A list of numbers that are whole and not negative: ids. */
  readonly wholes: (key: string) => readonly number[];
  /** An object whose values are texts. */
  readonly texts: (key: string, pattern?: RegExp) => Readonly<Record<string, string>>;
}

/** One line of text that no shell, terminal or request stumbles over. */
export const plainText = /^[^\p{Cc}]{0,4096}$/u;

export function recordFields(raw: Readonly<Record<string, unknown>>): RecordFields {
  const byName = new Map(Object.entries(raw).map(([key, value]) => [key.toLowerCase(), value]));
  // The spelling that was asked for goes before others.
  const valueOf = (key: string): unknown =>
    (Object.hasOwn(raw, key) ? raw[key] : byName.get(key.toLowerCase())) ?? undefined;
  return {
    text: (key, pattern = plainText) => {
      const value = valueOf(key) ?? '';
      if (typeof value !== 'string' || (value !== '' && !pattern.test(value))) {
        throw invalidKey(key, 'it is not a text of the right form');
      }
      return value;
    },
    whole: (key, { min, max }) => {
      const value = valueOf(key) ?? 0;
      if (
        typeof value !== 'number' ||
        !Number.isInteger(value) ||
        (value !== 0 && (value < min || value > max))
      ) {
        throw invalidKey(key, `it must be a whole number from ${min} to ${max}`);
      }
      return value;
    },
    flag: (key) => {
      const value = valueOf(key) ?? false;
      if (typeof value !== 'boolean') {
        throw invalidKey(key, 'it must be true or false');
      }
      return value;
    },
    list: (key, pattern = plainText) => {
      const value = valueOf(key) ?? [];
      if (!Array.isArray(value) || !value.every((each) => typeof each === 'string' && pattern.test(each))) {
        throw invalidKey(key, 'it must be a list of texts of the right form');
      }
      return value as readonly string[];
    },
    wholes: (key) => {
      const value = valueOf(key) ?? [];
      if (!Array.isArray(value) || !value.every((each) => Number.isSafeInteger(each) && Number(each) >= 0)) {
        throw invalidKey(key, 'it must be a list of whole numbers');
      }
      return value as readonly number[];
    },
    texts: (key, pattern = plainText) => {
      const value = valueOf(key) ?? {};
      const isRight =
        typeof value === 'object' &&
        !Array.isArray(value) &&
        Object.values(value).every((each) => typeof each === 'string' && pattern.test(each));
      if (!isRight) {
        throw invalidKey(key, 'it must be an object of texts of the right form');
      }
      return value as Readonly<Record<string, string>>;
    },
  };
}
