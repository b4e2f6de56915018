/**
 * Reads cli.toml of the program hcloud, as far as tokens are in it: `active_context`, and tables `[[contexts]]` with `name`
 * and `token`. Pure.
 */

/** Contexts of hcloud. */
export interface HcloudConfig {
  readonly active: string;
  readonly contexts: readonly { readonly name: string; readonly token: string }[];
}

/** Whatever else is in the file is passed over. */
export function readHcloudConfig(text: string): HcloudConfig {
  const contexts: { name: string; token: string }[] = [];
  let active = '';
  let table = '';
  for (const line of text.split(/\r?\n/)) {
    const header = /^\s*(\[\[?)\s*([A-Za-z0-9_.-]+)\s*\]\]?\s*(?:#.*)?$/.exec(line);
    if (header !== null) {
      table = header[2] ?? '';
      if (table === 'contexts' && header[1] === '[[') {
        contexts.push({ name: '', token: '' });
      }
      continue;
    }
    const [, key = '', quoted = ''] = /^\s*([A-Za-z_]+)\s*=\s*("(?:[^"\\]|\\.)*"|'[^']*')/.exec(line) ?? [];
    const value = unquote(quoted);
    const last = contexts.at(-1);
    if (table === '' && key === 'active_context') {
      active = value;
    } else if (table === 'contexts' && last !== undefined && (key === 'name' || key === 'token')) {
      last[key] = value;
    }
  }
  return { active, contexts };
}

/** The token of a context; of the active one for an empty name. Undefined where there is none. */
export function tokenOfContext(
  { active, contexts }: HcloudConfig,
  name: string,
): { readonly token: string; readonly context: string } | undefined {
  const wanted = name === '' ? active : name;
  const found = contexts.find((context) => context.name === wanted && context.token !== '');
  return found === undefined ? undefined : { token: found.token, context: found.name };
}

function unquote(text: string): string {
  if (!text.startsWith('"')) {
    return text.slice(1, -1);
  }
  try {
    return JSON.parse(text) as string;
  } catch {
    return '';
  }
}
