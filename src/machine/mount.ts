import { MachineError } from '../core/errors.ts';
import { requireProgram, runOrFail } from './external.ts';
import { localArgument, locationArgument, parseLocation, type Location } from './location.ts';
import type { Session } from './session.ts';
import { prepareSshFiles } from './ssh-files.ts';
import { openForSsh } from './ssh-program.ts';

/** The machine of a path without one. */
const machineDefault = 'default';

/**
 * Mounts a directory of a machine here with sshfs, which goes on in the background.
 * @param source `[[user@]machine:]path`
 * @param mountpoint the same path here, unless it is given
 * @returns 0, or 130 when interrupted.
 * @throws MachineError `arguments-invalid`; `program-missing`; `program-failed`; those of openForSsh and prepareSshFiles.
 */
export async function mountDirectory(session: Session, source: string, mountpoint?: string): Promise<number> {
  const program = await requireProgram(
    session,
    ['sshfs'],
    'You must have a copy of the sshfs binary locally to use the mount feature',
  );
  const { platform } = session.host.facts;
  const location = mountLocation(source, platform);
  const point = localArgument(mountpointOf(location, mountpoint), platform);
  const { configPath } = await prepareSshFiles(session, await openForSsh(session, location.machine));
  const args = ['-F', configPath, locationArgument(location, platform), point];
  return runOrFail(session, program, args);
}

/**
 * Undoes mountDirectory, for which the machine need not be there any more.
 * @throws MachineError `arguments-invalid`; `program-missing`; `program-failed`.
 */
export async function unmountDirectory(
  session: Session,
  source: string,
  mountpoint?: string,
): Promise<number> {
  const { platform } = session.host.facts;
  const isMac = platform === 'darwin';
  const program = await requireProgram(
    session,
    isMac ? ['umount'] : ['fusermount', 'fusermount3'],
    'You must have a copy of the fusermount binary locally to use the unmount option',
  );
  const point = localArgument(mountpointOf(mountLocation(source, platform), mountpoint), platform);
  return runOrFail(session, program, isMac ? [point] : ['-u', point]);
}

function mountLocation(text: string, platform: NodeJS.Platform): Extract<Location, { kind: 'remote' }> {
  const location = parseLocation(text, platform);
  if (location.kind === 'remote') {
    return location;
  }
  if (location.path !== text) {
    throw new MachineError('arguments-invalid', 'What is to be mounted is on this computer already.');
  }
  // As if the machine had been written, so that the same checks are made.
  return parseLocation(`${machineDefault}:${text}`, 'linux') as Extract<Location, { kind: 'remote' }>;
}

function mountpointOf({ path }: Pick<Location, 'path'>, given: string | undefined): string {
  const point = given ?? path;
  if (point === '') {
    throw new MachineError('arguments-invalid', 'There is no mountpoint.', {
      remedies: ['Give the directory of this computer as the second argument.'],
    });
  }
  return point;
}
