import { isIPv4 } from 'node:net';
import { MachineError } from '../../core/errors.ts';
import { writeConfigDisk } from '../config-disk.ts';
import type { DriverContext } from '../driver.ts';
import {
  followUntilReady,
  isReady,
  keepConsole,
  rarely,
  readyDetail,
  reportMark,
  type StartLimits,
} from '../follow-guest.ts';
import { cleanGuestText, type GuestMark } from '../guest-phases.ts';
import { macAddress } from '../mac-address.ts';
import { growRawDisk } from '../raw-disk.ts';
import { vfkitArguments } from './argv.ts';
import type { VzConfig } from './config.ts';
import { isGone, powerNow } from './inspect.ts';
import { findVfkit, missingError, vzFiles, writeProcess } from './machine.ts';
import { sendCommand } from './rest.ts';
import { killMachine } from './stop.ts';

type StartContext = DriverContext<VzConfig>;

const startLimits: StartLimits = { firstMarkTimeoutMs: 90_000, readyTimeoutMs: 300_000 };
/** Asking for the state costs a connection, so not at every look at the console. */
const probeEveryMs = 500;
const logTailBytesMax = 16 * 1024;

/**
 * Starts the machine and returns when its guest says that it is ready, and where. One that runs is waited for in the
 * same way, one that is paused goes on.
 * @param limits for tests
 * @throws MachineError `guest-failed`, `vm-boot-timeout`, `vm-start-failed`, `vm-control-failed`, `program-missing`,
 *   `disk-unsafe`, `bug` (no image given).
 */
export async function startMachine(context: StartContext, limits: StartLimits = startLimits): Promise<void> {
  const { host, signal } = context;
  const files = vzFiles(context);
  const power = await powerNow(context);
  if (power === 'paused') {
    await sendCommand(host, files.socket, { state: 'Resume', signal });
  } else if (power !== 'running' && power !== 'starting') {
    // Whatever is left of a machine that is off or broken would hold its disk.
    await killMachine(context);
    await launch(context);
  }
  if (!(await isReady(host, files.console))) {
    await waitUntilReady(context, limits);
  }
  await keepAddress(context);
}

async function launch(context: StartContext): Promise<void> {
  const { host, directory, config, boot } = context;
  const files = vzFiles(context);
  if (boot === undefined) {
    throw new MachineError('bug', 'The machine cannot be started without an image.');
  }
  const program = await findVfkit(host, config.program);
  if (program === undefined) {
    throw missingError();
  }
  const args = vfkitArguments({
    ...config,
    image: boot.image,
    shares: boot.shares,
    diskPath: files.disk,
    configPath: files.config,
    consolePath: files.console,
    socketPath: files.socket,
    macAddress: await macAddress(host, directory, boot),
  });
  await growRawDisk(host, files.disk, config.diskSizeMiB);
  await writeConfigDisk(host, files.config, boot.guestFiles);
  await keepConsole(host, files);
  await host.files.writeNew(files.console, '', 0o600);
  await host.files.makeDirectory(files.socket.slice(0, files.socket.lastIndexOf('/')), 0o700);
  await host.files.remove(files.socket);
  await host.files.remove(files.log);
  const process = await host.processes.spawnDetached(program, args, { logPath: files.log, cwd: directory });
  await writeProcess(context, process);
}

async function waitUntilReady(context: StartContext, limits: StartLimits): Promise<void> {
  const { host, signal } = context;
  const everyWhile = rarely(host.clock, probeEveryMs);
  await followUntilReady({
    host,
    consolePath: vzFiles(context).console,
    limits,
    signal,
    onMark: (mark) => {
      reportMark(context, mark);
    },
    hasEnded: () => everyWhile(async () => isGone(context)),
    endedError: async (last) => endedError(context, last),
  });
}

async function endedError(context: StartContext, last: GuestMark | undefined): Promise<MachineError> {
  const { files } = context.host;
  const log = await files.readRange(vzFiles(context).log, 0, logTailBytesMax).catch(() => new Uint8Array());
  const lines = new TextDecoder()
    .decode(log)
    .split('\n')
    .map(cleanGuestText)
    .filter((line) => line !== '');
  const where =
    last === undefined ? 'before its kernel gave a sign of life' : `after the phase "${last.phase}"`;
  return new MachineError('vm-start-failed', `The machine ended while it started, ${where}.`, {
    ...(lines.length === 0 ? {} : { why: lines.slice(-4).join('\n') }),
  });
}

/** The guest itself tells its address: leases of macOS are not kept in step. @throws MachineError `vm-boot-timeout`. */
async function keepAddress(context: StartContext): Promise<void> {
  const detail = (await readyDetail(context.host, vzFiles(context).console)) ?? '';
  const address = detail.split(' ').find((word) => isIPv4(word));
  if (address === undefined) {
    throw new MachineError('vm-boot-timeout', 'The machine runs, but has got no address.', {
      remedies: ['Let the firewall of macOS pass "bootpd", then: tsmachine restart NAME'],
    });
  }
  if (address !== context.config.lastAddress) {
    await context.save({ IPAddress: address });
  }
}
