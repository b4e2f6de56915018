import { posix, win32 } from 'node:path';
import { MachineError } from '../core/errors.ts';
import { joinPath } from '../store/paths.ts';
import { autostartFiles, type AutostartFile } from './autostart-files.ts';
import { openMachine } from './open.ts';
import type { Session } from './session.ts';

/** Whether a machine is started when the user logs in, and by which file. */
export interface Autostart {
  readonly isOn: boolean;
  readonly path: string;
}

/**
 * Tells whether a machine is started when the user logs in.
 * @throws MachineError `capability-missing` on a system where that is not known; what openMachine throws.
 */
export async function readAutostart(session: Session, name: string): Promise<Autostart> {
  await openMachine(session, name);
  const path = requireFiles(session, name)[0]?.path ?? '';
  return { isOn: (await session.host.files.stat(path)) !== undefined, path };
}

/**
 * From now on the machine is started when the user logs in, or not.
 * @throws MachineError `capability-missing` for a machine without a power switch, `store-write-failed`; as readAutostart.
 */
export async function setAutostart(session: Session, name: string, isOn: boolean): Promise<Autostart> {
  const { driver } = await openMachine(session, name);
  const files = requireFiles(session, name);
  if (isOn && !driver.manifest.capabilities.power) {
    throw new MachineError('capability-missing', `The machine "${name}" cannot be started from here.`, {
      why: `Machines of the driver "${driver.manifest.name}" have no power switch that tsmachine can use.`,
      remedies: [
        'Have its host start by itself, in the way of that host; tsmachine finds it when it runs.',
        `See whether it answers: tsmachine status ${name}`,
      ],
    });
  }
  await (isOn ? write(session, files) : remove(session, files));
  return { isOn, path: files[0]?.path ?? '' };
}

/** Takes away what starts a machine that is being removed. */
export async function forgetAutostart(session: Session, name: string): Promise<void> {
  await remove(session, filesOf(session, name) ?? []);
}

function filesOf({ host, storePath }: Session, name: string): AutostartFile[] | undefined {
  const { facts } = host;
  return autostartFiles(facts, {
    name,
    storePath,
    program: [facts.nodePath, joinPath(facts.packageRoot, 'bin', 'tsmachine.js')],
  });
}

function requireFiles(session: Session, name: string): AutostartFile[] {
  const files = filesOf(session, name);
  if (files === undefined) {
    throw new MachineError('capability-missing', 'Machines cannot be started at login here.', {
      why: `How that is done is known for Linux with systemd, macOS and Windows, not for ${session.host.facts.platform}.`,
      remedies: [`Have "tsmachine start ${name}" run when you log in.`],
    });
  }
  return files;
}

/** What makes the system look at the others comes last. */
async function write({ host }: Session, files: readonly AutostartFile[]): Promise<void> {
  const paths = host.facts.platform === 'win32' ? win32 : posix;
  for (const { path, content } of files) {
    await host.files.makeDirectory(paths.dirname(path), 0o755);
    await host.files.writeAtomic(path, content, 0o644);
  }
}

async function remove({ host }: Session, files: readonly AutostartFile[]): Promise<void> {
  for (const { path } of files.toReversed()) {
    await host.files.remove(path);
  }
}
