import { MachineError } from '../../core/errors.ts';
import type { Call } from '../call.ts';
import { describe } from '../render/plain.ts';

/** `agent name`: the background agent of a machine. Its output is its log. */
export default async function agent(call: Call<'agent'>): Promise<number> {
  const { session, args, io } = call;
  const [name = '', ...others] = args;
  if (others.length > 0) {
    throw new MachineError('arguments-invalid', 'Expected one machine name as an argument');
  }
  const { runAgent } = await import('../../agent/run.ts');
  const emit: typeof session.emit = (event) => {
    const text = describe(event);
    if (text !== undefined && event.type !== 'debug') {
      io.stderr.write(`${new Date(io.host.clock.nowMs()).toISOString()} ${text}\n`);
    }
  };
  await runAgent({ ...session, emit }, name);
  return 0;
}
