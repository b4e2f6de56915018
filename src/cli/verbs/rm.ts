import type { Call } from '../call.ts';
import { confirmRemoval, removeMachines } from '../remove-machines.ts';

/** `rm name...`: removes machines, each at its driver first and then from the store. */
export default async function rm(call: Call<'rm'>): Promise<number> {
  const force = call.options.force === true;
  call.inform(`About to remove ${call.args.join(', ')}`);
  call.inform('WARNING: This action will delete both local reference and remote instance.');
  if (!force && call.options.y !== true && !(await confirmRemoval(call))) {
    return 0;
  }
  await removeMachines(call, call.args, { force });
  return 0;
}
