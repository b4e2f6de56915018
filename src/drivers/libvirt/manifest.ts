import type { DriverManifest } from '../driver.ts';

/** Virtual machines of libvirt, run by QEMU as the user: no privileges, endpoints on 127.0.0.1. */
export const manifest: DriverManifest = {
  name: 'libvirt',
  title: 'libvirt virtual machine on this computer',
  platforms: ['linux'],
  flags: [
    {
      name: 'libvirt-cpu-count',
      aliases: ['cpus'],
      changeable: true,
      type: 'int',
      env: 'LIBVIRT_CPU_COUNT',
      default: 2,
      help: 'Number of CPUs (one where the machine is emulated)',
    },
    {
      name: 'libvirt-memory',
      aliases: ['memory'],
      changeable: true,
      type: 'size',
      unit: 'MiB',
      env: 'LIBVIRT_MEMORY',
      default: 2048,
      help: 'Size of memory, in MB or with a suffix (4g)',
    },
    {
      name: 'libvirt-disk-size',
      aliases: ['disk'],
      changeable: true,
      type: 'size',
      unit: 'MiB',
      env: 'LIBVIRT_DISK_SIZE',
      default: 20_000,
      help: 'Size of the data disk, in MB or with a suffix (20g)',
    },
    {
      name: 'libvirt-boot2docker-url',
      type: 'string',
      env: 'LIBVIRT_BOOT2DOCKER_URL',
      default: '',
      help: 'Directory, manifest or URL of the image to boot; the newest known one by default',
    },
    {
      name: 'libvirt-uri',
      type: 'string',
      env: 'LIBVIRT_URI',
      default: 'qemu:///session',
      help: 'Connection to libvirt on this computer: qemu:///session or qemu:///system',
    },
    {
      name: 'libvirt-accel',
      type: 'string',
      env: 'LIBVIRT_ACCEL',
      default: 'auto',
      help: 'Accelerator: auto, kvm or tcg (none, slow)',
    },
  ],
  capabilities: {
    boots: 'image',
    power: true,
    ssh: true,
    localEndpoints: true,
    resume: false,
    shares: ['9p'],
    forwards: true,
  },
};
