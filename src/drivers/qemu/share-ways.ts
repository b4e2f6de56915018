import type { DriverContext, ShareWay } from '../driver.ts';
import type { QemuConfig } from './config.ts';
import { manifest } from './manifest.ts';
import { readProgramFacts } from './program-facts.ts';
import { findVirtiofsd } from './virtiofsd.ts';
import { findProgram, systemProgramOf } from '../qemu-programs.ts';

/** The ways to share directories that the QEMU of this computer has; all of them where there is none to be asked. */
export async function usableShareWays(
  context: Pick<DriverContext<QemuConfig>, 'host' | 'config' | 'signal'>,
): Promise<readonly ShareWay[]> {
  const { host, config, signal } = context;
  const { shares: ways = [] } = manifest.capabilities;
  const architecture = host.facts.arch === 'arm64' ? 'arm64' : 'amd64';
  const program = await findProgram(
    host,
    config.program === '' ? systemProgramOf(architecture) : config.program,
  );
  if (program === undefined) {
    return ways;
  }
  const facts = await readProgramFacts(host, program, signal).catch(() => undefined);
  const server = await findVirtiofsd(host, signal);
  const isUsable: Readonly<Partial<Record<ShareWay, boolean>>> = {
    '9p': facts?.canShare !== false,
    virtiofs: server !== undefined,
  };
  return ways.filter((way) => isUsable[way] !== false);
}
