/** Reading answers of clouds: what is not as it should be is absent. Pure. */

/** A field of nested objects: `field(answer, 'droplet', 'id')`. Undefined for null and what is not there. */
export function field(value: unknown, ...names: readonly string[]): unknown {
  let at = value;
  for (const name of names) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) {
      return undefined;
    }
    at = (at as Readonly<Record<string, unknown>>)[name];
  }
  return at ?? undefined;
}

/** The same for a text. */
export function textField(value: unknown, ...names: readonly string[]): string | undefined {
  const found = field(value, ...names);
  return typeof found === 'string' ? found : undefined;
}

/** The same for a number. */
export function numberField(value: unknown, ...names: readonly string[]): number | undefined {
  const found = field(value, ...names);
  return typeof found === 'number' && Number.isFinite(found) ? found : undefined;
}

/** The same for a list; empty when there is none. */
export function listField(value: unknown, ...names: readonly string[]): readonly unknown[] {
  const found = field(value, ...names);
  return Array.isArray(found) ? found : [];
}

/** The same for an object whose values are texts: labels, tags. Others are left out. */
export function textsField(value: unknown, ...names: readonly string[]): Readonly<Record<string, string>> {
  const found = field(value, ...names);
  if (typeof found !== 'object' || found === null || Array.isArray(found)) {
    return {};
  }
  return Object.fromEntries(
    Object.entries(found).filter((pair): pair is [string, string] => typeof pair[1] === 'string'),
  );
}
