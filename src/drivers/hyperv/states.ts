import type { PowerState } from '../driver.ts';

/**
 * The states of Hyper-V (Microsoft.HyperV.PowerShell.VMState; those below 32768 are the EnabledState of CIM) by number, as
 * their names are in the language of the user.
 */
const powerStates: Readonly<Record<number, PowerState>> = {
  2: 'running',
  3: 'stopped',
  4: 'stopping',
  6: 'saved',
  9: 'paused',
  10: 'starting',
  11: 'starting',
  32773: 'stopping',
  32776: 'running',
  32777: 'starting',
  32779: 'saved',
  32780: 'stopping',
  32781: 'stopping',
  32782: 'starting',
};

/** From this number on: the same states of machines that have lost their disk. */
const critical: Readonly<Record<number, PowerState>> = {
  32783: 'running',
  32784: 'stopped',
  32785: 'stopping',
  32786: 'saved',
  32787: 'paused',
  32788: 'starting',
  32789: 'starting',
  32790: 'stopping',
  32791: 'running',
  32792: 'starting',
  32793: 'saved',
  32794: 'stopping',
};

/** Every state that Hyper-V is known to have. */
export const knownStates: readonly number[] = Object.keys({ ...powerStates, ...critical }).map(Number);

/** A state that is not known counts as an error, with its number told. */
export function powerOf(state: number): PowerState {
  return powerStates[state] ?? critical[state] ?? 'error';
}

/** A sentence where the state alone says too little. */
export function detailOf(state: number): string | undefined {
  if (critical[state] !== undefined) {
    return 'Hyper-V cannot reach the files of the machine (critical state)';
  }
  return powerOf(state) === 'error' ? `Hyper-V says that the state is ${state}` : undefined;
}
