import { TemplateError } from './errors.ts';
import { describeToken, tokenizeTemplate, type Token, type TokenType } from './lexer.ts';
import {
  nodeText,
  type ActionNode,
  type BranchNode,
  type CommandNode,
  type Node,
  type Operand,
  type PipeNode,
  type TemplateNode,
  type VariableNode,
} from './nodes.ts';
import { parseCharacter, parseNumber } from './number.ts';
import { quoteGo, unquoteGo } from './quote.ts';

/** A template that was parsed: its text, and its bodies by name; the main one has the name "". */
export interface ParsedTemplate {
  readonly text: string;
  readonly bodies: ReadonlyMap<string, readonly Node[]>;
}

/** Parentheses and blocks in one another; deeper ones would exhaust the stack. */
const depthMax = 500;
const textMaxLength = 1024 * 1024;

/**
 * Parses a template as Go's text/template does.
 * @param functions names of the functions that it may call
 * @throws TemplateError of the phase `parse`
 */
export function parseTemplate(text: string, functions: ReadonlySet<string>): ParsedTemplate {
  if (text.length > textMaxLength) {
    throw new TemplateError('parse', `template: :1: longer than ${textMaxLength} characters`);
  }
  const source = new TokenSource(tokenizeTemplate(text));
  const bodies = new Map<string, readonly Node[]>();
  new Parser(source, bodies, functions).parseMain();
  return { text, bodies };
}

/** The tokens one after the other; up to three can be put back. */
class TokenSource {
  readonly #tokens: readonly Token[];
  #index = 0;
  /** Line of the token that was read from the lexer last, which is the one that messages name. */
  line = 1;
  #highest = -1;

  constructor(tokens: readonly Token[]) {
    this.#tokens = tokens;
  }

  next(): Token {
    const token = this.#tokens[Math.min(this.#index, this.#tokens.length - 1)] as Token;
    if (this.#index > this.#highest) {
      this.#highest = this.#index;
      this.line = token.line;
    }
    this.#index += 1;
    return token;
  }

  peek(): Token {
    const token = this.next();
    this.#index -= 1;
    return token;
  }

  /** Where reading goes on, for `seek`. */
  get index(): number {
    return this.#index;
  }

  seek(index: number): void {
    this.#index = index;
  }

  nextNonSpace(): Token {
    let token = this.next();
    while (token.type === 'space') {
      token = this.next();
    }
    return token;
  }

  /** Passes blanks and leaves what follows. */
  peekNonSpace(): Token {
    const token = this.nextNonSpace();
    this.#index -= 1;
    return token;
  }
}

/** What ends a list of nodes. */
type ListEnd = { readonly kind: 'end' } | { readonly kind: 'else' };

/** Reads one body; `define` and `block` make parsers of their own for theirs. */
class Parser {
  readonly #source: TokenSource;
  readonly #bodies: Map<string, readonly Node[]>;
  readonly #functions: ReadonlySet<string>;
  #variables = ['$'];
  #actionLine = 0;
  #rangeDepth = 0;
  #depth: number;

  constructor(
    source: TokenSource,
    bodies: Map<string, readonly Node[]>,
    functions: ReadonlySet<string>,
    depth = 0,
  ) {
    this.#source = source;
    this.#bodies = bodies;
    this.#functions = functions;
    this.#depth = depth;
  }

  parseMain(): void {
    const nodes: Node[] = [];
    while (this.#source.peek().type !== 'eof') {
      const { index } = this.#source;
      if (this.#source.next().type === 'left-delimiter' && this.#source.nextNonSpace().type === 'define') {
        this.#child().#definition();
        continue;
      }
      this.#source.seek(index);
      const node = this.#textOrAction();
      if (node.kind === 'end' || node.kind === 'else') {
        this.#fail(`unexpected {{${node.kind}}}`);
      }
      nodes.push(node);
    }
    this.#add('', nodes);
  }

