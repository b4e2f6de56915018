import { equalsAny, isLess } from './compare.ts';
import { FunctionError } from './errors.ts';
import { escapeHtml, escapeJs, escapeQuery } from './escape.ts';
import { noValue, sprint, sprintln } from './print.ts';
import { sprintf } from './printf.ts';
import { toJsonText } from './to-json.ts';
import {
  boolValue,
  elementsOf,
  entriesOf,
  indirect,
  intValue,
  isIntegerKind,
  isTrue,
  stringValue,
  types,
  withoutInterface,
  zeroOf,
  type GoValue,
} from './values.ts';

/** A value, or none: Go's invalid reflect.Value. */
export type Argument = GoValue | undefined;

/** A function of templates. Nil stands in for an argument that has no value. */
export interface TemplateFunction {
  /** Types of its parameters. */
  readonly parameters: readonly ('any' | 'string')[];
  /** Takes any number of further arguments. */
  readonly isVariadic: boolean;
  call(args: readonly Argument[]): Argument;
}

const value = { parameters: ['any'], isVariadic: false } as const;
const two = { parameters: ['any', 'any'], isVariadic: false } as const;
const list = { parameters: [], isVariadic: true } as const;
const oneAndMore = { parameters: ['any'], isVariadic: true } as const;

/** Go's own functions and docker-machine's `json` and `prettyjson`. `and` and `or` are evaluated by the engine. */
export const templateFunctions: ReadonlyMap<string, TemplateFunction> = new Map<string, TemplateFunction>([
  ['and', { ...oneAndMore, call: ([first]) => first }],
  ['or', { ...oneAndMore, call: ([first]) => first }],
  ['not', { ...value, call: ([arg]) => boolValue(!isTrue(withoutInterface(arg))) }],
  ['eq', { ...oneAndMore, call: ([first, ...others]) => boolValue(equalsAny(first, others)) }],
  ['ne', { ...two, call: ([left, right]) => boolValue(!equalsAny(left, [right])) }],
  ['lt', { ...two, call: ([left, right]) => boolValue(isLess(left, right)) }],
  ['le', { ...two, call: ([left, right]) => boolValue(isLess(left, right) || equalsAny(left, [right])) }],
  ['gt', { ...two, call: ([left, right]) => boolValue(!isLess(left, right) && !equalsAny(left, [right])) }],
  ['ge', { ...two, call: ([left, right]) => boolValue(!isLess(left, right)) }],
  ['len', { ...value, call: ([arg]) => intValue(length(arg)) }],
  ['index', { ...oneAndMore, call: ([item, ...indexes]) => index(item, indexes) }],
  ['slice', { ...oneAndMore, call: ([item, ...indexes]) => slice(item, indexes) }],
  ['call', { ...oneAndMore, call: ([callee]) => call(callee) }],
  ['print', { ...list, call: (args) => stringValue(sprint(args)) }],
  ['println', { ...list, call: (args) => stringValue(sprintln(args)) }],
  [
    'printf',
    {
      parameters: ['string'],
      isVariadic: true,
      call: ([format, ...args]) => stringValue(sprintf(textOf(format), args)),
    },
  ],
  ['html', { ...list, call: (args) => stringValue(escapeHtml(joined(args))) }],
  ['js', { ...list, call: (args) => stringValue(escapeJs(joined(args))) }],
  ['urlquery', { ...list, call: (args) => stringValue(escapeQuery(joined(args))) }],
  ['json', { ...value, call: ([arg]) => stringValue(toJsonText(arg)) }],
  ['prettyjson', { ...value, call: ([arg]) => stringValue(toJsonText(arg, '    ')) }],
]);

function textOf(arg: Argument): string {
  return withoutInterface(arg)?.data as string;
}

/** What the escaping functions work on: one text as it is, else everything as `print` has it. */
function joined(args: readonly Argument[]): string {
  return sprint(
    args.map((arg) => {
      const plain = withoutInterface(arg);
      const target = plain?.type.kind === 'ptr' ? indirect(plain).value : plain;
      return target ?? stringValue(noValue);
    }),
  );
}

