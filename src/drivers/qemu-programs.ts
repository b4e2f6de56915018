import type { Host, HostFacts } from '../host/types.ts';
import type { Architecture } from './qemu-board.ts';

/** First QEMU with which this driver is tested; older ones lack parts of the command line. */
export const versionMin = { major: 7, minor: 2 } as const;

/** A version of QEMU. */
export interface QemuVersion {
  readonly major: number;
  readonly minor: number;
  /** As printed: `7.2.22`. */
  readonly text: string;
}

/** The host's architecture in the words of images; undefined for others. */
export function hostArchitecture(facts: Pick<HostFacts, 'arch'>): Architecture | undefined {
  return ({ x64: 'amd64', arm64: 'arm64' } as const)[facts.arch];
}

/** Name of the program that runs guests of an architecture. */
export function systemProgramOf(architecture: Architecture): string {
  return architecture === 'arm64' ? 'qemu-system-aarch64' : 'qemu-system-x86_64';
}

/** Absolute path of a program of QEMU: as configured, on PATH, or where QEMU's installers put it. */
export async function findProgram(host: Host, program: string): Promise<string | undefined> {
  const found = await host.processes.find(program);
  if (found !== undefined || /[\\/]/.test(program)) {
    return found;
  }
  return findIn(host, installDirectories(host.facts), program);
}

/** qemu-img: beside the other program if it is there, since they belong to one version, else as findProgram. */
export async function findImageTool(
  host: Host,
  systemProgram: string | undefined,
): Promise<string | undefined> {
  const directory = systemProgram === undefined ? undefined : /^(.*)[\\/][^\\/]+$/.exec(systemProgram)?.[1];
  const sibling = directory === undefined ? undefined : await findIn(host, [directory], 'qemu-img');
  return sibling ?? findProgram(host, 'qemu-img');
}

/** `QEMU emulator version 7.2.22 (Debian …)` to its numbers; undefined for any other text. */
export function parseVersion(text: string): QemuVersion | undefined {
  const match = /\bversion (\d+)\.(\d+)(?:\.\d+)*/.exec(text);
  if (match === null) {
    return undefined;
  }
  return { major: Number(match[1]), minor: Number(match[2]), text: match[0].replace('version ', '') };
}

/** True for a version that the driver is tested with, or a newer one. */
export function isSupported(version: QemuVersion): boolean {
  return (
    version.major > versionMin.major ||
    (version.major === versionMin.major && version.minor >= versionMin.minor)
  );
}

/** How to get QEMU on this platform. */
export function installHint(facts: Pick<HostFacts, 'platform'>, architecture: Architecture): string {
  switch (facts.platform) {
    case 'darwin':
      return 'Install QEMU: brew install qemu';
    case 'win32':
      return 'Install QEMU for Windows from https://www.qemu.org/download/';
    default: {
      const package_ = architecture === 'arm64' ? 'qemu-system-arm' : 'qemu-system-x86';
      return `Install QEMU, on Debian and Ubuntu: sudo apt install ${package_} qemu-utils`;
    }
  }
}

async function findIn(
  host: Host,
  directories: readonly string[],
  program: string,
): Promise<string | undefined> {
  for (const directory of directories) {
    const found = await host.processes.find(`${directory}/${program}`);
    if (found !== undefined) {
      return found;
    }
  }
  return undefined;
}

function installDirectories(facts: HostFacts): readonly string[] {
  switch (facts.platform) {
    case 'darwin':
      return ['/opt/homebrew/bin', '/usr/local/bin', '/opt/local/bin'];
    case 'win32':
      return [`${facts.env['ProgramFiles'] ?? 'C:\\Program Files'}\\qemu`];
    default:
      return [];
  }
}
