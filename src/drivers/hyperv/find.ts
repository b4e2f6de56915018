import { findPowerShell } from '../windows-powershell.ts';
import { win32 } from 'node:path';
import { isMachineError } from '../../core/errors.ts';
import type { Host } from '../../host/types.ts';
import { hostFactsOf } from './output.ts';
import { connect } from './powershell.ts';
import { hostScript } from './scripts/host.ts';

const askTimeoutMs = 30_000;

/**
 * Path of the service of Hyper-V where it is installed, runs, and may be used by this user; else undefined. Without the file
 * PowerShell, which takes its time, is not even asked.
 */
export async function findReadyHyperV(host: Host): Promise<string | undefined> {
  const root = host.facts.env['SystemRoot'] ?? 'C:\\Windows';
  const service = win32.join(root, 'System32', 'vmms.exe');
  if ((await host.files.stat(service).catch(() => undefined)) === undefined) {
    return undefined;
  }
  const program = await findPowerShell(host);
  if (program === undefined) {
    return undefined;
  }
  try {
    const shell = connect(host, program, new AbortController().signal);
    const facts = hostFactsOf(await shell.run(hostScript(), { timeoutMs: askTimeoutMs }));
    const isReady = facts.module && facts.mayUse && facts.isServing && facts.hasHypervisor;
    return isReady && facts.switches.length > 0 ? service : undefined;
  } catch (error) {
    if (!isMachineError(error)) {
      throw error;
    }
    return undefined;
  }
}