/** Bytes of a text as Go counts them. */
function bytesOf(text: GoValue): Buffer {
  return Buffer.from(text.data as string);
}

function length(arg: Argument): number {
  if (arg === undefined) {
    throw new FunctionError('reflect: call of reflect.Value.Type on zero Value');
  }
  const { value: item, isNil } = indirect(arg);
  if (isNil) {
    throw new FunctionError('len of nil pointer');
  }
  switch (item.type.kind) {
    case 'slice':
      return elementsOf(item).length;
    case 'map':
      return entriesOf(item).size;
    case 'string':
      return bytesOf(item).length;
    default:
      throw new FunctionError(`len of type ${item.type.name}`);
  }
}

function index(arg: Argument, indexes: readonly Argument[]): Argument {
  let item = withoutInterface(arg);
  if (item === undefined) {
    throw new FunctionError('index of untyped nil');
  }
  for (const each of indexes) {
    const key = withoutInterface(each);
    const { value: target, isNil } = indirect(item);
    if (isNil) {
      throw new FunctionError('index of nil pointer');
    }
    item = target.type.isForgiving === true ? target : elementAt(target, key);
  }
  return item;
}

function elementAt(item: GoValue, key: Argument): GoValue {
  switch (item.type.kind) {
    case 'slice': {
      const elements = elementsOf(item);
      return requireElement(elements[indexNumber(key, elements.length)], 'slice');
    }
    case 'string': {
      const bytes = bytesOf(item);
      const byte = bytes[indexNumber(key, bytes.length)];
      return requireElement(
        byte === undefined ? undefined : { type: types.uint8, data: BigInt(byte) },
        'string',
      );
    }
    case 'map': {
      if (key?.type.kind !== 'string') {
        throw new FunctionError(
          key === undefined
            ? 'value is nil; should be of type string'
            : `value has type ${key.type.name}; should be string`,
        );
      }
      return entriesOf(item).get(key.data as string) ?? zeroOf(item.type.element ?? types.any);
    }
    default:
      throw new FunctionError(`can't index item of type ${item.type.name}`);
  }
}

function requireElement(element: GoValue | undefined, kind: string): GoValue {
  if (element === undefined) {
    throw new FunctionError(`reflect: ${kind} index out of range`);
  }
  return element;
}

/** The length itself passes here, as with Go; whoever indexes with it fails. */
function indexNumber(key: Argument, length: number): number {
  if (key === undefined) {
    throw new FunctionError('cannot index slice/array with nil');
  }
  if (!isIntegerKind(key.type.kind)) {
    throw new FunctionError(`cannot index slice/array with type ${key.type.name}`);
  }
  const at = key.data as bigint;
  if (at < 0n || at > BigInt(length)) {
    throw new FunctionError(`index out of range: ${at}`);
  }
  return Number(at);
}

function slice(arg: Argument, indexes: readonly Argument[]): GoValue {
  const item = withoutInterface(arg);
  if (item === undefined) {
    throw new FunctionError('slice of untyped nil');
  }
  if (indexes.length > 3) {
    throw new FunctionError(`too many slice indexes: ${indexes.length}`);
  }
  const isText = item.type.kind === 'string';
  if (isText && indexes.length === 3) {
    throw new FunctionError('cannot 3-index slice a string');
  }
  if (!isText && item.type.kind !== 'slice') {
    throw new FunctionError(`can't slice item of type ${item.type.name}`);
  }
  const size = length(item);
  const [from = 0, to = size, capacity = size] = indexes.map((each) =>
    indexNumber(withoutInterface(each), size),
  );
  const [low, high] = from > to ? [from, to] : [to, capacity];
  if (low > high) {
    throw new FunctionError(`invalid slice index: ${low} > ${high}`);
  }
  return isText
    ? { type: item.type, data: bytesOf(item).subarray(from, to).toString() }
    : { type: item.type, data: elementsOf(item).slice(from, to) };
}

/** No value of a machine is a function. */
function call(arg: Argument): never {
  const callee = withoutInterface(arg);
  throw new FunctionError(callee === undefined ? 'call of nil' : `non-function of type ${callee.type.name}`);
}
