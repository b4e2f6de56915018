import type { asn1 as Asn1 } from 'node-forge';
import asn1 from 'node-forge/lib/asn1.js';

/** A node of an ASN.1 tree. */
export type DerNode = Asn1.Asn1;

const { Class, Type } = asn1;

/** Reads DER that node:crypto has already accepted; bit strings stay raw. */
export function parse(bytes: Uint8Array): DerNode {
  return asn1.fromDer(binary(bytes), { strict: true, decodeBitStrings: false });
}

/** DER of a tree. */
export function encode(node: DerNode): Buffer {
  return Buffer.from(asn1.toDer(node).getBytes(), 'latin1');
}

/** The parts of a constructed node. */
export function children(node: DerNode | undefined): readonly DerNode[] {
  return Array.isArray(node?.value) ? node.value : [];
}

/** The content of a primitive node. */
export function content(node: DerNode | undefined): Uint8Array {
  return typeof node?.value === 'string' ? Buffer.from(node.value, 'latin1') : new Uint8Array();
}

/** True for the context-specific tag `tag`: `[3]` and the like. */
export function isContext(node: DerNode | undefined, tag: number): boolean {
  return node?.tagClass === Class.CONTEXT_SPECIFIC && (node.type as number) === tag;
}

/** The dotted form of an object identifier. */
export function oidOf(node: DerNode | undefined): string {
  return asn1.derToOid(binary(content(node)));
}

export function sequence(value: readonly DerNode[]): DerNode {
  return asn1.create(Class.UNIVERSAL, Type.SEQUENCE, true, [...value]);
}

export function set(value: readonly DerNode[]): DerNode {
  return asn1.create(Class.UNIVERSAL, Type.SET, true, [...value]);
}

/** `[tag]` around other nodes. */
export function context(tag: number, value: readonly DerNode[]): DerNode {
  return asn1.create(Class.CONTEXT_SPECIFIC, tag, true, [...value]);
}

/** `[tag] IMPLICIT` with bytes in it. */
export function contextPrimitive(tag: number, bytes: Uint8Array): DerNode {
  return asn1.create(Class.CONTEXT_SPECIFIC, tag, false, binary(bytes));
}

/** A positive integer: its big-endian bytes, the first below 0x80. */
export function integer(bytes: Uint8Array): DerNode {
  return primitive(Type.INTEGER, bytes);
}

export function boolean(value: boolean): DerNode {
  return primitive(Type.BOOLEAN, Uint8Array.of(value ? 0xff : 0));
}

export function nullValue(): DerNode {
  return primitive(Type.NULL, new Uint8Array());
}

export function octetString(bytes: Uint8Array): DerNode {
  return primitive(Type.OCTETSTRING, bytes);
}

/** A bit string whose last `unusedBits` bits do not count. */
export function bitString(bytes: Uint8Array, unusedBits = 0): DerNode {
  return primitive(Type.BITSTRING, Uint8Array.of(unusedBits, ...bytes));
}

export function utf8String(text: string): DerNode {
  return primitive(Type.UTF8, Buffer.from(text, 'utf8'));
}

export function oid(id: string): DerNode {
  return asn1.create(Class.UNIVERSAL, Type.OID, false, asn1.oidToDer(id).getBytes());
}

/** UTCTime through 2049, GeneralizedTime from then on (RFC 5280, 4.1.2.5). Cut to whole seconds. */
export function time(atMs: number): DerNode {
  const date = new Date(Math.floor(atMs / 1000) * 1000);
  return date.getUTCFullYear() < 2050
    ? asn1.create(Class.UNIVERSAL, Type.UTCTIME, false, asn1.dateToUtcTime(date))
    : asn1.create(Class.UNIVERSAL, Type.GENERALIZEDTIME, false, asn1.dateToGeneralizedTime(date));
}

function primitive(type: Asn1.Type, bytes: Uint8Array): DerNode {
  return asn1.create(Class.UNIVERSAL, type, false, binary(bytes));
}

// forge keeps bytes in strings, one character a byte.
function binary(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}
