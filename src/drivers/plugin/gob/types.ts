/**
 * Types and values of Go's `encoding/gob`. A type is either one of ours (a schema that the encoder defines to the
 * other side) or one that the other side has defined; both have the same form, so that a decoded value can be sent back.
 */
export type GobType =
  | { [Kind in BuiltinKind]: { readonly kind: Kind } }[BuiltinKind]
  | {
      readonly kind: 'array';
      readonly name: string;
      readonly element: () => GobType;
      readonly length: number;
    }
  | { readonly kind: 'slice'; readonly name: string; readonly element: () => GobType }
  | {
      readonly kind: 'map';
      readonly name: string;
      readonly key: () => GobType;
      readonly element: () => GobType;
    }
  | { readonly kind: 'struct'; readonly name: string; readonly fields: readonly GobField[] }
  /** A type that encodes itself (GobEncoder and the like). Its content is bytes that only Go can read. */
  | { readonly kind: 'opaque'; readonly name: string };

const builtinKinds = ['bool', 'int', 'uint', 'float', 'bytes', 'string', 'complex', 'interface'] as const;
type BuiltinKind = (typeof builtinKinds)[number];

/** One field of a struct. Types are functions because they may refer to themselves. */
export interface GobField {
  readonly name: string;
  readonly type: () => GobType;
}

/** A struct's fields by name. Those with a zero value are absent. */
export interface GobStruct {
  readonly [field: string]: GobValue;
}

/** A value of some concrete type in the place of an interface, under the name by which Go's side knows that type. */
export class GobInterface {
  readonly name: string;
  readonly type: GobType;
  readonly value: GobValue;

  constructor(name: string, type: GobType, value: GobValue) {
    this.name = name;
    this.type = type;
    this.value = value;
  }
}

/**
 * A value: int and uint are numbers, or bigints beyond 2^53; bytes and opaque Uint8Array; complex, array and slice
 * arrays; map Map; interface GobInterface, or null for nil.
 */
export type GobValue =
  | boolean
  | number
  | bigint
  | string
  | Uint8Array
  | readonly GobValue[]
  | ReadonlyMap<GobValue, GobValue>
  | GobInterface
  | GobStruct
  | null;

/** What is wrong with a stream, or with a value that is to be written to one. */
export class GobError extends Error {
  override readonly name = 'GobError';
}

/** The longest message that is written or read. */
export const MESSAGE_MAX_BYTES = 64 * 1024 * 1024;
/** The longest name of a type, a field or a concrete type. */
export const NAME_MAX_BYTES = 1024;
/** The deepest nesting of values. */
export const DEPTH_MAX = 500;

/** Built-in types by the ids that every stream gives them. */
export const builtinTypes: ReadonlyMap<number, GobType> = new Map(
  builtinKinds.map((kind, index) => [index + 1, { kind }]),
);

function builtin(id: number): GobType {
  return builtinTypes.get(id) as GobType;
}

export const gobBool = builtin(1);
export const gobInt = builtin(2);
export const gobUint = builtin(3);
export const gobFloat = builtin(4);
export const gobBytes = builtin(5);
export const gobString = builtin(6);
export const gobInterface = builtin(8);

/** A slice type. Name is empty for Go's unnamed types. */
export function sliceOf(element: GobType, name = ''): GobType {
  return { kind: 'slice', name, element: () => element };
}

/** A map type. */
export function mapOf(key: GobType, element: GobType): GobType {
  return { kind: 'map', name: '', key: () => key, element: () => element };
}

/** A struct type with its fields in order. */
export function structOf(name: string, fields: Readonly<Record<string, GobType>>): GobType {
  return {
    kind: 'struct',
    name,
    fields: Object.entries(fields).map(([field, type]) => ({ name: field, type: () => type })),
  };
}

/** `struct{}`, the argument and the reply of most calls. */
export const gobEmptyStruct = structOf('', {});
