import { quoteGoJson } from '../core/exact-json.ts';
import { elementsOf, entriesOf, fieldsOf, targetOf, type GoValue } from './values.ts';

/**
 * A value as JSON, as Go's json.Marshal writes it: keys of maps sorted, those of structs in their order; `<`, `>` and
 * `&` as escapes.
 * @param step blanks for each level; compact without
 */
export function toJsonText(value: GoValue | undefined, step = '', indent = ''): string {
  if (value === undefined || value.data === null) {
    return 'null';
  }
  const { type, data } = value;
  const inner = indent + step;
  switch (type.kind) {
    case 'slice':
      return enclose(
        '[]',
        { step, indent },
        elementsOf(value).map((each) => toJsonText(each, step, inner)),
      );
    case 'map':
    case 'struct': {
      const entries = type.kind === 'map' ? [...entriesOf(value)] : fieldsOf(value);
      const colon = step === '' ? ':' : ': ';
      const members = entries.map(([key, each]) => quoteGoJson(key) + colon + toJsonText(each, step, inner));
      return enclose('{}', { step, indent }, members);
    }
    case 'ptr':
    case 'interface':
      return toJsonText(targetOf(value) ?? undefined, step, indent);
    case 'string':
      return quoteGoJson(data as string);
    case 'bool':
      return data === true ? 'true' : 'false';
    case 'float64':
      return value.exact ?? (data as number).toString();
    default:
      return type.isTextInJson === true && type.toText !== undefined
        ? quoteGoJson(type.toText(data as bigint))
        : (data as bigint).toString();
  }
}

function enclose(
  brackets: '[]' | '{}',
  { step, indent }: { readonly step: string; readonly indent: string },
  parts: readonly string[],
): string {
  const [open = '', close = ''] = brackets;
  if (parts.length === 0 || step === '') {
    return open + parts.join(',') + close;
  }
  const lines = parts.map((part) => indent + step + part).join(',\n');
  return `${open}\n${lines}\n${indent}${close}`;
}
