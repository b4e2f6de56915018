import { isMachineError, MachineError, systemCode } from '../core/errors.ts';
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
 * @param prefix what docker-machine says before a failure of this command.
 * @throws MachineError of the connection, in docker-machine's words, with the cause named in `why`.
 */
export async function connect(call: ConnectCall, name: string, prefix: string): Promise<Connection> {
  const forSwarm = call.options.swarm === true;
  const check = call.options['no-check'] !== true && !forSwarm;
  try {
    const connection = await connectionOf(call.session, name, {
      check,
      timeoutMs: checkTimeoutMs,
      renew: 'old',
    });
    if (check) {
      const { reviveAgent } = await import('../agent/control.ts');
      await reviveAgent(call.session, name);
    }
    return forSwarm ? { ...connection, url: await swarmUrl(call, name, connection.address) } : connection;
  } catch (error) {
    // docker-machine says this one without a prefix.
    if (isMachineError(error) && error.code === 'machine-not-found') {
      throw error;
    }
    const url = isMachineError(error) ? error.facts['url'] : undefined;
    if (isMachineError(error) && typeof url === 'string') {
      throw connectionFailure(call, error, { url, prefix });
    }
    const { rephrased } = await import('./rephrase.ts');
    throw rephrased(error, (message) => `${prefix}: ${message}`);
  }
}

/** The advice that docker-machine adds to a failed connection, an empty line behind it. */
const regenerateAdvice = [
  "You can attempt to regenerate them using 'docker-machine regenerate-certs [name]'.",
  'Be advised that this will trigger a Docker daemon restart which might stop running containers.',
  '',
];

function connectionFailure(
  call: AnyCall,
  error: MachineError,
  { url, prefix }: { readonly url: string; readonly prefix: string },
): MachineError {
  const address = url.replace(/^[a-z]+:\/\//, '').replace(/\/$/, '');
  const words = networkWords(error, address);
  const sentence =
    `${prefix}: Error checking and/or regenerating the certs: ` +
    `There was an error validating certificates for host ${JSON.stringify(address)}: ${words ?? error.message}`;
  const isCompatible = call.io.program === 'docker-machine';
  const why = [
    ...(words === undefined ? [] : [error.message]),
    ...(error.why === undefined ? [] : [error.why]),
  ];
  return new MachineError(error.code, isCompatible ? [sentence, ...regenerateAdvice].join('\n') : sentence, {
    ...(why.length === 0 ? {} : { why: why.join(' ') }),
    remedies: error.remedies,
    // docker-machine's text says all that its callers know; the named cause is added where it knew none.
    facts: { ...error.facts, ...(words === undefined ? {} : { complete: true }) },
    cause: error.cause,
  });
}

/** How Go puts a connection that did not come about; undefined for what happened behind that. */
function networkWords(error: MachineError, address: string): string | undefined {
  const host = address.replace(/:\d+$/, '');
  switch (error.facts['systemCode'] ?? systemCode(error.cause)) {
    case 'ECONNREFUSED':
      return `dial tcp ${address}: connect: connection refused`;
    case 'EHOSTUNREACH':
    case 'EHOSTDOWN':
      return `dial tcp ${address}: connect: no route to host`;
    case 'ENETUNREACH':
      return `dial tcp ${address}: connect: network is unreachable`;
    case 'ETIMEDOUT':
      return `dial tcp ${address}: i/o timeout`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `dial tcp: lookup ${host}: no such host`;
    default:
      return undefined;
  }
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
