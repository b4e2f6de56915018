import type { DriverManifest } from '../driver.ts';

/** A Linux host that exists already and is reached by SSH. Flags and variables are docker-machine's. */
export const manifest: DriverManifest = {
  name: 'generic',
  title: 'A Linux host that exists already, over SSH',
  platforms: [],
  flags: [
    {
      name: 'generic-engine-port',
      type: 'int',
      env: 'GENERIC_ENGINE_PORT',
      default: 2376,
      help: 'Port of the engine',
    },
    {
      name: 'generic-ip-address',
      type: 'string',
      env: 'GENERIC_IP_ADDRESS',
      help: 'Address or name of the host',
    },
    {
      name: 'generic-ssh-key',
      type: 'string',
      env: 'GENERIC_SSH_KEY',
      default: '',
      help: 'Private key for SSH (default: the keys of the SSH agent)',
    },
    {
      name: 'generic-ssh-port',
      type: 'int',
      env: 'GENERIC_SSH_PORT',
      default: 22,
      help: 'Port of SSH',
    },
    {
      name: 'generic-ssh-user',
      type: 'string',
      env: 'GENERIC_SSH_USER',
      default: 'root',
      help: 'User for SSH; root, or one with sudo that asks for no password',
    },
  ],
  capabilities: { boots: 'host', power: false, ssh: true, localEndpoints: false, resume: false },
};
