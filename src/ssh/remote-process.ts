import type { Client, ClientChannel } from 'ssh2';
import { MachineError } from '../core/errors.ts';
import type { CommandEnd, RemoteProcess } from './types.ts';

/** Wraps an open channel. `lost` is the error of the connection, once it has ended. */
export function remoteProcess(
  client: Client,
  channel: ClientChannel,
  lost: () => Error | undefined,
): RemoteProcess {
  const ended = commandEnd(client, channel, lost);
  // Not everybody who starts a process waits for its end.
  ended.catch(() => undefined);
  // Writing to a command that does not read any more is not a failure of the command.
  channel.on('error', () => undefined);
  channel.stderr.on('error', () => undefined);
  return {
    stdin: channel,
    stdout: channel,
    stderr: channel.stderr,
    ended,
    resize: ({ columns, rows }) => {
      channel.setWindow(rows, columns, 0, 0);
    },
    kill: () => {
      channel.signal('TERM');
      channel.close();
    },
  };
}

function commandEnd(
  client: Client,
  channel: ClientChannel,
  lost: () => Error | undefined,
): Promise<CommandEnd> {
  return new Promise((resolve, reject) => {
    let end: CommandEnd | undefined;
    channel.on('exit', (exitCode: number | null, signal?: string) => {
      end = { exitCode: exitCode ?? undefined, signal: exitCode === null ? signal : undefined };
    });
    channel.once('close', () => {
      client.off('close', onLost);
      if (end === undefined) {
        reject(lost() ?? cutError(undefined));
      } else {
        resolve(end);
      }
    });
    // ssh2 ends the channels of a lost connection as if they had been closed in order: this comes before.
    const onLost = (): void => {
      if (end === undefined || !channel.stdout.readableEnded) {
        reject(lost() ?? cutError(undefined));
      }
    };
    client.once('close', onLost);
  });
}

/** The connection ended before the command did. */
export function cutError(cause: unknown): MachineError {
  const isFrozen = cause instanceof Error && cause.message === 'Keepalive timeout';
  return new MachineError('ssh-failed', 'The SSH connection was cut before the remote command had ended.', {
    why: isFrozen
      ? 'The other side does not answer any more.'
      : 'The command was ended from outside, the machine went down, or the network failed.',
    ...(cause === undefined ? {} : { cause }),
    facts: { trouble: isFrozen ? 'frozen' : 'cut' },
  });
}
