import { MachineError } from '../../src/core/errors.ts';
import type { Driver, DriverStatus, PowerState } from '../../src/drivers/driver.ts';
import type { OpenMachine } from '../../src/machine/open.ts';

/** A machine in memory that boots images. */
export interface ImageMachine {
  readonly machine: OpenMachine;
  power: PowerState;
  /** Digests of the images that it was started with, in order. */
  readonly boots: string[];
  /** How often it was asked to stop, and how often its power was taken. */
  stops: number;
  kills: number;
  /** Digests of the images that took the place of its own copy, in order; only where it has one. */
  readonly copies: string[];
  /** Images that do not come up. */
  readonly bad: Set<string>;
  /** What is done while it starts. */
  onStart: () => void;
}

/** Puts a machine in memory in the place of another one's driver. */
export function asMemoryMachine(base: OpenMachine, options: { readonly hasCopy?: true } = {}): ImageMachine {
  const { manifest } = base.driver;
  const status = (): DriverStatus => ({
    power: state.power,
    ...(state.power === 'running' ? { engineUrl: 'tcp://127.0.0.1:1' } : {}),
  });
  const driver: Driver = {
    ...base.driver,
    manifest: {
      ...manifest,
      capabilities: { ...manifest.capabilities, boots: 'image', power: true, ssh: true },
    },
    inspect: async () => status(),
    start: async ({ boot }) => {
      const digest = boot?.image.digest ?? 'none';
      state.boots.push(digest);
      state.power = 'running';
      state.onStart();
      if (state.bad.has(digest)) {
        throw new MachineError('vm-boot-timeout', 'The machine did not become ready.', { why: 'It is bad.' });
      }
    },
    stop: async () => {
      state.stops += 1;
      state.power = 'stopped';
    },
    ...(options.hasCopy === true
      ? {
          changeImage: async ({ boot }) => {
            state.copies.push(boot?.image.digest ?? 'none');
          },
        }
      : {}),
    kill: async () => {
      state.kills += 1;
      state.power = 'stopped';
    },
  };
  const state: ImageMachine = {
    machine: { ...base, driver },
    power: 'running',
    boots: [],
    copies: [],
    stops: 0,
    kills: 0,
    bad: new Set(),
    onStart: () => undefined,
  };
  return state;
}
