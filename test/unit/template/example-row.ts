import type { MachineRow } from '../../../src/machine/list.ts';

/** A running machine of the driver none, as `ls` has it. */
export function exampleRow(): MachineRow {
  return {
    name: 'a',
    driverName: 'none',
    state: 'Running',
    url: 'tcp://127.0.0.1:1',
    active: false,
    activeSwarm: false,
    swarm: '',
    engineVersion: 'Unknown',
    error: '',
    responseTimeMs: 2,
    swarmOptions: {
      IsSwarm: false,
      Address: '',
      Discovery: '',
      Agent: false,
      Master: false,
      Host: 'tcp://0.0.0.0:3376',
      Image: '',
      Strategy: 'spread',
      Heartbeat: 0,
      Overcommit: 1,
      ArbitraryFlags: [],
      ArbitraryJoinFlags: null,
      Env: null,
      IsExperimental: false,
    },
    engineOptions: {
      ArbitraryFlags: [],
      Dns: null,
      GraphDir: '',
      Env: [],
      Ipv6: false,
      InsecureRegistry: [],
      Labels: ['x=1', 'y=2,z=3'],
      LogLevel: '',
      StorageDriver: '',
      SelinuxEnabled: false,
      TlsVerify: true,
      RegistryMirror: [],
      InstallURL: 'https://get.docker.com',
    },
  };
}
