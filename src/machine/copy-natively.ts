import { posix, win32 } from 'node:path';
import { MachineError } from '../core/errors.ts';
import type { SshConnection, RemoteEntry, RemoteFiles } from '../ssh/types.ts';
import type { Location } from './location.ts';
import { connectSsh, openTarget } from './remote.ts';
import type { Session } from './session.ts';
import { openForSsh } from './ssh-program.ts';
import { sshTargetOf } from './ssh-target.ts';

/** What is to be copied where. */
export interface NativeCopy {
  readonly source: Location;
  readonly target: Location;
  readonly recursive: boolean;
}

const connectTimeoutMs = 30_000;
/** Directories in directories; a tree that is deeper is none. */
const depthMax = 100;

/** One end of a copy: this computer or a machine. */
interface End {
  /** Undefined for this computer. */
  readonly remote: RemoteFiles | undefined;
  readonly path: string;
  readonly paths: typeof posix;
  stat(path: string): ReturnType<RemoteFiles['stat']>;
  list(path: string): Promise<readonly RemoteEntry[]>;
  makeDirectory(path: string, mode: number): Promise<void>;
  replace(from: string, to: string): Promise<void>;
  remove(path: string): Promise<void>;
}

/**
 * Copies as scp does, with the SSH client that is built in and SFTP: for computers without scp. A file appears under its
 * name when it is whole. Links to directories, and what is neither file nor directory, are left out with a warning.
 * @throws MachineError `arguments-invalid` for a directory without `recursive`; `program-failed`, `program-missing`; those
 *   of openForSsh and connectSsh.
 */
export async function copyNatively(
  session: Session,
  { source, target, recursive }: NativeCopy,
): Promise<void> {
  const connections: SshConnection[] = [];
  const open = async (location: Location): Promise<End> => {
    if (location.kind === 'local') {
      return localEnd(session, location.path);
    }
    const connection = await connectAs(session, location.machine, location.user);
    connections.push(connection);
    return remoteEnd(await connection.files(), location.path);
  };
  try {
    const from = await open(source);
    const to = await open(target);
    const found = await from.stat(from.path);
    if (found === undefined) {
      throw new MachineError('program-failed', `${from.path}: no such file or directory`, {
        remedies: ['Name a file that is there; patterns are not known here.'],
      });
    }
    if (found.kind === 'directory' && !recursive) {
      throw new MachineError('arguments-invalid', `${from.path} is a directory.`, {
        remedies: ['Copy it with what is in it: scp -r'],
      });
    }
    await copyTree({ session, from, to }, from.path, await placeIn(to, from), 0);
  } catch (error) {
    session.signal.throwIfAborted();
    throw error;
  } finally {
    await Promise.all(connections.map((connection) => connection.close()));
  }
}

async function connectAs(session: Session, name: string, user: string | undefined): Promise<SshConnection> {
  const machine = await openForSsh(session, name);
  if (user === undefined) {
    return connectSsh(session, machine);
  }
  return openTarget(session, { ...(await sshTargetOf(session, machine)), user }, connectTimeoutMs);
}

/** Into a directory that is there goes what is copied, under its own name. */
async function placeIn(to: End, from: End): Promise<string> {
  const isDirectory = (await to.stat(to.path))?.kind === 'directory';
  const name = from.paths.basename(from.path);
  return isDirectory && name !== '.' && name !== '..' ? to.paths.join(to.path, name) : to.path;
}

interface Copy {
  readonly session: Session;
  readonly from: End;
  readonly to: End;
}

async function copyTree(copy: Copy, source: string, target: string, depth: number): Promise<void> {
  const { session, from, to } = copy;
  session.signal.throwIfAborted();
  const found = await from.stat(source);
  if (found?.kind === 'file') {
    await copyFile(copy, source, target, found.mode);
    return;
  }
  if (found?.kind !== 'directory') {
    session.emit({ type: 'warn', message: `${source} is neither a file nor a directory, and is left out.` });
    return;
  }
  if (depth > depthMax) {
    throw new MachineError('program-failed', `${source} is deeper than ${depthMax} directories.`);
  }
  if ((await to.stat(target)) === undefined) {
    await to.makeDirectory(target, found.mode | 0o700);
  }
  for (const { name, kind } of await from.list(source)) {
    const path = from.paths.join(source, name);
    if (kind === 'symlink' && (await from.stat(path))?.kind === 'directory') {
      session.emit({ type: 'warn', message: `${path} is a link to a directory, and is left out.` });
    } else {
      await copyTree(copy, path, to.paths.join(target, name), depth + 1);
    }
  }
}

async function copyFile(
  { session, from, to }: Copy,
  source: string,
  target: string,
  mode: number,
): Promise<void> {
  const token = Buffer.from(session.host.randomBytes(6)).toString('hex');
  const temporary = `${target}.${token}.tmp`;
  const present = await to.stat(target);
  try {
    await transfer({ session, from, to }, source, temporary, present?.mode ?? mode);
    await to.replace(temporary, target);
  } catch (error) {
    await to.remove(temporary).catch(() => undefined);
    throw error;
  }
}

async function transfer(
  { session, from, to }: Copy,
  source: string,
  target: string,
  mode: number,
): Promise<void> {
  const { files } = session.host;
  if (from.remote !== undefined && to.remote !== undefined) {
    await from.remote.send(source, to.remote, target, mode);
  } else if (from.remote !== undefined) {
    await from.remote.download(source, target);
    await files.chmod(target, mode);
  } else if (to.remote !== undefined) {
    await to.remote.upload(source, target, mode);
  } else {
    await files.copy(source, target, mode);
  }
}

function localEnd({ host }: Session, path: string): End {
  const { files, facts } = host;
  const paths = facts.platform === 'win32' ? win32 : posix;
  return {
    remote: undefined,
    path: paths.resolve(facts.currentDirectory, path),
    paths,
    stat: async (each) => {
      const stat = await files.realPath(each).then(
        async (real) => files.stat(real),
        () => undefined,
      );
      return stat && { kind: stat.kind, mode: stat.mode & 0o777 };
    },
    list: async (each) => files.list(each),
    makeDirectory: async (each, mode) => files.makeDirectory(each, mode),
    replace: async (from, to) => files.rename(from, to),
    remove: async (each) => files.remove(each),
  };
}

function remoteEnd(files: RemoteFiles, path: string): End {
  return {
    ...files,
    remote: files,
    // The shell's sign for the home directory, in which SFTP starts.
    path: path.replace(/^~(\/|$)/, '') || '.',
    paths: posix,
  };
}
