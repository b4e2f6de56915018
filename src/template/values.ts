import { isExactNumber, isJsonObject, parseJson } from '../core/exact-json.ts';

/** Kinds of Go's types, as far as templates meet them. */
export type Kind =
  | 'bool'
  | 'int'
  | 'int64'
  | 'uint8'
  | 'float64'
  | 'string'
  | 'slice'
  | 'map'
  | 'struct'
  | 'ptr'
  | 'interface';

/** A type of Go's, by the name that messages and `%T` show. */
export interface GoType {
  readonly kind: Kind;
  readonly name: string;
  /** What a slice or map holds, or what a pointer points to. */
  readonly element?: GoType;
  /** Fields of a struct, in order. */
  readonly fields?: Readonly<Record<string, GoType>>;
  /** Other names of fields, e.g. those of the record. */
  readonly aliases?: Readonly<Record<string, string>>;
  /** The type's String method: values print as this. */
  readonly toText?: (value: bigint) => string;
  /** JSON has the text, too, not the number. */
  readonly isTextInJson?: boolean;
  /** Further methods without arguments. */
  readonly methods?: Readonly<Record<string, (value: bigint) => GoValue>>;
  /** Fields of such a value, and its elements, are empty texts: of a nil pointer, or of a word in a header. */
  readonly isForgiving?: boolean;
}

/**
 * A value with its type, like Go's reflect.Value; the invalid one is `undefined`. What `data` holds depends on the
 * kind: boolean, bigint for integers, number, string, a list of values or null, a Map from strings or null (its order
 * is sorted), an object of fields, and a value or null for pointers and interfaces.
 */
export interface GoValue {
  readonly type: GoType;
  readonly data:
    | boolean
    | bigint
    | number
    | string
    | null
    | readonly GoValue[]
    | ReadonlyMap<string, GoValue>
    | Readonly<Record<string, GoValue>>
    | GoValue;
  /** Digits of a number that JavaScript's would lose. */
  readonly exact?: string;
}

export const types = {
  bool: { kind: 'bool', name: 'bool' },
  int: { kind: 'int', name: 'int' },
  uint8: { kind: 'uint8', name: 'uint8' },
  float64: { kind: 'float64', name: 'float64' },
  string: { kind: 'string', name: 'string' },
  any: { kind: 'interface', name: 'interface {}' },
} as const satisfies Record<string, GoType>;

/** The type of lists of something. */
export function sliceOf(element: GoType): GoType {
  return { kind: 'slice', name: `[]${element.name}`, element };
}

/** The type of maps from strings to something. */
export function mapOf(element: GoType): GoType {
  return { kind: 'map', name: `map[string]${element.name}`, element };
}

/** The type of pointers to something. */
export function pointerTo(element: GoType): GoType {
  return { kind: 'ptr', name: `*${element.name}`, element };
}

export const anySlice = sliceOf(types.any);
export const anyMap = mapOf(types.any);

/** The text as a value of the type `string`. */
export function stringValue(text: string): GoValue {
  return { type: types.string, data: text };
}

/** The truth value as a value of the type `bool`. */
export function boolValue(value: boolean): GoValue {
  return { type: types.bool, data: value };
}

/** The number as a value of the type `int`. */
export function intValue(value: bigint | number): GoValue {
  return { type: types.int, data: BigInt(value) };
}

/** An empty text whose fields and elements are empty texts. */
export const forgivingText: GoValue = { type: { ...types.string, isForgiving: true }, data: '' };

/** What Go's json.Unmarshal makes of a text of JSON of which nothing is known. @throws SyntaxError. */
export function parseGoJson(text: string): GoValue | undefined {
  return jsonData(parseJson(text)) ?? undefined;
}

function fromJson(json: unknown): GoValue {
  return { type: types.any, data: jsonData(json) };
}

