import type { Argument } from './functions.ts';
import type { Scope } from './scope.ts';
import {
  entriesOf,
  forgivingText,
  indirect,
  stringValue,
  zeroOf,
  type GoType,
  type GoValue,
} from './values.ts';

/**
 * A field of a struct, an entry of a map, or what a method without arguments returns, as `.NAME` finds it.
 * @param argumentCount how many arguments the template gives it, which only methods of other types could take
 * @throws TemplateError as Go's text/template words it
 */
export function fieldOf(scope: Scope, receiver: Argument, name: string, argumentCount: number): Argument {
  if (receiver === undefined) {
    return undefined;
  }
  const { type } = receiver;
  const { value, isNil } = indirect(receiver);
  if (value.type.kind === 'interface') {
    scope.fail(`nil pointer evaluating ${type.name}.${name}`);
  }
  const method = methodOf(value, name);
  if (method !== undefined) {
    if (argumentCount > 0) {
      scope.fail(`wrong number of args for ${name}: want 0 got ${argumentCount}`);
    }
    return method(value.data as bigint);
  }
  switch (value.type.kind) {
    case 'struct': {
      const field = memberOf(value, name);
      if (field !== undefined && argumentCount > 0) {
        scope.fail(`${name} has arguments but cannot be invoked as function`);
      }
      if (field !== undefined) {
        return field;
      }
      break;
    }
    case 'map':
      if (argumentCount > 0) {
        scope.fail(`${name} is not a method but has arguments`);
      }
      return entriesOf(value).get(name);
    case 'ptr':
      if (isNil && fieldName(value.type.element, name) !== undefined) {
        return value.type.isForgiving === true
          ? forgivingText
          : scope.fail(`nil pointer evaluating ${type.name}.${name}`);
      }
      break;
    default:
      if (value.type.isForgiving === true) {
        return forgivingText;
      }
  }
  return scope.fail(`can't evaluate field ${name} in type ${type.name}`);
}

/** The name under which a struct has this field. */
function fieldName(type: GoType | undefined, name: string): string | undefined {
  const { fields = {}, aliases = {} } = type ?? {};
  const own = Object.hasOwn(aliases, name) ? (aliases[name] ?? name) : name;
  return Object.hasOwn(fields, own) ? own : undefined;
}

function memberOf({ type, data }: GoValue, name: string): GoValue | undefined {
  const own = fieldName(type, name);
  const fieldType = own === undefined ? undefined : type.fields?.[own];
  return fieldType && ((data as Readonly<Record<string, GoValue>>)[own ?? ''] ?? zeroOf(fieldType));
}

function methodOf({ type }: GoValue, name: string): ((value: bigint) => GoValue) | undefined {
  const { toText, methods = {} } = type;
  if (name === 'String' && toText !== undefined) {
    return (value) => stringValue(toText(value));
  }
  return Object.hasOwn(methods, name) ? methods[name] : undefined;
}
