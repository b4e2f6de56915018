import type { ByteSource } from './byte-source.ts';
import { MessageReader, multiByteLength } from './primitives.ts';
import {
  builtinTypes,
  DEPTH_MAX,
  GobError,
  GobInterface,
  MESSAGE_MAX_BYTES,
  NAME_MAX_BYTES,
  type GobStruct,
  type GobType,
  type GobValue,
} from './types.ts';
import { fieldsOf } from './values.ts';
import { typeFromDescription, wireType } from './wire-type.ts';

/** A value with the type that the sender gave it. */
export interface Decoded {
  readonly type: GobType;
  readonly value: GobValue;
}

/** Reads the values of one stream of gob, each with the type that its sender has defined. */
export interface GobDecoder {
  /**
   * The next value.
   * @returns undefined when the stream has ended where it may.
   * @throws GobError for anything that is no gob; the stream can then be used no more.
   */
  next(): Promise<Decoded | undefined>;
}

const FIRST_USER_ID = 64;

/** Decodes a stream from its beginning. */
export function createGobDecoder(source: ByteSource): GobDecoder {
  const decoder = new Decoder(source);
  return { next: async () => decoder.next() };
}

/** Kinds of elements that are whole within their message: their count can be checked against its rest. */
const plainKinds: ReadonlySet<GobType['kind']> = new Set([
  'bool',
  'int',
  'uint',
  'float',
  'bytes',
  'string',
  'complex',
  'opaque',
]);

class Decoder {
  readonly #source: ByteSource;
  readonly #types = new Map<number, GobType>(builtinTypes);
  #message = new MessageReader(new Uint8Array(0));

  constructor(source: ByteSource) {
    this.#source = source;
  }

  async next(): Promise<Decoded | undefined> {
    const id = await this.#typeSequence(false);
    if (id === undefined) {
      return undefined;
    }
    const type = this.#typeOf(id);
    const value = await this.#topLevel(type, 0);
    if (this.#message.left > 0) {
      throw new GobError('a message is longer than its value');
    }
    return { type, value };
  }

  /**
   * Takes in the type definitions that precede a value, and returns the id of its type. Go sends those of a concrete
   * type in the middle of the interface value: at top level it ends the message there and the value goes on in the next
   * one; deeper inside the definition is followed by a length, which is passed over.
   * @returns undefined at the end of the stream, before anything was read.
   */
  async #typeSequence(isInterface: boolean): Promise<number | undefined> {
    for (let isFirst = !isInterface; ; isFirst = false) {
      if (this.#message.left === 0) {
        const message = await this.#receive();
        if (message === undefined) {
          if (isFirst) {
            return undefined;
          }
          throw new GobError('the stream ends where a value is expected');
        }
        this.#message = message;
      }
      const id = Number(this.#message.int());
      if (id >= 0) {
        return id;
      }
      await this.#define(-id);
      if (this.#message.left > 0) {
        if (!isInterface) {
          throw new GobError('a message is longer than its type definition');
        }
        this.#message.count();
      }
    }
  }

  async #receive(): Promise<MessageReader | undefined> {
    const head = await this.#source.read(1);
    if (head === undefined) {
      return undefined;
    }
    const first = head[0] as number;
    let length = first;
    if (first >= 128) {
      const bytes = await this.#need(multiByteLength(first));
      length = bytes.reduce((sum, byte) => sum * 256 + byte, 0);
    }
    if (length > MESSAGE_MAX_BYTES) {
      throw new GobError(`a message has ${length} bytes, which is too long`);
    }
    return new MessageReader(await this.#need(length));
  }

