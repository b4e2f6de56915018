import type { PowerState } from '../driver.ts';
import type { GobValue } from './gob/types.ts';

/** docker-machine's states by number, and Rancher's tenth. */
const states: readonly PowerState[] = [
  'absent',
  'running',
  'paused',
  'saved',
  'stopped',
  'stopping',
  'starting',
  'error',
  'error',
  'absent',
];

/** The power state that the reply to GetState means. */
export function powerFromState(state: GobValue): PowerState {
  return (typeof state === 'number' ? states[state] : undefined) ?? 'error';
}
