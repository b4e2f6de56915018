import { spawn, type ChildProcess } from 'node:child_process';
import { access, copyFile, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ExecutionContext } from 'ava';
import { makeImageIso } from '../../iso/bootable/image-iso.ts';
import { loaderSelectionsFor, type BootLoaders } from '../../iso/bootable/loader-packages.ts';
import { readLoaders } from '../../iso/bootable/read-loaders.ts';
import { readTrustedKeys } from '../../iso/build/archive-keys.ts';
import { readLock } from '../../iso/build/lock.ts';
import { chooseMirrors } from '../../iso/build/mirror.ts';
import { defaultPackageCache, fetchPackages } from '../../iso/build/package-store.ts';
import { defaultLockFile } from '../../iso/lock-image.ts';
import type { Architecture } from '../../iso/packages.ts';
import { projectRoot } from '../support/cli.ts';
import { identityArguments } from './guest-identity.ts';

/** Test helper: boots ISOs in QEMU with the firmware of real computers and watches the serial line. */

const pollMs = 100;
const magic = 'boot2docker, please format-me';
const dataDiskBytes = 2 * 1024 ** 3;

export type Firmware = 'bios' | 'uefi' | 'secure-boot';
export type Medium = 'cd' | 'usb' | 'virtio';

/** True when a file can be read. */
export async function exists(file: string): Promise<boolean> {
  return access(file).then(
    () => true,
    () => false,
  );
}

/** The finished image of an architecture in this checkout. */
export function imageDirectory(architecture: Architecture): string {
  return path.join(projectRoot, 'build', 'image', architecture);
}

/** The boot loaders that the lock pins, from the package cache or a mirror. */
export async function lockedLoaders(architecture: Architecture): Promise<BootLoaders> {
  const { lock } = await readLock(defaultLockFile(architecture));
  const names = new Set(loaderSelectionsFor(architecture).map(({ name }) => name));
  const packages = await fetchPackages({
    lock: { ...lock, packages: lock.packages.filter(({ name }) => names.has(name)) },
    mirrors: () => chooseMirrors({}),
    keys: await readTrustedKeys(),
    directory: defaultPackageCache(),
    locked: false,
    onEvent: () => undefined,
  });
  return readLoaders(architecture, packages, new Map());
}

/** Makes an ISO of the image in this checkout in a folder that is removed after the test. */
export async function makeIso(
  architecture: Architecture,
  options: { readonly folder: string; readonly compressed: boolean; readonly loaders?: BootLoaders },
): Promise<string> {
  const outputPath = path.join(
    options.folder,
    `${architecture}-${options.compressed ? 'small' : 'plain'}.iso`,
  );
  const loaders = options.loaders ?? (await lockedLoaders(architecture));
  const { compressed } = options;
  await makeImageIso({ imageDirectory: imageDirectory(architecture), loaders, outputPath, compressed });
  return outputPath;
}

interface FirmwareFiles {
  readonly code: string;
  readonly variables: string;
}

const firmwareFiles: Readonly<Record<Architecture, Partial<Record<Firmware, FirmwareFiles>>>> = {
  amd64: {
    uefi: {
      code: '/usr/share/OVMF/OVMF_CODE_4M.fd',
      variables: '/usr/share/OVMF/OVMF_VARS_4M.fd',
    },
    'secure-boot': {
      code: '/usr/share/OVMF/OVMF_CODE_4M.secboot.fd',
      variables: '/usr/share/OVMF/OVMF_VARS_4M.ms.fd',
    },
  },
  arm64: {
    uefi: { code: '/usr/share/AAVMF/AAVMF_CODE.fd', variables: '/usr/share/AAVMF/AAVMF_VARS.fd' },
    'secure-boot': { code: '/usr/share/AAVMF/AAVMF_CODE.fd', variables: '/usr/share/AAVMF/AAVMF_VARS.ms.fd' },
  },
};

const emulators: Readonly<Record<Architecture, string>> = {
  amd64: 'qemu-system-x86_64',
  arm64: 'qemu-system-aarch64',
};

const media: Readonly<Record<Medium, readonly string[]>> = {
  cd: ['-device', 'virtio-scsi-pci', '-device', 'scsi-cd,drive=iso,bootindex=0'],
  usb: ['-device', 'qemu-xhci', '-device', 'usb-storage,drive=iso,bootindex=0'],
  virtio: ['-device', 'virtio-blk-pci,drive=iso,bootindex=0'],
};

/** What a virtual computer is made of. */
export interface Computer {
  readonly architecture?: Architecture;
  readonly firmware: Firmware;
  readonly medium: Medium;
  /** Adds what makes it a whole machine: an empty data disk, a network, and an identity on a config disk. */
  readonly isMachine?: boolean;
}

