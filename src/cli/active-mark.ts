import type { MachineRow } from '../machine/list.ts';

/** The ACTIVE column of `ls`; empty for a machine that cannot be read, or that took too long. */
export function activeMark({ driverName, state, active, activeSwarm }: MachineRow): string {
  if (state === 'Timeout' || driverName === 'not found') {
    return '';
  }
  return activeSwarm ? '* (swarm)' : active ? '*' : '-';
}
