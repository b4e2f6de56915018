import { isMachineError } from '../../core/errors.ts';
import { removeMachine } from '../../machine/remove.ts';
import { sweepLeftovers } from '../../store/leftovers.ts';
import { machineDirectory } from '../../store/paths.ts';
import { askYesNo } from '../ask.ts';
import type { AnyCall, Call } from '../call.ts';
import { rephrased } from '../rephrase.ts';

/** `rm name...`: removes machines, each at its driver first and then from the store. */
export default async function rm(call: Call<'rm'>): Promise<number> {
  const force = call.options.force === true;
  call.inform(`About to remove ${call.args.join(', ')}`);
  call.inform('WARNING: This action will delete both local reference and remote instance.');
  if (!force && call.options.y !== true && !(await confirm(call))) {
    return 0;
  }
  const errors: unknown[] = [];
  for (const name of new Set(call.args)) {
    try {
      await removeOne(call, name, force);
    } catch (error) {
      call.session.signal.throwIfAborted();
      errors.push(rephrased(error, (message) => `Error removing host "${name}": ${message}`));
    }
  }
  // Callers that kill a create often never use its name again.
  await sweepLeftovers(call.session.host, call.session.storePath);
  if (errors.length === 0) {
    return 0;
  }
  const failure =
    errors.length === 1 ? errors[0] : new AggregateError(errors, 'Several machines were not removed.');
  // --force means "do what can be done"; only a name that is no name is still a mistake.
  if (!force || errors.some((error) => isMachineError(error) && error.exitCode === 2)) {
    throw failure;
  }
  await call.report(failure);
  return 0;
}

async function removeOne(call: AnyCall, name: string, force: boolean): Promise<void> {
  const { host, storePath } = call.session;
  const isThere = (await host.files.stat(machineDirectory(storePath, name))) !== undefined;
  if (force && !isThere) {
    call.inform(`Can't remove "${name}": there is no such machine.`);
    return;
  }
  await removeMachine(call.session, name, { force });
  call.inform(`Successfully removed ${name}`);
}

/** Without anybody to answer nothing is removed, and that is said. */
async function confirm(call: AnyCall): Promise<boolean> {
  const answer = await askYesNo(call, 'Are you sure? (y/n): ');
  if (answer === undefined) {
    call.io.stderr.write('Nothing was removed: there was no answer. Use -y to remove without a question.\n');
  }
  return answer === true;
}
