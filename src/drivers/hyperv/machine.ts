import { posix, win32 } from 'node:path';
import { MachineError } from '../../core/errors.ts';
import type { DriverContext } from '../driver.ts';
import { isInside } from '../inside.ts';
import type { HyperVConfig } from './config.ts';
import { machinesOf, type MachineFacts } from './output.ts';
import type { PowerShell } from './powershell.ts';
import { lookScript } from './scripts/machine.ts';

/** What is asked of a context to find its virtual machine. */
export type MachineContext = Pick<DriverContext<HyperVConfig>, 'host' | 'name' | 'directory' | 'config'>;

/** Files of a machine, in its directory. */
export interface MachineFiles {
  /** Folder that Hyper-V makes for the machine. */
  readonly folder: string;
  /** Name as in docker-machine's folders. */
  readonly iso: string;
  readonly disk: string;
  readonly config: string;
  readonly console: string;
  readonly consoleBefore: string;
}

/** Places are as docker-machine has them, where it has such a file. */
export function machineFiles({ host, directory, name }: Omit<MachineContext, 'config'>): MachineFiles {
  const paths = host.facts.platform === 'win32' ? win32 : posix;
  return {
    folder: paths.join(directory, name),
    iso: paths.join(directory, 'boot2docker.iso'),
    disk: paths.join(directory, 'disk.vhdx'),
    config: paths.join(directory, 'config.iso'),
    console: paths.join(directory, 'console.log'),
    consoleBefore: paths.join(directory, 'console.log.1'),
  };
}

/** Where a machine says whose it is. */
export function ownerNotes({ directory }: Pick<MachineContext, 'directory'>): string {
  return `tsmachine:${directory}`;
}

/**
 * Asks for the virtual machine: by its id, which a renamed one keeps; in records that have none, as docker-machine's, by
 * its name, and then only one whose settings lie in the machine's own directory counts.
 * @throws MachineError what `PowerShell.run` throws.
 */
export async function findMachine(
  shell: PowerShell,
  context: MachineContext,
): Promise<MachineFacts | undefined> {
  const { id } = context.config;
  const found = machinesOf(await shell.run(lookScript({ id, name: context.name })));
  for (const machine of found) {
    if (id !== '' || (await isOurs(context, machine))) {
      return machine;
    }
  }
  return undefined;
}

/** The machine. @throws MachineError `vm-start-failed` when Hyper-V has none. */
export async function requireMachine(shell: PowerShell, context: MachineContext): Promise<MachineFacts> {
  const found = await findMachine(shell, context);
  if (found === undefined) {
    throw new MachineError('vm-start-failed', 'Hyper-V does not have the machine any more.', {
      why: 'It was removed there.',
      remedies: [`Remove it here too: tsmachine rm ${context.name}`],
    });
  }
  return found;
}

/** True for a machine of this directory: it lies in it, or says so. */
export async function isOurs(context: MachineContext, { path, notes }: MachineFacts): Promise<boolean> {
  const isNoted = notes.split(/\r?\n/).includes(ownerNotes(context));
  return isNoted || (path !== '' && (await isInside(context.host, path, context.directory)));
}

/** A record may name the id of somebody else's machine, which is nothing to change or delete. @throws MachineError `record-invalid`. */
export async function requireOwn(context: MachineContext, machine: MachineFacts): Promise<void> {
  if (!(await isOurs(context, machine))) {
    throw new MachineError(
      'record-invalid',
      `The record of "${context.name}" names a machine that is not its own.`,
      {
        why: `Hyper-V calls that one "${machine.name}", and has it in ${machine.path}.`,
        remedies: [`To forget the record alone: tsmachine rm -f ${context.name}`],
      },
    );
  }
}
