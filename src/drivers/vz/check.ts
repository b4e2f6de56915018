import { isMachineError } from '../../core/errors.ts';
import type { DriverContext, Finding } from '../driver.ts';
import { sizeFindings } from '../size-findings.ts';
import type { VzConfig } from './config.ts';
import { isTooOld, macOsVersion, oldestMacOs } from './find.ts';
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
  const macOs = await macOsVersion(host);
  if (isTooOld(macOs)) {
    const message = `macOS ${macOs ?? ''} is too old: machines need ${oldestMacOs} or newer.`;
    return [{ severity: 'error', code: 'macos-too-old', message, remedy: 'Use the driver qemu.' }];
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
      ...(await rosettaFindings(context)),
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

/** What macOS lends to Linux; it is there when Rosetta is installed. */
const rosettaPath = '/Library/Apple/usr/libexec/oah/RosettaLinux/rosetta';

async function rosettaFindings({
  host,
  config,
}: Pick<DriverContext<VzConfig>, 'host' | 'config'>): Promise<Finding[]> {
  if (!config.rosetta || (await host.files.stat(rosettaPath).catch(() => undefined)) !== undefined) {
    return [];
  }
  const message = 'Rosetta is not installed, so --vz-rosetta cannot be used.';
  return [
    { severity: 'error', code: 'rosetta-missing', message, remedy: 'Run: softwareupdate --install-rosetta' },
  ];
}
