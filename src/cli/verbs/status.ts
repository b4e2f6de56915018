import { isMachineError } from '../../core/errors.ts';
import { probeMachine, stateName, type ProbedMachine } from '../../machine/probe.ts';
import type { AnyCall, Call } from '../call.ts';

/** `status [name]`: the machine's state in one word. */
export default async function status(call: Call<'status'>): Promise<number> {
  const name = call.args[0] ?? '';
  const machine = await probe(call, name);
  const state = stateName(machine.status.power);
  const { detail } = machine.status;
  call.print(
    call.options.json === true
      ? JSON.stringify({
          name,
          state,
          driver: machine.driverName,
          ...(detail === undefined ? {} : { detail }),
        })
      : state,
  );
  return 0;
}

/** Errors of the driver, but not those of a record that cannot be loaded, have docker-machine's words in front. */
async function probe(call: AnyCall, name: string): Promise<ProbedMachine> {
  try {
    return await probeMachine(call.session, name);
  } catch (error) {
    const isOfRecord =
      isMachineError(error) && /^(machine-not-found|machine-incomplete|name-|record-)/.test(error.code);
    if (isOfRecord) {
      throw error;
    }
    const { rephrased } = await import('../rephrase.ts');
    throw rephrased(error, (message) => `error getting state for host ${name}: ${message}`);
  }
}
