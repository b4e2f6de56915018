import type { MachineEvent } from '../core/events.ts';
import type { BootMaterial, Driver, FlagValues } from '../drivers/driver.ts';
import { createHost } from '../host/real.ts';
import type { Host } from '../host/types.ts';
import type { Subject } from './laws.ts';

/** What a test may choose about a subject; everything has a default. */
export interface SubjectOptions {
  /** Doors of the host that the test keeps itself, e.g. `network` or `processes`. */
  readonly host?: Partial<Host>;
  /** For drivers that boot an image. */
  readonly boot?: BootMaterial;
  readonly onEvent?: (event: MachineEvent) => void;
}

/**
 * A machine on this computer, in a temporary directory of its own: real files, processes and sockets, but for the
 * doors that the test keeps. `cleanup` removes the machine at its driver, then the directory.
 * @throws what the driver's `configure` and `readConfig` throw.
 */
export async function temporarySubject(
  driver: Driver,
  values: FlagValues,
  options: SubjectOptions = {},
): Promise<Subject> {
  const real = createHost();
  const base = real.facts.tempDirectory.replace(/[/\\]$/, '');
  const root = `${base}/tsm-law-${Buffer.from(real.randomBytes(6)).toString('hex')}`;
  const directory = `${root}/machines/dev`;
  const host: Host = {
    ...real,
    // A driver that keeps something for its user keeps it here.
    facts: { ...real.facts, homeDirectory: root, currentDirectory: root },
    ...options.host,
  };
  await real.files.makeDirectory(directory, 0o700);
  let stored = driver.configure(values).config;
  const context = {
    host,
    name: 'dev',
    directory,
    config: driver.readConfig(stored),
    signal: new AbortController().signal,
    emit: options.onEvent ?? (() => undefined),
    ...(options.boot === undefined ? {} : { boot: options.boot }),
    save: async (part: Readonly<Record<string, unknown>>) => {
      stored = { ...stored, ...part };
      context.config = driver.readConfig(stored);
    },
  };
  return {
    driver,
    context,
    cleanup: async () => {
      try {
        await driver.remove(context);
      } finally {
        await real.files.remove(root);
      }
    },
  };
}
