import {
  elementsOf,
  entriesOf,
  fieldsOf,
  isIntegerKind,
  targetOf,
  withoutInterface,
  type GoValue,
} from './values.ts';

/** What Go prints for a value that is missing. */
export const noValue = '<no value>';

/** Like fmt.Sprint: a blank between two operands when neither is a text. */
export function sprint(values: readonly (GoValue | undefined)[]): string {
  let text = '';
  let wasString = true;
  for (const [index, each] of values.entries()) {
    const value = withoutInterface(each);
    const isString = value?.type.kind === 'string';
    text += index > 0 && !isString && !wasString ? ' ' : '';
    text += formatValue(value);
    wasString = isString;
  }
  return text;
}

/** Like fmt.Sprintln. */
export function sprintln(values: readonly (GoValue | undefined)[]): string {
  return `${values.map((value) => formatValue(withoutInterface(value))).join(' ')}\n`;
}

/** A value as `%v` prints it. A pointer to a struct has `&`; inside of something it is followed, too, where Go prints an address. */
export function formatValue(value: GoValue | undefined): string {
  if (value === undefined) {
    return '<nil>';
  }
  const { type, data } = value;
  if (type.toText !== undefined) {
    return type.toText(data as bigint);
  }
  switch (type.kind) {
    case 'string':
      return data as string;
    case 'float64':
      return value.exact !== undefined && /^-?\d+$/.test(value.exact)
        ? value.exact
        : formatFloat(data as number);
    case 'slice':
      return `[${elementsOf(value).map(formatValue).join(' ')}]`;
    case 'map':
      return `map[${[...entriesOf(value)].map(([key, element]) => `${key}:${formatValue(element)}`).join(' ')}]`;
    case 'struct':
      return `{${fieldsOf(value)
        .map(([, field]) => formatValue(field))
        .join(' ')}}`;
    case 'ptr': {
      const target = targetOf(value);
      return target === null ? '<nil>' : `&${formatValue(target)}`;
    }
    case 'interface':
      return formatValue(targetOf(value) ?? undefined);
    default:
      return isIntegerKind(type.kind) ? (data as bigint).toString() : data === true ? 'true' : 'false';
  }
}

/**
 * A float64 as `%v`, except that whole numbers are plain up to 21 digits: ids and sizes in records are such numbers,
 * which Go reads as floats and would print as 1.2345678e+07.
 */
export function formatFloat(value: number): string {
  if (Number.isInteger(value) && Math.abs(value) < 1e21) {
    return Object.is(value, -0) ? '-0' : value.toFixed(0);
  }
  return formatGeneral(value);
}

/** Go's `%g`: with the shortest digits that tell the number from its neighbours, or with so many digits. */
export function formatGeneral(value: number, precision?: number): string {
  if (!Number.isFinite(value)) {
    return Number.isNaN(value) ? 'NaN' : value > 0 ? '+Inf' : '-Inf';
  }
  const digitsMax = precision === undefined ? undefined : Math.min(100, Math.max(precision, 1));
  const scientific = value.toExponential(digitsMax === undefined ? undefined : digitsMax - 1);
  const [mantissa = '', exponentText = '0'] = scientific.split('e');
  const exponent = Number(exponentText);
  const digits = mantissa.replace(/^-/, '').replace('.', '').replace(/0+$/, '').length;
  // As strconv decides: an exponent below -4, or not below the number of digits, 6 for the shortest form.
  const limit =
    digitsMax === undefined ? 6 : digitsMax > digits && digits >= exponent + 1 ? digits : digitsMax;
  if (value !== 0 && (exponent < -4 || exponent >= limit)) {
    return `${trimZeros(mantissa)}e${goExponent(exponent)}`;
  }
  return trimZeros(value.toFixed(Math.max(0, digits - 1 - exponent)));
}

function trimZeros(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

/** `+07`: a sign and at least two digits. */
export function goExponent(exponent: number): string {
  return `${exponent < 0 ? '-' : '+'}${String(Math.abs(exponent)).padStart(2, '0')}`;
}
