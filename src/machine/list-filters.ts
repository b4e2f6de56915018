import { MachineError } from '../core/errors.ts';
import type { MachineRecord } from '../store/record.ts';
import { namePattern } from './name-pattern.ts';

/** Filters of `ls`: of one key any value may match, of different keys each. */
export interface ListFilters {
  /** Tests of names; needs nothing else of a machine. */
  readonly names: readonly ((name: string) => boolean)[];
  /** Names of drivers, in lower case. */
  readonly drivers: readonly string[];
  /** States in lower case. */
  readonly states: readonly string[];
  /** Engine labels, the value in lower case. */
  readonly labels: readonly { readonly key: string; readonly value: string }[];
  /** Names of classic Swarm's masters, in lower case. */
  readonly swarms: readonly string[];
}

/** What the filters of a record look at; `record` is undefined for one that cannot be read. */
export interface FilteredMachine {
  readonly name: string;
  readonly record: MachineRecord | undefined;
  /** Of a record that cannot be read otherwise. */
  readonly driverName: string | undefined;
}

/**
 * Reads `key=value` filters: driver, state, name (a regular expression of Go's), label and swarm.
 * @throws MachineError `flag-invalid`.
 */
export function parseListFilters(texts: readonly string[]): ListFilters {
  const values: Record<string, string[]> = { driver: [], state: [], name: [], label: [], swarm: [] };
  for (const text of texts) {
    const at = text.indexOf('=');
    if (at < 0) {
      throw invalid('Unsupported filter syntax', `"${text}" is not of the form key=value.`);
    }
    const key = text.slice(0, at).toLowerCase();
    const list = Object.hasOwn(values, key) ? values[key] : undefined;
    if (list === undefined) {
      throw invalid(`Unsupported filter key '${key}'`, `Keys are: ${Object.keys(values).sort().join(', ')}.`);
    }
    list.push(text.slice(at + 1));
  }
  const { driver = [], state = [], name = [], label = [], swarm = [] } = values;
  const lower = (list: readonly string[]): string[] => list.map((value) => value.toLowerCase());
  return {
    names: name.map(namePattern),
    drivers: lower(driver),
    states: lower(state),
    labels: label.map(parseLabel),
    swarms: lower(swarm),
  };
}

/** An empty label is one that no machine has. */
function parseLabel(text: string): { key: string; value: string } {
  const at = text.indexOf('=');
  if (at < 0 && text !== '') {
    throw invalid(
      'Unsupported filter syntax',
      `A label is filtered as label=KEY=VALUE, not as label=${text}.`,
    );
  }
  return { key: at < 0 ? '' : text.slice(0, at), value: text.slice(at + 1).toLowerCase() };
}

function invalid(message: string, why: string): MachineError {
  return new MachineError('flag-invalid', message, { why, facts: { flag: 'filter' } });
}

/** Whether a filter looks at more than the name. */
export function needsRecord({ drivers, states, labels, swarms }: ListFilters): boolean {
  return [drivers, states, labels, swarms].some((list) => list.length > 0);
}

/** The filters by name. */
export function matchesName({ names }: ListFilters, name: string): boolean {
  return names.length === 0 || names.some((test) => test(name));
}

/** The filters by state. */
export function matchesState({ states }: ListFilters, state: string): boolean {
  return states.length === 0 || states.includes(state.toLowerCase());
}

/**
 * The filters by what is in the record; one that cannot be read matches by its driver alone.
 * @param masters names of Swarm's masters by what they are discovered with
 */
export function matchesRecord(
  filters: ListFilters,
  { record, driverName }: FilteredMachine,
  masters: ReadonlyMap<string, string>,
): boolean {
  const { drivers, labels, swarms } = filters;
  if (drivers.length > 0 && !drivers.includes(driverName?.toLowerCase() ?? '')) {
    return false;
  }
  if (labels.length > 0 && !hasLabel(record, labels)) {
    return false;
  }
  const master = masters.get(record?.HostOptions.SwarmOptions?.Discovery ?? '');
  return swarms.length === 0 || (master !== undefined && swarms.includes(master.toLowerCase()));
}

function hasLabel(record: MachineRecord | undefined, wanted: ListFilters['labels']): boolean {
  const labels = record?.HostOptions.EngineOptions?.Labels ?? [];
  // Of a label that is set twice the last one holds.
  const byKey = new Map(
    labels.map((label) => {
      const at = label.indexOf('=');
      return at < 0 ? [label, ''] : [label.slice(0, at), label.slice(at + 1).toLowerCase()];
    }),
  );
  return wanted.some(({ key, value }) => byKey.get(key) === value);
}
