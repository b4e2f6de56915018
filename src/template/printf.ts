import { formatFloat, formatGeneral, formatValue, goExponent } from './print.ts';
import { quoteGo } from './quote.ts';
import {
  elementsOf,
  entriesOf,
  fieldsOf,
  isIntegerKind,
  stringValue,
  targetOf,
  withoutInterface,
  type GoValue,
} from './values.ts';

/** Wider than this is a mistake, by Go's own rule. */
const sizeMax = 1_000_000;

/** What stands between `%` and the verb. */
interface Directive {
  readonly minus: boolean;
  readonly plus: boolean;
  readonly sharp: boolean;
  readonly space: boolean;
  readonly zero: boolean;
  readonly width: number | undefined;
  readonly precision: number | undefined;
}

/** Like fmt.Sprintf. Mistakes are part of the text, as with Go: `%!d(string=x)`, `%!d(MISSING)`, `%!(EXTRA …)`. */
export function sprintf(format: string, given: readonly (GoValue | undefined)[]): string {
  return new Formatter(format, given.map(withoutInterface)).run();
}

class Formatter {
  readonly #format: string;
  readonly #values: readonly (GoValue | undefined)[];
  #at = 0;
  #used = 0;
  /** An index in brackets was used, so that values left over are no mistake. */
  #isReordered = false;
  #isIndexGood = true;

  constructor(format: string, values: readonly (GoValue | undefined)[]) {
    this.#format = format;
    this.#values = values;
  }

  run(): string {
    let text = '';
    for (;;) {
      const percent = this.#format.indexOf('%', this.#at);
      text += this.#format.slice(this.#at, percent < 0 ? undefined : percent);
      if (percent < 0) {
        return text + this.#extra();
      }
      this.#at = percent + 1;
      text += this.#directive();
    }
  }

  #extra(): string {
    if (this.#isReordered || this.#used >= this.#values.length) {
      return '';
    }
    const rest = this.#values
      .slice(this.#used)
      .map((value) => (value === undefined ? '<nil>' : `${value.type.name}=${formatValue(value)}`));
    return `%!(EXTRA ${rest.join(', ')})`;
  }

  #directive(): string {
    this.#isIndexGood = true;
    const [flags = ''] = this.#take(/[-+# 0]*/y);
    this.#index();
    let prefix = '';
    let minus = flags.includes('-');
    let width: number | undefined;
    if (this.#format[this.#at] === '*') {
      this.#at += 1;
      const star = this.#starValue();
      prefix += star === undefined ? '%!(BADWIDTH)' : '';
      minus ||= (star ?? 0) < 0;
      width = star === undefined ? undefined : Math.abs(star);
    } else {
      width = this.#size();
    }
    let precision: number | undefined;
    if (this.#format[this.#at] === '.') {
      this.#at += 1;
      this.#index();
      if (this.#format[this.#at] === '*') {
        this.#at += 1;
        const star = this.#starValue();
        const isBad = star === undefined || star < 0;
        prefix += isBad ? '%!(BADPREC)' : '';
        precision = isBad ? undefined : star;
      } else {
        precision = this.#size() ?? 0;
      }
    }
    this.#index();
    const zero = flags.includes('0') && !minus;
    const directive: Directive = {
      minus,
      plus: flags.includes('+'),
      sharp: flags.includes('#'),
      space: flags.includes(' '),
      zero,
      width,
      precision,
    };
    return prefix + this.#verb(directive);
  }

  #take(pattern: RegExp): string[] {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#format);
    this.#at += match?.[0].length ?? 0;
    return match === null ? [] : [...match];
  }

  #size(): number | undefined {
    const [digits = ''] = this.#take(/[0-9]*/y);
    if (Number(digits) > sizeMax) {
      // Go reads no further, either.
      this.#at = this.#format.length;
    }
    return digits === '' ? undefined : Math.min(Number(digits), sizeMax);
  }

  /** `[2]`: the number of the value that comes next. */
  #index(): void {
    const [whole, digits = ''] = this.#take(/\[([^\]]*)\]/y);
    if (whole === undefined) {
      return;
    }
    this.#isReordered = true;
    const index = /^[0-9]{1,7}$/.test(digits) ? Number(digits) - 1 : -1;
    if (index < 0 || index >= this.#values.length) {
      this.#isIndexGood = false;
    } else {
      this.#used = index;
    }
  }

  #starValue(): number | undefined {
    const value = this.#values[this.#used];
    this.#used += 1;
    this.#index();
    const size = value !== undefined && isIntegerKind(value.type.kind) ? Number(value.data) : Number.NaN;
    return Math.abs(size) <= sizeMax ? size : undefined;
  }

  #verb(directive: Directive): string {
    const code = this.#format.codePointAt(this.#at);
    if (code === undefined) {
      return '%!(NOVERB)';
    }
    const verb = String.fromCodePoint(code);
    this.#at += verb.length;
    if (verb === '%') {
      return '%';
    }
    if (!this.#isIndexGood) {
      return `%!${verb}(BADINDEX)`;
    }
    if (this.#used >= this.#values.length) {
      return `%!${verb}(MISSING)`;
    }
    const value = this.#values[this.#used];
    this.#used += 1;
    return formatVerb(verb, value, directive);
  }
}

