import { isMachineError } from '../core/errors.ts';
import { endAgent } from '../agent/control.ts';
import { removeMachine } from '../machine/remove.ts';
import { sweepLeftovers } from '../store/leftovers.ts';
import { askYesNo } from './ask.ts';
import type { AnyCall } from './call.ts';
import { rephrased } from './rephrase.ts';

/** Removes machines, each at its driver first and then from the store. @throws what kept any of them, when all were tried. */
export async function removeMachines(
  call: AnyCall,
  names: readonly string[],
  options: { readonly force: boolean },
): Promise<void> {
  const errors: unknown[] = [];
  for (const name of new Set(names)) {
    try {
      await removeOne(call, name, options);
    } catch (error) {
      call.session.signal.throwIfAborted();
      errors.push(removalError(name, error));
    }
  }
  // Callers that kill a create often never use its name again.
  await sweepLeftovers(call.session.host, call.session.storePath);
  if (errors.length > 0) {
    throw errors.length === 1 ? errors[0] : new AggregateError(errors, 'Several machines were not removed.');
  }
}

/** Without anybody to answer nothing is removed, and that is said. */
export async function confirmRemoval(call: AnyCall): Promise<boolean> {
  const answer = await askYesNo(call, 'Are you sure? (y/n): ');
  if (answer === undefined) {
    call.io.stderr.write('Nothing was removed: there was no answer. Use -y to remove without a question.\n');
  }
  return answer === true;
}

/** With --force everything is done that can be done: only a name that is no name is still a mistake. */
async function removeOne(call: AnyCall, name: string, { force }: { readonly force: boolean }): Promise<void> {
  try {
    await endAgent(call.session, name);
    const { removed, failure } = await removeMachine(call.session, name, { force });
    // One that was just starting took its lock after the first look.
    await endAgent(call.session, name);
    if (failure !== undefined) {
      await call.report(removalError(name, failure));
    }
    if (!removed) {
      sayNotRemoved(call, name);
      return;
    }
  } catch (error) {
    call.session.signal.throwIfAborted();
    if (!force || !isMachineError(error) || error.code === 'name-invalid') {
      throw error;
    }
    await call.report(removalError(name, error));
    sayNotRemoved(call, name);
    return;
  }
  call.inform(`Successfully removed ${name}`);
}

/** An error by its nature, although it does not make the command fail. */
function sayNotRemoved(call: AnyCall, name: string): void {
  call.io.stderr.write(`Can't remove "${name}"\n`);
}

function removalError(name: string, error: unknown): unknown {
  return rephrased(error, (message) => `Error removing host "${name}": ${message}`);
}
