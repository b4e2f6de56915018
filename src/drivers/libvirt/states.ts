import type { PowerState } from '../driver.ts';
import type { DomainState } from './output.ts';

/** What the states of libvirt mean for a user; the list is complete up to libvirt 11. */
const powerStates: Readonly<Record<string, PowerState>> = {
  'no state': 'starting',
  running: 'running',
  idle: 'running',
  blocked: 'running',
  paused: 'paused',
  'in shutdown': 'stopping',
  'shut off': 'stopped',
  crashed: 'error',
  pmsuspended: 'paused',
};

/** Reasons that say more than the state. */
const powerReasons: Readonly<Record<string, PowerState>> = {
  'shut off (saved)': 'saved',
  'paused (starting up)': 'starting',
  'paused (shutting down)': 'stopping',
  'paused (crashed)': 'error',
  'paused (I/O error)': 'error',
};

/** A state that is not known counts as an error, with its name told. */
export function powerOf({ state, reason }: DomainState): PowerState {
  return powerReasons[`${state} (${reason})`] ?? powerStates[state] ?? 'error';
}

/** A sentence where the state alone says too little. */
export function detailOf(domain: DomainState): string | undefined {
  const name = domain.reason === '' ? domain.state : `${domain.state} (${domain.reason})`;
  if (name === 'paused (I/O error)') {
    return 'QEMU could not write to the disk of the machine, for which there may be no room';
  }
  return powerOf(domain) === 'error' ? `libvirt calls the state "${name}"` : undefined;
}
