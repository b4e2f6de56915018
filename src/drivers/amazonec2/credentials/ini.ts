/**
 * Reads the files of AWS' tools, ~/.aws/config and ~/.aws/credentials: sections with `key = value`, comments with # or ;,
 * and nested values, which are indented and belong to none of the keys that are used here. Pure.
 */
export function parseIni(text: string): ReadonlyMap<string, ReadonlyMap<string, string>> {
  const sections = new Map<string, Map<string, string>>();
  let current: Map<string, string> | undefined;
  for (const line of text.split(/\r?\n/)) {
    const section = /^\[\s*(.+?)\s*\]\s*(?:[#;].*)?$/.exec(line)?.[1];
    if (section !== undefined) {
      const name = section.replace(/\s+/g, ' ').replace(/^(\S+) "(.*)"$/, '$1 $2');
      current = sections.get(name) ?? new Map<string, string>();
      sections.set(name, current);
      continue;
    }
    const [, key, value] = /^([A-Za-z0-9_.-]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (current !== undefined && key !== undefined && value !== undefined) {
      current.set(key.toLowerCase(), value.replace(/\s+[#;].*$/, ''));
    }
  }
  return sections;
}

/** Keys of a profile: of the configuration, and over them those of the credentials file. Undefined where neither has it. */
export function profileOf(
  name: string,
  files: { readonly config: string; readonly credentials: string },
): ReadonlyMap<string, string> | undefined {
  const config = parseIni(files.config);
  const inConfig = config.get(`profile ${name}`) ?? (name === 'default' ? config.get('default') : undefined);
  const inCredentials = parseIni(files.credentials).get(name);
  return inConfig === undefined && inCredentials === undefined
    ? undefined
    : new Map([...(inConfig ?? []), ...(inCredentials ?? [])]);
}
