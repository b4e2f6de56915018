import { createByteWriter, type ByteWriter } from './primitives.ts';
import {
  builtinTypes,
  DEPTH_MAX,
  GobError,
  GobInterface,
  MESSAGE_MAX_BYTES,
  NAME_MAX_BYTES,
  type GobType,
  type GobValue,
} from './types.ts';
import { isJustFields } from './values.ts';
import { describeType, wireType } from './wire-type.ts';

/** Turns values into one stream of gob. */
export interface GobEncoder {
  /**
   * The bytes of a value: definitions of the types that the other side does not know yet, then the value.
   * @throws GobError when the value is not of the type. The stream can then be used no more.
   */
  encode(type: GobType, value: GobValue): Uint8Array;
}

const FIRST_USER_ID = 65;

/** The beginning of a stream: nothing is defined yet. */
export function createGobEncoder(): GobEncoder {
  const ids = new Map<GobType, number>([...builtinTypes].map(([id, type]) => [type, id]));
  let nextId = FIRST_USER_ID;
  let out: ByteWriter = createByteWriter();

  const idOf = (type: GobType): number => {
    const known = ids.get(type);
    if (known !== undefined) {
      return known;
    }
    const id = nextId;
    nextId += 1;
    // Known before its parts are: a type may contain itself.
    ids.set(type, id);
    const definition = createByteWriter();
    definition.int(-id);
    writeValue(definition, wireType, describeType(type, id, idOf), 0);
    writeMessage(out, definition);
    return id;
  };

  const writeValue = (to: ByteWriter, type: GobType, value: GobValue, depth: number): void => {
    if (depth > DEPTH_MAX) {
      throw new GobError('a value is nested too deeply');
    }
    writers[type.kind](to, type as never, value, depth);
  };

  const writeStruct: Writer<'struct'> = (to, type, value, depth) => {
    const fields = requireKind(isJustFields(value) && value, type);
    let previous = -1;
    for (const [number, field] of type.fields.entries()) {
      const content = fields[field.name];
      const fieldType = field.type();
      if (content !== undefined && !isZero(fieldType, content)) {
        to.uint(number - previous);
        writeValue(to, fieldType, content, depth + 1);
        previous = number;
      }
    }
    to.uint(0);
  };

  const writeList: Writer<'array' | 'slice'> = (to, type, value, depth) => {
    const list = requireKind(Array.isArray(value) && (value as readonly GobValue[]), type);
    if (type.kind === 'array' && list.length !== type.length) {
      throw new GobError(`an array has ${list.length} elements in place of ${type.length}`);
    }
    to.uint(list.length);
    for (const element of list) {
      writeValue(to, type.element(), element, depth + 1);
    }
  };

  const writeMap: Writer<'map'> = (to, type, value, depth) => {
    const map = requireKind(value instanceof Map && (value as ReadonlyMap<GobValue, GobValue>), type);
    to.uint(map.size);
    for (const [key, element] of map) {
      writeValue(to, type.key(), key, depth + 1);
      writeValue(to, type.element(), element, depth + 1);
    }
  };

  const writeInterface: Writer<'interface'> = (to, type, value, depth) => {
    if (value === null) {
      to.uint(0);
      return;
    }
    const {
      name,
      type: concrete,
      value: content,
    } = requireKind(value instanceof GobInterface && value, type);
    if (name === '' || name.length > NAME_MAX_BYTES) {
      throw new GobError('the name of a concrete type is empty or too long');
    }
    to.text(name);
    to.int(idOf(concrete));
    const inner = createByteWriter();
    writeTopLevel(inner, concrete, content, depth + 1);
    to.bytes(inner.result());
  };

  const writeTopLevel = (to: ByteWriter, type: GobType, value: GobValue, depth: number): void => {
    if (type.kind !== 'struct') {
      to.uint(0);
    }
    writeValue(to, type, value, depth);
  };

  const writers: { readonly [K in GobType['kind']]: Writer<K> } = {
    bool: (to, type, value) => {
      requireKind(typeof value === 'boolean', type);
      to.uint(value === true ? 1 : 0);
    },
    int: (to, type, value) => {
      to.int(integerOf(value, type));
    },
    uint: (to, type, value) => {
      to.uint(integerOf(value, type));
    },
    float: (to, type, value) => {
      to.float(numberOf(value, type));
    },
    string: (to, type, value) => {
      to.text(requireKind(typeof value === 'string' && value, type));
    },
    complex: (to, type, value) => {
      const [re, im] = requireKind(Array.isArray(value) && (value as readonly GobValue[]), type);
      to.float(numberOf(re, type));
      to.float(numberOf(im, type));
    },
    bytes: (to, type, value) => {
      to.bytes(requireKind(value instanceof Uint8Array && value, type));
    },
    opaque: (to, type, value) => {
      to.bytes(requireKind(value instanceof Uint8Array && value, type));
    },
    interface: writeInterface,
    array: (...value) => {
      writeList(...value);
    },
    slice: (...value) => {
      writeList(...value);
    },
    map: writeMap,
    struct: writeStruct,
  };

  return {
    encode: (type, value) => {
      out = createByteWriter();
      const message = createByteWriter();
      message.int(idOf(type));
      writeTopLevel(message, type, value, 0);
      writeMessage(out, message);
      return out.result();
    },
  };
}

type Writer<Kind extends GobType['kind']> = (
  to: ByteWriter,
  type: Extract<GobType, { readonly kind: Kind }>,
  value: GobValue,
  depth: number,
) => void;

function writeMessage(to: ByteWriter, message: ByteWriter): void {
  const bytes = message.result();
  if (bytes.length > MESSAGE_MAX_BYTES) {
    throw new GobError('a message is too long');
  }
  to.bytes(bytes);
}

/** What Go omits from a struct. Structs, arrays and complex numbers are always sent: receivers take both. */
function isZero(type: GobType, value: GobValue): boolean {
  switch (type.kind) {
    case 'float':
      // Go asks the bits: minus zero is sent.
      return Object.is(value, 0);
    case 'slice':
      return Array.isArray(value) && value.length === 0;
    case 'map':
      return value instanceof Map && value.size === 0;
    case 'bytes':
      return value instanceof Uint8Array && value.length === 0;
    default:
      return value === false || value === 0 || value === 0n || value === '' || value === null;
  }
}

function requireKind<T>(value: T | false, type: { readonly kind: string }): T {
  if (value === false) {
    throw new GobError(`a value is no ${type.kind}`);
  }
  return value;
}

function numberOf(value: GobValue | undefined, type: { readonly kind: string }): number {
  return requireKind(typeof value === 'number' && value, type);
}

function integerOf(value: GobValue, type: { readonly kind: string }): number | bigint {
  return requireKind((typeof value === 'number' || typeof value === 'bigint') && value, type);
}
