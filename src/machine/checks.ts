import { MachineError } from '../core/errors.ts';
import type { Driver, Finding } from '../drivers/driver.ts';
import { ratesDirectory } from '../store/paths.ts';
import type { Session } from './session.ts';

/**
 * Asks a driver whether this computer can run a machine of a configuration; warnings are told.
 * @throws MachineError `host-not-ready` with exit code 3.
 */
export async function requireChecks(
  session: Session,
  driver: Driver,
  config: unknown,
  fresh: {
    readonly name?: string;
    readonly secrets?: Readonly<Record<string, string>>;
    readonly state?: Readonly<Record<string, unknown>>;
  } = {},
): Promise<void> {
  const { host, signal, emit } = session;
  const { name, secrets, state } = fresh;
  const findings = await driver.check({
    host,
    signal,
    emit,
    config,
    ratesDirectory: ratesDirectory(session.storePath),
    ...(name === undefined ? {} : { name }),
    ...(secrets === undefined ? {} : { secrets }),
    ...(state === undefined ? {} : { state }),
  });
  for (const finding of findings.filter(({ severity }) => severity === 'warning')) {
    emit({ type: 'warn', message: finding.message });
  }
  const errors = findings.filter(({ severity }) => severity === 'error');
  const [first] = errors;
  if (first !== undefined) {
    throw new MachineError(
      'host-not-ready',
      `Error with pre-create check: ${JSON.stringify(first.message)}`,
      {
        exitCode: 3,
        facts: { findings: errors.map(({ code }) => code) },
        remedies: errors.map(remedyOf),
      },
    );
  }
}

function remedyOf(finding: Finding): string {
  return finding.remedy ?? finding.message;
}