function formatVerb(verb: string, value: GoValue | undefined, directive: Directive): string {
  if (value === undefined) {
    return verb === 'v' || verb === 'T' ? pad('<nil>', directive) : `%!${verb}(<nil>)`;
  }
  if (verb === 'T') {
    return pad(value.type.name, directive);
  }
  if (value.type.toText !== undefined && 'vsqxX'.includes(verb) && !(verb === 'v' && directive.sharp)) {
    return formatVerb(verb, stringValue(value.type.toText(value.data as bigint)), directive);
  }
  switch (value.type.kind) {
    case 'bool':
      return 'tv'.includes(verb)
        ? pad(value.data === true ? 'true' : 'false', directive)
        : badVerb(verb, value);
    case 'string':
      return formatText(verb, value, directive);
    case 'float64':
      return formatNumber(verb, value, directive);
    case 'int':
    case 'int64':
    case 'uint8':
      return formatInteger(verb, value, directive);
    default:
      return formatParts(verb, value, directive);
  }
}

function badVerb(verb: string, value: GoValue): string {
  return `%!${verb}(${value.type.name}=${formatValue(value)})`;
}

/** Lists, maps, structs and pointers: the verb goes for each part. */
function formatParts(verb: string, value: GoValue, directive: Directive): string {
  const isGoSyntax = verb === 'v' && directive.sharp;
  const part = (each: GoValue): string => {
    const inner = withoutInterface(each);
    if (inner !== undefined) {
      return formatVerb(verb, inner, directive);
    }
    return isGoSyntax ? `${each.type.name}(nil)` : pad('<nil>', directive);
  };
  const join = (parts: readonly string[]): string => parts.join(isGoSyntax ? ', ' : ' ');
  const { type } = value;
  switch (type.kind) {
    case 'slice': {
      const parts = join(elementsOf(value).map(part));
      return isGoSyntax
        ? value.data === null
          ? `${type.name}(nil)`
          : `${type.name}{${parts}}`
        : `[${parts}]`;
    }
    case 'map': {
      const entries = [...entriesOf(value)].map(
        ([key, element]) => `${part(stringValue(key))}:${part(element)}`,
      );
      return isGoSyntax ? `${type.name}{${join(entries)}}` : `map[${join(entries)}]`;
    }
    case 'struct': {
      const isNamed = verb === 'v' && (directive.plus || directive.sharp);
      const fields = fieldsOf(value).map(([name, field]) => (isNamed ? `${name}:` : '') + part(field));
      return `${isGoSyntax ? type.name : ''}{${join(fields)}}`;
    }
    default: {
      const target = targetOf(value);
      if (target === null) {
        return verb === 'v'
          ? isGoSyntax
            ? `(${type.name})(nil)`
            : pad('<nil>', directive)
          : `%!${verb}(${type.name}=nil)`;
      }
      return `&${formatVerb(verb, target, directive)}`;
    }
  }
}

function formatText(verb: string, value: GoValue, directive: Directive): string {
  const { precision } = directive;
  const whole = value.data as string;
  const text = precision === undefined ? whole : Array.from(whole).slice(0, precision).join('');
  switch (verb) {
    case 'v':
      return pad(directive.sharp ? quoteGo(text) : text, directive);
    case 's':
      return pad(text, directive);
    case 'q':
      return pad(
        directive.sharp && isRawString(text) ? `\`${text}\`` : quoteGo(text, '"', directive.plus),
        directive,
      );
    case 'x':
    case 'X':
      return pad(hexText(whole, verb, directive), directive);
    default:
      return badVerb(verb, value);
  }
}

