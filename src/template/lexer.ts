import { describeCharacter, quoteGo } from './quote.ts';

/** What a token is. Keywords have their own word as type. */
export type TokenType =
  | 'assign'
  | 'bool'
  | 'char'
  | 'character'
  | 'declare'
  | 'dot'
  | 'eof'
  | 'error'
  | 'field'
  | 'identifier'
  | 'left-delimiter'
  | 'left-paren'
  | 'number'
  | 'pipe'
  | 'raw-string'
  | 'right-delimiter'
  | 'right-paren'
  | 'space'
  | 'string'
  | 'text'
  | 'variable'
  | Keyword;

const keywords = [
  'block',
  'break',
  'continue',
  'define',
  'else',
  'end',
  'if',
  'nil',
  'range',
  'template',
  'with',
] as const;
export type Keyword = (typeof keywords)[number];
const keywordSet: ReadonlySet<string> = new Set(keywords);

/** A piece of a template; `at` counts UTF-16 units from its beginning, `line` from 1. */
export interface Token {
  readonly type: TokenType;
  readonly text: string;
  readonly at: number;
  readonly line: number;
}

/** A token as Go's messages show it. */
export function describeToken({ type, text }: Token): string {
  if (type === 'eof') {
    return 'EOF';
  }
  if (type === 'error') {
    return text;
  }
  if (keywordSet.has(type) || type === 'dot') {
    return `<${text}>`;
  }
  const characters = Array.from(text);
  return characters.length > 10 ? `${quoteGo(characters.slice(0, 10).join(''))}...` : quoteGo(text);
}

const leftDelimiter = '{{';
const rightDelimiter = '}}';
/** A trim marker with its blank: `- ` behind the left delimiter, ` -` in front of the right one. */
const trimMarkerLength = 2;
const blank = /[ \t\r\n]/;
const wordCharacter = /^[\p{L}\p{Nd}_]$/u;

/**
 * Takes a template apart, like the lexer of Go's text/template/parse. The last token is `eof`, or `error` with the
 * reason as its text.
 */
export function tokenizeTemplate(input: string): readonly Token[] {
  const lexer = new Lexer(input);
  lexer.run();
  return lexer.tokens;
}

class Lexer {
  readonly tokens: Token[] = [];
  readonly #input: string;
  #start = 0;
  #at = 0;
  #line = 1;
  #lineAt = 0;
  #parenDepth = 0;

  constructor(input: string) {
    this.#input = input;
  }

  run(): void {
    while (this.#text()) {
      // One turn a text and the action behind it.
    }
  }

  #emit(type: TokenType, text = this.#input.slice(this.#start, this.#at)): void {
    for (; this.#lineAt < this.#start; this.#lineAt += 1) {
      this.#line += this.#input[this.#lineAt] === '\n' ? 1 : 0;
    }
    this.tokens.push({ type, text, at: this.#start, line: this.#line });
    this.#start = this.#at;
  }

  /** Always false: nothing follows an error. */
  #fail(message: string): false {
    this.#emit('error', message);
    return false;
  }

