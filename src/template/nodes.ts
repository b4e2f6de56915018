import { quoteGo } from './quote.ts';

/** Where a node begins: UTF-16 units from the beginning of the template. */
interface Placed {
  readonly at: number;
}

export interface FieldNode extends Placed {
  readonly kind: 'field';
  readonly names: readonly string[];
}
/** `$x.Name`: the first name is that of the variable. */
export interface VariableNode extends Placed {
  readonly kind: 'variable';
  readonly names: readonly string[];
}
/** Fields of something in parentheses, or of what a function returns. */
export interface ChainNode extends Placed {
  readonly kind: 'chain';
  readonly of: Operand;
  readonly names: readonly string[];
}
export interface IdentifierNode extends Placed {
  readonly kind: 'identifier';
  readonly name: string;
}
export interface NumberNode extends Placed {
  readonly kind: 'number';
  readonly text: string;
  /** Present for a number that fits Go's int64. */
  readonly integer?: bigint;
  /** Too large for an int64, but an uint64. */
  readonly isUnsigned: boolean;
  readonly float?: number;
}
export interface StringNode extends Placed {
  readonly kind: 'string';
  /** As it was written, with its quotes. */
  readonly quoted: string;
  readonly text: string;
}
export interface DotNode extends Placed {
  readonly kind: 'dot';
}
export interface NilNode extends Placed {
  readonly kind: 'nil';
}
export interface BoolNode extends Placed {
  readonly kind: 'bool';
  readonly value: boolean;
}
export interface CommandNode extends Placed {
  readonly kind: 'command';
  readonly operands: readonly Operand[];
}
export interface PipeNode extends Placed {
  readonly kind: 'pipe';
  readonly variables: readonly VariableNode[];
  /** `=` and not `:=`. */
  readonly isAssignment: boolean;
  readonly commands: readonly CommandNode[];
}

/** What a command is made of. */
export type Operand =
  | FieldNode
  | VariableNode
  | ChainNode
  | IdentifierNode
  | NumberNode
  | StringNode
  | DotNode
  | NilNode
  | BoolNode
  | PipeNode;

export interface TextNode extends Placed {
  readonly kind: 'text';
  readonly text: string;
}
export interface ActionNode extends Placed {
  readonly kind: 'action';
  readonly pipe: PipeNode;
}
export interface BranchNode extends Placed {
  readonly kind: 'if' | 'with' | 'range';
  readonly pipe: PipeNode;
  readonly list: readonly Node[];
  readonly otherwise: readonly Node[] | undefined;
}
export interface JumpNode extends Placed {
  readonly kind: 'break' | 'continue';
}
export interface TemplateNode extends Placed {
  readonly kind: 'template';
  readonly name: string;
  readonly pipe: PipeNode | undefined;
}

/** A part of a template's body. */
export type Node = TextNode | ActionNode | BranchNode | JumpNode | TemplateNode;

/** A node as Go writes it, for messages. */
export function nodeText(node: Node | Operand | CommandNode): string {
  switch (node.kind) {
    case 'field':
      return node.names.map((name) => `.${name}`).join('');
    case 'variable':
      return node.names.join('.');
    case 'chain':
      return [grouped(node.of), ...node.names].join('.');
    case 'identifier':
      return node.name;
    case 'number':
    case 'text':
      return node.text;
    case 'string':
      return node.quoted;
    case 'dot':
      return '.';
    case 'nil':
    case 'break':
    case 'continue':
      return node.kind;
    case 'bool':
      return String(node.value);
    case 'command':
      return node.operands.map(grouped).join(' ');
    case 'pipe':
      return pipeText(node);
    case 'action':
    case 'if':
    case 'with':
    case 'range':
      return `{{${node.kind === 'action' ? '' : `${node.kind} `}${pipeText(node.pipe)}}}`;
    case 'template':
      return `{{template ${quoteGo(node.name)}${node.pipe === undefined ? '' : ` ${pipeText(node.pipe)}`}}}`;
  }
}

function pipeText({ variables, commands }: PipeNode): string {
  const head = variables.length === 0 ? '' : `${variables.map(nodeText).join(', ')} := `;
  return head + commands.map(nodeText).join(' | ');
}

function grouped(node: Operand): string {
  return node.kind === 'pipe' ? `(${pipeText(node)})` : nodeText(node);
}
