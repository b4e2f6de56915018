import { FunctionError, TemplateError } from './errors.ts';
import { templateFunctions, type Argument, type TemplateFunction } from './functions.ts';
import type {
  BranchNode,
  ChainNode,
  CommandNode,
  IdentifierNode,
  Node,
  NumberNode,
  Operand,
  PipeNode,
  TemplateNode,
  VariableNode,
} from './nodes.ts';
import { nodeText } from './nodes.ts';
import { isFloatLiteral } from './number.ts';
import type { ParsedTemplate } from './parser.ts';
import { formatValue, noValue } from './print.ts';
import { quoteGo } from './quote.ts';
import {
  boolValue,
  elementsOf,
  entriesOf,
  forgivingText,
  indirect,
  intValue,
  isIntegerKind,
  isTrue,
  stringValue,
  types,
  withoutInterface,
  zeroOf,
  type GoType,
  type GoValue,
} from './values.ts';

/** Bounds of one execution, so that a hostile template ends with a clear error. */
const stepsMax = 1_000_000;
const depthMax = 500;
const outputMaxLength = 16 * 1024 * 1024;

/** Go's "no previous value" of a pipeline, which is something else than a value that is missing. */
const nothing = Symbol('nothing');
type Final = Argument | typeof nothing;

type Jump = 'break' | 'continue' | undefined;

interface Variable {
  readonly name: string;
  value: Argument;
}

/**
 * Runs a template over data and returns what it prints.
 * @throws TemplateError of the phase `execute`; its `output` is what was printed before
 */
export function executeTemplate(template: ParsedTemplate, data: Argument): string {
  const output: string[] = [];
  try {
    new Execution(template, '', data, { output, steps: 0, length: 0, depth: 0 }).run();
  } catch (error) {
    if (error instanceof TemplateError) {
      error.output = output.join('');
    }
    throw error;
  }
  return output.join('');
}

/** What all bodies of an execution share. */
interface Budget {
  readonly output: string[];
  steps: number;
  length: number;
  depth: number;
}

class Execution {
  readonly #template: ParsedTemplate;
  readonly #name: string;
  readonly #data: Argument;
  readonly #budget: Budget;
  #variables: Variable[];
  /** What is being evaluated: messages name it. */
  #node: Node | Operand | CommandNode | undefined;

  constructor(template: ParsedTemplate, name: string, data: Argument, budget: Budget) {
    this.#template = template;
    this.#name = name;
    this.#data = data;
    this.#budget = budget;
    this.#variables = [{ name: '$', value: data }];
  }

  run(): void {
    this.#list(this.#template.bodies.get(this.#name) ?? [], this.#data);
  }

