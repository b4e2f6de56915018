import { MachineError } from '../../core/errors.ts';

/**
 * Hyper-V forwards nothing: ports of this computer are carried to the machine's address by whoever wants them.
 * @throws MachineError `capability-missing`, always.
 */
export function refuseForwards(): never {
  throw new MachineError('capability-missing', 'Hyper-V forwards no ports.', {
    why: 'Its machines have an address of their own.',
  });
}
