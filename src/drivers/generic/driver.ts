import { isIPv6 } from 'node:net';
import { MachineError, messageOf } from '../../core/errors.ts';
import { defineDriver, type DriverContext, type DriverStatus } from '../driver.ts';
import { configure, readConfig, type GenericConfig } from './config.ts';
import { checkKey, copyKeyStep } from './key.ts';
import { manifest } from './manifest.ts';

const probeTimeoutMs = 15_000;
/** Short, because a firewall may swallow the question. */
const engineProbeTimeoutMs = 2_000;
const restartTimeoutMs = 30_000;

// The texts of this driver are docker-machine's, because scripts match on them.
export default defineDriver<GenericConfig>(manifest, {
  configure,
  readConfig,
  check: async ({ host, config }) => checkKey(host, config),
  steps: (context) => [copyKeyStep(context)],
  start: async () => refuse('start'),
  stop: async () => refuse('stop'),
  kill: async () => refuse('kill'),
  restart,
  // The host was there before the machine, and stays.
  remove: async () => undefined,
  inspect,
});

/** What was begun is on its way when the answer comes, or the connection is cut by it. */
async function restart({ runRemote, name }: DriverContext<GenericConfig>): Promise<void> {
  const command = `sh -c 'if [ "$(id -u)" = 0 ]; then shutdown -r now; else sudo -n shutdown -r now; fi'`;
  const end = await runRemote?.(command, { timeoutMs: restartTimeoutMs });
  if (end !== undefined && end.exitCode !== undefined && end.exitCode > 0) {
    throw new MachineError('provision-failed', `The host of "${name}" does not restart.`, {
      why: end.stderr.trim().slice(0, 300) || `shutdown ended with ${end.exitCode}.`,
      remedies: ['The SSH user must be root, or be allowed to run shutdown by sudo without a password.'],
    });
  }
}

/** A host whose SSH port does not answer is in a state that nobody knows: it may be off, or behind a broken network. */
async function inspect({ host, config, signal }: DriverContext<GenericConfig>): Promise<DriverStatus> {
  const { address, sshPort, sshUser, sshKeyPath, enginePort } = config;
  if (address === '') {
    return { power: 'error', detail: 'the record has no address' };
  }
  const failure = await unreachable({ host, config, signal });
  if (failure !== undefined) {
    const detail = `SSH does not answer at ${address}:${sshPort}: ${messageOf(failure)}`;
    return { power: 'error', address, detail };
  }
  return {
    power: 'running',
    address,
    ssh: { host: address, port: sshPort, user: sshUser, keyPath: sshKeyPath },
    engineUrl: `tcp://${isIPv6(address) ? `[${address}]` : address}:${enginePort}`,
  };
}

/**
 * Why the host cannot be reached; undefined when it can. Its engine is asked first: an SSH server counts the
 * connections that do not log in, and shuts out those who make many of them (PerSourcePenalties, OpenSSH 9.8).
 */
async function unreachable(
  context: Pick<DriverContext<GenericConfig>, 'host' | 'config' | 'signal'>,
): Promise<unknown> {
  const { host, config, signal } = context;
  let failure: unknown;
  for (const [port, timeoutMs] of [
    [config.enginePort, engineProbeTimeoutMs],
    [config.sshPort, probeTimeoutMs],
  ] as const) {
    try {
      const socket = await host.network.connect({ host: config.address, port }, { timeoutMs, signal });
      socket.destroy();
      return undefined;
    } catch (error) {
      signal.throwIfAborted();
      failure = error;
    }
  }
  return failure;
}

function refuse(verb: string): never {
  throw new MachineError('capability-missing', `generic driver does not support ${verb}`, {
    why: 'the host was there before the machine, and is not switched from here',
    remedies: [],
  });
}
