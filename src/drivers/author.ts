/**
 * What the author of a driver needs, and nothing that takes time to load: `import { defineDriver } from
 * 'tsmachine/driver'`. The same names are in 'tsmachine', which loads the whole library.
 */
export {
  isMachineError,
  MachineError,
  messageOf,
  systemCode,
  type MachineErrorOptions,
} from '../core/errors.ts';
export type { ErrorCode } from '../core/codes.ts';
export type { Emit, MachineEvent } from '../core/events.ts';
export * from './driver.ts';
export type { Host } from '../host/types.ts';