  #child(): Parser {
    return new Parser(this.#source, this.#bodies, this.#functions, this.#deeper());
  }

  #deeper(): number {
    if (this.#depth >= depthMax) {
      this.#fail(`nested deeper than ${depthMax} levels`);
    }
    return this.#depth + 1;
  }

  #fail(message: string): never {
    throw new TemplateError('parse', `template: :${this.#source.line}: ${message}`);
  }

  #unexpected(token: Token, context: string): never {
    if (token.type !== 'error') {
      this.#fail(`unexpected ${describeToken(token)} in ${context}`);
    }
    let extra = '';
    if (this.#actionLine !== 0 && this.#actionLine !== token.line) {
      const place = ` started at :${this.#actionLine}`;
      extra = token.text.endsWith(' action') ? place : ` in action${place}`;
    }
    this.#fail(token.text + extra);
  }

  #expect(type: TokenType, context: string): Token {
    const token = this.#source.nextNonSpace();
    if (token.type !== type) {
      this.#unexpected(token, context);
    }
    return token;
  }

  /** An empty body gives way to another; two that are not empty are a mistake. */
  #add(name: string, nodes: readonly Node[]): void {
    const present = this.#bodies.get(name);
    if (present === undefined || isEmpty(present)) {
      this.#bodies.set(name, nodes);
    } else if (!isEmpty(nodes)) {
      this.#fail(`template: multiple definition of template ${quoteGo(name)}`);
    }
  }

  #definition(): void {
    const context = 'define clause';
    const name = this.#templateName(this.#source.nextNonSpace(), context);
    this.#expect('right-delimiter', context);
    this.#bodyOf(name, context);
  }

  #bodyOf(name: string, context: string): void {
    const { nodes, end } = this.#list();
    if (end.kind !== 'end') {
      this.#fail(`unexpected {{else}} in ${context}`);
    }
    this.#add(name, nodes);
  }

  #list(): { nodes: Node[]; end: ListEnd } {
    const nodes: Node[] = [];
    this.#depth = this.#deeper();
    while (this.#source.peekNonSpace().type !== 'eof') {
      const node = this.#textOrAction();
      if (node.kind === 'end' || node.kind === 'else') {
        this.#depth -= 1;
        return { nodes, end: node };
      }
      nodes.push(node);
    }
    return this.#fail('unexpected EOF');
  }

  #textOrAction(): Node | ListEnd {
    const token = this.#source.nextNonSpace();
    if (token.type === 'text') {
      return { kind: 'text', text: token.text, at: token.at };
    }
    if (token.type !== 'left-delimiter') {
      this.#unexpected(token, 'input');
    }
    this.#actionLine = token.line;
    const node = this.#action();
    this.#actionLine = 0;
    return node;
  }

  #action(): Node | ListEnd {
    const token = this.#source.peekNonSpace();
    const { at } = token;
    switch (token.type) {
      case 'block':
        this.#source.next();
        return this.#block();
      case 'break':
      case 'continue':
        this.#source.next();
        return this.#jump(token.type, at);
      case 'else':
        this.#source.next();
        return this.#else();
      case 'end':
        this.#source.next();
        this.#expect('right-delimiter', 'end');
        return { kind: 'end' };
      case 'if':
      case 'range':
      case 'with':
        this.#source.next();
        return this.#branch(token.type);
      case 'template':
        this.#source.next();
        return this.#template();
      default:
        return {
          kind: 'action',
          at,
          pipe: this.#pipeline('command', 'right-delimiter'),
        } satisfies ActionNode;
    }
  }

  #jump(kind: 'break' | 'continue', at: number): Node {
    const token = this.#source.nextNonSpace();
    if (token.type !== 'right-delimiter') {
      this.#unexpected(token, `{{${kind}}}`);
    }
    if (this.#rangeDepth === 0) {
      this.#fail(`{{${kind}}} outside {{range}}`);
    }
    return { kind, at };
  }

  /** `{{else if` and `{{else with` leave the word that follows. */
  #else(): ListEnd {
    const token = this.#source.peekNonSpace();
    if (token.type === 'if' || token.type === 'with') {
      return { kind: 'else' };
    }
    this.#expect('right-delimiter', 'else');
    return { kind: 'else' };
  }

  #branch(kind: BranchNode['kind']): BranchNode {
    const variables = this.#variables.length;
    const pipe = this.#pipeline(kind, 'right-delimiter');
    this.#rangeDepth += kind === 'range' ? 1 : 0;
    const { nodes, end } = this.#list();
    this.#rangeDepth -= kind === 'range' ? 1 : 0;
    const otherwise = end.kind === 'else' ? this.#otherwise(kind) : undefined;
    this.#variables.length = variables;
    return { kind, at: pipe.at, pipe, list: nodes, otherwise };
  }

  #otherwise(kind: BranchNode['kind']): Node[] {
    if (kind !== 'range' && this.#source.peek().type === kind) {
      this.#source.next();
      this.#depth = this.#deeper();
      const nodes = [this.#branch(kind)];
      this.#depth -= 1;
      return nodes;
    }
    const { nodes, end } = this.#list();
    if (end.kind !== 'end') {
      this.#fail('expected end; found {{else}}');
    }
    return nodes;
  }

  #block(): TemplateNode {
    const context = 'block clause';
    const token = this.#source.nextNonSpace();
    const name = this.#templateName(token, context);
    const pipe = this.#pipeline(context, 'right-delimiter');
    this.#child().#bodyOf(name, context);
    return { kind: 'template', at: token.at, name, pipe };
  }

  #template(): TemplateNode {
    const context = 'template clause';
    const token = this.#source.nextNonSpace();
    const name = this.#templateName(token, context);
    let pipe: PipeNode | undefined;
    if (this.#source.peekNonSpace().type === 'right-delimiter') {
      this.#source.next();
    } else {
      pipe = this.#pipeline(context, 'right-delimiter');
    }
    return { kind: 'template', at: token.at, name, pipe };
  }

  #templateName(token: Token, context: string): string {
    if (token.type !== 'string' && token.type !== 'raw-string') {
      this.#unexpected(token, context);
    }
    return this.#unquote(token);
  }

  #unquote(token: Token): string {
    return unquoteGo(token.text) ?? this.#fail('invalid syntax');
  }

  #pipeline(context: string, end: TokenType): PipeNode {
    const { at } = this.#source.peekNonSpace();
    const { variables, isAssignment } = this.#declarations(context);
    const commands: CommandNode[] = [];
    for (;;) {
      const token = this.#source.peekNonSpace();
      if (token.type === end) {
        this.#source.next();
        break;
      }
      if (!startsOperand.has(token.type)) {
        this.#source.next();
        this.#unexpected(token, context);
      }
      commands.push(this.#command());
    }
    if (commands.length === 0) {
      this.#fail(`missing value for ${context}`);
    }
    for (const [index, command] of commands.entries()) {
      const kind = command.operands[0]?.kind ?? '';
      if (index > 0 && ['bool', 'dot', 'nil', 'number', 'string'].includes(kind)) {
        this.#fail(`non executable command in pipeline stage ${index + 1}`);
      }
    }
    return { kind: 'pipe', at, variables, isAssignment, commands };
  }

  /** `$x :=`, `$x =` or, in a range, `$i, $x :=` at the beginning of a pipeline. */
  #declarations(context: string): { variables: VariableNode[]; isAssignment: boolean } {
    const variables: VariableNode[] = [];
    for (;;) {
      const token = this.#source.peekNonSpace();
      const { index } = this.#source;
      if (token.type !== 'variable') {
        return { variables, isAssignment: false };
      }
      this.#source.next();
      const follows = this.#source.peekNonSpace();
      const isComma = follows.type === 'char' && follows.text === ',';
      if (follows.type !== 'assign' && follows.type !== 'declare' && !isComma) {
        this.#source.seek(index);
        return { variables, isAssignment: false };
      }
      this.#source.next();
      variables.push({ kind: 'variable', at: token.at, names: [token.text] });
      this.#variables.push(token.text);
      if (!isComma) {
        return { variables, isAssignment: follows.type === 'assign' };
      }
      if (context !== 'range' || variables.length > 1) {
        this.#fail(`too many declarations in ${context}`);
      }
      const after = this.#source.peekNonSpace().type;
      if (after !== 'variable' && after !== 'right-delimiter' && after !== 'right-paren') {
        this.#fail('range can only initialize variables');
      }
    }
  }

  #command(): CommandNode {
    const { at } = this.#source.peekNonSpace();
    const operands: Operand[] = [];
    for (;;) {
      this.#source.peekNonSpace();
      const operand = this.#operand();
      if (operand !== undefined) {
        operands.push(operand);
      }
      const token = this.#source.peek();
      if (token.type === 'right-delimiter' || token.type === 'right-paren') {
        break;
      }
      this.#source.next();
      if (token.type === 'pipe') {
        break;
      }
      if (token.type !== 'space') {
        this.#unexpected(token, 'operand');
      }
    }
    if (operands.length === 0) {
      this.#fail('empty command');
    }
    return { kind: 'command', at, operands };
  }

  #operand(): Operand | undefined {
    const node = this.#term();
    const { at, type } = this.#source.peek();
    if (node === undefined || type !== 'field') {
      return node;
    }
    const names: string[] = [];
    while (this.#source.peek().type === 'field') {
      names.push(this.#source.next().text.slice(1));
    }
    switch (node.kind) {
      case 'field':
      case 'variable':
        return { ...node, at, names: [...node.names, ...names] };
      case 'bool':
      case 'string':
      case 'number':
      case 'nil':
      case 'dot':
        return this.#fail(`unexpected . after term ${quoteGo(nodeText(node))}`);
      default:
        return { kind: 'chain', at, of: node, names };
    }
  }

  #term(): Operand | undefined {
    const token = this.#source.peekNonSpace();
    const { at, text } = token;
    if (!startsOperand.has(token.type)) {
      return undefined;
    }
    this.#source.next();
    switch (token.type) {
      case 'identifier':
        return this.#functions.has(text)
          ? { kind: 'identifier', at, name: text }
          : this.#fail(`function ${quoteGo(text)} not defined`);
      case 'dot':
      case 'nil':
        return { kind: token.type, at };
      case 'variable':
        return this.#variables.includes(text)
          ? { kind: 'variable', at, names: [text] }
          : this.#fail(`undefined variable ${quoteGo(text)}`);
      case 'field':
        return { kind: 'field', at, names: [text.slice(1)] };
      case 'bool':
        return { kind: 'bool', at, value: text === 'true' };
      case 'left-paren':
        return this.#parenthesized();
      case 'character':
      case 'number':
        return this.#number(token);
      default:
        return { kind: 'string', at, quoted: text, text: this.#unquote(token) };
    }
  }

  #parenthesized(): PipeNode {
    this.#depth = this.#deeper();
    const pipe = this.#pipeline('parenthesized pipeline', 'right-paren');
    this.#depth -= 1;
    return pipe;
  }

  #number({ type, text, at }: Token): Operand {
    const value = type === 'character' ? parseCharacter(text) : parseNumber(text);
    if (typeof value === 'string') {
      this.#fail(value);
    }
    return { kind: 'number', at, text, ...value };
  }
}

const startsOperand: ReadonlySet<TokenType> = new Set([
  'bool',
  'character',
  'dot',
  'field',
  'identifier',
  'number',
  'nil',
  'raw-string',
  'string',
  'variable',
  'left-paren',
]);

/** True for a body of nothing but blanks. */
function isEmpty(nodes: readonly Node[]): boolean {
  return nodes.every((node) => node.kind === 'text' && node.text.trim() === '');
}