  #fail(message: string): never {
    const node = this.#node;
    if (node === undefined) {
      throw new TemplateError('execute', `template: ${this.#name}: ${message}`);
    }
    const before = this.#template.text.slice(0, node.at);
    const lines = before.split('\n');
    const column = Buffer.byteLength(lines.at(-1) ?? '');
    const place = `:${lines.length}:${column}`;
    throw new TemplateError(
      'execute',
      `template: ${place}: executing ${quoteGo(this.#name)} at <${nodeText(node)}>: ${message}`,
    );
  }

  #step(node: Node | Operand): void {
    this.#node = node;
    this.#budget.steps += 1;
    if (this.#budget.steps > stepsMax) {
      this.#fail(`exceeded ${stepsMax} steps`);
    }
  }

  #print(text: string): void {
    this.#budget.length += text.length;
    if (this.#budget.length > outputMaxLength) {
      this.#fail(`exceeded ${outputMaxLength} characters of output`);
    }
    this.#budget.output.push(text);
  }

  #list(nodes: readonly Node[], dot: Argument): Jump {
    this.#budget.depth += 1;
    if (this.#budget.depth > depthMax) {
      this.#fail(`exceeded maximum template depth (${depthMax})`);
    }
    let jump: Jump;
    for (const node of nodes) {
      jump = this.#walk(node, dot);
      if (jump !== undefined) {
        break;
      }
    }
    this.#budget.depth -= 1;
    return jump;
  }

  #walk(node: Node, dot: Argument): Jump {
    this.#step(node);
    switch (node.kind) {
      case 'text':
        this.#print(node.text);
        return undefined;
      case 'action': {
        const value = this.#pipeline(dot, node.pipe);
        if (node.pipe.variables.length === 0) {
          this.#node = node;
          this.#print(printed(value));
        }
        return undefined;
      }
      case 'break':
      case 'continue':
        return node.kind;
      case 'template':
        this.#call(node, dot);
        return undefined;
      case 'range':
        return this.#range(node, dot);
      default:
        return this.#ifOrWith(node, dot);
    }
  }

  #ifOrWith({ kind, pipe, list, otherwise }: BranchNode, dot: Argument): Jump {
    const mark = this.#variables.length;
    const value = this.#pipeline(dot, pipe);
    let jump: Jump;
    if (isTrue(withoutInterface(value))) {
      jump = this.#list(list, kind === 'with' ? value : dot);
    } else if (otherwise !== undefined) {
      jump = this.#list(otherwise, dot);
    }
    this.#variables.length = mark;
    return jump;
  }

  #range(node: BranchNode, dot: Argument): Jump {
    const { pipe, list, otherwise } = node;
    const mark = this.#variables.length;
    const value = this.#pipeline(dot, pipe);
    let count = 0;
    for (const [key, element] of this.#iterate(value, pipe)) {
      count += 1;
      this.#setLoopVariables(pipe, key, element);
      const inner = this.#variables.length;
      this.#step(node);
      const jump = this.#list(list, element);
      this.#variables.length = inner;
      if (jump === 'break') {
        break;
      }
    }
    this.#variables.length = mark;
    return count === 0 && otherwise !== undefined ? this.#list(otherwise, dot) : undefined;
  }

  #setLoopVariables({ variables, isAssignment }: PipeNode, key: Argument, element: Argument): void {
    const values = variables.length > 1 ? [key, element] : [element];
    for (const [index, variable] of variables.entries()) {
      if (isAssignment) {
        this.#setVariable(variable.names[0] ?? '', values[index]);
      } else {
        const top = this.#variables[this.#variables.length - variables.length + index];
        if (top !== undefined) {
          top.value = values[index];
        }
      }
    }
  }

  /** Keys and elements: of lists, of maps by sorted key, and the numbers below a whole number. */
  *#iterate(given: Argument, { variables }: PipeNode): Generator<readonly [Argument, Argument]> {
    const value = given === undefined ? undefined : indirect(given).value;
    if (value === undefined || (value.data === '' && value.type.isForgiving === true)) {
      return;
    }
    if (value.type.kind === 'slice') {
      for (const [index, element] of elementsOf(value).entries()) {
        yield [intValue(index), element];
      }
    } else if (value.type.kind === 'map') {
      for (const [key, element] of entriesOf(value)) {
        yield [stringValue(key), element];
      }
    } else if (isIntegerKind(value.type.kind)) {
      if (variables.length > 1) {
        this.#fail(`can't use ${formatValue(value)} to iterate over more than one variable`);
      }
      for (let index = 0n; index < (value.data as bigint); index += 1n) {
        yield [undefined, { type: value.type, data: index }];
      }
    } else {
      this.#fail(`range can't iterate over ${formatValue(value)}`);
    }
  }

  #call(node: TemplateNode, dot: Argument): void {
    if (!this.#template.bodies.has(node.name)) {
      this.#fail(`template ${quoteGo(node.name)} not defined`);
    }
    const data = node.pipe === undefined ? undefined : this.#pipeline(dot, node.pipe);
    this.#node = node;
    new Execution(this.#template, node.name, data, this.#budget).run();
  }

  #setVariable(name: string, value: Argument): void {
    const variable = this.#variables.findLast((each) => each.name === name);
    if (variable === undefined) {
      this.#fail(`undefined variable: ${name}`);
    }
    variable.value = value;
  }

  #pipeline(dot: Argument, pipe: PipeNode): Argument {
    this.#step(pipe);
    let final: Final = nothing;
    for (const command of pipe.commands) {
      final = withoutInterface(this.#command(dot, command, final));
    }
    const value = final === nothing ? undefined : final;
    for (const variable of pipe.variables) {
      const name = variable.names[0] ?? '';
      if (pipe.isAssignment) {
        this.#setVariable(name, value);
      } else {
        this.#variables.push({ name, value });
      }
    }
    return value;
  }

  #command(dot: Argument, command: CommandNode, final: Final): Argument {
    const [first, ...args] = command.operands as [Operand, ...Operand[]];
    const input: Input = { args, final };
    switch (first.kind) {
      case 'field':
        this.#step(first);
        return this.#fields(dot, first.names, input);
      case 'chain':
        return this.#chain(dot, first, input);
      case 'variable':
        return this.#variable(first, input);
      case 'identifier':
        return this.#function(dot, first, command, input);
      case 'pipe':
        this.#refuseArguments(first, input);
        return this.#pipeline(dot, first);
      case 'nil':
        this.#step(first);
        this.#refuseArguments(first, input);
        return this.#fail('nil is not a command');
      default:
        this.#step(first);
        this.#refuseArguments(first, input);
        return this.#literal(dot, first);
    }
  }

  #refuseArguments(first: Operand, { args, final }: Input): void {
    if (args.length > 0 || final !== nothing) {
      this.#fail(`can't give argument to non-function ${nodeText(first)}`);
    }
  }

  #literal(dot: Argument, node: Literal): Argument {
    switch (node.kind) {
      case 'bool':
        return boolValue(node.value);
      case 'dot':
        return dot;
      case 'string':
        return stringValue(node.text);
      default:
        return this.#number(node);
    }
  }

  #number(node: NumberNode): GoValue {
    this.#node = node;
    if (node.float !== undefined && isFloatLiteral(node.text)) {
      return { type: types.float64, data: node.float };
    }
    return node.integer === undefined ? this.#fail(`${node.text} overflows int`) : intValue(node.integer);
  }

  #chain(dot: Argument, node: ChainNode, input: Input): Argument {
    this.#step(node);
    return this.#fields(this.#argument(dot, 'any', node.of), node.names, input);
  }

  #variable(node: VariableNode, input: Input): Argument {
    this.#step(node);
    const [name = '', ...fields] = node.names;
    const variable = this.#variables.findLast((each) => each.name === name);
    if (variable === undefined) {
      this.#fail(`undefined variable: ${name}`);
    }
    if (fields.length === 0) {
      this.#refuseArguments(node, input);
      return variable.value;
    }
    return this.#fields(variable.value, fields, input);
  }

  /** Fields of fields; arguments are for the last one, should it be a method. */
  #fields(receiver: Argument, names: readonly string[], input: Input): Argument {
    let value = receiver;
    for (const [index, name] of names.entries()) {
      const isLast = index === names.length - 1;
      const given = isLast ? input.args.length + (input.final === nothing ? 0 : 1) : 0;
      value = this.#field(value, name, given);
    }
    return value;
  }

  #field(receiver: Argument, name: string, argumentCount: number): Argument {
    if (receiver === undefined) {
      return undefined;
    }
    const { type } = receiver;
    const { value, isNil } = indirect(receiver);
    if (value.type.kind === 'interface') {
      this.#fail(`nil pointer evaluating ${type.name}.${name}`);
    }
    const method = methodOf(value, name);
    if (method !== undefined) {
      if (argumentCount > 0) {
        this.#fail(`wrong number of args for ${name}: want 0 got ${argumentCount}`);
      }
      return method(value.data as bigint);
    }
    switch (value.type.kind) {
      case 'struct': {
        const field = fieldOf(value, name);
        if (field !== undefined && argumentCount > 0) {
          this.#fail(`${name} has arguments but cannot be invoked as function`);
        }
        if (field !== undefined) {
          return field;
        }
        break;
      }
      case 'map':
        if (argumentCount > 0) {
          this.#fail(`${name} is not a method but has arguments`);
        }
        return entriesOf(value).get(name);
      case 'ptr':
        if (isNil && fieldName(value.type.element, name) !== undefined) {
          return value.type.isForgiving === true
            ? forgivingText
            : this.#fail(`nil pointer evaluating ${type.name}.${name}`);
        }
        break;
      default:
        if (value.type.isForgiving === true) {
          return forgivingText;
        }
    }
    return this.#fail(`can't evaluate field ${name} in type ${type.name}`);
  }

  /** @param context what a message shows when the function fails: the whole command, or its name alone */
  #function(
    dot: Argument,
    node: IdentifierNode,
    context: CommandNode | IdentifierNode,
    { args, final }: Input,
  ): Argument {
    this.#step(node);
    const { name } = node;
    const callee = templateFunctions.get(name);
    if (callee === undefined) {
      return this.#fail(`${quoteGo(name)} is not a defined function`);
    }
    const given = args.length + (final === nothing ? 0 : 1);
    const wanted = callee.parameters.length;
    if (callee.isVariadic && given < wanted) {
      this.#fail(`wrong number of args for ${name}: want at least ${wanted} got ${args.length}`);
    }
    if (!callee.isVariadic && given !== wanted) {
      this.#fail(`wrong number of args for ${name}: want ${wanted} got ${given}`);
    }
    if (name === 'and' || name === 'or') {
      return this.#andOr(dot, name, { args, final });
    }
    const typeAt = (index: number): 'any' | 'string' => callee.parameters[index] ?? 'any';
    const values = args.map((arg, index) => this.#argument(dot, typeAt(index), arg));
    if (final !== nothing) {
      values.push(this.#checked(final, typeAt(args.length)));
    }
    return this.#safeCall(callee, values, { name, context });
  }

  #safeCall(
    callee: TemplateFunction,
    values: readonly Argument[],
    { name, context }: { readonly name: string; readonly context: CommandNode | IdentifierNode },
  ): Argument {
    try {
      const result = callee.call(values);
      const size = typeof result?.data === 'string' ? result.data.length : 0;
      if (size > outputMaxLength) {
        throw new FunctionError(`a text of more than ${outputMaxLength} characters`);
      }
      // Long texts cost more than one step.
      this.#budget.steps += Math.floor(size / 100);
      return result;
    } catch (error) {
      if (!(error instanceof FunctionError)) {
        throw error;
      }
      this.#node = context;
      return this.#fail(`error calling ${name}: ${error.message}`);
    }
  }

  /** The first argument that decides; those behind it are not evaluated. */
  #andOr(dot: Argument, name: 'and' | 'or', { args, final }: Input): Argument {
    let value: Argument;
    for (const arg of args) {
      value = this.#argument(dot, 'any', arg);
      if (isTrue(withoutInterface(value)) === (name === 'or')) {
        return value;
      }
    }
    return final === nothing ? value : final;
  }

  #argument(dot: Argument, type: 'any' | 'string', node: Operand): Argument {
    this.#step(node);
    const none: Input = { args: [], final: nothing };
    switch (node.kind) {
      case 'dot':
        return this.#checked(dot, type);
      case 'nil':
        return type === 'any' ? undefined : this.#fail(`cannot assign nil to ${type}`);
      case 'field':
        return this.#checked(this.#fields(dot, node.names, none), type);
      case 'variable':
        return this.#checked(this.#variable(node, none), type);
      case 'pipe':
        return this.#checked(this.#pipeline(dot, node), type);
      case 'identifier':
        return this.#checked(this.#function(dot, node, node, none), type);
      case 'chain':
        return this.#checked(this.#chain(dot, node, none), type);
      default:
        return type === 'any' || node.kind === 'string'
          ? this.#literal(dot, node)
          : this.#fail(`expected string; found ${nodeText(node)}`);
    }
  }

  #checked(value: Argument, type: 'any' | 'string'): Argument {
    if (type === 'any') {
      return value;
    }
    if (value === undefined) {
      this.#fail('invalid value; expected string');
    }
    const inner = withoutInterface(value);
    if (inner?.type.kind !== 'string') {
      this.#fail(`wrong type for value; expected string; got ${(inner ?? value).type.name}`);
    }
    return inner;
  }
}

