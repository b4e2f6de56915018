import { useMachine } from '../../machine/contexts.ts';
import type { Call } from '../call.ts';

/** `use [name]`: makes the machine the Docker client's current context, and prints the context's name. */
export default async function use(call: Call<'use'>): Promise<number> {
  const { contextName } = await useMachine(call.session, call.args[0] ?? '');
  call.print(contextName);
  return 0;
}
