import type { DriverManifest } from '../driver.ts';
import { providerCapabilities } from '../provider-capabilities.ts';

/** What the instance itself may do by default, as docker-machine has it: read storage, write logs and metrics. */
export const defaultScopes = ['devstorage.read_only', 'logging.write', 'monitoring.write']
  .map((name) => `https://www.googleapis.com/auth/${name}`)
  .join(',');

/**
 * Names of flags and variables are those of docker-machine and rancher; accelerator, maintenance policy, metadata and CPU
 * platform are of GitLab's fork; `open-to`, `endpoint` and the variables of flags that had none are ours.
 */
export const manifest: DriverManifest = {
  name: 'google',
  title: 'Instances of Google Compute Engine',
  platforms: [],
  flags: [
    {
      name: 'google-accelerator',
      type: 'list',
      env: 'GOOGLE_ACCELERATOR',
      help: 'Accelerator (GPU): count=1,type=nvidia-tesla-t4',
    },
    {
      name: 'google-address',
      type: 'string',
      env: 'GOOGLE_ADDRESS',
      help: 'Static external address of the instance, by name or literally',
    },
    {
      name: 'google-auth-encoded-json',
      type: 'string',
      env: 'GOOGLE_AUTH_ENCODED_JSON',
      secret: true,
      help: 'Credentials as JSON, plain or in base64 (default: as the tools of Google find them)',
    },
    {
      name: 'google-disk-size',
      type: 'int',
      env: 'GOOGLE_DISK_SIZE',
      default: 10,
      help: 'Size of the disk in GB',
    },
    {
      name: 'google-disk-type',
      type: 'string',
      env: 'GOOGLE_DISK_TYPE',
      default: 'pd-balanced',
      help: 'Type of the disk',
    },
    {
      name: 'google-endpoint',
      type: 'string',
      env: 'GOOGLE_ENDPOINT',
      help: 'Other endpoint of the API, a URL',
    },
    {
      name: 'google-external-firewall-rule-prefix',
      type: 'string',
      env: 'GOOGLE_EXTERNAL_FIREWALL_RULE_PREFIX',
      help: 'Name with which the firewall rule for the open ports begins',
    },
    {
      name: 'google-internal-firewall-rule-prefix',
      type: 'string',
      env: 'GOOGLE_INTERNAL_FIREWALL_RULE_PREFIX',
      help: 'Name with which a firewall rule begins that opens everything between machines with the same settings',
    },
    {
      name: 'google-machine-image',
      type: 'string',
      env: 'GOOGLE_MACHINE_IMAGE',
      help: 'Image or family, PROJECT/global/images/NAME (default: the newest Ubuntu 24.04 LTS for the machine type)',
    },
    {
      name: 'google-machine-type',
      type: 'string',
      env: 'GOOGLE_MACHINE_TYPE',
      default: 'e2-small',
      help: 'Type of the instance',
    },
    {
      name: 'google-maintenance-policy',
      type: 'string',
      env: 'GOOGLE_MAINTENANCE_POLICY',
      help: 'What becomes of the instance when its host is maintained: MIGRATE or TERMINATE',
    },
    {
      name: 'google-metadata',
      type: 'list',
      env: 'GOOGLE_METADATA',
      help: 'Further metadata, KEY=VALUE',
    },
    {
      name: 'google-min-cpu-platform',
      type: 'string',
      env: 'GOOGLE_MIN_CPU_PLATFORM',
      help: 'Oldest CPU that will do: "Intel Ice Lake"',
    },
    {
      name: 'google-network',
      type: 'string',
      env: 'GOOGLE_NETWORK',
      default: 'default',
      help: 'Network, by name or path',
    },
    {
      name: 'google-open-port',
      type: 'list',
      env: 'GOOGLE_OPEN_PORT',
      help: 'Further port that is opened, PORT or PORT/PROTOCOL',
    },
    {
      name: 'google-open-to',
      type: 'list',
      env: 'GOOGLE_OPEN_TO',
      help: 'Address range from which the ports are open (default: the public address of this computer)',
    },
    {
      name: 'google-preemptible',
      type: 'bool',
      env: 'GOOGLE_PREEMPTIBLE',
      help: 'Spot instance: cheaper, and may be stopped at any time',
    },
    {
      name: 'google-project',
      type: 'string',
      env: 'GOOGLE_PROJECT',
      help: 'Project',
    },
    {
      name: 'google-scopes',
      type: 'string',
      env: 'GOOGLE_SCOPES',
      default: defaultScopes,
      help: 'What the instance may do with its service account, separated by commas',
    },
    {
      name: 'google-service-account',
      type: 'string',
      env: 'GOOGLE_SERVICE_ACCOUNT',
      default: 'default',
      help: 'Service account of the instance; none for none',
    },
    {
      name: 'google-subnetwork',
      type: 'string',
      env: 'GOOGLE_SUBNETWORK',
      help: 'Subnetwork, by name or path',
    },
    {
      name: 'google-tags',
      type: 'string',
      env: 'GOOGLE_TAGS',
      help: 'Network tags, separated by commas',
    },
    {
      name: 'google-use-existing',
      type: 'bool',
      env: 'GOOGLE_USE_EXISTING',
      help: 'Take an instance that is there already; other settings of the instance are ignored, and rm leaves it',
    },
    {
      name: 'google-use-internal-ip',
      type: 'bool',
      env: 'GOOGLE_USE_INTERNAL_IP',
      help: 'Reach the instance by its internal address',
    },
    {
      name: 'google-use-internal-ip-only',
      type: 'bool',
      env: 'GOOGLE_USE_INTERNAL_IP_ONLY',
      help: 'No external address',
    },
    {
      name: 'google-userdata',
      type: 'string',
      env: 'GOOGLE_USERDATA',
      help: 'File of user data for cloud-init',
    },
    {
      name: 'google-username',
      type: 'string',
      env: 'GOOGLE_USERNAME',
      default: 'docker-user',
      help: 'User for SSH',
    },
    {
      name: 'google-vm-labels',
      type: 'string',
      env: 'GOOGLE_VM_LABELS',
      help: 'Labels: key1,value1,key2,value2',
    },
    {
      name: 'google-zone',
      type: 'string',
      env: 'GOOGLE_ZONE',
      default: 'us-central1-a',
      help: 'Zone',
    },
  ],
  architectures: {
    amd64: { 'google-machine-type': 'e2-small' },
    arm64: { 'google-machine-type': 't2a-standard-1' },
  },
  imageFlags: { name: 'google-machine-image' },
  capabilities: providerCapabilities,
};
