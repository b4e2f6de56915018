import { MachineError } from '../core/errors.ts';

/**
 * Regular expressions of Go (RE2) over names of machines, matched by a simulation that looks at every character once
 * for each state, so that no pattern takes long. Supported is Go's syntax for one line of text: groups, alternatives,
 * repetitions, classes (also `[[:alpha:]]`, `\d`, `\pL`), anchors, `\b`, `\Q…\E` and the flags i, m, s, U.
 */

/** Test of a character; `''` stands for none. */
type Test = (character: string) => boolean;

/** An instruction of the machine that is simulated. */
type Instruction =
  | { readonly kind: 'character'; readonly test: Test }
  | { readonly kind: 'assert'; readonly test: (before: string, after: string) => boolean }
  | { readonly kind: 'split'; readonly targets: readonly number[] }
  | { readonly kind: 'match' };

/** Instructions with jumps relative to their own place. */
type Program = readonly Instruction[];

/** As Go bounds them: repetitions of one pattern, and the size of the whole. */
const repeatMax = 1000;
const programMax = 20_000;
const depthMax = 250;

/**
 * A test whether a name has a match anywhere.
 * @throws MachineError `flag-invalid` with Go's message for a pattern that is none.
 */
export function namePattern(pattern: string): (name: string) => boolean {
  const program: Program = [...new PatternParser(pattern).parse(), { kind: 'match' }];
  return (name) => hasMatch(program, Array.from(name));
}

function hasMatch(program: Program, characters: readonly string[]): boolean {
  let states = new Set<number>();
  for (let at = 0; at <= characters.length; at += 1) {
    const [before, after] = [characters[at - 1] ?? '', characters[at] ?? ''];
    const reached = new Set<number>();
    // A match may begin at every character.
    const open = [0, ...states];
    for (let index = open.pop(); index !== undefined; index = open.pop()) {
      const instruction = program[index];
      if (instruction === undefined || reached.has(index)) {
        continue;
      }
      reached.add(index);
      if (instruction.kind === 'match') {
        return true;
      }
      if (instruction.kind === 'split') {
        open.push(...instruction.targets.map((target) => index + target));
      } else if (instruction.kind === 'assert' && instruction.test(before, after)) {
        open.push(index + 1);
      }
    }
    states = new Set();
    for (const index of reached) {
      const instruction = program[index];
      if (after !== '' && instruction?.kind === 'character' && instruction.test(after)) {
        states.add(index + 1);
      }
    }
  }
  return false;
}

interface Flags {
  readonly ignoreCase: boolean;
  readonly multiLine: boolean;
  readonly dotAll: boolean;
}

const word = /^[0-9A-Za-z_]$/;
const isWord: Test = (character) => word.test(character);
const perlClasses: Readonly<Record<string, RegExp>> = {
  d: /^[0-9]$/,
  s: /^[\t\n\f\r ]$/,
  w: word,
};
const posixClasses: Readonly<Record<string, string>> = {
  alnum: '0-9A-Za-z',
  alpha: 'A-Za-z',
  ascii: '\\x00-\\x7F',
  blank: '\\t ',
  cntrl: '\\x00-\\x1F\\x7F',
  digit: '0-9',
  graph: '!-~',
  lower: 'a-z',
  print: ' -~',
  punct: '!-\\/:-@[-`{-~',
  space: '\\t\\n\\v\\f\\r ',
  upper: 'A-Z',
  word: '0-9A-Za-z_',
  xdigit: '0-9A-Fa-f',
};
const controlEscapes: Readonly<Record<string, string>> = {
  a: '\u0007',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
};

class PatternParser {
  readonly #text: string;
  #at = 0;
  #depth = 0;
  #flags: Flags = { ignoreCase: false, multiLine: false, dotAll: false };

  constructor(text: string) {
    this.#text = text;
  }

  parse(): Program {
    const program = this.#alternatives();
    if (this.#at < this.#text.length) {
      this.#fail('unexpected )', this.#text);
    }
    return program;
  }

