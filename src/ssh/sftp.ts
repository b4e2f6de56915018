import { pipeline } from 'node:stream/promises';
import type { Client, SFTPWrapper, Stats } from 'ssh2';
import { MachineError, messageOf } from '../core/errors.ts';
import type { RemoteEntry, RemoteFiles, RemoteKind } from './types.ts';

/** SSH_FX_NO_SUCH_FILE of draft-ietf-secsh-filexfer-02. */
const noSuchFile = 2;

type Done = (error: Error | null | undefined) => void;

/** See SshConnection.files. `lost` is the error of the connection, once it has ended. */
export async function openSftp(client: Client, lost: () => Error | undefined): Promise<RemoteFiles> {
  const sftp = await new Promise<SFTPWrapper>((resolve, reject) => {
    client.sftp((error, opened) => {
      if (error === undefined) {
        resolve(opened);
      } else {
        reject(lost() ?? unavailable(error));
      }
    });
  });
  sftp.on('error', () => undefined);
  /** One request; a connection that ends takes its requests with it without an answer. */
  const ask = <T>(path: string, request: (done: (error: unknown, value: T) => void) => void): Promise<T> =>
    new Promise((resolve, reject) => {
      const onClose = (): void => {
        reject(lost() ?? remoteFailure(path, new Error('the connection was closed')));
      };
      client.once('close', onClose);
      const done = (error: unknown, value: T): void => {
        client.off('close', onClose);
        if (error === undefined || error === null) {
          resolve(value);
        } else {
          reject(lost() ?? remoteFailure(path, error));
        }
      };
      try {
        request(done);
      } catch (error) {
        done(error, undefined as T);
      }
    });
  const act = async (path: string, request: (done: Done) => void): Promise<void> =>
    ask<undefined>(path, (done) => {
      request((error) => {
        done(error, undefined);
      });
    });
  return {
    stat: async (path) => {
      try {
        const stats = await ask<Stats>(path, (done) => {
          sftp.stat(path, done);
        });
        return { kind: kindOf(stats), mode: stats.mode & 0o777 };
      } catch (error) {
        if (isMissing(error)) {
          return undefined;
        }
        throw error;
      }
    },
    list: async (path) => {
      const entries = await ask<readonly { readonly filename: string; readonly attrs: Stats }[]>(
        path,
        (done) => {
          sftp.readdir(path, done);
        },
      );
      return entries
        .filter(({ filename }) => filename !== '.' && filename !== '..')
        .map(({ filename, attrs }) => requirePlain({ name: filename, kind: kindOf(attrs) }, path));
    },
    makeDirectory: async (path, mode) =>
      act(path, (done) => {
        sftp.mkdir(path, { mode }, done);
      }),
    download: async (path, localPath) =>
      act(path, (done) => {
        sftp.fastGet(path, localPath, done);
      }),
    upload: async (localPath, path, mode) =>
      act(path, (done) => {
        sftp.fastPut(localPath, path, { mode }, done);
      }),
    send: async (path, other, otherPath, mode) =>
      pipeline(sftp.createReadStream(path), other.writeStream(otherPath, mode)),
    writeStream: (path, mode) => sftp.createWriteStream(path, { mode }),
    replace: async (from, to) => {
      try {
        await act(to, (done) => {
          sftp.ext_openssh_rename(from, to, done);
        });
      } catch {
        // Servers other than OpenSSH's rename to a free name only.
        await act(to, (done) => {
          sftp.unlink(to, done);
        }).catch(() => undefined);
        await act(to, (done) => {
          sftp.rename(from, to, done);
        });
      }
    },
    remove: async (path) =>
      act(path, (done) => {
        sftp.unlink(path, done);
      }),
  };
}

/** A server could name what is not in the directory. @throws MachineError `program-failed`. */
function requirePlain(entry: RemoteEntry, directory: string): RemoteEntry {
  if (/[/\\\0]/.test(entry.name) || entry.name === '') {
    const name = JSON.stringify(entry.name);
    throw remoteFailure(directory, new Error(`it is said to contain ${name}, which is no name`));
  }
  return entry;
}

function kindOf(stats: Pick<Stats, 'isFile' | 'isDirectory' | 'isSymbolicLink'>): RemoteKind {
  if (stats.isDirectory()) {
    return 'directory';
  }
  return stats.isFile() ? 'file' : stats.isSymbolicLink() ? 'symlink' : 'other';
}

function isMissing(error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined;
  return (cause as { readonly code?: unknown } | undefined)?.code === noSuchFile;
}

function remoteFailure(path: string, cause: unknown): MachineError {
  const why = messageOf(cause).replace(/\p{Cc}+/gu, ' ');
  return new MachineError('program-failed', `${path || '.'} on the machine: ${why}`, {
    remedies: ['Look at the path and its permissions on the machine.'],
    cause,
  });
}

function unavailable(cause: Error): MachineError {
  return new MachineError('program-missing', 'The SSH server of the machine has no SFTP.', {
    remedies: ['Install scp on this computer.', 'Install an SFTP server on the machine (sftp-server).'],
    cause,
  });
}
