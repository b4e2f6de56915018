import { createRequire } from 'node:module';
import path from 'node:path';
import { Language, Parser, type Node } from 'web-tree-sitter';

/** A command as it stands in a script. */
export interface CommandUse {
  readonly name: string;
  /** Names of its parameters, without dashes. */
  readonly parameters: readonly string[];
}

/** What the grammar of PowerShell finds in a text. */
export interface Parsed {
  /** `line: text` of what does not fit; empty for a script that is one. */
  readonly errors: readonly string[];
  readonly commands: readonly CommandUse[];
  /** Names of functions that the script defines itself. */
  readonly functions: readonly string[];
}

/** Loads the grammar, which is WebAssembly: nothing is compiled, and PowerShell is not needed. */
export async function loadGrammar(): Promise<(text: string) => Parsed> {
  await Parser.init();
  const folder = path.dirname(createRequire(import.meta.url).resolve('tree-sitter-powershell/package.json'));
  const parser = new Parser();
  parser.setLanguage(await Language.load(path.join(folder, 'tree-sitter-powershell.wasm')));
  return (text) => {
    const tree = parser.parse(text);
    if (tree === null) {
      throw new Error('the parser gave no tree');
    }
    const nodes = [...walk(tree.rootNode)];
    return {
      errors: nodes
        .filter((node) => node.isError || node.isMissing)
        .map(({ startPosition, text: found }) => `${startPosition.row + 1}: ${found.slice(0, 100)}`),
      commands: nodes.filter(({ type }) => type === 'command').flatMap(commandOf),
      functions: nodes.filter(({ type }) => type === 'function_name').map(({ text: name }) => name),
    };
  };
}

function* walk(node: Node): Generator<Node> {
  yield node;
  for (const child of node.children) {
    yield* walk(child);
  }
}

/** A block that is called is a command without a name. */
function commandOf(node: Node): CommandUse[] {
  const name = node.children.find(({ type }) => type === 'command_name')?.text;
  const elements = node.children.filter(({ type }) => type === 'command_elements');
  const parameters = elements
    .flatMap(({ children }) => children)
    .filter(({ type }) => type === 'command_parameter')
    .map(({ text }) => text.replace(/^-/, ''));
  return name === undefined ? [] : [{ name, parameters }];
}
