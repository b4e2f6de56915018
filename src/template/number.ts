import type { NumberNode } from './nodes.ts';
import { quoteGo, unquoteCharacters } from './quote.ts';

/** What a literal is worth. */
export type NumberValue = Pick<NumberNode, 'integer' | 'isUnsigned' | 'float'>;

const integerPattern =
  /^([+-]?)(?:0[xX]((?:_?[0-9a-fA-F])+)|0[bB]((?:_?[01])+)|0[oO]?((?:_?[0-7])+)|(0|[1-9](?:_?[0-9])*))$/;
const floatPattern = /^[+-]?(?:\d(?:_?\d)*(?:\.(?:\d(?:_?\d)*)?)?|\.\d(?:_?\d)*)(?:[eE][+-]?\d(?:_?\d)*)?$/;
const hexFloatPattern = /^([+-]?)0[xX]([0-9a-fA-F]*)(?:\.([0-9a-fA-F]*))?[pP]([+-]?\d+)$/;
const int64Max = 2n ** 63n - 1n;
const uint64Max = 2n ** 64n - 1n;
const digitsMax = 1000;

/** A number literal by the rules of Go's ParseInt (base 0) and ParseFloat; a text that says what is wrong with it. */
export function parseNumber(text: string): NumberValue | string {
  const value = text.length > digitsMax ? undefined : valueOf(text);
  if (value === undefined) {
    return `illegal number syntax: ${quoteGo(text)}`;
  }
  const isInteger = value.integer !== undefined || value.isUnsigned;
  return isInteger || isFloatLiteral(text) ? value : `integer overflow: ${quoteGo(text)}`;
}

function valueOf(text: string): NumberValue | undefined {
  const integer = parseInteger(text);
  const fits = integer !== undefined && integer <= int64Max && integer >= -int64Max - 1n;
  const isUnsigned = !fits && integer !== undefined && integer > 0n && integer <= uint64Max;
  const float = integer === undefined ? parseFloat64(text) : Number(integer);
  if (fits) {
    return { integer, isUnsigned, ...(float === undefined ? {} : { float }) };
  }
  if (float === undefined) {
    return isUnsigned ? { isUnsigned } : undefined;
  }
  const isWhole = Number.isInteger(float) && Math.abs(float) < 2 ** 63;
  return { isUnsigned, float, ...(isWhole ? { integer: BigInt(float) } : {}) };
}

/** The value of a character literal such as `'a'`; a text that says what is wrong with it. */
export function parseCharacter(text: string): NumberValue | string {
  const codes = unquoteCharacters(text);
  const [code] = codes ?? [];
  if (code === undefined) {
    return 'invalid syntax';
  }
  return codes?.length === 1
    ? { integer: BigInt(code), isUnsigned: false, float: code }
    : `malformed character constant: ${text}`;
}

/** True for a literal that is a float64 and not an int where nothing else is asked for. */
export function isFloatLiteral(text: string): boolean {
  const isHex = /^[+-]?0[xX]/.test(text) && !/[pP]/.test(text);
  return !isHex && !text.startsWith("'") && /[.eEpP]/.test(text);
}

function parseInteger(text: string): bigint | undefined {
  const match = integerPattern.exec(text);
  if (match === null) {
    return undefined;
  }
  const [, sign, hexadecimal, binary, octal, decimal] = match;
  const prefix =
    hexadecimal !== undefined ? '0x' : binary !== undefined ? '0b' : octal !== undefined ? '0o' : '';
  const digits = hexadecimal ?? binary ?? octal ?? decimal ?? '';
  const value = BigInt(prefix + digits.replaceAll('_', ''));
  return sign === '-' ? -value : value;
}

function parseFloat64(text: string): number | undefined {
  const hex = hexFloatPattern.exec(text);
  if (hex !== null) {
    const [, sign, whole = '', fraction = '', exponent] = hex;
    const mantissa = Number(`0x${whole}${fraction}`);
    const value = mantissa * 2 ** (Number(exponent) - 4 * fraction.length);
    return whole + fraction === '' || !Number.isFinite(value) ? undefined : sign === '-' ? -value : value;
  }
  const value = floatPattern.test(text) ? Number(text.replaceAll('_', '')) : Number.NaN;
  return Number.isFinite(value) ? value : undefined;
}
