import { GobInterface, type GobStruct, type GobValue } from './types.ts';

// Looking into values that came over the wire. What is absent or of another kind is Go's zero value: that is how Go's
// own decoder treats absent fields.

/** True for the fields of a struct. */
export function isJustFields(value: GobValue | undefined): value is GobStruct {
  return (
    typeof value === 'object' &&
    value !== null &&
    !Array.isArray(value) &&
    !(value instanceof Uint8Array) &&
    !(value instanceof Map) &&
    !(value instanceof GobInterface)
  );
}

/** The text, or an empty one. */
export function textOf(value: GobValue | undefined): string {
  return typeof value === 'string' ? value : '';
}

/** The elements of a slice or array, or none. */
export function listOf(value: GobValue | undefined): readonly GobValue[] {
  return Array.isArray(value) ? (value as readonly GobValue[]) : [];
}

/** The fields of a struct, or none. */
export function fieldsOf(value: GobValue | undefined): GobStruct {
  return isJustFields(value) ? value : {};
}
