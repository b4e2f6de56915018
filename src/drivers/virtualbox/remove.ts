import { MachineError } from '../../core/errors.ts';
import type { DriverContext } from '../driver.ts';
import { isInside } from '../inside.ts';
import type { VirtualBoxConfig } from './config.ts';
import { findVBoxManage } from './find.ts';
import { findMachine, machineFiles } from './machine.ts';
import { parseMachines, parseMedia } from './output.ts';
import { killFound } from './stop.ts';
import { connect, faultError, isNotFound, missingError, type VBoxManage } from './vboxmanage.ts';

type RemoveContext = DriverContext<VirtualBoxConfig>;

/**
 * Ends the machine and takes it, its media and its folder out of VirtualBox. Nothing there is fine; without any sign of a
 * machine VirtualBox is not even asked.
 * @throws MachineError `vm-control-failed` when VirtualBox still has it, `program-missing`.
 */
export async function removeFromVirtualBox(context: RemoveContext): Promise<void> {
  const { host, signal } = context;
  const files = machineFiles(context);
  const hasSettings = (await host.files.stat(files.settings)) !== undefined;
  if (context.config.uuid === '' && !hasSettings) {
    return;
  }
  const program = await findVBoxManage(host);
  if (program === undefined) {
    throw missingError();
  }
  const vbox = connect(host, program, signal);
  const found = await findMachine(vbox, context);
  if (found.kind !== 'absent') {
    if (found.kind === 'machine') {
      await requireOwn(context, found.info.settingsFile);
      await killFound(context, vbox, found);
    }
    await unregister(vbox, found.uuid);
  }
  await forgetMedia(context, vbox);
  await host.files.remove(files.folder);
}

/** A record may name the UUID of somebody else's machine, which is nothing to change or delete. @throws MachineError `record-invalid`. */
export async function requireOwn(
  { host, directory, name }: Pick<RemoveContext, 'host' | 'directory' | 'name'>,
  settingsFile: string,
): Promise<void> {
  if (!(await isInside(host, settingsFile, directory))) {
    throw new MachineError('record-invalid', `The record of "${name}" names a machine that is not its own.`, {
      why: `The settings of that one are in ${settingsFile}.`,
      remedies: [`To forget the record alone: tsmachine rm -f ${name}`],
    });
  }
}

/** The answer for a machine that cannot be read is an error although it is gone: the list tells. */
async function unregister(vbox: VBoxManage, uuid: string): Promise<void> {
  const args = ['unregistervm', uuid, '--delete'];
  const { fault } = await vbox.ask(args);
  if (fault === undefined || isNotFound(fault)) {
    return;
  }
  const left = parseMachines((await vbox.run(['list', 'vms'])).stdout);
  if (left.some((one) => one.uuid === uuid)) {
    throw faultError(args, fault);
  }
}

/** Media that VirtualBox still knows although their machine is gone would be errors in its window for ever. */
async function forgetMedia({ host, directory }: RemoveContext, vbox: VBoxManage): Promise<void> {
  for (const [list, kind] of [
    ['hdds', 'disk'],
    ['dvds', 'dvd'],
  ] as const) {
    for (const { uuid, location } of parseMedia((await vbox.run(['list', list])).stdout)) {
      if (await isInside(host, location, directory)) {
        await vbox.run(['closemedium', kind, uuid]);
      }
    }
  }
}
