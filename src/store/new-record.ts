import type { MachineRecord, EngineOptions, SwarmOptions } from './record.ts';
import { CONFIG_VERSION } from './record.ts';
import type { certFiles } from './paths.ts';
import { certFile, joinPath, machineDirectory, machineFile, storeDirectories } from './paths.ts';

/** What differs between new records. */
export interface NewRecord {
  readonly storePath: string;
  readonly name: string;
  readonly driverName: string;
  /** The driver's own keys, in its order, after the nine common ones. */
  readonly driver: Readonly<Record<string, unknown>>;
  readonly ipAddress?: string;
  readonly sshUser?: string;
  readonly sshPort?: number;
  /** Absolute; the key in the machine's directory when left out. Empty for machines without SSH. */
  readonly sshKeyPath?: string;
  readonly engine?: Partial<EngineOptions>;
  readonly swarm?: Partial<SwarmOptions>;
  /** Of `--tls-san`. */
  readonly serverCertSans?: readonly string[];
  /** Other places of the shared certificates (`--tls-ca-cert` and so on). */
  readonly certPaths?: Partial<Record<keyof typeof certFiles, string>>;
}

/** The record of a new machine, with the defaults of `docker-machine create`. */
export function newRecord(given: NewRecord): MachineRecord {
  const { storePath, name, certPaths = {} } = given;
  const swarm = { ...swarmDefaults, ...given.swarm };
  return {
    ConfigVersion: CONFIG_VERSION,
    Driver: {
      IPAddress: given.ipAddress ?? '',
      MachineName: name,
      SSHUser: given.sshUser ?? '',
      SSHPort: given.sshPort ?? 0,
      SSHKeyPath: given.sshKeyPath ?? machineFile(storePath, name, 'sshKey'),
      StorePath: storePath,
      SwarmMaster: swarm.Master,
      SwarmHost: swarm.Host,
      SwarmDiscovery: swarm.Discovery,
      ...given.driver,
    },
    DriverName: given.driverName,
    HostOptions: {
      Driver: '',
      Memory: 0,
      Disk: 0,
      EngineOptions: { ...engineDefaults, ...given.engine },
      SwarmOptions: swarm,
      AuthOptions: {
        CertDir: joinPath(storePath, storeDirectories.certs),
        CaCertPath: certPaths.ca ?? certFile(storePath, 'ca'),
        CaPrivateKeyPath: certPaths.caKey ?? certFile(storePath, 'caKey'),
        CaCertRemotePath: '',
        ServerCertPath: machineFile(storePath, name, 'serverCert'),
        ServerKeyPath: machineFile(storePath, name, 'serverKey'),
        ClientKeyPath: certPaths.clientKey ?? certFile(storePath, 'clientKey'),
        ServerCertRemotePath: '',
        ServerKeyRemotePath: '',
        ClientCertPath: certPaths.clientCert ?? certFile(storePath, 'clientCert'),
        ServerCertSANs: given.serverCertSans ?? [],
        StorePath: machineDirectory(storePath, name),
      },
    },
    Name: name,
  };
}

const engineDefaults: EngineOptions = {
  ArbitraryFlags: [],
  Dns: null,
  GraphDir: '',
  Env: [],
  Ipv6: false,
  InsecureRegistry: [],
  Labels: [],
  LogLevel: '',
  StorageDriver: '',
  SelinuxEnabled: false,
  TlsVerify: true,
  RegistryMirror: [],
  InstallURL: 'https://get.docker.com',
};

const swarmDefaults: SwarmOptions = {
  IsSwarm: false,
  Address: '',
  Discovery: '',
  Agent: false,
  Master: false,
  Host: 'tcp://0.0.0.0:3376',
  Image: 'swarm:latest',
  Strategy: 'spread',
  Heartbeat: 0,
  Overcommit: 0,
  ArbitraryFlags: [],
  ArbitraryJoinFlags: [],
  Env: null,
  IsExperimental: false,
};
