import { MachineError } from '../core/errors.ts';
import { connectionOf, type Connection } from '../machine/connection.ts';
import { openMachine } from '../machine/open.ts';
import type { AnyCall } from './call.ts';

/** A call of a command that has these two flags. */
type ConnectCall = AnyCall & {
  readonly options: { readonly swarm?: boolean | undefined; readonly 'no-check'?: boolean | undefined };
};

const checkTimeoutMs = 10_000;

/**
 * How the Docker client reaches a machine, for `env` and `config`: tested by a handshake unless --no-check is given.
 * @throws MachineError of the connection, with docker-machine's words in front.
 */
export async function connect(call: ConnectCall, name: string): Promise<Connection> {
  const forSwarm = call.options.swarm === true;
  const check = call.options['no-check'] !== true && !forSwarm;
  try {
    const connection = await connectionOf(call.session, name, {
      check,
      timeoutMs: checkTimeoutMs,
      renew: 'old',
    });
    return forSwarm ? { ...connection, url: await swarmUrl(call, name, connection.address) } : connection;
  } catch (error) {
    const { rephrased } = await import('./rephrase.ts');
    throw rephrased(error, withPrefix);
  }
}

/** Sentences that docker-machine says alone stay alone. */
function withPrefix(message: string): string {
  return message.includes(' does not exist.') ? message : `Error checking TLS connection: ${message}`;
}

/** The address of the classic Swarm of which the machine is the master: its own, with the Swarm's port. */
async function swarmUrl(call: AnyCall, name: string, address: string): Promise<string> {
  const { record } = await openMachine(call.session, name);
  const swarm = record.HostOptions.SwarmOptions;
  if (swarm?.Master !== true) {
    throw new MachineError(
      'capability-missing',
      `"${name}" is not a swarm master. The --swarm flag is intended for use with swarm masters`,
      { remedies: [`Run the command without --swarm.`] },
    );
  }
  const port = /:(\d+)\/?$/.exec(swarm.Host)?.[1] ?? '3376';
  return `tcp://${address.includes(':') ? `[${address}]` : address}:${port}`;
}
