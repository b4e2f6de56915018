import { expiryScript } from '../cloud/user-data.ts';
import { isMachineError, MachineError, messageOf } from '../core/errors.ts';
import { createRootShell } from '../provision/root-shell.ts';
import { requireFinished } from './finished.ts';
import { openJournal, readJournal, type Journal } from './journal.ts';
import { withMachineLock } from './locks.ts';
import { machinePaths } from './machine-paths.ts';
import { driverContext, openMachine, type OpenMachine } from './open.ts';
import { loadOwnData, saveExpiry } from './own-data.ts';
import { connectSsh } from './remote.ts';
import type { Session } from './session.ts';

/**
 * Until when a machine is wanted: in its mark at the provider, in a timer on it that powers it off, and in the store, for
 * `gc` and `ls`.
 */

const lockTimeoutMs = 30_000;
const scriptTimeoutMs = 60_000;
const step = 'ttl';
const never = 'never';
const withoutSystemd = 44;

/** What is known of it. */
export interface TimeOfLife {
  /** Since the epoch; undefined: it is wanted for ever. */
  readonly expiresMs?: number | undefined;
  /** A change to this, ISO 8601 or `never`, that did not come to its end. */
  readonly unfinished?: string | undefined;
}

/** Reads it. @throws MachineError of a machine that cannot be read. */
export async function readTtl(session: Session, name: string): Promise<TimeOfLife> {
  const { directory } = await openMachine(session, name);
  const { expiresMs } = await loadOwnData(session, name);
  const entries = await readJournal(session.host, machinePaths(directory).journal);
  const last = entries.findLast((entry) => entry.step === step);
  const isOpen = last !== undefined && last.event !== 'done';
  const begun = entries.findLast((entry) => entry.step === step && entry.event === 'begin');
  const unfinished = isOpen ? String(begun?.facts?.['expires'] ?? '') : undefined;
  return { expiresMs, ...(unfinished === undefined ? {} : { unfinished }) };
}

/**
 * Gives the machine another end, or none. First on the machine itself, if it runs, as that is what can fail; a change that
 * was cut anywhere is done by the next one.
 * @param expiresMs since the epoch; undefined for ever
 * @returns what the user should know besides
 * @throws MachineError `capability-missing`, `machine-state`, and what keeps one of the three from being changed.
 */
export async function changeTtl(
  session: Session,
  name: string,
  expiresMs: number | undefined,
): Promise<{ readonly warning?: string }> {
  requireEnd(await openMachine(session, name));
  return withMachineLock(session, name, { verb: 'ttl', timeoutMs: lockTimeoutMs }, async () => {
    const machine = await openMachine(session, name);
    await requireFinished(session, name);
    const journal = await openJournal(session.host, machinePaths(machine.directory).journal);
    const expires = expiresMs === undefined ? never : new Date(expiresMs).toISOString();
    await journal.append({ step, event: 'begin', facts: { expires } });
    const done: string[] = [];
    try {
      const warning = await changeTimer(session, machine, expiresMs);
      done.push(...(warning === undefined ? ['on the machine'] : []));
      await machine.driver.changeExpiry?.(driverContext(session, machine), expiresMs);
      done.push('at its provider');
      await saveExpiry(session, name, expiresMs);
      await journal.append({ step, event: 'done' });
      return warning === undefined ? {} : { warning };
    } catch (error) {
      throw await failure(error, { name, journal, done });
    }
  });
}

async function failure(
  error: unknown,
  {
    name,
    journal,
    done,
  }: { readonly name: string; readonly journal: Journal; readonly done: readonly string[] },
): Promise<unknown> {
  await journal.append({ step, event: 'failed', message: messageOf(error) }).catch(() => undefined);
  if (!isMachineError(error)) {
    return error;
  }
  const soFar =
    done.length === 0
      ? 'Nothing was changed.'
      : `It was changed ${done.join(' and ')}, and not in the store.`;
  return new MachineError(error.code, `The time of "${name}" was not changed: ${error.message}`, {
    why: [error.why, soFar].filter((each) => each !== undefined).join(' '),
    facts: error.facts,
    cause: error,
    exitCode: error.exitCode,
    remedies: [...error.remedies, `Say it again: tsmachine ttl ${name} …`],
  });
}

/** @throws MachineError `capability-missing`. */
function requireEnd({ driver }: Pick<OpenMachine, 'driver'>): void {
  const { manifest } = driver;
  if (driver.changeExpiry === undefined) {
    throw new MachineError('capability-missing', `Machines of the driver "${manifest.name}" have no end.`, {
      why: 'Only what costs money at a provider is given one.',
      remedies: ['Stop or remove the machine when it is not wanted any more.'],
    });
  }
}

/** @returns why the machine has no right timer now, as a sentence; undefined when it has. */
async function changeTimer(
  session: Session,
  machine: OpenMachine,
  expiresMs: number | undefined,
): Promise<string | undefined> {
  const { name } = machine;
  const { power, detail } = await machine.driver.inspect(driverContext(session, machine));
  const { expiresMs: before } = await loadOwnData(session, name);
  if (power === 'stopped' || power === 'saved') {
    return before === undefined && expiresMs === undefined
      ? undefined
      : `The machine does not run, so its own timer stays as it is${before === undefined ? '' : ` (${new Date(before).toISOString()})`}: say it again when it runs.`;
  }
  if (power !== 'running') {
    throw new MachineError('machine-state', `The machine "${name}" is ${power}.`, {
      ...(detail === undefined ? {} : { why: detail }),
      remedies: ['Wait until it runs, or is stopped.'],
    });
  }
  const connection = await connectSsh(session, machine, { holdsLock: true });
  try {
    const shell = createRootShell(connection);
    const options = { label: 'changing the timer', timeoutMs: scriptTimeoutMs, signal: session.signal };
    const { exitCode } = await shell.run(
      `command -v systemctl >/dev/null || exit ${withoutSystemd}`,
      options,
    );
    if (exitCode === withoutSystemd) {
      return 'The machine has no systemd, and so no timer: only gc ends it.';
    }
    await shell.require(timerScript(expiresMs), options);
    return undefined;
  } finally {
    await connection.close();
  }
}

/** Also where there was no timer before. */
function timerScript(expiresMs: number | undefined): string {
  if (expiresMs !== undefined) {
    // One that is active already goes on waiting for its old time.
    return `${expiryScript(expiresMs)}systemctl restart tsmachine-expiry.timer\n`;
  }
  return [
    'set -eu',
    'files="/etc/systemd/system/tsmachine-expiry.timer /etc/systemd/system/tsmachine-expiry.service"',
    'if [ -e /etc/systemd/system/tsmachine-expiry.timer ]; then',
    '  systemctl disable --now tsmachine-expiry.timer',
    'fi',
    'rm -f $files',
    'systemctl daemon-reload',
    '',
  ].join('\n');
}
