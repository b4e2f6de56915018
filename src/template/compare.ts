import { FunctionError } from './errors.ts';
import { sprintf } from './printf.ts';
import { compareBytes, isIntegerKind, withoutInterface, type GoValue } from './values.ts';

/** Groups of kinds that can be compared with each other. */
type Group = 'bool' | 'integer' | 'unsigned' | 'float' | 'string';

const incompatible = 'incompatible types for comparison';
const invalid = 'invalid type for comparison';

function groupOf(value: GoValue | undefined): Group | undefined {
  switch (value?.type.kind) {
    case 'bool':
      return 'bool';
    case 'int':
    case 'int64':
      return 'integer';
    case 'uint8':
      return 'unsigned';
    case 'float64':
      return 'float';
    case 'string':
      return 'string';
    default:
      return undefined;
  }
}

/** `eq`: whether the first value equals one of the others. @throws FunctionError for values that cannot be compared. */
export function equalsAny(first: GoValue | undefined, others: readonly (GoValue | undefined)[]): boolean {
  if (others.length === 0) {
    throw new FunctionError('missing argument for comparison');
  }
  const left = withoutInterface(first);
  return others.some((other) => equals(left, withoutInterface(other)));
}

function equals(left: GoValue | undefined, right: GoValue | undefined): boolean {
  const [group, other] = [groupOf(left), groupOf(right)];
  if (group === undefined && other === undefined) {
    return equalsComposite(left, right);
  }
  if (left === undefined || right === undefined) {
    return false;
  }
  const areIntegers = isIntegerKind(left.type.kind) && isIntegerKind(right.type.kind);
  if (group !== other && !areIntegers) {
    throw new FunctionError(incompatible);
  }
  return left.data === right.data;
}

function equalsComposite(left: GoValue | undefined, right: GoValue | undefined): boolean {
  const [isLeftNil, isRightNil] = [isNil(left), isNil(right)];
  if (left !== undefined && right !== undefined && left.type.kind !== right.type.kind) {
    throw new FunctionError(
      sprintf(`non-comparable types %s: ${left.type.name}, ${right.type.name}: %v`, [left, right]),
    );
  }
  if (isLeftNil || isRightNil) {
    return isLeftNil === isRightNil;
  }
  if (right?.type.kind !== 'ptr') {
    throw new FunctionError(sprintf(`non-comparable type %s: ${right?.type.name ?? ''}`, [right]));
  }
  return left?.data === right.data;
}

function isNil(value: GoValue | undefined): boolean {
  return value === undefined || value.data === null;
}

/** `lt`: order of numbers, and of texts by their bytes. @throws FunctionError for values without an order. */
export function isLess(first: GoValue | undefined, second: GoValue | undefined): boolean {
  const [left, right] = [withoutInterface(first), withoutInterface(second)];
  const [group, other] = [groupOf(left), groupOf(right)];
  if (left === undefined || right === undefined || group === undefined || other === undefined) {
    throw new FunctionError(invalid);
  }
  if (group !== other && !(isIntegerKind(left.type.kind) && isIntegerKind(right.type.kind))) {
    throw new FunctionError(incompatible);
  }
  if (group === 'bool') {
    throw new FunctionError(invalid);
  }
  return group === 'string'
    ? compareBytes(left.data as string, right.data as string) < 0
    : (left.data as number | bigint) < (right.data as number | bigint);
}
