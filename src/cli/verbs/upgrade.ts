import { awaitShares } from '../../agent/await-shares.ts';
import { ensureAgent } from '../../agent/control.ts';
import type { Call } from '../call.ts';
import { forEachMachine } from '../machines.ts';

/** `upgrade [name...]`: brings the engines of machines to their newest version, or back. */
export default async function upgrade(call: Call<'upgrade'>): Promise<number> {
  const { upgradeMachine } = await import('../../machine/upgrade.ts');
  await forEachMachine(call, async (name) => {
    await upgradeMachine(call.session, name, { rollback: call.options.rollback === true });
    // A machine that was booted anew has lost its background agent.
    await ensureAgent(call.session, name);
    await awaitShares(call.session, name);
  });
  return 0;
}
