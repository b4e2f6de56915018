import { FunctionError } from './errors.ts';
import { fieldOf } from './fields.ts';
import { templateFunctions, type Argument, type TemplateFunction } from './functions.ts';
import type {
  ChainNode,
  CommandNode,
  IdentifierNode,
  NumberNode,
  Operand,
  PipeNode,
  VariableNode,
} from './nodes.ts';
import { nodeText } from './nodes.ts';
import { isFloatLiteral } from './number.ts';
import { quoteGo } from './quote.ts';
import { outputMaxLength, type Scope } from './scope.ts';
import { boolValue, intValue, isTrue, stringValue, types, withoutInterface, type GoValue } from './values.ts';

/** Go's "no previous value" of a pipeline, which is something else than a value that is missing. */
const nothing = Symbol('nothing');
type Final = Argument | typeof nothing;

/** What a command is given besides its own name. */
interface Input {
  readonly args: readonly Operand[];
  /** The value that the pipe hands over as last argument. */
  readonly final: Final;
}

type Literal = Extract<Operand, { readonly kind: 'bool' | 'dot' | 'string' | 'number' }>;

/** Evaluates pipelines: commands with their operands, fields, functions and variables. */
export class Evaluator {
  readonly #scope: Scope;

  constructor(scope: Scope) {
    this.#scope = scope;
  }

  /** The value of a pipeline; declares and assigns its variables. */
  pipeline(dot: Argument, pipe: PipeNode): Argument {
    this.#scope.step(pipe);
    let final: Final = nothing;
    for (const command of pipe.commands) {
      final = withoutInterface(this.#command(dot, command, final));
    }
    const value = final === nothing ? undefined : final;
    for (const variable of pipe.variables) {
      const name = variable.names[0] ?? '';
      if (pipe.isAssignment) {
        this.#scope.variable(name).value = value;
      } else {
        this.#scope.variables.push({ name, value });
      }
    }
    return value;
  }

  #command(dot: Argument, command: CommandNode, final: Final): Argument {
    const [first, ...args] = command.operands as [Operand, ...Operand[]];
    const input: Input = { args, final };
    switch (first.kind) {
      case 'field':
        this.#scope.step(first);
        return this.#fields(dot, first.names, input);
      case 'chain':
        return this.#chain(dot, first, input);
      case 'variable':
        return this.#variable(first, input);
      case 'identifier':
        return this.#function(dot, first, command, input);
      case 'pipe':
        this.#refuseArguments(first, input);
        return this.pipeline(dot, first);
      case 'nil':
        this.#scope.step(first);
        this.#refuseArguments(first, input);
        return this.#scope.fail('nil is not a command');
      default:
        this.#scope.step(first);
        this.#refuseArguments(first, input);
        return this.#literal(dot, first);
    }
  }

  #refuseArguments(first: Operand, { args, final }: Input): void {
    if (args.length > 0 || final !== nothing) {
      this.#scope.fail(`can't give argument to non-function ${nodeText(first)}`);
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
    this.#scope.node = node;
    if (node.float !== undefined && isFloatLiteral(node.text)) {
      return { type: types.float64, data: node.float };
    }
    return node.integer === undefined
      ? this.#scope.fail(`${node.text} overflows int`)
      : intValue(node.integer);
  }

  #chain(dot: Argument, node: ChainNode, input: Input): Argument {
    this.#scope.step(node);
    return this.#fields(this.#argument(dot, 'any', node.of), node.names, input);
  }

  #variable(node: VariableNode, input: Input): Argument {
    this.#scope.step(node);
    const [name = '', ...fields] = node.names;
    const variable = this.#scope.variable(name);
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
      value = fieldOf(this.#scope, value, name, given);
    }
    return value;
  }

  /** @param context what a message shows when the function fails: the whole command, or its name alone */
  #function(
    dot: Argument,
    node: IdentifierNode,
    context: CommandNode | IdentifierNode,
    { args, final }: Input,
  ): Argument {
    this.#scope.step(node);
    const { name } = node;
    const callee = templateFunctions.get(name);
    if (callee === undefined) {
      return this.#scope.fail(`${quoteGo(name)} is not a defined function`);
    }
    const given = args.length + (final === nothing ? 0 : 1);
    const wanted = callee.parameters.length;
    if (callee.isVariadic && given < wanted) {
      this.#scope.fail(`wrong number of args for ${name}: want at least ${wanted} got ${args.length}`);
    }
    if (!callee.isVariadic && given !== wanted) {
      this.#scope.fail(`wrong number of args for ${name}: want ${wanted} got ${given}`);
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
      this.#scope.budget.steps += Math.floor(size / 100);
      return result;
    } catch (error) {
      if (!(error instanceof FunctionError)) {
        throw error;
      }
      this.#scope.node = context;
      return this.#scope.fail(`error calling ${name}: ${error.message}`);
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
    this.#scope.step(node);
    const none: Input = { args: [], final: nothing };
    switch (node.kind) {
      case 'dot':
        return this.#checked(dot, type);
      case 'nil':
        return type === 'any' ? undefined : this.#scope.fail(`cannot assign nil to ${type}`);
      case 'field':
        return this.#checked(this.#fields(dot, node.names, none), type);
      case 'variable':
        return this.#checked(this.#variable(node, none), type);
      case 'pipe':
        return this.#checked(this.pipeline(dot, node), type);
      case 'identifier':
        return this.#checked(this.#function(dot, node, node, none), type);
      case 'chain':
        return this.#checked(this.#chain(dot, node, none), type);
      default:
        return type === 'any' || node.kind === 'string'
          ? this.#literal(dot, node)
          : this.#scope.fail(`expected string; found ${nodeText(node)}`);
    }
  }

  #checked(value: Argument, type: 'any' | 'string'): Argument {
    if (type === 'any') {
      return value;
    }
    if (value === undefined) {
      this.#scope.fail('invalid value; expected string');
    }
    const inner = withoutInterface(value);
    if (inner?.type.kind !== 'string') {
      this.#scope.fail(`wrong type for value; expected string; got ${(inner ?? value).type.name}`);
    }
    return inner;
  }
}
