/**
 * Reads the XML in which EC2 and STS answer: elements and texts, no attributes that matter, no entities but the five of
 * XML and numeric ones. Namespaces are passed over. Everything else of XML is passed over or refused.
 */

/** An element. */
export interface XmlElement {
  readonly name: string;
  readonly children: readonly XmlElement[];
  /** Its own text, without that of its children. */
  readonly text: string;
}

const depthMax = 64;
const token =
  /<!--[\s\S]*?-->|<\?[\s\S]*?\?>|<!\[CDATA\[([\s\S]*?)\]\]>|<(\/?)([A-Za-z_][\w.:-]*)((?:[^<>"']|"[^"]*"|'[^']*')*?)(\/?)>|([^<]+)/y;

/** The root element. @throws SyntaxError for what is not whole, not XML, or nested too deep. */
export function parseXml(text: string): XmlElement {
  const root: Open = { name: '', children: [], text: '' };
  const open: Open[] = [root];
  token.lastIndex = 0;
  let at = 0;
  while (at < text.length) {
    token.lastIndex = at;
    const match = token.exec(text);
    const parent = open.at(-1);
    if (match === null || parent === undefined) {
      throw new SyntaxError(`this is no XML at character ${at}`);
    }
    at = token.lastIndex;
    const [, data, closing, name = '', , empty, content] = match;
    if (data !== undefined || content !== undefined) {
      parent.text += data ?? decodeEntities(content ?? '');
    } else if (closing === '/') {
      if (open.length === 1 || parent.name !== localName(name)) {
        throw new SyntaxError(`</${name}> closes nothing at character ${at}`);
      }
      open.pop();
    } else if (name !== '') {
      const element: Open = { name: localName(name), children: [], text: '' };
      parent.children.push(element);
      if (empty !== '/') {
        open.push(element);
      }
      if (open.length > depthMax) {
        throw new SyntaxError('it is nested too deep');
      }
    }
  }
  const [first, second] = root.children;
  if (open.length !== 1 || first === undefined || second !== undefined || root.text.trim() !== '') {
    throw new SyntaxError('it is not one whole element');
  }
  return first;
}

interface Open {
  readonly name: string;
  readonly children: Open[];
  text: string;
}

/** The element that is reached by names, each the first of its name. */
export function childOf(element: XmlElement, ...names: readonly string[]): XmlElement | undefined {
  return names.reduce<XmlElement | undefined>(
    (found, name) => found?.children.find((child) => child.name === name),
    element,
  );
}

/** The text there; undefined where there is none, or only what stands for nothing. */
export function textOf(element: XmlElement | undefined, ...names: readonly string[]): string | undefined {
  const found = element === undefined ? undefined : childOf(element, ...names);
  const text = found?.text.trim() ?? '';
  // A stand-in of the API writes the word for an absent value.
  return text === '' || text === 'None' ? undefined : text;
}

/** The `item` elements of a list; none where there is no list. */
export function itemsOf(element: XmlElement | undefined, ...names: readonly string[]): readonly XmlElement[] {
  const found = element === undefined ? undefined : childOf(element, ...names);
  return found?.children.filter(({ name }) => name === 'item' || name === 'member') ?? [];
}

function localName(name: string): string {
  return name.slice(name.indexOf(':') + 1);
}

const entities: Readonly<Record<string, string>> = { lt: '<', gt: '>', amp: '&', quot: '"', apos: "'" };

function decodeEntities(text: string): string {
  return text.replace(/&(?:#x([0-9a-fA-F]{1,6})|#(\d{1,7})|([a-z]+));/g, (whole, hex, decimal, name) => {
    if (name !== undefined) {
      return entities[String(name)] ?? whole;
    }
    const code = hex === undefined ? Number(decimal) : Number.parseInt(String(hex), 16);
    return code <= 0x10_ff_ff ? String.fromCodePoint(code) : '';
  });
}
