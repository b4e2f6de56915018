import type { Host } from '../../host/types.ts';
import { findVfkit } from './machine.ts';

/** The first version of macOS in which the framework has all that a machine needs (directories, Rosetta). */
export const oldestMacOs = 13;

const timeoutMs = 10_000;

/** The version of macOS; undefined where it does not say. */
export async function macOsVersion(host: Host): Promise<string | undefined> {
  try {
    const { stdout } = await host.processes.run('/usr/bin/sw_vers', ['-productVersion'], { timeoutMs });
    return /^\d+(?:\.\d+)*/.exec(stdout.trim())?.[0];
  } catch {
    return undefined;
  }
}

/** True for a version that is known and older than what machines need. */
export function isTooOld(version: string | undefined): boolean {
  return version !== undefined && Number.parseInt(version, 10) < oldestMacOs;
}

/** Path of vfkit, where it is installed and this Mac can run a machine of ours with it. */
export async function findReadyVfkit(host: Host): Promise<string | undefined> {
  const { platform, arch } = host.facts;
  if (platform !== 'darwin' || arch !== 'arm64') {
    return undefined;
  }
  const program = await findVfkit(host, '');
  return program === undefined || isTooOld(await macOsVersion(host)) ? undefined : program;
}
