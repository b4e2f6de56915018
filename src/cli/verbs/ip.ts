import { isMachineError, MachineError } from '../../core/errors.ts';
import { recallMachine, stateName } from '../../machine/probe.ts';
import type { AnyCall, Call } from '../call.ts';
import { collect, throwAll } from '../machines.ts';

/** `ip [name...]`: the machines' addresses, one a line, in the order in which they were named. */
export default async function ip(call: Call<'ip'>): Promise<number> {
  const { found, results } = await collect(call, async (name) => addressOf(call, name));
  if (call.options.json === true) {
    call.print(JSON.stringify(found));
  } else {
    for (const { address } of found) {
      call.print(address);
    }
  }
  throwAll(results);
  return 0;
}

async function addressOf(call: AnyCall, name: string): Promise<{ name: string; address: string }> {
  try {
    const { status } = await recallMachine(call.session, name);
    if (status.address === undefined) {
      throw new MachineError('machine-not-running', 'Host is not running', {
        why: status.detail ?? `the machine "${name}" is ${stateName(status.power)}`,
        remedies: [`tsmachine start ${name}`],
      });
    }
    return { name, address: status.address };
  } catch (error) {
    if (!isMachineError(error) || error.code === 'machine-not-found') {
      throw error;
    }
    const { rephrased } = await import('../rephrase.ts');
    throw rephrased(error, (message) => `Error getting IP address: ${message}`);
  }
}