function isRawString(text: string): boolean {
  return !/[\p{Cc}`\ufeff]/u.test(text.replaceAll('\t', ''));
}

/** Every byte as two digits; the precision counts bytes. */
function hexText(text: string, verb: 'x' | 'X', { space, sharp, precision }: Directive): string {
  const bytes = [...Buffer.from(text).subarray(0, precision)].map((byte) =>
    byte.toString(16).padStart(2, '0'),
  );
  const prefix = sharp && bytes.length > 0 ? '0x' : '';
  const joined = space ? bytes.map((byte) => (sharp ? '0x' : '') + byte).join(' ') : prefix + bytes.join('');
  return verb === 'X' ? joined.toUpperCase() : joined;
}

const bases: Readonly<Record<string, number>> = { d: 10, v: 10, b: 2, o: 8, O: 8, x: 16, X: 16 };
const basePrefixes: Readonly<Record<string, string>> = { b: '0b', o: '0', x: '0x', X: '0X' };

function formatInteger(verb: string, value: GoValue, directive: Directive): string {
  const integer = value.data as bigint;
  const base = bases[verb];
  if (base === undefined) {
    return formatCharacter(verb, value, directive);
  }
  const { plus, space, sharp, zero, width, precision } = directive;
  if (precision === 0 && integer === 0n) {
    return pad('', { ...directive, zero: false });
  }
  const sign = integer < 0n ? '-' : plus && verb !== 'v' ? '+' : space ? ' ' : '';
  const prefix = verb === 'O' ? '0o' : sharp && verb !== 'v' ? (basePrefixes[verb] ?? '') : '';
  const digits = (integer < 0n ? -integer : integer).toString(base);
  const isPaddedWithZeros = zero && width !== undefined && precision === undefined;
  // With zeros the width holds the sign too, but not the prefix.
  const length = isPaddedWithZeros ? width - sign.length : (precision ?? 0);
  const text = (verb === 'X' ? digits.toUpperCase() : digits).padStart(length, '0');
  return pad(sign + prefix + text, { ...directive, zero: false });
}

function formatCharacter(verb: string, value: GoValue, directive: Directive): string {
  const integer = value.data as bigint;
  const isCodePoint = integer >= 0n && integer <= 0x10_ffffn && !(integer >= 0xd800n && integer < 0xe000n);
  const character = isCodePoint ? String.fromCodePoint(Number(integer)) : '\ufffd';
  switch (verb) {
    case 'c':
      return pad(character, directive);
    case 'q':
      return pad(quoteGo(character, "'", directive.plus), directive);
    case 'U':
      return pad(`U+${integer.toString(16).toUpperCase().padStart(4, '0')}`, directive);
    default:
      return badVerb(verb, value);
  }
}

function formatNumber(verb: string, value: GoValue, directive: Directive): string {
  const number = value.data as number;
  const { precision, plus, space, zero, width } = directive;
  const text = floatText(verb, value, directive);
  if (text === undefined) {
    return badVerb(verb, value);
  }
  const isNegative = text.startsWith('-');
  const digits = text.replace(/^[+-]/, '');
  const hasPlus = (plus && verb !== 'v') || text.startsWith('+');
  const sign = isNegative ? '-' : hasPlus ? '+' : space ? ' ' : '';
  const isPaddedWithZeros = zero && width !== undefined && Number.isFinite(number);
  const filled = isPaddedWithZeros ? digits.padStart(width - sign.length, '0') : digits;
  return pad(sign + filled, { ...directive, zero: false, precision });
}

function floatText(verb: string, value: GoValue, { precision, sharp }: Directive): string | undefined {
  const number = value.data as number;
  if (!Number.isFinite(number)) {
    return 'vgGfFeE'.includes(verb) ? formatGeneral(number) : undefined;
  }
  switch (verb) {
    case 'v':
      return precision === undefined && !sharp ? formatValue(value) : formatGeneral(number, precision);
    case 'g':
      return precision === undefined ? formatFloat(number) : formatGeneral(number, precision);
    case 'G':
      return formatGeneral(number, precision).toUpperCase();
    case 'f':
    case 'F':
      return fixed(number, precision ?? 6);
    case 'e':
    case 'E': {
      const [mantissa = '', exponent = '0'] = number.toExponential(Math.min(100, precision ?? 6)).split('e');
      const text = `${mantissa}e${goExponent(Number(exponent))}`;
      return verb === 'E' ? text.toUpperCase() : text;
    }
    default:
      return undefined;
  }
}

/** Exact also for numbers that JavaScript would write with an exponent. */
function fixed(number: number, places: number): string {
  const digits = Math.min(100, places);
  if (Math.abs(number) < 1e21) {
    return number.toFixed(digits);
  }
  return BigInt(number).toString() + (digits === 0 ? '' : `.${'0'.repeat(digits)}`);
}

/** Fills up to the width: with blanks, or with zeros on the left. */
function pad(text: string, { width, minus, zero }: Directive): string {
  const missing = (width ?? 0) - Array.from(text).length;
  if (missing <= 0) {
    return text;
  }
  return minus ? text + ' '.repeat(missing) : (zero ? '0' : ' ').repeat(missing) + text;
}