/** What is missing here to boot such a computer; undefined when nothing is. */
export async function missingFor(computer: Computer): Promise<string | undefined> {
  const architecture = computer.architecture ?? 'amd64';
  const files = firmwareFiles[architecture][computer.firmware];
  for (const file of files === undefined ? [] : [files.code, files.variables]) {
    if (!(await exists(file))) {
      return file;
    }
  }
  const emulator = emulators[architecture];
  const folders = (process.env['PATH'] ?? '').split(path.delimiter);
  const found = await Promise.all(folders.map((folder) => exists(path.join(folder, emulator))));
  return found.includes(true) ? undefined : emulator;
}

function boardArguments(architecture: Architecture, firmware: Firmware, medium: Medium): string[] {
  if (architecture === 'arm64') {
    return ['-M', 'virt', '-cpu', 'max,pauth-impdef=on', ...media[medium]];
  }
  const secure = firmware === 'secure-boot';
  const flash = secure ? ['-global', 'driver=cfi.pflash01,property=secure,value=on'] : [];
  // A CD on SATA is what every hypervisor with this board has; SeaBIOS boots no other.
  const place = medium === 'cd' ? ['-device', 'ide-cd,drive=iso,bootindex=0'] : media[medium];
  return ['-M', secure ? 'q35,smm=on,vmport=off' : 'q35,vmport=off', '-cpu', 'max', ...flash, ...place];
}

async function firmwareArguments(computer: Computer, folder: string): Promise<string[]> {
  const files = firmwareFiles[computer.architecture ?? 'amd64'][computer.firmware];
  if (files === undefined) {
    return [];
  }
  const variables = path.join(folder, 'variables.fd');
  await copyFile(files.variables, variables);
  return [
    ...['-drive', `if=pflash,unit=0,format=raw,readonly=on,file=${files.code}`],
    ...['-drive', `if=pflash,unit=1,format=raw,file=${variables}`],
  ];
}

async function dataDiskArguments(folder: string): Promise<string[]> {
  const file = path.join(folder, 'data.raw');
  const disk = await open(file, 'wx');
  await disk.truncate(dataDiskBytes);
  await disk.write(magic, 0);
  await disk.close();
  return ['-drive', `if=none,id=data,format=raw,file=${file}`, '-device', 'virtio-blk-pci,drive=data'];
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode === null && child.signalCode === null) {
    const closed = new Promise((resolve) => child.once('close', resolve));
    child.kill('SIGKILL');
    await closed;
  }
}

/**
 * Starts a computer from an ISO and waits until its serial line has said something that matches. Returns what it
 * said; fails the test when the time is over or the computer ends before.
 */
export async function bootUntil(
  t: ExecutionContext,
  isoPath: string,
  computer: Computer,
  wanted: { readonly pattern: RegExp; readonly timeoutMs: number },
): Promise<string> {
  const architecture = computer.architecture ?? 'amd64';
  const folder = await mkdtemp(path.join(tmpdir(), 'tsmachine-boot-'));
  const serial = path.join(folder, 'serial.log');
  const args = [
    // One processor: QEMU's emulation of several can trip over a kernel that patches its own code early in the boot.
    ...['-accel', 'tcg,thread=multi', '-smp', '1', '-m', '2048'],
    ...['-nodefaults', '-no-reboot', '-display', 'none', '-monitor', 'none', '-serial', `file:${serial}`],
    ...(await firmwareArguments(computer, folder)),
    ...['-drive', `if=none,id=iso,format=raw,readonly=on,file=${isoPath}`],
    ...boardArguments(architecture, computer.firmware, computer.medium),
    ...(computer.isMachine === true ? await dataDiskArguments(folder) : []),
    ...(computer.isMachine === true ? await identityArguments(folder) : []),
  ];
  const child = spawn(emulators[architecture], args, { stdio: ['ignore', 'ignore', 'pipe'] });
  let complaint = '';
  child.on('error', (error) => (complaint += error.message));
  child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString()));
  let said = '';
  const startedMs = performance.now();
  try {
    for (;;) {
      // Read first, judge then: the last words of a computer that has ended count too.
      const ended = child.exitCode !== null || child.signalCode !== null;
      said = await readFile(serial, 'latin1').catch(() => '');
      if (wanted.pattern.test(said)) {
        t.log(`${Math.round(performance.now() - startedMs)} ms to ${String(wanted.pattern)}`);
        return said;
      }
      if (ended || performance.now() - startedMs > wanted.timeoutMs) {
        break;
      }
      await sleep(pollMs);
    }
  } finally {
    await end(child);
    await rm(folder, { recursive: true, force: true });
  }
  t.log(complaint);
  t.log(said.slice(-2000));
  t.fail(`the computer did not say ${String(wanted.pattern)}`);
  return said;
}
