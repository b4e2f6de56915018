/** How deep a value of the store may nest. docker-machine's own records need four levels. */
const DEPTH_MAX = 64;

/** Any value of JSON that is an object. */
export type JsonObject = Readonly<Record<string, unknown>>;

const brand = Symbol.for('tsmachine.exact-number');

/**
 * A number as it stands in the text, where JavaScript's number would be written back differently: a 64-bit id
 * of a plugin's, for one, or 1.0. `formatGoJson` writes it back as it was.
 */
export class ExactNumber {
  readonly text: string;
  readonly [brand] = true;

  constructor(text: string) {
    this.text = text;
  }
}

/** True for an ExactNumber, also one of another copy of this module. */
export function isExactNumber(value: unknown): value is ExactNumber {
  return typeof value === 'object' && value !== null && brand in value;
}

const EXACT_KEY = '\u0000number';
const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
/** A number outside of strings that JavaScript might write back differently; inside a string it does no harm. */
const MAYBE_INEXACT = /[:[,]\s*(?:-0|-?\d{16}|-?\d+[.eE])/;
const STRING_OR_NUMBER = /"[^"\\]*(?:\\.[^"\\]*)*"|-?\d[\d.eE+-]*/g;

/**
 * Parses JSON without losing digits of numbers: see ExactNumber.
 * @throws SyntaxError, also for values that nest deeper than 64 levels.
 */
export function parseJson(text: string): unknown {
  requireShallow(text);
  const value: unknown = JSON.parse(text);
  if (!MAYBE_INEXACT.test(text)) {
    return value;
  }
  const marked = text.replaceAll(STRING_OR_NUMBER, (token) =>
    token.startsWith('"') || String(Number(token)) === token ? token : `{"\\u0000number":"${token}"}`,
  );
  return JSON.parse(marked, (_key, found: unknown) => {
    const exact = isJsonObject(found) ? found[EXACT_KEY] : undefined;
    return typeof exact === 'string' && NUMBER.test(exact) ? new ExactNumber(exact) : found;
  });
}

/** True for an object that is neither null, an array nor an ExactNumber. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && !isExactNumber(value);
}

/**
 * JSON as Go's json.MarshalIndent writes it with an indent of four blanks: keys in the order of the object,
 * `<`, `>`, `&` and the two line separators of Unicode as escapes, no newline at the end.
 */
export function formatGoJson(value: unknown, indent = ''): string {
  const inner = `${indent}    `;
  if (typeof value === 'string') {
    return quote(value);
  }
  if (isExactNumber(value)) {
    return value.text;
  }
  if (Array.isArray(value)) {
    const items = value.map((item) => `${inner}${formatGoJson(item, inner)}`);
    return items.length === 0 ? '[]' : `[\n${items.join(',\n')}\n${indent}]`;
  }
  if (isJsonObject(value)) {
    const members = Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .map(([key, member]) => `${inner}${quote(key)}: ${formatGoJson(member, inner)}`);
    return members.length === 0 ? '{}' : `{\n${members.join(',\n')}\n${indent}}`;
  }
  return JSON.stringify(value ?? null);
}

function quote(text: string): string {
  return JSON.stringify(text).replaceAll(/\\.|[<>&\u2028\u2029]/g, (found) => {
    if (found === '\\b' || found === '\\f') {
      return found === '\\b' ? '\\u0008' : '\\u000c';
    }
    return found.length === 1 ? `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}` : found;
  });
}

/** Bounds the depth before anything recursive sees the value. Wrong JSON is left to JSON.parse. */
function requireShallow(text: string): void {
  let depth = 0;
  let isInString = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at];
    if (isInString) {
      if (character === '\\') {
        at += 1;
      } else if (character === '"') {
        isInString = false;
      }
    } else if (character === '"') {
      isInString = true;
    } else if (character === '{' || character === '[') {
      depth += 1;
      if (depth > DEPTH_MAX) {
        throw new SyntaxError(`it nests deeper than ${DEPTH_MAX} levels`);
      }
    } else if (character === '}' || character === ']') {
      depth -= 1;
    }
  }
}
