import { MachineError } from '../../core/errors.ts';
import { waitFor } from '../../core/wait.ts';
import { writeConfigDisk } from '../config-disk.ts';
import type { DriverContext } from '../driver.ts';
import {
  followUntilReady,
  isReady,
  keepConsole,
  rarely,
  reportMark,
  type StartLimits,
} from '../follow-guest.ts';
import type { GuestMark } from '../guest-phases.ts';
import { ensureIso } from '../own-iso.ts';
import { greetsAsSsh } from '../ssh-banner.ts';
import { addForwarding, removeForwarding, setSizes, sshRule, type Dialect } from './commands.ts';
import type { VirtualBoxConfig } from './config.ts';
import { dialectOf } from './dialect.ts';
import { startFailure, tellsOfTakenPort } from './failures.ts';
import { publishedRules } from './forwards.ts';
import { readLogs } from './log.ts';
import { findMachine, machineFiles, requireMachine } from './machine.ts';
import type { MachineInfo } from './output.ts';
import { arrangeFolders } from './shared-folders.ts';
import { forwardedPort, reservePorts, type WantedRule } from './ports.ts';
import { detailOf, powerOf } from './states.ts';
import { growDisk } from './steps.ts';
import { killMachine } from './stop.ts';
import { openVBoxManage, type VBoxManage } from './vboxmanage.ts';

type StartContext = DriverContext<VirtualBoxConfig>;

const loopback = '127.0.0.1';

/** Without hardware virtualization, under Hyper-V or on a busy computer a start takes minutes. */
const startLimits: StartLimits = { firstMarkTimeoutMs: 120_000, readyTimeoutMs: 300_000 };

/** New ports are tried so often when somebody takes them in the moment before VirtualBox does. */
const portAttemptsMax = 3;
/** VirtualBox opens its ports while the machine is powered on, not after it. */
const portTimeoutMs = 3000;
const portPauseMs = 100;
/** A machine that is on its way somewhere else gets there within this time. */
const settleTimeoutMs = 60_000;
const settlePauseMs = 500;
/** Asking for the state or the banner costs a process or a connection, so not at every look at the console. */
const probeEveryMs = 2000;

/**
 * Starts the machine and returns when its guest says that it is ready. One that runs is waited for in the same way, one
 * that is paused or saved goes on.
 * @param limits for tests
 * @throws MachineError `guest-failed`, `vm-boot-timeout`, `vm-start-failed`, `host-not-ready`, `vm-control-failed`,
 *   `program-missing`.
 */
export async function startMachine(context: StartContext, limits: StartLimits = startLimits): Promise<void> {
  const vbox = await openVBoxManage(context.host, context.signal);
  const { uuid, info } = await settled(context, vbox);
  switch (powerOf(info.state)) {
    case 'running':
    case 'starting':
      break;
    case 'paused':
      await vbox.run(['controlvm', uuid, 'resume']);
      break;
    case 'saved':
      // Its ports are part of what was saved.
      await keepConsole(context.host, machineFiles(context));
      await powerOn(context, vbox, { uuid, info });
      break;
    case 'stopped':
      await startFromDisk(context, vbox, { uuid, info });
      await waitUntilReady(context, vbox, limits);
      return;
    default:
      throw new MachineError(
        'vm-start-failed',
        'The machine cannot be started in the state in which it is.',
        {
          why: detailOf(info.state) ?? `VirtualBox calls the state "${info.state}"`,
          remedies: [`tsmachine kill ${context.name}`],
        },
      );
  }
  if (!(await isReady(context.host, machineFiles(context).console))) {
    await waitUntilReady(context, vbox, limits);
  }
}

interface Target {
  readonly uuid: string;
  readonly info: MachineInfo;
}

/** The machine once it is in a state that lasts. */
async function settled(context: StartContext, vbox: VBoxManage): Promise<Target> {
  return waitFor(
    async () => {
      const found = await requireMachine(vbox, context);
      return powerOf(found.info.state) === 'stopping' ? undefined : found;
    },
    {
      clock: context.host.clock,
      timeoutMs: settleTimeoutMs,
      intervalMs: settlePauseMs,
      signal: context.signal,
      code: 'vm-control-failed',
      what: 'the machine to power off, which it was about to do',
    },
  );
}

async function startFromDisk(context: StartContext, vbox: VBoxManage, target: Target): Promise<void> {
  const { host } = context;
  const files = machineFiles(context);
  if ((await host.files.stat(files.disk)) !== undefined) {
    await ensureIso(context, files.iso);
    await writeConfigDisk(host, files.config, context.boot?.guestFiles ?? []);
    await growDisk(context, vbox);
  }
  await resize(context, vbox, target);
  await arrangeFolders(context, vbox, target);
  const dialect = await dialectOf(context, vbox);
  for (const { name } of publishedRules(target.info)) {
    // Of the run before: what is published now is made anew.
    await vbox.run(removeForwarding(dialect, target.uuid, name));
  }
  for (let attempt = 1; ; attempt += 1) {
    await keepConsole(context.host, machineFiles(context));
    await startWithPorts(context, vbox, { ...target, dialect, keep: attempt === 1 });
    if (await hasItsPorts(context, vbox)) {
      return;
    }
    await killMachine(context);
    if (attempt === portAttemptsMax) {
      throw new MachineError(
        'vm-start-failed',
        'The ports of the machine are taken by other programs again and again.',
        {
          why: 'VirtualBox could not open them on 127.0.0.1.',
        },
      );
    }
  }
}

