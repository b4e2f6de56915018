import { TemplateError } from './errors.ts';
import { Evaluator } from './evaluate.ts';
import type { Argument } from './functions.ts';
import type { BranchNode, Node, PipeNode, TemplateNode } from './nodes.ts';
import type { ParsedTemplate } from './parser.ts';
import { formatValue, noValue } from './print.ts';
import { quoteGo } from './quote.ts';
import { Scope, type Budget } from './scope.ts';
import {
  elementsOf,
  entriesOf,
  indirect,
  intValue,
  isIntegerKind,
  isTrue,
  stringValue,
  withoutInterface,
} from './values.ts';

type Jump = 'break' | 'continue' | undefined;

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

/** The statements of one body: text, actions, branches, loops, calls of other bodies. */
class Execution {
  readonly #scope: Scope;
  readonly #evaluator: Evaluator;
  readonly #data: Argument;

  constructor(template: ParsedTemplate, name: string, data: Argument, budget: Budget) {
    this.#scope = new Scope(template, name, data, budget);
    this.#evaluator = new Evaluator(this.#scope);
    this.#data = data;
  }

  run(): void {
    const { template, name } = this.#scope;
    this.#list(template.bodies.get(name) ?? [], this.#data);
  }

  #list(nodes: readonly Node[], dot: Argument): Jump {
    return this.#scope.deeper(() => {
      for (const node of nodes) {
        const jump = this.#walk(node, dot);
        if (jump !== undefined) {
          return jump;
        }
      }
      return undefined;
    });
  }

  #walk(node: Node, dot: Argument): Jump {
    this.#scope.step(node);
    switch (node.kind) {
      case 'text':
        this.#scope.print(node.text);
        return undefined;
      case 'action': {
        const value = this.#evaluator.pipeline(dot, node.pipe);
        if (node.pipe.variables.length === 0) {
          this.#scope.node = node;
          this.#scope.print(printed(value));
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
    const mark = this.#scope.variables.length;
    const value = this.#evaluator.pipeline(dot, pipe);
    let jump: Jump;
    if (isTrue(withoutInterface(value))) {
      jump = this.#list(list, kind === 'with' ? value : dot);
    } else if (otherwise !== undefined) {
      jump = this.#list(otherwise, dot);
    }
    this.#scope.variables.length = mark;
    return jump;
  }

  #range(node: BranchNode, dot: Argument): Jump {
    const { pipe, list, otherwise } = node;
    const mark = this.#scope.variables.length;
    const value = this.#evaluator.pipeline(dot, pipe);
    let count = 0;
    for (const [key, element] of this.#iterate(value, pipe)) {
      count += 1;
      this.#setLoopVariables(pipe, key, element);
      const inner = this.#scope.variables.length;
      this.#scope.step(node);
      const jump = this.#list(list, element);
      this.#scope.variables.length = inner;
      if (jump === 'break') {
        break;
      }
    }
    this.#scope.variables.length = mark;
    return count === 0 && otherwise !== undefined ? this.#list(otherwise, dot) : undefined;
  }

  #setLoopVariables({ variables, isAssignment }: PipeNode, key: Argument, element: Argument): void {
    const values = variables.length > 1 ? [key, element] : [element];
    for (const [index, variable] of variables.entries()) {
      if (isAssignment) {
        this.#scope.variable(variable.names[0] ?? '').value = values[index];
      } else {
        const top = this.#scope.variables[this.#scope.variables.length - variables.length + index];
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
        this.#scope.fail(`can't use ${formatValue(value)} to iterate over more than one variable`);
      }
      for (let index = 0n; index < (value.data as bigint); index += 1n) {
        yield [undefined, { type: value.type, data: index }];
      }
    } else {
      this.#scope.fail(`range can't iterate over ${formatValue(value)}`);
    }
  }

  #call(node: TemplateNode, dot: Argument): void {
    if (!this.#scope.template.bodies.has(node.name)) {
      this.#scope.fail(`template ${quoteGo(node.name)} not defined`);
    }
    const data = node.pipe === undefined ? undefined : this.#evaluator.pipeline(dot, node.pipe);
    this.#scope.node = node;
    new Execution(this.#scope.template, node.name, data, this.#scope.budget).run();
  }
}

/** An action prints what a pointer points to; a value that is missing is a word. */
function printed(value: Argument): string {
  if (value === undefined) {
    return noValue;
  }
  return formatValue(value.type.kind === 'ptr' ? indirect(value).value : value);
}
