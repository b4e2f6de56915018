import { isPrintable } from './quote.ts';

const htmlEscapes: Readonly<Record<string, string>> = {
  '"': '&#34;',
  "'": '&#39;',
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '\0': '\ufffd',
};

/** Like Go's template.HTMLEscapeString. */
export function escapeHtml(text: string): string {
  return text.replace(/["'&<>\0]/g, (character) => htmlEscapes[character] ?? character);
}

/** Like Go's template.JSEscapeString: safe inside a string of JavaScript. */
export function escapeJs(text: string): string {
  return Array.from(text, (character) => {
    if (/[\\'"]/.test(character)) {
      return `\\${character}`;
    }
    const code = character.codePointAt(0) ?? 0;
    const isPlain = !/[<>&=]/.test(character) && isPrintable(character);
    return isPlain ? character : `\\u${code.toString(16).toUpperCase().padStart(4, '0')}`;
  }).join('');
}

/** Like Go's url.QueryEscape: a blank is `+`. */
export function escapeQuery(text: string): string {
  return encodeURIComponent(Buffer.from(text).toString())
    .replaceAll('%20', '+')
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}
