import { MachineError } from '../core/errors.ts';
import { isExactNumber, isJsonObject, parseJson, type JsonObject } from '../core/exact-json.ts';

export { ExactNumber, formatGoJson, isJsonObject, parseJson, type JsonObject } from '../core/exact-json.ts';

/**
 * Parses a file that holds one object.
 * @param path names the file in errors.
 * @throws MachineError `record-invalid` with the reason `syntax`.
 */
export function parseJsonObject(text: string, path: string): JsonObject {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (cause) {
    throw recordProblem('syntax', path, 'it is not complete JSON', { cause });
  }
  if (!isJsonObject(value)) {
    throw recordProblem('syntax', path, 'it does not hold an object');
  }
  return value;
}

/** What a field of config.json holds, in Go's terms. A list may be null: Go writes that for one never set. */
export type FieldKind = 'string' | 'bool' | 'int' | 'number' | 'list';

/** Fields of an object of config.json, in the order in which docker-machine writes them. */
export type Fields = Readonly<Record<string, FieldKind>>;

/** The TypeScript type of an object with these fields. */
export type Values<F extends Fields> = { readonly [K in keyof F]: ValueOf<F[K]> };

type ValueOf<K extends FieldKind> = K extends 'string'
  ? string
  : K extends 'bool'
    ? boolean
    : K extends 'list'
      ? readonly string[] | null
      : number;

/** Why a file was refused: `facts.reason` of `record-invalid`. */
export type RecordProblem = 'syntax' | 'field' | 'old-version';

/** Names a value in errors: the file, and the dotted path of the field in it. */
export interface Place {
  readonly path: string;
  readonly field: string;
}

/** An object's entries with the wanted keys under their right names, in whatever case they were written. */
export function splitKeys(
  given: JsonObject,
  names: readonly string[],
): { readonly known: JsonObject; readonly unknown: JsonObject } {
  const byLowerCase = new Map(names.map((name) => [name.toLowerCase(), name]));
  const known: [string, unknown][] = [];
  const unknown: [string, unknown][] = [];
  for (const [key, value] of Object.entries(given)) {
    const name = byLowerCase.get(key.toLowerCase());
    (name === undefined ? unknown : known).push([name ?? key, value]);
  }
  return { known: Object.fromEntries(known), unknown: Object.fromEntries(unknown) };
}

/** The values of an object's fields, with Go's zero values for those that are missing or null. */
export function readFields<F extends Fields>(known: JsonObject, fields: F, at: Place): Values<F> {
  const entries = Object.entries(fields).map(([name, kind]) => [
    name,
    readField(known[name], kind, { path: at.path, field: `${at.field}.${name}` }),
  ]);
  return Object.fromEntries(entries) as Values<F>;
}

/** @throws MachineError `record-invalid` unless the value is an object. */
export function requireObject(raw: unknown, at: Place): JsonObject {
  if (!isJsonObject(raw)) {
    throw wrongType(at, 'an object', raw);
  }
  return raw;
}

/** One value, strict on its type. */
export function readField<K extends FieldKind>(raw: unknown, kind: K, at: Place): Values<Record<'x', K>>['x'];
export function readField(raw: unknown, kind: FieldKind, at: Place): unknown {
  switch (kind) {
    case 'string':
      return readScalar(raw, '', 'a text', at);
    case 'bool':
      return readScalar(raw, false, 'true or false', at);
    case 'int': {
      const value = readScalar(raw, 0, 'a whole number', at);
      if (!Number.isSafeInteger(value)) {
        throw wrongType(at, 'a whole number', raw);
      }
      return value;
    }
    case 'number':
      return readScalar(isExactNumber(raw) ? Number(raw.text) : raw, 0, 'a number', at);
    case 'list':
      return readList(raw, at);
  }
}

/** Go leaves the zero value where a key is missing or null. */
function readScalar<T extends string | number | boolean>(
  raw: unknown,
  zero: T,
  wanted: string,
  at: Place,
): T {
  if (raw === undefined || raw === null) {
    return zero;
  }
  if (typeof raw !== typeof zero) {
    throw wrongType(at, wanted, raw);
  }
  return raw as T;
}

function readList(raw: unknown, at: Place): readonly string[] | null {
  if (raw === undefined || raw === null) {
    return null;
  }
  if (!Array.isArray(raw)) {
    throw wrongType(at, 'a list of texts', raw);
  }
  return raw.map((item: unknown) => readScalar(item, '', 'a list of texts', at));
}

function wrongType(at: Place, wanted: string, raw: unknown): MachineError {
  return recordProblem('field', at.path, `${at.field} is ${typeName(raw)} where ${wanted} is needed`, {
    field: at.field,
  });
}

function typeName(raw: unknown): string {
  if (raw === null || raw === undefined) {
    return 'missing';
  }
  if (Array.isArray(raw)) {
    return 'a list';
  }
  const names: Partial<Record<string, string>> = {
    string: 'a text',
    boolean: 'true or false',
    object: 'an object',
  };
  return isExactNumber(raw) ? 'a number' : (names[typeof raw] ?? 'a number');
}

/** The error for a file of the store that cannot be understood. */
export function recordProblem(
  reason: RecordProblem,
  path: string,
  why: string,
  more: { readonly field?: string; readonly cause?: unknown } = {},
): MachineError {
  return new MachineError('record-invalid', `${path} cannot be used: ${why}.`, {
    ...(more.cause === undefined ? {} : { cause: more.cause }),
    facts: { path, reason, ...(more.field === undefined ? {} : { field: more.field }) },
  });
}
