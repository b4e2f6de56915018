import type { DriverManifest } from '../driver.ts';

/** Virtual machines of Apple's framework: no privileges, an address of their own in its NAT network. */
export const manifest: DriverManifest = {
  name: 'vz',
  title: 'vfkit virtual machine on this Mac',
  platforms: ['darwin'],
  flags: [
    {
      name: 'vz-cpu-count',
      aliases: ['cpus'],
      changeable: true,
      type: 'int',
      env: 'VZ_CPU_COUNT',
      default: 2,
      help: 'Number of CPUs',
    },
    {
      name: 'vz-memory',
      aliases: ['memory'],
      changeable: true,
      type: 'size',
      unit: 'MiB',
      env: 'VZ_MEMORY',
      default: 2048,
      help: 'Size of memory, in MB or with a suffix (4g)',
    },
    {
      name: 'vz-disk-size',
      aliases: ['disk'],
      changeable: true,
      type: 'size',
      unit: 'MiB',
      env: 'VZ_DISK_SIZE',
      default: 20_000,
      help: 'Size of the data disk, in MB or with a suffix (20g)',
    },
    {
      name: 'vz-rosetta',
      type: 'bool',
      env: 'VZ_ROSETTA',
      default: false,
      help: "Containers for x86-64 run by way of Apple's Rosetta",
    },
    {
      name: 'vz-boot2docker-url',
      type: 'string',
      env: 'VZ_BOOT2DOCKER_URL',
      default: '',
      help: 'Directory, manifest or URL of the image to boot; the newest known one by default',
    },
    {
      name: 'vz-program',
      type: 'string',
      env: 'VZ_PROGRAM',
      default: '',
      help: 'Name or path of vfkit; by default the one on PATH or of Homebrew',
    },
  ],
  capabilities: {
    boots: 'image',
    power: true,
    ssh: true,
    localEndpoints: false,
    resume: false,
    shares: ['virtiofs'],
    forwards: true,
  },
};
