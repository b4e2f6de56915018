import type { Host } from '../host/types.ts';
import type { Finding } from './driver.ts';

const mebibyte = 1024 * 1024;
/** Above this part of the computer's memory a machine makes the computer itself slow. */
const memoryShareMax = 0.75;

/** Whether this computer has what a machine wants of it. `prefix` is that of the driver's flags. */
export function sizeFindings(
  host: Pick<Host, 'facts'>,
  wanted: { readonly cpus: number; readonly memoryMiB: number; readonly prefix: string },
): Finding[] {
  const findings: Finding[] = [];
  const { cpuCount, memoryBytes } = host.facts;
  if (wanted.cpus > cpuCount) {
    findings.push({
      severity: 'error',
      code: 'cpus-too-many',
      message: `The machine wants ${wanted.cpus} CPUs, this computer has ${cpuCount}.`,
      remedy: `Use --${wanted.prefix}-cpu-count ${cpuCount} or less.`,
    });
  }
  const hostMiB = Math.floor(memoryBytes / mebibyte);
  if (wanted.memoryMiB > hostMiB * memoryShareMax) {
    const isImpossible = wanted.memoryMiB > hostMiB;
    findings.push({
      severity: isImpossible ? 'error' : 'warning',
      code: isImpossible ? 'memory-too-much' : 'memory-tight',
      message: `The machine wants ${wanted.memoryMiB} MB of memory, this computer has ${hostMiB} MB.`,
      remedy: `Use a smaller --${wanted.prefix}-memory.`,
    });
  }
  return findings;
}
