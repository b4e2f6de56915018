import { isJustFields } from './values.ts';
import {
  GobError,
  gobInt,
  gobString,
  NAME_MAX_BYTES,
  sliceOf,
  structOf,
  type GobStruct,
  type GobType,
  type GobValue,
} from './types.ts';

// How types are described on the wire: themselves values of a few types that both sides know, with these fields in
// this order (type.go of encoding/gob).

const commonType = structOf('CommonType', { Name: gobString, Id: gobInt });
const opaqueType = structOf('gobEncoderType', { CommonType: commonType });
const fieldType = structOf('fieldType', { Name: gobString, Id: gobInt });

/** The type of every definition. */
export const wireType = structOf('wireType', {
  ArrayT: structOf('arrayType', { CommonType: commonType, Elem: gobInt, Len: gobInt }),
  SliceT: structOf('sliceType', { CommonType: commonType, Elem: gobInt }),
  StructT: structOf('structType', { CommonType: commonType, Field: sliceOf(fieldType) }),
  MapT: structOf('mapType', { CommonType: commonType, Key: gobInt, Elem: gobInt }),
  GobEncoderT: opaqueType,
  BinaryMarshalerT: opaqueType,
  TextMarshalerT: opaqueType,
});

/** The description of a type; `idOf` gives (and makes known) the ids of the types in it. */
export function describeType(type: GobType, id: number, idOf: (type: GobType) => number): GobStruct {
  const common = (name: string): GobStruct => ({ Name: name, Id: id });
  switch (type.kind) {
    case 'array':
      return {
        ArrayT: { CommonType: common(type.name), Elem: idOf(type.element()), Len: type.length },
      };
    case 'slice':
      return { SliceT: { CommonType: common(type.name), Elem: idOf(type.element()) } };
    case 'map':
      return {
        MapT: { CommonType: common(type.name), Key: idOf(type.key()), Elem: idOf(type.element()) },
      };
    case 'struct': {
      const fields = type.fields.map((field) => ({ Name: field.name, Id: idOf(field.type()) }));
      return { StructT: { CommonType: common(type.name), Field: fields } };
    }
    case 'opaque':
      return { GobEncoderT: { CommonType: common(type.name) } };
    default:
      throw new GobError(`${type.kind} is no type that is defined`);
  }
}

/**
 * The type that a description describes; `typeOf` is asked for the types in it when they are needed.
 * @throws GobError.
 */
export function typeFromDescription(described: GobStruct, typeOf: (id: number) => GobType): GobType {
  const [[kind, content] = ['', null], ...more] = Object.entries(described);
  if (content === null || more.length > 0 || !isJustFields(content)) {
    throw new GobError('a type definition does not define exactly one type');
  }
  const common = content['CommonType'] ?? {};
  const name = nameFrom(isJustFields(common) ? common['Name'] : '');
  const later = (id: GobValue | undefined): (() => GobType) => {
    const number = numberFrom(id);
    return () => typeOf(number);
  };
  switch (kind) {
    case 'ArrayT':
      return { kind: 'array', name, element: later(content['Elem']), length: numberFrom(content['Len']) };
    case 'SliceT':
      return { kind: 'slice', name, element: later(content['Elem']) };
    case 'MapT':
      return { kind: 'map', name, key: later(content['Key']), element: later(content['Elem']) };
    case 'StructT':
      return { kind: 'struct', name, fields: fieldsFrom(content['Field'], later) };
    default:
      return { kind: 'opaque', name };
  }
}

function fieldsFrom(
  described: GobValue | undefined,
  later: (id: GobValue | undefined) => () => GobType,
): { readonly name: string; readonly type: () => GobType }[] {
  const list: readonly GobValue[] = Array.isArray(described) ? (described as readonly GobValue[]) : [];
  const fields = list.map((field) => {
    const content: GobStruct = isJustFields(field) ? field : {};
    return { name: nameFrom(content['Name']), type: later(content['Id']) };
  });
  if (new Set(fields.map(({ name }) => name)).size !== fields.length) {
    throw new GobError('a type has two fields of the same name');
  }
  return fields;
}

function nameFrom(value: GobValue | undefined): string {
  const name = typeof value === 'string' ? value : '';
  if (name.length > NAME_MAX_BYTES) {
    throw new GobError('a name is too long');
  }
  return name;
}

function numberFrom(value: GobValue | undefined): number {
  const number = value ?? 0;
  if (typeof number !== 'number' || number < 0) {
    throw new GobError('a type definition has a number that cannot be');
  }
  return number;
}
