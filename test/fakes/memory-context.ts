import type { MachineEvent } from '../../src/core/events.ts';
import type { DriverContext } from '../../src/drivers/driver.ts';
import type { FakeHost } from './host.ts';

/** A context of a test, who may change what is in it. */
export type OpenContext<Config> = {
  -readonly [Key in keyof DriverContext<Config>]: DriverContext<Config>[Key];
};

/** A machine that is kept in memory. */
export interface MemoryContextOptions<Config> {
  readonly host: FakeHost;
  readonly directory: string;
  /** The driver's part of the record as it is at first. */
  readonly stored: Readonly<Record<string, unknown>>;
  readonly readConfig: (stored: Readonly<Record<string, unknown>>) => Config;
  readonly boot: NonNullable<DriverContext<Config>['boot']>;
}

/** The context of the machine "dev", whose configuration is what was saved last, and the events that it emits. */
export function memoryContext<Config>({
  host,
  directory,
  stored,
  readConfig,
  boot,
}: MemoryContextOptions<Config>): {
  readonly context: OpenContext<Config>;
  readonly events: MachineEvent[];
} {
  const events: MachineEvent[] = [];
  let record = stored;
  const context: OpenContext<Config> = {
    host,
    name: 'dev',
    directory,
    config: readConfig(record),
    signal: new AbortController().signal,
    emit: (event) => {
      events.push(event);
    },
    save: async (part) => {
      record = { ...record, ...part };
      context.config = readConfig(record);
    },
    boot,
  };
  return { context, events };
}
