import type { Duplex } from 'node:stream';
import type { Client } from 'ssh2';
import { MachineError, messageOf } from '../core/errors.ts';
import { cutError } from './remote-process.ts';

/** See SshConnection.dial. `lost` is the error of the connection, once it has ended. */
export async function dialThrough(
  client: Client,
  lost: () => Error | undefined,
  target: { readonly host: string; readonly port: number },
): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    try {
      client.forwardOut('127.0.0.1', 0, target.host, target.port, (error, channel) => {
        if (error === undefined) {
          resolve(channel);
        } else {
          reject(lost() ?? refusal(target, error));
        }
      });
    } catch (error) {
      // ssh2 throws when the connection has ended.
      reject(lost() ?? cutError(error));
    }
  });
}

function refusal(target: { readonly host: string; readonly port: number }, error: unknown): MachineError {
  const name = `${target.host}:${String(target.port)}`;
  return new MachineError('ssh-failed', `The SSH server does not connect to ${name}.`, {
    why: messageOf(error),
    remedies: ['See whether something listens there, and AllowTcpForwarding of the SSH server.'],
    facts: { trouble: 'channel-refused' },
    cause: error,
  });
}
