import { MachineError } from '../core/errors.ts';
import {
  formatGoJson,
  parseJsonObject,
  readField,
  readFields,
  recordProblem,
  requireObject,
  splitKeys,
  type Fields,
  type JsonObject,
  type Place,
  type Values,
} from './go-json.ts';

/** What every driver's part begins with. Present in nearly all records, but not filled in when missing. */
export const driverFields = {
  IPAddress: 'string',
  MachineName: 'string',
  SSHUser: 'string',
  SSHPort: 'int',
  SSHKeyPath: 'string',
  StorePath: 'string',
  SwarmMaster: 'bool',
  SwarmHost: 'string',
  SwarmDiscovery: 'string',
} as const satisfies Fields;

/** HostOptions.EngineOptions. */
export const engineFields = {
  ArbitraryFlags: 'list',
  Dns: 'list',
  GraphDir: 'string',
  Env: 'list',
  Ipv6: 'bool',
  InsecureRegistry: 'list',
  Labels: 'list',
  LogLevel: 'string',
  StorageDriver: 'string',
  SelinuxEnabled: 'bool',
  TlsVerify: 'bool',
  RegistryMirror: 'list',
  InstallURL: 'string',
} as const satisfies Fields;

/** HostOptions.SwarmOptions: of classic Swarm, kept for the sake of the record. */
export const swarmFields = {
  IsSwarm: 'bool',
  Address: 'string',
  Discovery: 'string',
  Agent: 'bool',
  Master: 'bool',
  Host: 'string',
  Image: 'string',
  Strategy: 'string',
  Heartbeat: 'int',
  Overcommit: 'number',
  ArbitraryFlags: 'list',
  ArbitraryJoinFlags: 'list',
  Env: 'list',
  IsExperimental: 'bool',
} as const satisfies Fields;

/** HostOptions.AuthOptions: absolute paths, except the three Remote ones, which stay empty in the file. */
export const authFields = {
  CertDir: 'string',
  CaCertPath: 'string',
  CaPrivateKeyPath: 'string',
  CaCertRemotePath: 'string',
  ServerCertPath: 'string',
  ServerKeyPath: 'string',
  ClientKeyPath: 'string',
  ServerCertRemotePath: 'string',
  ServerKeyRemotePath: 'string',
  ClientCertPath: 'string',
  ServerCertSANs: 'list',
  StorePath: 'string',
} as const satisfies Fields;

/** The plain fields of HostOptions, which stand before the three objects. Of no use to anybody. */
export const hostFields = { Driver: 'string', Memory: 'int', Disk: 'int' } as const satisfies Fields;

export type EngineOptions = Values<typeof engineFields>;
export type SwarmOptions = Values<typeof swarmFields>;
export type AuthOptions = Values<typeof authFields>;
/** The version of config.json that docker-machine 0.16.2 and we write. */
export const CONFIG_VERSION = 3;

/** The driver's part: the nine common keys where they are present, the driver's own, and whatever else is there. */
export type DriverRecord = Partial<Values<typeof driverFields>> & JsonObject;

/** HostOptions. The three objects are null in records of machines that were not provisioned (rancher-machine). */
export interface HostOptions extends Values<typeof hostFields> {
  readonly EngineOptions: EngineOptions | null;
  readonly SwarmOptions: SwarmOptions | null;
  readonly AuthOptions: AuthOptions | null;
}

/**
 * config.json, version 3, with docker-machine's key names. Keys that are not known are kept behind the
 * known ones at every level. The name of the machine is that of its directory, whatever `Name` says.
 */
export interface MachineRecord {
  readonly ConfigVersion: typeof CONFIG_VERSION;
  readonly Driver: DriverRecord;
  readonly DriverName: string;
  readonly HostOptions: HostOptions;
  readonly Name: string;
}

/**
 * Parses config.json of version 3. Like Go's loader it is strict on types and takes keys in any case;
 * missing keys get Go's zero values. Texts that are used to connect or as paths are checked: see `requireSafe`.
 * @param path names the file in errors.
 * @throws MachineError `record-from-future`, or `record-invalid` with `facts.reason` (RecordProblem): an older
 *   version is `old-version`, and goes through migrations.ts first.
 */
export function parseRecord(text: string, path: string): MachineRecord {
  return readRecord(parseJsonObject(text, path), path);
}

/** Checks an object of version 3 field by field. */
export function readRecord(root: JsonObject, path: string): MachineRecord {
  const version = versionOf(root, path);
  if (version < CONFIG_VERSION) {
    throw recordProblem('old-version', path, `its version is ${version}`);
  }
  const { known, unknown } = splitKeys(root, [
    'ConfigVersion',
    'Driver',
    'DriverName',
    'HostOptions',
    'Name',
  ]);
  const record: MachineRecord = {
    ConfigVersion: CONFIG_VERSION,
    Driver: readDriver(known.Driver, path),
    DriverName: readField(known.DriverName, 'string', { path, field: 'DriverName' }),
    HostOptions: readHostOptions(known.HostOptions, path),
    Name: readField(known.Name, 'string', { path, field: 'Name' }),
    ...unknown,
  };
  requireSafe(record, path);
  return record;
}

