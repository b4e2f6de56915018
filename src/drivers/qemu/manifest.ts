import type { DriverManifest } from '../driver.ts';

/** Virtual machines of QEMU in user mode: no privileges, endpoints on 127.0.0.1. */
export const manifest: DriverManifest = {
  name: 'qemu',
  title: 'QEMU virtual machine on this computer',
  platforms: ['linux', 'darwin', 'win32', 'freebsd', 'netbsd', 'openbsd'],
  flags: [
    {
      name: 'qemu-cpu-count',
      aliases: ['cpus'],
      changeable: true,
      type: 'int',
      env: 'QEMU_CPU_COUNT',
      default: 2,
      help: 'Number of CPUs',
    },
    {
      name: 'qemu-memory',
      aliases: ['memory'],
      changeable: true,
      type: 'size',
      unit: 'MiB',
      env: 'QEMU_MEMORY',
      default: 2048,
      help: 'Size of memory, in MB or with a suffix (4g)',
    },
    {
      name: 'qemu-disk-size',
      aliases: ['disk'],
      changeable: true,
      type: 'size',
      unit: 'MiB',
      env: 'QEMU_DISK_SIZE',
      default: 20_000,
      help: 'Size of the data disk, in MB or with a suffix (20g)',
    },
    {
      name: 'qemu-boot2docker-url',
      type: 'string',
      env: 'QEMU_BOOT2DOCKER_URL',
      default: '',
      help: 'Directory, manifest or URL of the image to boot; the newest known one by default',
    },
    {
      name: 'qemu-accel',
      type: 'string',
      env: 'QEMU_ACCEL',
      default: 'auto',
      help: 'Accelerator: auto, kvm, hvf, whpx, nvmm or tcg (none, slow)',
    },
    {
      name: 'qemu-program',
      type: 'string',
      env: 'QEMU_PROGRAM',
      default: '',
      help: 'Name or path of qemu-system-*; by default the one of the architecture on PATH',
    },
  ],
  capabilities: {
    boots: 'image',
    power: true,
    ssh: true,
    localEndpoints: true,
    resume: true,
    shares: ['9p', 'virtiofs', 'sftp'],
    forwards: true,
  },
};