function jsonData(json: unknown): GoValue | null {
  if (json === null || json === undefined) {
    return null;
  }
  if (isExactNumber(json)) {
    return { type: types.float64, data: Number(json.text), exact: json.text };
  }
  if (Array.isArray(json)) {
    return { type: anySlice, data: json.map(fromJson) };
  }
  if (isJsonObject(json)) {
    return {
      type: anyMap,
      data: sortedMap(
        Object.entries(json)
          .filter(([, member]) => member !== undefined)
          .map(([key, member]) => [key, fromJson(member)]),
      ),
    };
  }
  switch (typeof json) {
    case 'boolean':
      return boolValue(json);
    case 'number':
      return { type: types.float64, data: json };
    default:
      return stringValue(json as string);
  }
}

/** A map's data: keys in the order of their bytes, in which Go prints and ranges over them. */
export function sortedMap(entries: readonly (readonly [string, GoValue])[]): ReadonlyMap<string, GoValue> {
  return new Map([...entries].sort(([left], [right]) => compareBytes(left, right)));
}

/** Order of texts by their bytes in UTF-8, as Go compares strings. */
export function compareBytes(left: string, right: string): number {
  return left === right ? 0 : Buffer.compare(Buffer.from(left), Buffer.from(right));
}

/** What a type has before something is set. */
export function zeroOf(type: GoType): GoValue {
  switch (type.kind) {
    case 'bool':
      return { type, data: false };
    case 'int':
    case 'int64':
    case 'uint8':
      return { type, data: 0n };
    case 'float64':
      return { type, data: 0 };
    case 'string':
      return { type, data: '' };
    case 'struct': {
      const fields = Object.entries(type.fields ?? {});
      return { type, data: Object.fromEntries(fields.map(([name, field]) => [name, zeroOf(field)])) };
    }
    default:
      return { type, data: null };
  }
}

export function isIntegerKind(kind: Kind): boolean {
  return kind === 'int' || kind === 'int64' || kind === 'uint8';
}

/** The elements of a slice; none of a nil one. */
export function elementsOf({ data }: GoValue): readonly GoValue[] {
  return (data as readonly GoValue[] | null) ?? [];
}

/** The entries of a map; none of a nil one. */
export function entriesOf({ data }: GoValue): ReadonlyMap<string, GoValue> {
  return (data as ReadonlyMap<string, GoValue> | null) ?? new Map<string, GoValue>();
}

/** The fields of a struct in their order. */
export function fieldsOf({ type, data }: GoValue): readonly (readonly [string, GoValue])[] {
  const values = data as Readonly<Record<string, GoValue>>;
  return Object.entries(type.fields ?? {}).map(([name, field]) => [name, values[name] ?? zeroOf(field)]);
}

/** What a pointer or an interface refers to; null for nil. */
export function targetOf({ data }: GoValue): GoValue | null {
  return data as GoValue | null;
}

/** What is in an interface; undefined for a nil one, the value itself for anything else. */
export function withoutInterface(value: GoValue | undefined): GoValue | undefined {
  return value?.type.kind === 'interface' ? (targetOf(value) ?? undefined) : value;
}

/** Follows pointers and interfaces to their end, or to the first that is nil. */
export function indirect(value: GoValue): { readonly value: GoValue; readonly isNil: boolean } {
  let current = value;
  while (current.type.kind === 'ptr' || current.type.kind === 'interface') {
    const target = targetOf(current);
    if (target === null) {
      return { value: current, isNil: true };
    }
    current = target;
  }
  return { value: current, isNil: false };
}

/** Whether `if` takes the value for true. */
export function isTrue(value: GoValue | undefined): boolean {
  if (value === undefined) {
    return false;
  }
  switch (value.type.kind) {
    case 'slice':
      return elementsOf(value).length > 0;
    case 'map':
      return entriesOf(value).size > 0;
    case 'struct':
      return true;
    case 'int':
    case 'int64':
    case 'uint8':
      return value.data !== 0n;
    case 'float64':
      return value.data !== 0;
    case 'string':
      return value.data !== '';
    case 'bool':
      return value.data === true;
    default:
      return value.data !== null;
  }
}
