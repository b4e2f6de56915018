import type { Client, ClientChannel } from 'ssh2';
import { MachineError } from '../core/errors.ts';
import type { CommandEnd, RemoteProcess } from './types.ts';

/** Wraps an open channel. `lost` is the error of the connection, once it has ended. */
export function remoteProcess(
  client: Client,
  channel: ClientChannel,
  lost: () => Error | undefined,
): RemoteProcess {
  let isKilled = false;
  const ended = commandEnd(client, channel, () => (isKilled ? undefined : (lost() ?? cutError(undefined))));
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
      isKilled = true;
      channel.signal('TERM');
      channel.close();
      // A channel closes only when its output has been read, and whoever read it may have gone.
      channel.unpipe().resume();
      channel.stderr.unpipe().resume();
    },
  };
}

/** `unexpected` is the error of an end without a status; undefined when that was asked for. */
function commandEnd(
  client: Client,
  channel: ClientChannel,
  unexpected: () => Error | undefined,
): Promise<CommandEnd> {
  return new Promise((resolve, reject) => {
    let end: CommandEnd | undefined;
    const settle = (isWhole: boolean): void => {
      client.off('close', onLost);
      const error = isWhole ? undefined : unexpected();
      if (error === undefined) {
        resolve(end ?? { exitCode: undefined, signal: 'SIGTERM' });
      } else {
        reject(error);
      }
    };
    channel.on('exit', (exitCode: number | null, signal?: string) => {
      end = { exitCode: exitCode ?? undefined, signal: exitCode === null ? signal : undefined };
    });
    channel.once('close', () => {
      settle(end !== undefined);
    });
    // ssh2 ends the channels of a lost connection as if they had been closed in order: this comes before.
    const onLost = (): void => {
      settle(end !== undefined && channel.stdout.readableEnded);
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
