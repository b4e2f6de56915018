import { MachineError } from '../core/errors.ts';
import { applyScript, upgradeScript } from './apply.ts';
import { detectFamily } from './detect.ts';
import { gatherScript, parseFacts, type HostFacts } from './facts.ts';
import type { Family } from './family.ts';
import { engineSource, hasEngine, installScript, proxyExports, type EngineSource } from './install.ts';
import { planSetup } from './plan.ts';
import { scriptError, type RootShell, type ScriptOptions } from './root-shell.ts';
import { serviceCommands, type ServiceCommands } from './services/service.ts';
import { isNothing, type HostSetup, type SetupPlan } from './setup.ts';

const gatherTimeoutMs = 90_000;
const installTimeoutMs = 20 * 60_000;
const applyTimeoutMs = 5 * 60_000;

/** A host that is worked on, over one connection. */
export interface HostAccess {
  readonly shell: RootShell;
  /** Random, hex. */
  readonly token: string;
  readonly signal?: AbortSignal | undefined;
  /** Gets what the host has for the user while it works for minutes. */
  readonly onProgress?: (text: string) => void;
}

/** Asks a host everything at once, and changes nothing. */
export async function gatherFacts(access: HostAccess): Promise<HostFacts> {
  const token = `tsmachine-${access.token}`;
  const output = await access.shell.run(
    gatherScript(token),
    options(access, 'asking about the host', gatherTimeoutMs),
  );
  return parseFacts(output.stdout, token);
}

/**
 * The family of a host that can be set up.
 * @throws MachineError `sudo-needed`, `system-unsupported`, `engine-conflict`.
 */
export function requireUsable(facts: HostFacts): Family {
  const family = detectFamily(facts.os);
  if (!facts.isRoot) {
    const { userName, hasSudo } = facts;
    throw new MachineError('sudo-needed', `The SSH user "${userName}" cannot become root on the host.`, {
      why: hasSudo
        ? 'sudo asks for a password there, and nobody could type it.'
        : 'There is no sudo on the host, and the user is not root.',
      remedies: [
        ...(hasSudo
          ? [
              `Run on the host, as root: echo '${userName} ALL=(ALL) NOPASSWD: ALL' >/etc/sudoers.d/${userName}`,
            ]
          : []),
        'Or use a host user that is root.',
      ],
    });
  }
  if (facts.enginePath?.startsWith('/snap/') === true && facts.unit === '') {
    throw new MachineError(
      'engine-conflict',
      'The engine of the host is a snap, which cannot be set up from outside.',
      {
        remedies: ['Run on the host: snap remove docker. Then run the command again.'],
      },
    );
  }
  return family;
}

/**
 * Installs the engine where there is none. Nothing else of the system is upgraded. One that was begun over a connection
 * that was cut goes on; another waits for it.
 * @throws MachineError `system-unsupported`, `provision-failed`, `timeout`.
 */
export async function installEngine(access: HostAccess, source: EngineSource): Promise<void> {
  if (source.kind !== 'present') {
    await access.shell.require(
      installScript(source.script),
      options(access, `installing the engine ${source.why}`, installTimeoutMs),
    );
  }
}

/** See engineSource; also knows what the host needs besides. */
export function chooseSource(
  facts: HostFacts,
  chosen: { readonly installUrl: string; readonly env: readonly string[] },
): EngineSource {
  return engineSource(facts, requireUsable(facts), chosen);
}

/**
 * Makes a host with an engine what it should be, in one go.
 * @returns what had to be done
 * @throws MachineError `engine-conflict` before anything is changed; `provision-failed` when the engine did not come
 *   up with what is new: then everything is as it was before.
 */
export async function setUpHost(access: HostAccess, facts: HostFacts, setup: HostSetup): Promise<SetupPlan> {
  const service = requireService(facts);
  const plan = planSetup(facts, setup);
  if (isNothing(plan)) {
    return plan;
  }
  const label = 'setting up the engine';
  const script = applyScript(plan, { facts, service, token: `tsmachine-${access.token}` });
  const output = await access.shell.run(script, options(access, label, applyTimeoutMs));
  if (output.exitCode === 3) {
    const failure = scriptError(output, label);
    throw new MachineError(
      'provision-failed',
      'The engine of the host did not start with its new configuration.',
      {
        why: `The configuration from before was put back. The engine said: ${failure.why ?? ''}`,
        facts: failure.facts,
      },
    );
  }
  if (output.exitCode !== 0) {
    throw scriptError(output, label);
  }
  return plan;
}

/**
 * Brings the engine's packages to their newest version.
 * @throws MachineError `capability-missing` where the engine comes with the system; `provision-failed`.
 */
export async function upgradeEngine(
  access: HostAccess,
  facts: HostFacts,
  env: readonly string[],
): Promise<void> {
  const family = requireUsable(facts);
  if (family.upgrade === undefined) {
    throw new MachineError('capability-missing', 'The engine of this machine cannot be upgraded alone.', {
      ...(family.withoutPackages === undefined ? {} : { why: family.withoutPackages }),
      remedies: [],
    });
  }
  const script = upgradeScript(`${proxyExports(env)}${family.upgrade(facts)}`, containersOf(facts), {
    facts,
    service: requireService(facts),
    token: `tsmachine-${access.token}`,
  });
  await access.shell.require(script, options(access, 'upgrading the engine', installTimeoutMs));
}

function containersOf({ engine, containerProcesses }: HostFacts): SetupPlan['containers'] {
  if (containerProcesses === 0 || engine === undefined) {
    return 'none';
  }
  if (engine.liveRestore) {
    return 'kept-already';
  }
  return engine.swarmActive ? 'restarted' : 'keep';
}

function requireService(facts: HostFacts): ServiceCommands {
  const service = serviceCommands(facts.serviceManager);
  if (service === undefined || !hasEngine(facts)) {
    throw new MachineError('system-unsupported', 'The engine of the host cannot be controlled.', {
      why:
        service === undefined
          ? 'The host has neither systemd nor OpenRC.'
          : 'There is no service named docker.',
      remedies: ['Install the engine as a service named docker, then run the command again.'],
    });
  }
  return service;
}

function options(access: HostAccess, label: string, timeoutMs: number): ScriptOptions {
  const { signal, onProgress } = access;
  return { label, timeoutMs, signal, onProgress };
}
