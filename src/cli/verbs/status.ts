import { probeMachine, stateName } from '../../machine/probe.ts';
import type { Call } from '../call.ts';

/** `status [name]`: the machine's state in one word. */
export default async function status(call: Call<'status'>): Promise<number> {
  const name = call.args[0] ?? '';
  const machine = await probeMachine(call.session, name);
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
