/**
 * The part of YAML (1.2) that files of clouds have: mappings and lists by indentation, plain and quoted scalars, lists of
 * scalars in brackets, comments. Whatever else YAML has (anchors, tags, blocks of text, mappings in braces, several
 * documents) is refused by name, as guessing at credentials helps nobody. Pure.
 */

/** Scalars are texts, as the keys that are read here have no other types; nothing is an empty text. */
export type YamlValue = string | readonly YamlValue[] | YamlMapping;
export interface YamlMapping {
  readonly [key: string]: YamlValue;
}

interface Line {
  readonly number: number;
  readonly indent: number;
  readonly text: string;
}

const depthMax = 32;

/** @throws SyntaxError with the number of the line. */
export function parseYaml(text: string): YamlValue {
  const lines = linesOf(text);
  const reader = { lines, at: 0 };
  if (lines.length === 0) {
    return '';
  }
  const value = readBlock(reader, lines[0]?.indent ?? 0, 0);
  const rest = lines[reader.at];
  if (rest !== undefined) {
    throw problem(rest, 'its indentation fits nothing before it');
  }
  return value;
}

function linesOf(text: string): Line[] {
  const lines: Line[] = [];
  const all = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  all.forEach((whole, index) => {
    const indent = /^ */.exec(whole)?.[0].length ?? 0;
    const line = { number: index + 1, indent, text: whole.slice(indent).trimEnd() };
    if (line.text === '' || line.text.startsWith('#') || (line.text === '---' && lines.length === 0)) {
      return;
    }
    if (/^(?:---|\.\.\.)(?:\s|$)/.test(whole) || line.text.startsWith('%')) {
      throw problem(line, 'several documents and directives are not understood');
    }
    if (line.text.startsWith('\t')) {
      throw problem(line, 'tabs do not indent');
    }
    lines.push(line);
  });
  return lines;
}

interface Reader {
  readonly lines: Line[];
  at: number;
}

function readBlock(reader: Reader, indent: number, depth: number): YamlValue {
  const first = reader.lines[reader.at];
  if (first === undefined || depth > depthMax) {
    throw problem(first ?? { number: 0 }, 'it is nested too deep');
  }
  if (/^-(?:\s|$)/.test(first.text)) {
    return readList(reader, indent, depth);
  }
  return splitKey(first) === undefined ? readAlone(reader) : readMapping(reader, indent, depth);
}

function readAlone(reader: Reader): YamlValue {
  const line = reader.lines[reader.at];
  reader.at += 1;
  return line === undefined ? '' : readInline(line, line.text);
}

function readMapping(reader: Reader, indent: number, depth: number): YamlMapping {
  const pairs = new Map<string, YamlValue>();
  for (let line = reader.lines[reader.at]; line?.indent === indent; line = reader.lines[reader.at]) {
    const split = splitKey(line);
    if (split === undefined) {
      throw problem(line, 'a key and a colon were expected');
    }
    const [key, rest] = split;
    if (pairs.has(key)) {
      throw problem(line, `the key ${key} comes twice`);
    }
    reader.at += 1;
    pairs.set(key, rest === '' ? readNested(reader, indent, depth) : readInline(line, rest));
  }
  return Object.fromEntries(pairs);
}

function readNested(reader: Reader, indent: number, depth: number): YamlValue {
  const next = reader.lines[reader.at];
  // A list may stand as far left as its key.
  const isList = next?.indent === indent && /^-(?:\s|$)/.test(next.text);
  return next !== undefined && (next.indent > indent || isList)
    ? readBlock(reader, next.indent, depth + 1)
    : '';
}

function readList(reader: Reader, indent: number, depth: number): YamlValue[] {
  const items: YamlValue[] = [];
  for (let line = reader.lines[reader.at]; line?.indent === indent; line = reader.lines[reader.at]) {
    const [, space, rest] = /^-(\s*)(.*)$/.exec(line.text) ?? [];
    if (space === undefined || rest === undefined || (space === '' && rest !== '')) {
      break;
    }
    if (rest === '' || rest.startsWith('#')) {
      reader.at += 1;
      items.push(readNested(reader, indent, depth));
      continue;
    }
    // What stands behind the dash is the first line of a block that is indented as far as it.
    const inner = { number: line.number, indent: indent + 1 + space.length, text: rest };
    reader.lines[reader.at] = inner;
    items.push(readBlock(reader, inner.indent, depth + 1));
  }
  return items;
}