/** What a command is given besides its own name. */
interface Input {
  readonly args: readonly Operand[];
  /** The value that the pipe hands over as last argument. */
  readonly final: Final;
}

type Literal = Extract<Operand, { readonly kind: 'bool' | 'dot' | 'string' | 'number' }>;

/** An action prints what a pointer points to; a value that is missing is a word. */
function printed(value: Argument): string {
  if (value === undefined) {
    return noValue;
  }
  return formatValue(value.type.kind === 'ptr' ? indirect(value).value : value);
}

/** The name under which a struct has this field. */
function fieldName(type: GoType | undefined, name: string): string | undefined {
  const { fields = {}, aliases = {} } = type ?? {};
  const own = Object.hasOwn(aliases, name) ? (aliases[name] ?? name) : name;
  return Object.hasOwn(fields, own) ? own : undefined;
}

function fieldOf({ type, data }: GoValue, name: string): GoValue | undefined {
  const own = fieldName(type, name);
  const fieldType = own === undefined ? undefined : type.fields?.[own];
  return fieldType && ((data as Readonly<Record<string, GoValue>>)[own ?? ''] ?? zeroOf(fieldType));
}

function methodOf({ type }: GoValue, name: string): ((value: bigint) => GoValue) | undefined {
  const { toText, methods = {} } = type;
  if (name === 'String' && toText !== undefined) {
    return (value) => stringValue(toText(value));
  }
  return Object.hasOwn(methods, name) ? methods[name] : undefined;
}