  /** The character at the position; empty at the end. */
  #peek(): string {
    const code = this.#input.codePointAt(this.#at);
    return code === undefined ? '' : String.fromCodePoint(code);
  }

  #next(): string {
    const character = this.#peek();
    this.#at += character.length;
    return character;
  }

  #startsWith(text: string, ahead = 0): boolean {
    return this.#input.startsWith(text, this.#at + ahead);
  }

  #isBlankAt(index: number): boolean {
    return blank.test(this.#input[index] ?? '');
  }

  /** 0: no delimiter here; else its length, with the trim marker in front of it. */
  #rightDelimiterLength(): number {
    const isTrimmed =
      this.#isBlankAt(this.#at) &&
      this.#input[this.#at + 1] === '-' &&
      this.#startsWith(rightDelimiter, trimMarkerLength);
    if (isTrimmed) {
      return trimMarkerLength + rightDelimiter.length;
    }
    return this.#startsWith(rightDelimiter) ? rightDelimiter.length : 0;
  }

  #text(): boolean {
    const found = this.#input.indexOf(leftDelimiter, this.#at);
    if (found < 0) {
      this.#at = this.#input.length;
      if (this.#at > this.#start) {
        this.#emit('text');
      }
      this.#emit('eof');
      return false;
    }
    const afterDelimiter = found + leftDelimiter.length;
    const isTrimmed = this.#input[afterDelimiter] === '-' && this.#isBlankAt(afterDelimiter + 1);
    this.#at = found;
    if (isTrimmed) {
      while (this.#at > this.#start && this.#isBlankAt(this.#at - 1)) {
        this.#at -= 1;
      }
    }
    if (this.#at > this.#start) {
      this.#emit('text');
    }
    this.#start = found;
    this.#at = afterDelimiter;
    const marker = isTrimmed ? trimMarkerLength : 0;
    if (this.#startsWith('/*', marker)) {
      this.#at += marker;
      this.#start = this.#at;
      return this.#comment();
    }
    this.#emit('left-delimiter');
    this.#at += marker;
    this.#start = this.#at;
    this.#parenDepth = 0;
    return this.#action();
  }

  #comment(): boolean {
    const end = this.#input.indexOf('*/', this.#at + 2);
    if (end < 0) {
      this.#at += 2;
      return this.#fail('unclosed comment');
    }
    this.#at = end + 2;
    const length = this.#rightDelimiterLength();
    if (length === 0) {
      return this.#fail('comment ends before closing delimiter');
    }
    this.#leave(length);
    return true;
  }

  /** Passes a right delimiter, and the blanks behind it when it has a trim marker. */
  #leave(length: number): void {
    this.#at += length;
    if (length > rightDelimiter.length) {
      while (this.#isBlankAt(this.#at)) {
        this.#at += 1;
      }
    }
    this.#start = this.#at;
  }

  #action(): boolean {
    for (;;) {
      const length = this.#rightDelimiterLength();
      if (length > 0) {
        if (this.#parenDepth > 0) {
          return this.#fail('unclosed left paren');
        }
        this.#start = this.#at + length - rightDelimiter.length;
        this.#at += length;
        this.#emit('right-delimiter');
        this.#at -= length;
        this.#leave(length);
        return true;
      }
      if (!this.#piece()) {
        return false;
      }
    }
  }

  /** One token inside an action; false after an error. */
  #piece(): boolean {
    const character = this.#next();
    switch (character) {
      case '':
        return this.#fail('unclosed action');
      case ' ':
      case '\t':
      case '\r':
      case '\n':
        return this.#space();
      case '=':
        return this.#done('assign');
      case '|':
        return this.#done('pipe');
      case ':':
        return this.#next() === '=' ? this.#done('declare') : this.#fail('expected :=');
      case '"':
        return this.#quoted('"', 'string', 'unterminated quoted string');
      case "'":
        return this.#quoted("'", 'character', 'unterminated character constant');
      case '`':
        return this.#rawString();
      case '$':
        return this.#fieldOrVariable('variable');
      case '(':
        this.#parenDepth += 1;
        return this.#done('left-paren');
      case ')':
        this.#parenDepth -= 1;
        this.#emit('right-paren');
        return this.#parenDepth >= 0 || this.#fail(`unexpected right paren ${describeCharacter(character)}`);
      default:
        return this.#word(character);
    }
  }

  #word(character: string): boolean {
    const isNumber = /^[0-9+-]$/.test(character) || (character === '.' && /^[0-9]$/.test(this.#peek()));
    if (isNumber) {
      this.#at = this.#start;
      return this.#number();
    }
    if (character === '.') {
      return this.#fieldOrVariable('field');
    }
    if (wordCharacter.test(character)) {
      return this.#identifier();
    }
    return /^[!-~]$/.test(character)
      ? this.#done('char')
      : this.#fail(`unrecognized character in action: ${describeCharacter(character)}`);
  }

  #done(type: TokenType): true {
    this.#emit(type);
    return true;
  }

  #space(): boolean {
    this.#at = this.#start;
    // The last blank may belong to a trim marker.
    while (this.#isBlankAt(this.#at) && this.#rightDelimiterLength() === 0) {
      this.#at += 1;
    }
    if (this.#at > this.#start) {
      this.#emit('space');
    }
    return true;
  }

  #identifier(): boolean {
    this.#takeWord();
    const word = this.#input.slice(this.#start, this.#at);
    if (!this.#atTerminator()) {
      return this.#fail(`bad character ${describeCharacter(this.#peek())}`);
    }
    if (keywordSet.has(word)) {
      return this.#done(word as Keyword);
    }
    return this.#done(word === 'true' || word === 'false' ? 'bool' : 'identifier');
  }

  #takeWord(): void {
    while (wordCharacter.test(this.#peek())) {
      this.#next();
    }
  }

  #fieldOrVariable(type: 'field' | 'variable'): boolean {
    if (this.#atTerminator()) {
      return this.#done(type === 'variable' ? 'variable' : 'dot');
    }
    this.#takeWord();
    return this.#atTerminator()
      ? this.#done(type)
      : this.#fail(`bad character ${describeCharacter(this.#peek())}`);
  }

  #atTerminator(): boolean {
    const character = this.#peek();
    return character === '' || /^[ \t\r\n.,|:)(]$/.test(character) || this.#startsWith(rightDelimiter);
  }

  #quoted(mark: string, type: 'string' | 'character', message: string): boolean {
    for (;;) {
      const character = this.#next();
      if (character === mark) {
        return this.#done(type);
      }
      const last = character === '\\' ? this.#next() : character;
      if (last === '' || last === '\n') {
        return this.#fail(message);
      }
    }
  }

  #rawString(): boolean {
    const end = this.#input.indexOf('`', this.#at);
    if (end < 0) {
      this.#at = this.#input.length;
      return this.#fail('unterminated raw quoted string');
    }
    this.#at = end + 1;
    return this.#done('raw-string');
  }

  #number(): boolean {
    const pattern =
      /[+-]?(?:0[xX][0-9a-fA-F_]*(?:\.[0-9a-fA-F_]*)?(?:[pP][+-]?[0-9_]*)?|0[oO][0-7_]*(?:\.[0-7_]*)?|0[bB][01_]*(?:\.[01_]*)?|[0-9_]*(?:\.[0-9_]*)?(?:[eE][+-]?[0-9_]*)?)/y;
    pattern.lastIndex = this.#start;
    this.#at = this.#start + (pattern.exec(this.#input)?.[0].length ?? 0);
    const follows = this.#peek();
    const isSum = follows === '+' || follows === '-';
    if (isSum) {
      pattern.lastIndex = this.#at;
      this.#at += pattern.exec(this.#input)?.[0].length ?? 0;
    } else if (wordCharacter.test(follows)) {
      this.#next();
    }
    if (isSum || wordCharacter.test(follows)) {
      return this.#fail(`bad number syntax: ${quoteGo(this.#input.slice(this.#start, this.#at))}`);
    }
    return this.#done('number');
  }
}
