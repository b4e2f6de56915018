import { MachineError } from '../core/errors.ts';

import { driverContext, openMachine } from './open.ts';
import type { Session } from './session.ts';
import { machinePaths } from './machine-paths.ts';

const followIntervalMs = 200;
const chunkMaxBytes = 256 * 1024;
const tailMaxBytes = 4 * 1024 * 1024;

/** A log of a machine. */
export interface MachineLog {
  /** `console`, `qemu`, `journal` … */
  readonly name: string;
  readonly path: string;
}

/** The logs of a machine that are there, most useful first. */
export async function listLogs(session: Session, name: string): Promise<MachineLog[]> {
  const machine = await openMachine(session, name);
  const known = [
    ...(machine.driver.logs?.(driverContext(session, machine)) ?? []),
    { name: 'agent', path: machinePaths(machine.directory).agentLog },
    { name: 'journal', path: machinePaths(machine.directory).journal },
  ];
  const present = await Promise.all(
    known.map(async (log) => ((await session.host.files.stat(log.path)) === undefined ? undefined : log)),
  );
  return present.filter((log) => log !== undefined);
}

/** The last 4 MiB of one log, or of each. Control characters other than tab and line end are taken out. */
export async function readLogs(
  session: Session,
  name: string,
  only?: string,
): Promise<(MachineLog & { text: string })[]> {
  const logs = await selectLogs(session, name, only);
  return Promise.all(
    logs.map(async (log) => {
      const size = (await session.host.files.stat(log.path))?.sizeBytes ?? 0;
      const bytes = await session.host.files.readRange(
        log.path,
        Math.max(0, size - tailMaxBytes),
        tailMaxBytes,
      );
      return { ...log, text: printable(Buffer.from(bytes).toString('utf8')) };
    }),
  );
}

/** Hands on what one log holds and then what is added to it, until the session is interrupted. */
export async function followLog(
  session: Session,
  name: string,
  only: string | undefined,
  onText: (text: string) => void,
): Promise<void> {
  const [log] = await selectLogs(session, name, only);
  if (log === undefined) {
    return;
  }
  const { files, clock } = session.host;
  let offset = 0;
  while (!session.signal.aborted) {
    const bytes = await files.readRange(log.path, offset, chunkMaxBytes).catch(() => new Uint8Array());
    if (bytes.length > 0) {
      offset += bytes.length;
      onText(printable(Buffer.from(bytes).toString('utf8')));
    } else {
      const size = (await files.stat(log.path))?.sizeBytes ?? 0;
      // A start begins a new file under the same name.
      offset = size < offset ? 0 : offset;
      await clock.sleep(followIntervalMs, session.signal).catch(() => undefined);
    }
  }
}

async function selectLogs(session: Session, name: string, only: string | undefined): Promise<MachineLog[]> {
  const logs = await listLogs(session, name);
  const selected = only === undefined ? logs : logs.filter((log) => log.name === only);
  if (only !== undefined && selected.length === 0) {
    throw new MachineError('arguments-invalid', `The machine "${name}" has no log "${only}".`, {
      remedies: [`It has: ${logs.map((log) => log.name).join(', ')}`],
    });
  }
  return selected;
}

// Firmware and guests write escape sequences that would act on the user's terminal.
function printable(text: string): string {
  return text
    .replace(/\p{Cc}\[[0-9;?=]*[A-Za-z]/gu, '')
    .replace(/\p{Cc}/gu, (character) => (character === '\n' || character === '\t' ? character : ''));
}
