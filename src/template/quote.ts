/** Strings in the syntax of Go's source text (strconv.Quote, strconv.Unquote). */

const escapes: Readonly<Record<string, string>> = {
  '\u0007': '\\a',
  '\b': '\\b',
  '\f': '\\f',
  '\n': '\\n',
  '\r': '\\r',
  '\t': '\\t',
  '\v': '\\v',
  '\\': '\\\\',
};

/** True for what Go prints as it is: letters, marks, numbers, punctuation, symbols and the blank. */
export function isPrintable(character: string): boolean {
  return /^[\p{L}\p{M}\p{N}\p{P}\p{S} ]$/u.test(character);
}

/** A text in double quotes, or a character in single ones; with `ascii` nothing else than ASCII stays. */
export function quoteGo(text: string, mark: '"' | "'" = '"', ascii = false): string {
  const parts = Array.from(text, (character) => quoteCharacter(character, mark, ascii));
  return mark + parts.join('') + mark;
}

function quoteCharacter(character: string, mark: string, ascii: boolean): string {
  if (character === mark) {
    return `\\${character}`;
  }
  const escape = escapes[character];
  if (escape !== undefined) {
    return escape;
  }
  const code = character.codePointAt(0) ?? 0;
  if (isPrintable(character) && (!ascii || code < 0x80)) {
    return character;
  }
  if (code < 0x20 || code === 0x7f) {
    return `\\x${hex(code, 2)}`;
  }
  return code < 0x1_0000 ? `\\u${hex(code, 4)}` : `\\U${hex(code, 8)}`;
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0');
}

/** A character as `%#U` shows it: `U+0021 '!'`. */
export function describeCharacter(character: string): string {
  const code = (character.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
  return isPrintable(character) ? `U+${code} '${character}'` : `U+${code}`;
}

const simpleEscapes: Readonly<Record<string, number>> = {
  a: 7,
  b: 8,
  f: 12,
  n: 10,
  r: 13,
  t: 9,
  v: 11,
  '\\': 0x5c,
};

/** The text of a Go literal in double quotes or backquotes; undefined when it is none. */
export function unquoteGo(literal: string): string | undefined {
  const mark = literal[0];
  const body = literal.slice(1, -1);
  if (literal.length < 2 || literal.at(-1) !== mark) {
    return undefined;
  }
  if (mark === '`') {
    // Go drops carriage returns in raw strings.
    return body.includes('`') ? undefined : body.replaceAll('\r', '');
  }
  if (mark !== '"') {
    return undefined;
  }
  const units = unescapeGo(body, '"');
  return units === undefined ? undefined : decode(units);
}

/** The code points in a Go character literal such as `'a'`, which has one; undefined when an escape in it is wrong. */
export function unquoteCharacters(literal: string): readonly number[] | undefined {
  return unescapeGo(literal.slice(1, -1), "'")?.map(({ value }) => value);
}

/** A byte comes from `\x41` and `\101`, which may be part of a character in UTF-8. */
interface Unit {
  readonly value: number;
  readonly isByte: boolean;
}

function unescapeGo(body: string, mark: string): Unit[] | undefined {
  const units: Unit[] = [];
  const pattern =
    /\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|([abfnrtv\\'"]))|([^\\\n])/uy;
  while (pattern.lastIndex < body.length) {
    const match = pattern.exec(body);
    if (match === null) {
      return undefined;
    }
    const [, byte, short, long, octal, simple, plain] = match;
    const code = short ?? long;
    if (byte !== undefined) {
      units.push({ value: Number.parseInt(byte, 16), isByte: true });
    } else if (octal !== undefined) {
      units.push({ value: Number.parseInt(octal, 8), isByte: true });
    } else if (code !== undefined) {
      units.push({ value: Number.parseInt(code, 16), isByte: false });
    } else if (simple === undefined) {
      units.push({ value: plain?.codePointAt(0) ?? 0, isByte: false });
    } else if (simple === "'" || simple === '"') {
      units.push({ value: simple.charCodeAt(0), isByte: false });
      if (simple !== mark) {
        return undefined;
      }
    } else {
      units.push({ value: simpleEscapes[simple] ?? 0, isByte: false });
    }
    const { value = 0, isByte = false } = units.at(-1) ?? {};
    const isWrong = isByte ? value > 0xff : value > 0x10_ffff || (value >= 0xd800 && value < 0xe000);
    if (isWrong || plain === mark) {
      return undefined;
    }
  }
  return units;
}

function decode(units: readonly Unit[]): string {
  const bytes = units.map(({ value, isByte }) =>
    isByte ? Uint8Array.of(value) : Buffer.from(String.fromCodePoint(value)),
  );
  return Buffer.concat(bytes).toString('utf8');
}
