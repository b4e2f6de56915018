import type { DriverManifest } from '../driver.ts';
import { providerCapabilities } from '../provider-capabilities.ts';

/**
 * Names of flags and variables are those of docker-machine and rancher; `context`, `endpoint`, `open-port`, `open-to`,
 * `use-private-address` and `vpc` are ours, with the variables of doctl where it has some.
 */
export const manifest: DriverManifest = {
  name: 'digitalocean',
  title: 'Droplets of DigitalOcean',
  platforms: [],
  flags: [
    {
      name: 'digitalocean-access-token',
      type: 'string',
      env: 'DIGITALOCEAN_ACCESS_TOKEN',
      secret: true,
      help: 'Token of the API (default: DIGITALOCEAN_TOKEN, then the one that doctl has)',
    },
    {
      name: 'digitalocean-backups',
      type: 'bool',
      env: 'DIGITALOCEAN_BACKUPS',
      help: 'Backups of the droplet',
    },
    {
      name: 'digitalocean-context',
      type: 'string',
      env: 'DIGITALOCEAN_CONTEXT',
      help: "Take the token of this context of doctl's configuration",
    },
    {
      name: 'digitalocean-endpoint',
      type: 'string',
      env: 'DIGITALOCEAN_API_URL',
      help: 'Other URL of the API; plain HTTP only on this computer',
    },
    {
      name: 'digitalocean-image',
      type: 'string',
      env: 'DIGITALOCEAN_IMAGE',
      help: 'Image by slug or number (default: the newest Ubuntu LTS)',
    },
    {
      name: 'digitalocean-ipv6',
      type: 'bool',
      env: 'DIGITALOCEAN_IPV6',
      help: 'An IPv6 address besides',
    },
    {
      name: 'digitalocean-monitoring',
      type: 'bool',
      env: 'DIGITALOCEAN_MONITORING',
      help: "DigitalOcean's agent for monitoring",
    },
    {
      name: 'digitalocean-open-port',
      type: 'list',
      env: 'DIGITALOCEAN_OPEN_PORT',
      help: 'Further port that is opened, PORT or PORT/PROTOCOL',
    },
    {
      name: 'digitalocean-open-to',
      type: 'list',
      env: 'DIGITALOCEAN_OPEN_TO',
      help: 'Address range from which the ports are open (default: the public address of this computer)',
    },
    {
      name: 'digitalocean-private-networking',
      type: 'bool',
      env: 'DIGITALOCEAN_PRIVATE_NETWORKING',
      help: 'Private address; every droplet has one today',
    },
    {
      name: 'digitalocean-region',
      type: 'string',
      env: 'DIGITALOCEAN_REGION',
      default: 'nyc3',
      help: 'Region',
    },
    {
      name: 'digitalocean-size',
      type: 'string',
      env: 'DIGITALOCEAN_SIZE',
      default: 's-1vcpu-1gb',
      help: 'Size of the droplet',
    },
    {
      name: 'digitalocean-ssh-key-fingerprint',
      type: 'string',
      env: 'DIGITALOCEAN_SSH_KEY_FINGERPRINT',
      help: 'Fingerprint of an SSH key that the account has already',
    },
    {
      name: 'digitalocean-ssh-key-path',
      type: 'string',
      env: 'DIGITALOCEAN_SSH_KEY_PATH',
      help: 'Private key of that fingerprint',
    },
    {
      name: 'digitalocean-ssh-port',
      type: 'int',
      env: 'DIGITALOCEAN_SSH_PORT',
      default: 22,
      help: 'Port of SSH',
    },
    {
      name: 'digitalocean-ssh-user',
      type: 'string',
      env: 'DIGITALOCEAN_SSH_USER',
      default: 'root',
      help: 'User for SSH',
    },
    {
      name: 'digitalocean-tags',
      type: 'string',
      env: 'DIGITALOCEAN_TAGS',
      help: 'Tags of the droplet, with commas between them',
    },
    {
      name: 'digitalocean-use-private-address',
      type: 'bool',
      env: 'DIGITALOCEAN_USE_PRIVATE_ADDRESS',
      help: 'Reach the droplet by its private address',
    },
    {
      name: 'digitalocean-userdata',
      type: 'string',
      env: 'DIGITALOCEAN_USERDATA',
      help: 'File of user data for cloud-init',
    },
    {
      name: 'digitalocean-vpc',
      type: 'string',
      env: 'DIGITALOCEAN_VPC_UUID',
      help: 'UUID of the VPC (default: the default one of the region)',
    },
  ],
  capabilities: providerCapabilities,
  imageFlags: { name: 'digitalocean-image' },
};
