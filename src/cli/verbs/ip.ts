import { MachineError } from '../../core/errors.ts';
import { probeMachine, stateName } from '../../machine/probe.ts';
import type { AnyCall, Call } from '../call.ts';

/** `ip [name...]`: the machines' addresses, one a line, in the order in which they were named. */
export default async function ip(call: Call<'ip'>): Promise<number> {
  const results = await Promise.allSettled(call.args.map(async (name) => addressOf(call, name)));
  const found = results.filter((result) => result.status === 'fulfilled').map((result) => result.value);
  if (call.options.json === true) {
    call.print(JSON.stringify(found));
  } else {
    for (const { address } of found) {
      call.print(address);
    }
  }
  const errors = results
    .filter((result) => result.status === 'rejected')
    .map((result): unknown => result.reason);
  if (errors.length > 0) {
    throw errors.length === 1 ? errors[0] : new AggregateError(errors, 'Several machines have no address.');
  }
  return 0;
}

async function addressOf(call: AnyCall, name: string): Promise<{ name: string; address: string }> {
  const { status } = await probeMachine(call.session, name);
  if (status.address === undefined) {
    throw new MachineError('machine-not-running', 'Error getting IP address: Host is not running', {
      why: status.detail ?? `the machine "${name}" is ${stateName(status.power)}`,
      remedies: [`tsmachine start ${name}`],
    });
  }
  return { name, address: status.address };
}
