import { posix, win32 } from 'node:path';
import { MachineError } from '../../core/errors.ts';
import type { DriverContext } from '../driver.ts';
import { isInside } from '../inside.ts';
import type { VirtualBoxConfig } from './config.ts';
import { parseMachineInfo, type MachineInfo } from './output.ts';
import { faultError, isNotFound, type VBoxManage } from './vboxmanage.ts';

/** What is asked of a context to find its virtual machine. */
export type MachineContext = Pick<DriverContext<VirtualBoxConfig>, 'host' | 'name' | 'directory' | 'config'>;

/** Files of a machine, in its directory. */
export interface MachineFiles {
  readonly directory: string;
  /** Folder that VirtualBox makes for the machine, and its settings in it. */
  readonly folder: string;
  readonly settings: string;
  /** Name as in docker-machine's folders. */
  readonly iso: string;
  readonly disk: string;
  readonly config: string;
  readonly console: string;
  readonly consoleBefore: string;
  /** What VirtualBox writes about a run. */
  readonly log: string;
}

/** Places are as docker-machine has them, where it has such a file. */
export function machineFiles({ host, directory, name }: Omit<MachineContext, 'config'>): MachineFiles {
  const paths = host.facts.platform === 'win32' ? win32 : posix;
  const folder = paths.join(directory, name);
  return {
    directory,
    folder,
    settings: paths.join(folder, `${name}.vbox`),
    iso: paths.join(directory, 'boot2docker.iso'),
    disk: paths.join(directory, 'disk.vdi'),
    config: paths.join(directory, 'config.iso'),
    console: paths.join(directory, 'console.log'),
    consoleBefore: paths.join(directory, 'console.log.1'),
    log: paths.join(folder, 'Logs', 'VBox.log'),
  };
}

/** What VirtualBox knows of a machine of ours. */
export type Found =
  | { readonly kind: 'machine'; readonly uuid: string; readonly info: MachineInfo }
  /** It is registered, but its settings cannot be read. */
  | { readonly kind: 'inaccessible'; readonly uuid: string; readonly why: string }
  | { readonly kind: 'absent' };

/**
 * Asks for the virtual machine: by its UUID, which a renamed one keeps; in records that have none, as docker-machine's,
 * by its name, and then only one whose settings lie in the machine's own directory counts.
 * @throws MachineError `vm-control-failed` for an answer that says nothing about it.
 */
export async function findMachine(vbox: VBoxManage, context: MachineContext): Promise<Found> {
  const { uuid } = context.config;
  const args = ['showvminfo', uuid === '' ? context.name : uuid, '--machinereadable'];
  const { stdout, fault } = await vbox.ask(args);
  if (fault === undefined) {
    const info = parseMachineInfo(stdout);
    if (info === undefined) {
      throw new MachineError('vm-control-failed', 'VirtualBox does not tell the state of the machine.', {
        facts: { stdout: stdout.slice(0, 300) },
      });
    }
    return uuid !== '' || (await isOurs(context, info))
      ? { kind: 'machine', uuid: info.uuid, info }
      : { kind: 'absent' };
  }
  if (isNotFound(fault)) {
    return { kind: 'absent' };
  }
  if (uuid !== '' && fault.code === 'E_ACCESSDENIED') {
    return { kind: 'inaccessible', uuid, why: fault.message };
  }
  throw faultError(args, fault);
}

/** The machine with this UUID. @throws MachineError `vm-start-failed` when VirtualBox has none that can be used. */
export async function requireMachine(
  vbox: VBoxManage,
  context: MachineContext,
): Promise<Extract<Found, { readonly kind: 'machine' }>> {
  const found = await findMachine(vbox, context);
  if (found.kind === 'machine') {
    return found;
  }
  const [what, why] =
    found.kind === 'absent'
      ? [
          'VirtualBox does not have the machine any more.',
          'It was removed there, or it belongs to another user.',
        ]
      : ['VirtualBox cannot read the settings of the machine.', found.why];
  throw new MachineError('vm-start-failed', what, {
    why,
    remedies: [`Remove it here too: tsmachine rm ${context.name}`],
  });
}

async function isOurs(context: MachineContext, { settingsFile }: MachineInfo): Promise<boolean> {
  return isInside(context.host, settingsFile, context.directory);
}