/**
 * Version of a record; 0 when it has none, as in the oldest ones.
 * @throws MachineError `record-from-future` for a version above 3.
 */
export function versionOf(root: JsonObject, path: string): number {
  const { ConfigVersion: given } = splitKeys(root, ['ConfigVersion']).known;
  const version = readField(given, 'int', { path, field: 'ConfigVersion' });
  if (version < 0) {
    throw recordProblem('field', path, 'ConfigVersion is negative', { field: 'ConfigVersion' });
  }
  if (version > CONFIG_VERSION) {
    throw new MachineError('record-from-future', `${path} has version ${version}.`, {
      why: `This version knows records up to ${CONFIG_VERSION}.`,
      facts: { path, version },
    });
  }
  return version;
}

/** The text of config.json, byte for byte as docker-machine writes the same record. */
export function formatRecord(record: MachineRecord): string {
  return formatGoJson(record);
}

function readHostOptions(raw: unknown, path: string): HostOptions {
  const at = { path, field: 'HostOptions' };
  const objects = ['EngineOptions', 'SwarmOptions', 'AuthOptions'] as const;
  const given = raw === undefined || raw === null ? {} : requireObject(raw, at);
  const { known, unknown } = splitKeys(given, [...Object.keys(hostFields), ...objects]);
  return {
    ...readFields(known, hostFields, at),
    EngineOptions: readOptional(known.EngineOptions, engineFields, {
      path,
      field: 'HostOptions.EngineOptions',
    }),
    SwarmOptions: readOptional(known.SwarmOptions, swarmFields, { path, field: 'HostOptions.SwarmOptions' }),
    AuthOptions: readOptional(known.AuthOptions, authFields, { path, field: 'HostOptions.AuthOptions' }),
    ...unknown,
  };
}

/** The driver's part as it is, except that the common keys are checked and have their right names. */
function readDriver(raw: unknown, path: string): DriverRecord {
  const names = new Map(Object.keys(driverFields).map((name) => [name.toLowerCase(), name]));
  const entries = Object.entries(requireObject(raw, { path, field: 'Driver' })).map(([key, value]) => {
    const name = names.get(key.toLowerCase());
    if (name === undefined) {
      return [key, value] as const;
    }
    const kind = driverFields[name as keyof typeof driverFields];
    return [name, readField(value, kind, { path, field: `Driver.${name}` })] as const;
  });
  return Object.fromEntries(entries);
}

function readOptional<F extends Fields>(raw: unknown, fields: F, at: Place): Values<F> | null {
  if (raw === undefined || raw === null) {
    return null;
  }
  const { known, unknown } = splitKeys(requireObject(raw, at), Object.keys(fields));
  return { ...readFields(known, fields, at), ...unknown };
}

function requireSafe(record: MachineRecord, path: string): void {
  const { Driver: driver, HostOptions: options } = record;
  requireMatch(record.DriverName, DRIVER_NAME, { path, field: 'DriverName' });
  requireMatch(driver.MachineName ?? '', MACHINE_NAME, { path, field: 'Driver.MachineName' });
  requireMatch(driver.IPAddress ?? '', ADDRESS, { path, field: 'Driver.IPAddress' });
  requireMatch(driver.SSHUser ?? '', USER, { path, field: 'Driver.SSHUser' });
  const port = driver.SSHPort ?? 0;
  if (port < 0 || port > 65_535) {
    throw recordProblem('field', path, 'Driver.SSHPort is not a port', { field: 'Driver.SSHPort' });
  }
  requireMatch(driver.SSHKeyPath ?? '', FILE_PATH, { path, field: 'Driver.SSHKeyPath' });
  requireMatch(driver.StorePath ?? '', FILE_PATH, { path, field: 'Driver.StorePath' });
  for (const [key, value] of Object.entries(options.AuthOptions ?? {})) {
    if (typeof value === 'string') {
      requireMatch(value, FILE_PATH, { path, field: `HostOptions.AuthOptions.${key}` });
    }
  }
}

/** Becomes part of a file name when a plugin is looked for. */
const DRIVER_NAME = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/;
const MACHINE_NAME = /^(?:[A-Za-z0-9][A-Za-z0-9.-]{0,199})?$/;
/** A host name or IPv4 address, with a port in records of the `none` driver; an IPv6 address, bare or in brackets with a port. */
const ADDRESS =
  /^(?:[A-Za-z0-9_][A-Za-z0-9_.-]{0,252}(?::\d{1,5})?|[0-9A-Fa-f]*:[0-9A-Fa-f:.]{1,45}(?:%[A-Za-z0-9_.-]{1,15})?|\[[0-9A-Fa-f:.]{2,45}\](?::\d{1,5})?)?$/;
/** Nothing that a program could take for an option, no blanks, no control characters. */
const USER = /^(?!-)[^\s\p{Cc}]{0,255}$/u;
const FILE_PATH = /^(?!-)[^\p{Cc}]{0,4096}$/u;

function requireMatch(value: string, pattern: RegExp, at: Place): void {
  if (!pattern.test(value)) {
    const shown = JSON.stringify(value.slice(0, 80));
    throw recordProblem('field', at.path, `${at.field} is ${shown}, which cannot be used`, {
      field: at.field,
    });
  }
}
