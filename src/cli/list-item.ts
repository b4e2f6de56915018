import type { MachineRow } from '../machine/list.ts';
import { engineFields, swarmFields } from '../store/record.ts';
import type { FieldKind, Fields } from '../store/go-json.ts';
import {
  boolValue,
  forgivingText,
  mapOf,
  pointerTo,
  sliceOf,
  sortedMap,
  stringValue,
  types,
  type GoType,
  type GoValue,
} from '../template/values.ts';
import { activeMark } from './active-mark.ts';
import { formatGoDuration } from './go-duration.ts';
import { printable } from './render/text.ts';
import { withoutSecrets } from './without-secrets.ts';

/** What templates of `ls` see of a machine: docker-machine's HostListItem, with Go's types. */

const stateWords = ['', 'Running', 'Paused', 'Saved', 'Stopped', 'Stopping', 'Starting', 'Error', 'Timeout'];

const stateType: GoType = {
  kind: 'int',
  name: 'state.State',
  toText: (value) => stateWords[Number(value)] ?? '',
  isTextInJson: true,
};

const durationType: GoType = {
  kind: 'int64',
  name: 'time.Duration',
  toText: formatGoDuration,
  methods: {
    Nanoseconds: (ns) => ({ type: int64Type, data: ns }),
    Microseconds: (ns) => ({ type: int64Type, data: ns / 1_000n }),
    Milliseconds: (ns) => ({ type: int64Type, data: ns / 1_000_000n }),
    Seconds: (ns) => ({ type: types.float64, data: Number(ns) / 1e9 }),
    Minutes: (ns) => ({ type: types.float64, data: Number(ns) / 60e9 }),
    Hours: (ns) => ({ type: types.float64, data: Number(ns) / 3600e9 }),
  },
};
const int64Type: GoType = { kind: 'int64', name: 'int64' };

const fieldTypes: Readonly<Record<FieldKind, GoType>> = {
  string: types.string,
  bool: types.bool,
  int: types.int,
  number: types.float64,
  list: sliceOf(types.string),
};

/** A pointer to a struct with the fields of the record; fields of a nil one are empty texts. */
function optionsType(name: string, fields: Fields, goNames: Readonly<Record<string, string>>): GoType {
  const entries = Object.entries(fields).map(([field, kind]) => [goNames[field] ?? field, fieldTypes[kind]]);
  const struct: GoType = {
    kind: 'struct',
    name,
    fields: Object.fromEntries(entries) as Readonly<Record<string, GoType>>,
    aliases: goNames,
  };
  return { ...pointerTo(struct), isForgiving: true };
}

const swarmNames = {};
const engineNames = { Dns: 'DNS', TlsVerify: 'TLSVerify' };
const swarmType = optionsType('swarm.Options', swarmFields, swarmNames);
const engineType = optionsType('engine.Options', engineFields, engineNames);

/** Fields in the order of Go's struct, with their headers. */
const columns = {
  Name: { type: types.string, header: 'NAME' },
  Active: { type: types.string, header: 'ACTIVE' },
  ActiveHost: { type: types.bool, header: 'ACTIVE_HOST' },
  ActiveSwarm: { type: types.bool, header: 'ACTIVE_SWARM' },
  DriverName: { type: types.string, header: 'DRIVER' },
  State: { type: stateType, header: 'STATE' },
  URL: { type: types.string, header: 'URL' },
  SwarmOptions: { type: swarmType, header: 'SWARM_OPTIONS' },
  Swarm: { type: types.string, header: 'SWARM' },
  EngineOptions: { type: engineType, header: 'ENGINE_OPTIONS' },
  Error: { type: types.string, header: 'ERRORS' },
  DockerVersion: { type: types.string, header: 'DOCKER' },
  ResponseTime: { type: durationType, header: 'RESPONSE' },
} as const satisfies Record<string, { readonly type: GoType; readonly header: string }>;

const itemType: GoType = {
  kind: 'struct',
  name: 'commands.HostListItem',
  fields: Object.fromEntries(Object.entries(columns).map(([name, { type }]) => [name, type])),
};

/** The headers, over which a template that begins with `table` is run first. Fields of a header are empty. */
export const listHeaders: GoValue = {
  type: mapOf(types.string),
  data: sortedMap(
    Object.entries(columns).map(([name, { header }]) => [name, { ...forgivingText, data: header }]),
  ),
};

/** A machine as data of a template; safe on a terminal, without secrets. */
export function listItem(row: MachineRow): GoValue {
  const text = (value: string): GoValue => stringValue(printable(value));
  const data: Record<keyof typeof columns, GoValue> = {
    Name: text(row.name),
    Active: text(activeMark(row)),
    ActiveHost: boolValue(row.active),
    ActiveSwarm: boolValue(row.activeSwarm),
    DriverName: text(row.driverName),
    State: { type: stateType, data: BigInt(Math.max(0, stateWords.indexOf(row.state))) },
    URL: text(row.url),
    SwarmOptions: optionsValue(swarmType, row.swarmOptions),
    Swarm: text(row.swarm),
    EngineOptions: optionsValue(engineType, row.engineOptions),
    Error: text(row.error),
    DockerVersion: text(row.engineVersion),
    ResponseTime: { type: durationType, data: BigInt(Math.round(row.responseTimeMs)) * 1_000_000n },
  };
  return { type: itemType, data };
}

function optionsValue(type: GoType, options: object | null): GoValue {
  const struct = type.element;
  if (options === null || struct === undefined) {
    return { type, data: null };
  }
  const given = withoutSecrets(options) as Readonly<Record<string, unknown>>;
  const byGoName = new Map(
    Object.entries(given).map(([name, value]) => [struct.aliases?.[name] ?? name, value]),
  );
  const fields = Object.entries(struct.fields ?? {}).map(([name, field]) => [
    name,
    fieldValue(field, byGoName.get(name)),
  ]);
  return {
    type,
    data: { type: struct, data: Object.fromEntries(fields) as Readonly<Record<string, GoValue>> },
  };
}

/** A field of a record that was checked when it was read. */
function fieldValue(type: GoType, value: unknown): GoValue {
  if (type.kind === 'slice') {
    const items = value as readonly string[] | null;
    return { type, data: items === null ? null : items.map((item) => stringValue(printable(item))) };
  }
  if (type.kind === 'int') {
    return { type, data: BigInt(value as number) };
  }
  return { type, data: type.kind === 'string' ? printable(value as string) : (value as boolean | number) };
}