  #fail(what: string, where: string): never {
    throw new MachineError('flag-invalid', `error parsing regexp: ${what}: \`${where}\``, {
      why: 'Names are filtered by a regular expression in the syntax of Go (RE2).',
      facts: { flag: 'filter' },
    });
  }

  #next(): string {
    const code = this.#text.codePointAt(this.#at);
    const character = code === undefined ? '' : String.fromCodePoint(code);
    this.#at += character.length;
    return character;
  }

  #take(pattern: RegExp): RegExpExecArray | undefined {
    pattern.lastIndex = this.#at;
    const match = pattern.exec(this.#text);
    this.#at += match?.[0].length ?? 0;
    return match ?? undefined;
  }

  #alternatives(): Program {
    this.#depth += 1;
    if (this.#depth > depthMax) {
      this.#fail('expression nests too deeply', this.#text);
    }
    const outside = this.#flags;
    const branches = [this.#sequence()];
    while (this.#text[this.#at] === '|') {
      this.#at += 1;
      branches.push(this.#sequence());
    }
    this.#flags = outside;
    this.#depth -= 1;
    return this.#bounded(branches.reduceRight((right, left) => either(left, right)));
  }

  #bounded(program: Program): Program {
    if (program.length > programMax) {
      this.#fail('expression too large', this.#text);
    }
    return program;
  }

  #sequence(): Program {
    const program: Instruction[] = [];
    while (this.#at < this.#text.length && !/[|)]/.test(this.#text[this.#at] ?? '')) {
      const atom = this.#atom();
      program.push(...(atom === undefined ? [] : this.#repeated(atom)));
      this.#bounded(program);
    }
    return program;
  }

  #repeated(atom: Program): Program {
    const begin = this.#at;
    const operator = this.#operator();
    if (operator === undefined) {
      return atom;
    }
    if (this.#operator() !== undefined) {
      this.#fail('invalid nested repetition operator', this.#text.slice(begin, this.#at));
    }
    const { min, max } = operator;
    if (min > repeatMax || (max ?? 0) > repeatMax || (max !== undefined && min > max)) {
      this.#fail('invalid repeat count', operator.text);
    }
    if (atom.length * Math.max(min, max ?? 1) > programMax) {
      this.#fail('invalid repeat count', operator.text);
    }
    return repeat(atom, min, max);
  }

  /** `*`, `+`, `?` or `{2,3}`, with the `?` that prefers less, which does not matter here. */
  #operator(): { min: number; max: number | undefined; text: string } | undefined {
    const match = this.#take(/([*+?])\??|\{(\d+)(?:(,)(\d*))?\}\??/y);
    if (match === undefined) {
      return undefined;
    }
    const [text, sign, low, comma, high = ''] = match;
    if (sign !== undefined) {
      return { min: sign === '+' ? 1 : 0, max: sign === '?' ? 1 : undefined, text };
    }
    const min = Number(low);
    return { min, max: comma === undefined ? min : high === '' ? undefined : Number(high), text };
  }

  /** Undefined for what matches nothing by itself: flags. */
  #atom(): Program | undefined {
    const begin = this.#at;
    const operator = this.#operator();
    if (operator !== undefined) {
      this.#fail('missing argument to repetition operator', operator.text);
    }
    const character = this.#next();
    switch (character) {
      case '(':
        return this.#group(begin);
      case '[':
        return one(this.#class(begin));
      case '.': {
        const { dotAll } = this.#flags;
        return one((each) => dotAll || each !== '\n');
      }
      case '^': {
        const { multiLine } = this.#flags;
        return assert((before) => before === '' || (multiLine && before === '\n'));
      }
      case '$': {
        const { multiLine } = this.#flags;
        return assert((_before, after) => after === '' || (multiLine && after === '\n'));
      }
      case '\\':
        return this.#escape(begin);
      default:
        return one(this.#literal(character));
    }
  }

  #literal(character: string): Test {
    if (!this.#flags.ignoreCase) {
      return (each) => each === character;
    }
    const folded = foldCase(character);
    return (each) => foldCase(each) === folded;
  }

  #group(begin: number): Program | undefined {
    const outside = this.#flags;
    if (this.#take(/\?P?<(?![=!])[^>]*>/y) === undefined && this.#text[this.#at] === '?') {
      const flags = this.#take(/\?([imsU]*(?:-[imsU]+)?)([:)])/y);
      if (flags === undefined) {
        const rest = this.#text.slice(begin);
        if (rest.startsWith('(?P<')) {
          this.#fail('invalid named capture', rest);
        }
        this.#fail('invalid or unsupported Perl syntax', /^\(\?(?:P.?|.)?/s.exec(rest)?.[0] ?? rest);
      }
      this.#flags = withFlags(this.#flags, flags[1] ?? '');
      if (flags[2] === ')') {
        return undefined;
      }
    } else {
      const name = /^\(\?P?<([^>]*)>/.exec(this.#text.slice(begin, this.#at))?.[1];
      if (name !== undefined && !/^[0-9A-Za-z_]+$/.test(name)) {
        this.#fail('invalid named capture', this.#text.slice(begin, this.#at));
      }
    }
    const program = this.#alternatives();
    if (this.#next() !== ')') {
      this.#fail('missing closing )', this.#text);
    }
    this.#flags = outside;
    return program;
  }

  #escape(begin: number): Program {
    const quoted = this.#take(/Q([\s\S]*?)(?:\\E|$)/y);
    if (quoted !== undefined) {
      return Array.from(quoted[1] ?? '', (character) => one(this.#literal(character))).flat();
    }
    switch (this.#take(/[AzbB]/y)?.[0]) {
      case 'A':
        return assert((before) => before === '');
      case 'z':
        return assert((_before, after) => after === '');
      case 'b':
        return assert((before, after) => isWord(before) !== isWord(after));
      case 'B':
        return assert((before, after) => isWord(before) === isWord(after));
      default:
        return one(this.#classEscape(begin) ?? this.#literal(this.#characterEscape(begin)));
    }
  }

  /** `\d`, `\pL`, `\p{Greek}`. */
  #classEscape(begin: number): Test | undefined {
    const perl = this.#take(/[dDsSwW]/y)?.[0];
    if (perl !== undefined) {
      const set = perlClasses[perl.toLowerCase()] ?? word;
      const isNegated = perl !== perl.toLowerCase();
      return (each) => set.test(each) !== isNegated;
    }
    const unicode = this.#take(/([pP])(?:\{(\^?)(\w+)\}|([A-Z]))/y);
    if (unicode === undefined) {
      return undefined;
    }
    const name = unicode[3] ?? unicode[4] ?? '';
    const isNegated = (unicode[1] === 'P') !== (unicode[2] === '^');
    const set =
      unicodeClass(name) ?? this.#fail('invalid character class range', this.#text.slice(begin, this.#at));
    return (each) => set.test(each) !== isNegated;
  }

  #characterEscape(begin: number): string {
    const code = this.#take(/x\{([0-9A-Fa-f]{1,6})\}|x([0-9A-Fa-f]{2})/y);
    const octal = code === undefined ? this.#take(/0[0-7]{0,2}|[1-7][0-7]{1,2}/y) : undefined;
    const value =
      code === undefined
        ? Number.parseInt(octal?.[0] ?? '', 8)
        : Number.parseInt(code[1] ?? code[2] ?? '', 16);
    if (value <= 0x10_ffff) {
      return String.fromCodePoint(value);
    }
    const character = this.#next();
    if (character === '') {
      this.#fail('trailing backslash at end of expression', '');
    }
    const control = controlEscapes[character];
    if (control !== undefined) {
      return control;
    }
    if (!/^[!-/:-@[-`{-~]$/.test(character)) {
      this.#fail('invalid escape sequence', this.#text.slice(begin, this.#at));
    }
    return character;
  }

  #class(begin: number): Test {
    const isNegated = this.#take(/\^/y) !== undefined;
    const tests: Test[] = [];
    for (let isFirst = true; isFirst || this.#text[this.#at] !== ']'; isFirst = false) {
      if (this.#at >= this.#text.length) {
        this.#fail('missing closing ]', this.#text.slice(begin));
      }
      tests.push(this.#classItem());
    }
    this.#at += 1;
    return (each) => tests.some((test) => test(each)) !== isNegated;
  }

  #classItem(): Test {
    const begin = this.#at;
    const posix = this.#take(/\[:(\^?)(\w+):\]/y);
    if (posix !== undefined) {
      const range = posixClasses[posix[2] ?? ''] ?? this.#fail('invalid character class range', posix[0]);
      const set = new RegExp(`^[${range}]$`, this.#flags.ignoreCase ? 'i' : '');
      return (each) => set.test(each) !== (posix[1] === '^');
    }
    if (this.#text[this.#at] === '\\') {
      this.#at += 1;
      const set = this.#classEscape(begin);
      if (set !== undefined) {
        return set;
      }
      this.#at = begin;
    }
    const low = this.#classCharacter();
    if (this.#take(/-(?!\])/y) === undefined) {
      return this.#literal(low);
    }
    const high = this.#classCharacter();
    const [from, to] = [low.codePointAt(0) ?? 0, high.codePointAt(0) ?? 0];
    if (from > to) {
      this.#fail('invalid character class range', this.#text.slice(begin, this.#at));
    }
    const isInside = (code: number): boolean => code >= from && code <= to;
    const { ignoreCase } = this.#flags;
    return (each) => {
      const forms = ignoreCase ? [each, each.toLowerCase(), each.toUpperCase()] : [each];
      return forms.some((form) => isInside(form.codePointAt(0) ?? -1));
    };
  }

  #classCharacter(): string {
    const begin = this.#at;
    const character = this.#next();
    if (character === '') {
      this.#fail('missing closing ]', this.#text.slice(begin));
    }
    return character === '\\' ? this.#characterEscape(begin) : character;
  }
}

function foldCase(character: string): string {
  return character.toUpperCase().toLowerCase();
}

function withFlags(flags: Flags, text: string): Flags {
  const [on = '', off = ''] = text.split('-');
  const choose = (letter: string, present: boolean): boolean =>
    (present || on.includes(letter)) && !off.includes(letter);
  return {
    ignoreCase: choose('i', flags.ignoreCase),
    multiLine: choose('m', flags.multiLine),
    dotAll: choose('s', flags.dotAll),
  };
}

function unicodeClass(name: string): RegExp | undefined {
  for (const property of [name, `Script=${name}`]) {
    try {
      return new RegExp(`^\\p{${property}}$`, 'u');
    } catch {
      // Not a name of this sort.
    }
  }
  return undefined;
}

function one(test: Test): Program {
  return [{ kind: 'character', test }];
}

function assert(test: (before: string, after: string) => boolean): Program {
  return [{ kind: 'assert', test }];
}

function either(left: Program, right: Program): Program {
  return [
    { kind: 'split', targets: [1, left.length + 2] },
    ...left,
    { kind: 'split', targets: [right.length + 1] },
    ...right,
  ];
}

function repeat(atom: Program, min: number, max: number | undefined): Program {
  const program: Instruction[] = [];
  for (let count = 0; count < min; count += 1) {
    program.push(...atom);
  }
  if (max === undefined) {
    program.push({ kind: 'split', targets: [1, atom.length + 2] }, ...atom, {
      kind: 'split',
      targets: [-atom.length - 1],
    });
    return program;
  }
  for (let left = max - min; left > 0; left -= 1) {
    program.push({ kind: 'split', targets: [1, left * (atom.length + 1)] }, ...atom);
  }
  return program;
}
