import { MachineError } from '../core/errors.ts';
import { waitFor } from '../core/wait.ts';
import { containersPath, readContainers } from '../engine/containers.ts';
import { tlsMaterial } from '../machine/connection.ts';
import { withMachineLock } from '../machine/locks.ts';
import { openMachine, type OpenMachine } from '../machine/open.ts';
import { loadOwnData, updateOwnData } from '../machine/own-data.ts';
import { probeOpened, requireEngineUrl } from '../machine/probe.ts';
import type { PublishMode } from '../machine/publish-mode.ts';
import type { Session } from '../machine/session.ts';
import { endAgent, ensureAgent, findAgent } from './control.ts';
import type { PortState } from './publisher.ts';
import { readAgentState } from './state.ts';
import { wantedPorts, type WantedPort, type WantedPorts } from './wanted.ts';

/** One line of `ports`. `published`: nothing is forwarded; the address is that of the machine. */
export interface ShownPort extends Pick<
  PortState,
  'container' | 'containerPort' | 'protocol' | 'address' | 'port' | 'twin' | 'reason'
> {
  readonly state: PortState['state'] | 'published';
}

const lockTimeoutMs = 30_000;
const agentTimeoutMs = 15_000;
const agentPauseMs = 20;
/** The agent may be busy with the guest for that long. */
const catchUpTimeoutMs = 8_000;
const engineTimeoutMs = 10_000;

/**
 * The ports that containers of a running machine publish, and what has become of each. Starts the machine's background
 * agent where it is missing, and waits for it.
 * @throws MachineError `machine-not-running`, and what the engine's connection throws.
 */
export async function showPorts(session: Session, name: string): Promise<readonly ShownPort[]> {
  const machine = await openMachine(session, name);
  const probed = await probeOpened(session, machine);
  const url = requireEngineUrl(probed);
  const { engineGet } = await import('../engine/client.ts');
  const engine = { url, material: await tlsMaterial(session, machine.directory) };
  const options = { timeoutMs: engineTimeoutMs, signal: session.signal };
  const { body } = await engineGet(session.host, engine, containersPath, options);
  const containers = readContainers(body);
  const { publish } = await loadOwnData(session, name);
  if (machine.driver.manifest.capabilities.forwards === true && publish !== 'none') {
    const expected = wantedPorts(containers, publish);
    return (await askAgent(session, machine, expected)).map(shown);
  }
  const { wanted, clashes } = wantedPorts(containers, 'all');
  return [...wanted, ...clashes.map(({ port }) => port)].map((port) => ({
    ...shown({ ...port, state: 'forwarded' }),
    address: port.guestAddress === 'any' ? (probed.status.address ?? port.address) : port.guestAddress,
    state: 'published',
  }));
}

/**
 * Changes where published ports are found from now on, also for an agent that runs.
 * @throws MachineError `capability-missing`, `record-locked`.
 */
export async function setPublishMode(session: Session, name: string, publish: PublishMode): Promise<void> {
  const { driver } = await openMachine(session, name);
  if (driver.manifest.capabilities.forwards !== true) {
    throw new MachineError('capability-missing', `The machine "${name}" forwards no ports by itself.`, {
      remedies: [`tsmachine ports --forward ${name}`],
    });
  }
  const work = { verb: 'ports', timeoutMs: lockTimeoutMs };
  await withMachineLock(session, name, work, async () => updateOwnData(session, name, { publish }));
  await endAgent(session, name);
  await ensureAgent(session, name);
}

/** What the agent says once it knows of what the engine says; it may be a moment behind. */
async function askAgent(
  session: Session,
  machine: OpenMachine,
  { wanted, clashes }: WantedPorts,
): Promise<readonly PortState[]> {
  await ensureAgent(session, machine.name);
  const expected = namesOf([...wanted, ...clashes.map(({ port }) => port)]);
  const { clock } = session.host;
  const patientUntilMs = clock.monotonicMs() + catchUpTimeoutMs;
  return waitFor(
    async () => {
      const agent = await findAgent(session, machine.name);
      const state = agent === undefined ? undefined : await readAgentState(session, machine.directory, agent);
      const isCurrent = namesOf(state?.ports ?? []) === expected || clock.monotonicMs() > patientUntilMs;
      return state?.isComplete === true && isCurrent ? state.ports : undefined;
    },
    {
      clock,
      timeoutMs: agentTimeoutMs,
      intervalMs: agentPauseMs,
      signal: session.signal,
      code: 'timeout',
      what: `the agent of "${machine.name}"`,
      hint: () => `See: tsmachine logs --log agent ${machine.name}`,
    },
  );
}

function namesOf(ports: readonly WantedPort[]): string {
  return ports
    .map(({ protocol, port, container, guestAddress }) =>
      [protocol, String(port), container, guestAddress].join(' '),
    )
    .sort()
    .join('\n');
}

/** What of a port is for everybody's eyes. */
export function shown(port: PortState): ShownPort {
  const { container, containerPort, protocol, address, twin, port: number, state, reason } = port;
  return {
    container,
    containerPort,
    protocol,
    address,
    ...(twin === undefined ? {} : { twin }),
    port: number,
    state,
    ...(reason === undefined ? {} : { reason }),
  };
}
