/** Where the store of the golden tests is. */
export const storePath = '/home/ann/.docker/machine';

/** A machine of the driver none, what it has besides, or what is wrong with it. */
export type MachineSpec =
  | {
      readonly driver?: string;
      readonly url?: string;
      readonly labels?: readonly string[];
      readonly env?: readonly string[];
      readonly swarm?: Readonly<Record<string, unknown>>;
    }
  | 'incomplete'
  | 'broken'
  | 'from the future';

/** Files of a store with these machines, as docker-machine writes them. */
export function storeOf(machines: Readonly<Record<string, MachineSpec>>): Record<string, string> {
  const files: Record<string, string> = {};
  for (const [name, spec] of Object.entries(machines)) {
    const directory = `${storePath}/machines/${name}`;
    const certificates = ['ca.pem', 'cert.pem', 'key.pem'];
    if (spec === 'incomplete') {
      files[`${directory}/id_rsa`] = '';
      continue;
    }
    for (const file of certificates) {
      files[`${directory}/${file}`] = '';
    }
    files[`${directory}/config.json`] = recordText(name, spec);
  }
  return files;
}

function recordText(name: string, spec: Exclude<MachineSpec, 'incomplete'>): string {
  if (spec === 'broken') {
    return '{';
  }
  const version = spec === 'from the future' ? 4 : 3;
  const {
    driver = 'none',
    url = 'tcp://127.0.0.1:1',
    labels = [],
    env = [],
    swarm = {},
  } = spec === 'from the future' ? {} : spec;
  return JSON.stringify({
    ConfigVersion: version,
    Driver: {
      IPAddress: url.replace(/^tcp:\/\//, ''),
      MachineName: name,
      SSHUser: '',
      SSHPort: 0,
      SSHKeyPath: '',
      StorePath: storePath,
      SwarmMaster: false,
      SwarmHost: '',
      SwarmDiscovery: '',
      URL: url,
    },
    DriverName: driver,
    HostOptions: {
      Driver: '',
      Memory: 0,
      Disk: 0,
      EngineOptions: {
        ArbitraryFlags: [],
        Dns: null,
        GraphDir: '',
        Env: env,
        Ipv6: false,
        InsecureRegistry: [],
        Labels: labels,
        LogLevel: '',
        StorageDriver: '',
        SelinuxEnabled: false,
        TlsVerify: true,
        RegistryMirror: [],
        InstallURL: 'https://get.docker.com',
      },
      SwarmOptions: {
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
        ...swarm,
      },
      AuthOptions: { CertDir: `${storePath}/certs`, StorePath: `${storePath}/machines/${name}` },
    },
    Name: name,
  });
}