  async #need(count: number): Promise<Uint8Array> {
    const bytes = await this.#source.read(count);
    if (bytes === undefined) {
      throw new GobError('the stream ends in the middle of a message');
    }
    return bytes;
  }

  async #define(id: number): Promise<void> {
    if (id < FIRST_USER_ID || this.#types.has(id)) {
      throw new GobError(`the type ${id} is defined twice`);
    }
    const described = await this.#value(wireType, 0);
    this.#types.set(
      id,
      typeFromDescription(fieldsOf(described), (inner) => this.#typeOf(inner)),
    );
  }

  #typeOf(id: number): GobType {
    const type = this.#types.get(id);
    if (type === undefined) {
      throw new GobError(`the type ${id} is not defined`);
    }
    return type;
  }

  /** A value that stands alone: what is no struct is preceded by a zero. */
  async #topLevel(type: GobType, depth: number): Promise<GobValue> {
    if (type.kind !== 'struct' && this.#message.count() !== 0) {
      throw new GobError('a value does not begin as it must');
    }
    return this.#value(type, depth);
  }

  async #value(type: GobType, depth: number): Promise<GobValue> {
    if (depth > DEPTH_MAX) {
      throw new GobError('a value is nested too deeply');
    }
    switch (type.kind) {
      case 'struct':
        return this.#struct(type, depth);
      case 'array':
      case 'slice':
        return this.#list(type, depth);
      case 'map':
        return this.#map(type, depth);
      case 'interface':
        return this.#interface(depth);
      default:
        return this.#plain(type.kind);
    }
  }

  #plain(kind: GobType['kind']): GobValue {
    const message = this.#message;
    switch (kind) {
      case 'bool':
        return message.bigUint() !== 0n;
      case 'int':
        return message.int();
      case 'uint':
        return message.uint();
      case 'float':
        return message.float();
      case 'complex':
        return [message.float(), message.float()];
      case 'string':
        return message.text();
      default:
        return message.bytes();
    }
  }

  async #struct(type: Extract<GobType, { kind: 'struct' }>, depth: number): Promise<GobStruct> {
    // Without a prototype: names come from the other side.
    const fields = Object.create(null) as Record<string, GobValue>;
    for (let number = -1; ;) {
      const delta = this.#message.count();
      if (delta === 0) {
        return fields;
      }
      number += delta;
      const field = type.fields[number];
      if (field === undefined) {
        throw new GobError(`the type "${type.name}" has no field ${number}`);
      }
      fields[field.name] = await this.#value(field.type(), depth + 1);
    }
  }

  async #list(type: Extract<GobType, { kind: 'array' | 'slice' }>, depth: number): Promise<GobValue[]> {
    const element = type.element();
    const count = this.#count(element);
    if (type.kind === 'array' && count !== type.length) {
      throw new GobError(`an array has ${count} elements in place of ${type.length}`);
    }
    const list: GobValue[] = [];
    // Every element has at least one byte: a count that lies ends with the bytes.
    while (list.length < count) {
      list.push(
        plainKinds.has(element.kind) ? this.#plain(element.kind) : await this.#value(element, depth + 1),
      );
    }
    return list;
  }

  async #map(type: Extract<GobType, { kind: 'map' }>, depth: number): Promise<Map<GobValue, GobValue>> {
    const [key, element] = [type.key(), type.element()];
    const count = this.#count(key);
    const map = new Map<GobValue, GobValue>();
    for (let done = 0; done < count; done += 1) {
      const found = await this.#value(key, depth + 1);
      map.set(found, await this.#value(element, depth + 1));
    }
    return map;
  }

  #count(element: GobType): number {
    const count = this.#message.count();
    if (plainKinds.has(element.kind) && count > this.#message.left) {
      throw new GobError('a list is longer than its message');
    }
    return count;
  }

  async #interface(depth: number): Promise<GobInterface | null> {
    const length = this.#message.count();
    if (length === 0) {
      return null;
    }
    if (length > NAME_MAX_BYTES) {
      throw new GobError('the name of a concrete type is too long');
    }
    const name = new TextDecoder().decode(this.#message.take(length));
    const type = this.#typeOf((await this.#typeSequence(true)) ?? 0);
    // The length of the value is for those who pass over it.
    this.#message.count();
    return new GobInterface(name, type, await this.#topLevel(type, depth + 1));
  }
}
