import type { PowerState } from '../driver.ts';

/** What the states of VirtualBox mean for a user; the list is complete up to 7.2. */
const powerStates: Readonly<Record<string, PowerState>> = {
  poweroff: 'stopped',
  aborted: 'stopped',
  teleported: 'stopped',
  saved: 'saved',
  'aborted-saved': 'saved',
  running: 'running',
  teleporting: 'running',
  livesnapshotting: 'running',
  onlinesnapshotting: 'running',
  deletingsnapshotlive: 'running',
  paused: 'paused',
  teleportingpausedvm: 'paused',
  deletingsnapshotlivepaused: 'paused',
  starting: 'starting',
  restoring: 'starting',
  settingup: 'starting',
  teleportingin: 'starting',
  stopping: 'stopping',
  saving: 'stopping',
  snapshotting: 'stopped',
  deletingsnapshot: 'stopped',
  restoringsnapshot: 'stopped',
  gurumeditation: 'error',
};

/** Every state that VirtualBox is known to have. */
export const knownStates: readonly string[] = Object.keys(powerStates);

/** A state that is not known counts as an error, with its name told. */
export function powerOf(state: string): PowerState {
  return Object.hasOwn(powerStates, state) ? (powerStates[state] ?? 'error') : 'error';
}

/** A sentence where the state alone says too little. */
export function detailOf(state: string): string | undefined {
  if (state === 'gurumeditation') {
    return 'VirtualBox has stopped the machine after a fault in itself (guru meditation)';
  }
  return powerOf(state) === 'error' ? `VirtualBox calls the state "${state}"` : undefined;
}