/** Key and what is behind its colon; undefined for a line without one. */
function splitKey(line: Line): readonly [string, string] | undefined {
  const { text } = line;
  const quoted = /^("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')\s*:(?:\s+(.*))?$/.exec(text);
  if (quoted?.[1] !== undefined) {
    return [readQuoted(line, quoted[1]), withoutComment(quoted[2] ?? '')];
  }
  if (/^["'[]/.test(text)) {
    return undefined;
  }
  const plain = /^((?:[^:#]|:(?=\S)|(?<=\S)#)+?)\s*:(?:\s+(.*))?$/.exec(text);
  if (plain?.[1] === undefined) {
    return undefined;
  }
  requirePlain(line, plain[1]);
  return [plain[1], withoutComment(plain[2] ?? '')];
}

function withoutComment(text: string): string {
  return text.startsWith('#') ? '' : text;
}

/** A value within a line. */
function readInline(line: Line, text: string): YamlValue {
  const quoted = /^("(?:[^"\\]|\\.)*"|'(?:[^']|'')*')\s*(?:\s#.*)?$/.exec(text)?.[1];
  if (quoted !== undefined) {
    return readQuoted(line, quoted);
  }
  if (/^\{\s*\}\s*(?:\s#.*)?$/.test(text)) {
    return {};
  }
  if (text.startsWith('[')) {
    return readBrackets(line, text);
  }
  const plain = text.replace(/\s+#.*$/, '').trimEnd();
  requirePlain(line, plain);
  if (/:\s|:$/.test(plain)) {
    throw problem(line, 'a colon in a value needs quotes around the value');
  }
  return plain === '~' || plain === 'null' ? '' : plain;
}

function readBrackets(line: Line, text: string): YamlValue[] {
  const inside = /^\[(.*)\]\s*(?:\s#.*)?$/.exec(text)?.[1]?.trim();
  if (inside === undefined) {
    throw problem(line, 'a list in brackets has to end in its line');
  }
  const item = /\s*("(?:[^"\\]|\\.)*"|'(?:[^']|'')*'|[^,"'[\]{}]+?)\s*(?:,|$)/y;
  const items: YamlValue[] = [];
  while (item.lastIndex < inside.length) {
    const found = item.exec(inside)?.[1];
    if (found === undefined) {
      throw problem(line, 'a list in brackets takes scalars only');
    }
    items.push(readInline(line, found));
  }
  return items;
}

function requirePlain(line: Line, text: string): void {
  if (/^[&*!|>{}[\]%@`"'?]|^- |^<<$/.test(text)) {
    const what = 'anchors, tags, blocks of text, mappings in braces and open quotes are not understood';
    throw problem(line, `it begins with ${text.slice(0, 1)}: ${what}`);
  }
}

const escapes: Readonly<Record<string, string>> = {
  n: '\n',
  t: '\t',
  r: '\r',
  '0': '\0',
  '"': '"',
  '\\': '\\',
  '/': '/',
  ' ': ' ',
};

function readQuoted(line: Line, quoted: string): string {
  const inside = quoted.slice(1, -1);
  if (quoted.startsWith("'")) {
    return inside.replaceAll("''", "'");
  }
  return inside.replaceAll(
    /\\(?:x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|(.))/g,
    (_, short: string | undefined, long: string | undefined, letter: string | undefined) => {
      const code = short ?? long;
      const text =
        code === undefined ? escapes[letter ?? ''] : String.fromCharCode(Number.parseInt(code, 16));
      if (text === undefined) {
        throw problem(line, `the escape \\${letter ?? ''} is not understood`);
      }
      return text;
    },
  );
}

function problem({ number }: Pick<Line, 'number'>, what: string): SyntaxError {
  return new SyntaxError(`line ${number}: ${what}`);
}