/** Processors and memory as the record has them now. */
async function resize(
  { config, host }: StartContext,
  vbox: VBoxManage,
  { uuid, info }: Target,
): Promise<void> {
  const cpus = config.cpus === 0 ? host.facts.cpuCount : config.cpus;
  const { memoryMiB } = config;
  // What was set in VirtualBox itself, for a machine of docker-machine, stays.
  if (config.uuid !== '' && (info.cpus !== cpus || info.memoryMiB !== memoryMiB)) {
    await vbox.run(setSizes(uuid, { cpus, memoryMiB }));
  }
}

async function startWithPorts(
  context: StartContext,
  vbox: VBoxManage,
  target: Target & { readonly dialect: Dialect; readonly keep: boolean },
): Promise<void> {
  const { uuid, dialect } = target;
  const { info } = await requireMachine(vbox, context);
  const isOurs = context.config.uuid !== '';
  const reserved = await reservePorts(context.host, info, { isOurs, keep: target.keep });
  try {
    for (const rule of reserved.rules) {
      await forward(vbox, { uuid, info, dialect }, rule);
    }
  } finally {
    await reserved.release();
  }
  await powerOn(context, vbox, { uuid, info });
}

async function forward(
  vbox: VBoxManage,
  { uuid, info, dialect }: Target & { readonly dialect: Dialect },
  rule: WantedRule,
): Promise<void> {
  const present = info.forwardings.find(({ name }) => name === rule.name);
  if (present?.hostPort === rule.hostPort && forwardedPort(info, rule.name) === rule.hostPort) {
    return;
  }
  if (present !== undefined) {
    await vbox.run(removeForwarding(dialect, uuid, rule.name));
  }
  await vbox.run(addForwarding(dialect, uuid, rule));
}

async function powerOn(context: StartContext, vbox: VBoxManage, { uuid, info }: Target): Promise<void> {
  const { fault } = await vbox.ask(['startvm', uuid, '--type', context.config.uiType]);
  if (fault !== undefined) {
    throw startFailure(fault, await readLogs(context.host, info), 'VirtualBox did not start the machine.');
  }
}

/**
 * True when the forwarded ports are open. VirtualBox starts a machine whose ports others have, and says so only in its
 * log.
 */
async function hasItsPorts(context: StartContext, vbox: VBoxManage): Promise<boolean> {
  const { host, signal } = context;
  const { info } = await requireMachine(vbox, context);
  if (tellsOfTakenPort(await readLogs(host, info))) {
    return false;
  }
  const ports = info.forwardings.filter(({ protocol }) => protocol === 'tcp').map(({ hostPort }) => hostPort);
  const deadlineMs = host.clock.monotonicMs() + portTimeoutMs;
  for (;;) {
    const free = await Promise.all(ports.map(async (port) => host.network.isPortFree(port)));
    if (!free.includes(true)) {
      return true;
    }
    if (host.clock.monotonicMs() >= deadlineMs) {
      return false;
    }
    await host.clock.sleep(portPauseMs, signal);
  }
}

async function waitUntilReady(context: StartContext, vbox: VBoxManage, limits: StartLimits): Promise<void> {
  const { host, signal } = context;
  const { console } = machineFiles(context);
  const everyWhile = rarely(host.clock, probeEveryMs);
  const everyOther = rarely(host.clock, probeEveryMs);
  await followUntilReady({
    host,
    consolePath: console,
    limits,
    signal,
    onMark: (mark) => {
      reportMark(context, mark);
    },
    hasEnded: () => everyWhile(async () => hasEnded(context, vbox)),
    endedError: (last) => endedError(context, vbox, last),
    isReadyInSilence: () => everyOther(async () => answersBySsh(context, vbox)),
  });
}

async function hasEnded(context: StartContext, vbox: VBoxManage): Promise<boolean> {
  const found = await findMachine(vbox, context);
  return found.kind !== 'machine' || !['running', 'starting', 'paused'].includes(powerOf(found.info.state));
}

async function answersBySsh(context: StartContext, vbox: VBoxManage): Promise<boolean> {
  const { info } = await requireMachine(vbox, context);
  const port = forwardedPort(info, sshRule);
  return port !== undefined && (await greetsAsSsh(context, { host: loopback, port }));
}

async function endedError(
  context: StartContext,
  vbox: VBoxManage,
  last: GuestMark | undefined,
): Promise<MachineError> {
  const found = await findMachine(vbox, context);
  const log = found.kind === 'machine' ? await readLogs(context.host, found.info) : '';
  const where =
    last === undefined ? 'before its kernel gave a sign of life' : `after the phase "${last.phase}"`;
  return startFailure(undefined, log, `The machine powered off or crashed while it started, ${where}.`);
}
