import { MachineError } from '../../core/errors.ts';
import type { Call } from '../call.ts';
import { forEachMachine } from '../machines.ts';

/** `set [name...]`: new settings, which hold from the next start of the machines on. */
export default async function set(call: Call<'set'>): Promise<number> {
  const { cpus, memory, disk, share, 'share-type': shareType } = call.options;
  if ([cpus, memory, disk, share, shareType].every((value) => value === undefined)) {
    throw new MachineError('arguments-invalid', 'Nothing was said that is to be changed.', {
      remedies: [`${call.io.program} set NAME --cpus 4 --memory 4g`],
    });
  }
  const { changeMachine } = await import('../../machine/change.ts');
  const { shareTypeOf } = await import('../create-request.ts');
  await forEachMachine(call, async (name) => {
    const { isRunning } = await changeMachine(call.session, name, {
      values: { cpus, memory, disk },
      shares: share,
      shareType: shareType === undefined ? undefined : shareTypeOf(shareType),
    });
    const when = isRunning ? ` It takes effect with: ${call.io.program} restart ${name}` : '';
    call.inform(`Machine "${name}" was changed.${when}`);
  });
  return 0;
}
