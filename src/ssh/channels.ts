import type { Client, ClientChannel, PseudoTtyOptions } from 'ssh2';
import { MachineError, messageOf } from '../core/errors.ts';
import type { WaitClock } from '../core/wait.ts';
import { cutError, remoteProcess } from './remote-process.ts';
import { makeSlots } from './slots.ts';
import type { RemoteProcess, StartOptions } from './types.ts';

/** What opening channels needs to know of the connection. */
export interface ChannelContext {
  readonly clock: WaitClock;
  /** The error of a connection that has ended; undefined while it lives. */
  readonly lost: () => Error | undefined;
}

const channelCountMax = 8;
const attemptCountMax = 8;
const retryPauseMs = 50;

type Opened = { readonly process: RemoteProcess } | { readonly error: unknown };

/**
 * Makes SshConnection.start for a connection: one channel a process, not more at a time than servers take.
 *
 * dropbear (seen with 2022.83) now and then closes a channel that is opened while others end, before it has
 * looked at the command. Servers confirm a command before they close its channel, so a channel that was
 * closed without a confirmation has run nothing, and it is safe to ask again.
 */
export function channelOpener(client: Client, context: ChannelContext): SshStart {
  const slots = makeSlots(channelCountMax);
  return async (command, options = {}) => {
    for (let attempt = 1; ; attempt += 1) {
      await slots.acquire(options.signal);
      const opened = await open(client, { command, options, lost: context.lost, onClose: slots.release });
      if ('process' in opened) {
        if (options.signal?.aborted === true) {
          opened.process.kill();
        }
        options.signal?.throwIfAborted();
        return opened.process;
      }
      const { error } = opened;
      // Where the server takes fewer channels than we thought, others have to end first. It may also still
      // be counting one that has ended here already.
      const othersAreOpen = isRefused(error) && slots.lower();
      slots.release();
      const isTransient = isRefused(error) || isUnused(error);
      const lost = context.lost();
      if (lost !== undefined || !(othersAreOpen || (isTransient && attempt < attemptCountMax))) {
        throw lost ?? channelFailure(error);
      }
      await context.clock.sleep(othersAreOpen ? 0 : retryPauseMs * attempt, options.signal);
    }
  };
}

type SshStart = (command: string | undefined, options?: StartOptions) => Promise<RemoteProcess>;

interface OpenRequest {
  readonly command: string | undefined;
  readonly options: StartOptions;
  readonly lost: () => Error | undefined;
  readonly onClose: () => void;
}

function open(client: Client, request: OpenRequest): Promise<Opened> {
  const { terminal } = request.options;
  const pty: PseudoTtyOptions | undefined =
    terminal === undefined ? undefined : { term: terminal.type, cols: terminal.columns, rows: terminal.rows };
  return new Promise((resolve) => {
    const onOpen = (error: Error | undefined, channel: ClientChannel): void => {
      if (error !== undefined) {
        resolve({ error });
        return;
      }
      // At once: the end of a short command may already be in what has been received.
      channel.once('close', request.onClose);
      resolve({ process: remoteProcess(client, channel, request.lost) });
    };
    try {
      if (request.command === undefined) {
        client.shell(pty ?? false, onOpen);
      } else {
        client.exec(request.command, pty === undefined ? {} : { pty }, onOpen);
      }
    } catch (error) {
      // ssh2 throws when the connection has ended.
      resolve({ error });
    }
  });
}

// The texts of ssh2 1.17: it gives no codes for these.
function isRefused(error: unknown): boolean {
  return messageOf(error).includes('Channel open failure');
}

function isUnused(error: unknown): boolean {
  return /^Unable to (exec|open shell|request a pseudo-terminal)/.test(messageOf(error));
}

function channelFailure(error: unknown): MachineError {
  if (!(isRefused(error) || isUnused(error))) {
    return cutError(error);
  }
  return new MachineError('ssh-failed', 'The SSH server does not run the command.', {
    why: messageOf(error),
    remedies: ['Look at MaxSessions, PermitTTY and ForceCommand in the configuration of the SSH server.'],
    facts: { trouble: 'channel-refused' },
    cause: error,
  });
}
