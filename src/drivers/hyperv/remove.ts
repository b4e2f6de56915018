import type { DriverContext } from '../driver.ts';
import { findPowerShell } from '../windows-powershell.ts';
import type { HyperVConfig } from './config.ts';
import { faultError, isGone } from './failures.ts';
import { findMachine, machineFiles, requireOwn } from './machine.ts';
import { connect, missingError } from './powershell.ts';
import { removeScript } from './scripts/power.ts';
import { killFound } from './stop.ts';

/**
 * Ends the machine and takes it out of Hyper-V, and removes its folder. Nothing there is fine; without any sign of a
 * machine Hyper-V is not even asked.
 * @throws MachineError `record-invalid` for a machine of somebody else, `program-missing`, and what `PowerShell.run` throws.
 */
export async function removeFromHyperV(context: DriverContext<HyperVConfig>): Promise<void> {
  const { host, signal, config } = context;
  const { folder } = machineFiles(context);
  if (config.id === '' && (await host.files.stat(folder)) === undefined) {
    return;
  }
  const program = await findPowerShell(host);
  if (program === undefined) {
    throw missingError();
  }
  const shell = connect(host, program, signal);
  const found = await findMachine(shell, context);
  if (found !== undefined) {
    await requireOwn(context, found);
    await killFound(context, shell, found);
    const { fault } = await shell.ask(removeScript({ id: found.id }));
    if (fault !== undefined && !isGone(fault)) {
      throw faultError(fault, 'remove');
    }
  }
  await host.files.remove(folder);
}
