import { isMachineError } from '../../core/errors.ts';
import type { DriverContext, Finding } from '../driver.ts';
import { sizeFindings } from '../size-findings.ts';
import type { VzConfig } from './config.ts';
import { findVfkit, installHint } from './machine.ts';

const timeoutMs = 10_000;

/** Whether this computer can run the machine; see the contract. */
export async function checkHost(
  context: Omit<DriverContext<VzConfig>, 'directory' | 'name' | 'save'>,
): Promise<readonly Finding[]> {
  const { host, config, signal } = context;
  const { platform, arch } = host.facts;
  if (platform === 'darwin' && arch !== 'arm64') {
    const message = "Our image boots in Apple's framework on Apple silicon alone.";
    return [{ severity: 'error', code: 'architecture-unsupported', message, remedy: 'Use the driver qemu.' }];
  }
  const program = await findVfkit(host, config.program);
  if (program === undefined) {
    return [
      { severity: 'error', code: 'vfkit-missing', message: 'vfkit was not found.', remedy: installHint },
    ];
  }
  try {
    const { stdout, stderr } = await host.processes.run(program, ['--version'], { timeoutMs, signal });
    const version = /\d+(?:\.\d+)+/.exec(stdout + stderr)?.[0] ?? 'of an unknown version';
    return [
      { severity: 'ok', code: 'vfkit', message: `vfkit ${version}: ${program}` },
      ...sizeFindings(host, { ...config, prefix: 'vz' }),
    ];
  } catch (error) {
    signal.throwIfAborted();
    if (!isMachineError(error)) {
      throw error;
    }
    return [
      { severity: 'error', code: 'vfkit-broken', message: `${program} cannot be run: ${error.message}` },
    ];
  }
}
