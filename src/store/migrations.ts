import { isJsonObject, splitKeys, type JsonObject } from './go-json.ts';
import { certFile, joinPath, machineDirectory, machineFile, storeDirectories } from './paths.ts';
import { authFields, versionOf } from './record.ts';

/** Where a record lies: what the migrations write into it. */
export interface RecordPlace {
  readonly storePath: string;
  /** The machine's name, which is that of its directory. */
  readonly name: string;
  /** config.json itself, for errors. */
  readonly path: string;
}

/** A change from one version to the next. Pure: the given object stays as it is. */
type Migration = (root: JsonObject, place: RecordPlace) => JsonObject;

const INSTALL_URL = 'https://get.docker.com';

const topNames = ['ConfigVersion', 'Driver', 'DriverName', 'HostOptions', 'Name'];
const optionNames = ['Driver', 'Memory', 'Disk', 'EngineOptions', 'SwarmOptions', 'AuthOptions'];

/** Certificate paths of version 0: they stood at the top or in the driver's part. */
const certPathsV0 = [
  'CaCertPath',
  'PrivateKeyPath',
  'ServerCertPath',
  'ServerKeyPath',
  'ClientKeyPath',
  'ClientCertPath',
];

/**
 * Brings a record of version 0, 1 or 2 to version 3; a record of version 3 comes back as it is. Values of the
 * wrong type are left for `readRecord` to find.
 * @throws MachineError `record-from-future`, `record-invalid`.
 */
export function migrateRecord(root: JsonObject, place: RecordPlace): JsonObject {
  const migrations: readonly Migration[] = [fromV0, fromV1, fromV2];
  const version = versionOf(root, place.path);
  return migrations.slice(version).reduce((record, migrate) => migrate(record, place), root);
}

/**
 * 0 to 1: certificate paths of the top level and of the driver's part go into HostOptions.AuthOptions;
 * the engine is reached by TLS and was installed from docker's address.
 */
function fromV0(root: JsonObject): JsonObject {
  const top = splitKeys(root, [...topNames, ...certPathsV0]);
  const options = splitKeys(asObject(top.known.HostOptions), optionNames);
  const auth = splitKeys(asObject(options.known.AuthOptions), certPathsV0);
  const engine = splitKeys(asObject(options.known.EngineOptions), ['TlsVerify', 'InstallURL']);
  const driver = splitKeys(asObject(top.known.Driver), certPathsV0);
  const moved = certPathsV0.map((key) => [
    key,
    [auth.known[key], top.known[key], driver.known[key]].find(isGiven) ?? '',
  ]);
  return {
    ...pick(top, topNames),
    ConfigVersion: 1,
    HostOptions: {
      ...pick(options, optionNames),
      EngineOptions: { ...engine.unknown, TlsVerify: true, InstallURL: INSTALL_URL },
      AuthOptions: { ...auth.unknown, ...(Object.fromEntries(moved) as JsonObject) },
    },
  };
}

/**
 * 1 to 2: PrivateKeyPath becomes CaPrivateKeyPath, and CertDir and StorePath come to the AuthOptions.
 * docker-machine sets StorePath to the root of the store, by mistake, and would copy certificates there:
 * here it is the machine's directory.
 */
function fromV1(root: JsonObject, { storePath, name }: RecordPlace): JsonObject {
  const top = splitKeys(root, [...topNames, 'StorePath']);
  const options = splitKeys(asObject(top.known.HostOptions), optionNames);
  const auth = splitKeys(asObject(options.known.AuthOptions), ['PrivateKeyPath', ...Object.keys(authFields)]);
  const driver = splitKeys(asObject(top.known.Driver), ['MachineName']);
  const { PrivateKeyPath: caKey, ...kept } = auth.known;
  const usual = {
    CaCertPath: certFile(storePath, 'ca'),
    CaPrivateKeyPath: isGiven(caKey) ? caKey : certFile(storePath, 'caKey'),
    ServerCertPath: machineFile(storePath, name, 'serverCert'),
    ServerKeyPath: machineFile(storePath, name, 'serverKey'),
    ClientKeyPath: certFile(storePath, 'clientKey'),
    ClientCertPath: certFile(storePath, 'clientCert'),
  };
  return {
    ...pick(top, topNames),
    ConfigVersion: 2,
    HostOptions: {
      ...pick(options, optionNames),
      AuthOptions: {
        ...auth.unknown,
        ...usual,
        ...Object.fromEntries(Object.entries(kept).filter(([, value]) => value !== '')),
        CertDir: joinPath(storePath, storeDirectories.certs),
        StorePath: machineDirectory(storePath, name),
      },
    },
    Name: isGiven(driver.known.MachineName) ? driver.known.MachineName : name,
  };
}

/** 2 to 3: the driver's part gets the path of the store. */
function fromV2(root: JsonObject, { storePath }: RecordPlace): JsonObject {
  const top = splitKeys(root, topNames);
  const driver = splitKeys(asObject(top.known.Driver), ['StorePath']);
  return {
    ...pick(top, topNames),
    ConfigVersion: 3,
    Driver: { ...driver.unknown, ...driver.known, StorePath: storePath },
  };
}

type Split = ReturnType<typeof splitKeys>;

/** The entries under `names`, and all that are not known. */
function pick({ known, unknown }: Split, names: readonly string[]): JsonObject {
  return { ...unknown, ...Object.fromEntries(Object.entries(known).filter(([key]) => names.includes(key))) };
}

function isGiven(value: unknown): boolean {
  return typeof value === 'string' && value !== '';
}

/** An object where one is needed to go on; anything else is found by the reader if it matters. */
function asObject(value: unknown): JsonObject {
  return isJsonObject(value) ? value : {};
}
