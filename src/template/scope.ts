import type { Argument } from './functions.ts';
import { TemplateError } from './errors.ts';
import type { CommandNode, Node, Operand } from './nodes.ts';
import { nodeText } from './nodes.ts';
import type { ParsedTemplate } from './parser.ts';
import { quoteGo } from './quote.ts';

/** Bounds of one execution, so that a hostile template ends with a clear error. */
const stepsMax = 1_000_000;
const depthMax = 500;
/** Characters that a template may print, and that one of its functions may return. */
export const outputMaxLength = 16 * 1024 * 1024;

/** What all bodies of an execution share. */
export interface Budget {
  readonly output: string[];
  steps: number;
  length: number;
  depth: number;
}

interface Variable {
  readonly name: string;
  value: Argument;
}

/** Where the execution of one body is: its variables, its bounds, and what messages name. */
export class Scope {
  readonly template: ParsedTemplate;
  readonly name: string;
  readonly budget: Budget;
  readonly variables: Variable[];
  /** What is being evaluated: messages name it. */
  node: Node | Operand | CommandNode | undefined;

  constructor(template: ParsedTemplate, name: string, data: Argument, budget: Budget) {
    this.template = template;
    this.name = name;
    this.budget = budget;
    this.variables = [{ name: '$', value: data }];
  }

  /** @throws TemplateError with the place in the template. */
  fail(message: string): never {
    const node = this.node;
    if (node === undefined) {
      throw new TemplateError('execute', `template: ${this.name}: ${message}`);
    }
    const before = this.template.text.slice(0, node.at);
    const lines = before.split('\n');
    const column = Buffer.byteLength(lines.at(-1) ?? '');
    const place = `:${lines.length}:${column}`;
    throw new TemplateError(
      'execute',
      `template: ${place}: executing ${quoteGo(this.name)} at <${nodeText(node)}>: ${message}`,
    );
  }

  /** Counts what is evaluated, and remembers it for messages. */
  step(node: Node | Operand): void {
    this.node = node;
    this.budget.steps += 1;
    if (this.budget.steps > stepsMax) {
      this.fail(`exceeded ${stepsMax} steps`);
    }
  }

  print(text: string): void {
    this.budget.length += text.length;
    if (this.budget.length > outputMaxLength) {
      this.fail(`exceeded ${outputMaxLength} characters of output`);
    }
    this.budget.output.push(text);
  }

  /** Runs a list of nodes, whose depth is bounded. */
  deeper<T>(action: () => T): T {
    this.budget.depth += 1;
    if (this.budget.depth > depthMax) {
      this.fail(`exceeded maximum template depth (${depthMax})`);
    }
    const result = action();
    this.budget.depth -= 1;
    return result;
  }

  /** The innermost variable of a name. */
  variable(name: string): Variable {
    return this.variables.findLast((each) => each.name === name) ?? this.fail(`undefined variable: ${name}`);
  }
}
