import { MachineError } from '../core/errors.ts';
import { localArgument, type Location } from '../machine/location.ts';
import { openMachine } from '../machine/open.ts';
import { hostPathOf } from '../machine/share-paths.ts';
import { createSession, type Session } from '../machine/session.ts';
import { keepMounts, type MountState } from './share-mounts.ts';
import { openSshLink } from './ways.ts';

/** A directory of this computer, and where a machine is to have it. */
export interface MountThere {
  /** As the user wrote it, with `:ro` at its end for reading only. */
  readonly directory: string;
  readonly target: Extract<Location, { kind: 'remote' }>;
}

/**
 * Mounts a directory of this computer in a machine, with the sshfs that is there, until the session is interrupted.
 * @param onMounted is told of each time that it is there
 * @throws MachineError `arguments-invalid` for what is no directory here, or no absolute path there; `program-failed`
 *   when the first mount does not come about; `ssh-failed`.
 */
export async function mountThere(
  session: Session,
  { directory, target }: MountThere,
  onMounted: () => void,
): Promise<void> {
  const { host, storePath, emit } = session;
  const isReadOnly = directory.endsWith(':ro');
  const path = hostPathOf(localArgument(directory.replace(/:r[ow]$/, ''), host.facts.platform), host.facts);
  if ((await host.files.stat(await host.files.realPath(path).catch(() => path)))?.kind !== 'directory') {
    throw new MachineError('arguments-invalid', `There is no directory ${path} to mount.`);
  }
  if (!target.path.startsWith('/')) {
    throw new MachineError('arguments-invalid', 'The mountpoint in the machine must be an absolute path.');
  }
  const machine = await openMachine(session, target.machine);
  const ownSession = createSession({ host, storePath, emit, signal: new AbortController().signal });
  const ssh = openSshLink(ownSession, machine);
  const over = new AbortController();
  const signal = AbortSignal.any([session.signal, over.signal]);
  const share = {
    path,
    isReadOnly,
    guestPaths: [target.path],
    tag: `tsm-${Buffer.from(host.randomBytes(6)).toString('hex')}`,
  };
  let wasMounted = false;
  let failure: MachineError | undefined;
  const onChange = ([state]: readonly MountState[]): void => {
    if (state?.state === 'mounted') {
      wasMounted = true;
      onMounted();
    } else if (!wasMounted && state?.reason !== undefined) {
      failure = mountFailure(target.machine, state.reason);
      over.abort(failure);
    }
  };
  try {
    // Whatever keeps SSH from working is said in its own words.
    await ssh.connection();
    await keepMounts({ host, signal, connection: async () => ssh.connection(), onChange }, [share]);
    throwIf(failure);
  } finally {
    await ssh.close();
    await ownSession.close();
  }
}

function throwIf(error: Error | undefined): void {
  if (error !== undefined) {
    throw error;
  }
}

function mountFailure(machine: string, reason: string): MachineError {
  const isMissing = /sshfs: (?:command )?not found/.test(reason);
  return new MachineError('program-failed', `The directory was not mounted in the machine "${machine}".`, {
    why: reason,
    remedies: isMissing ? [`Install sshfs there: tsmachine ssh ${machine} sudo apt-get install sshfs`] : [],
  });
}
