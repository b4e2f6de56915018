import { MachineError } from '../core/errors.ts';
import { loadOwnData, type OwnData } from './own-data.ts';
import type { Session } from './session.ts';

/** Our own data of a machine whose create came to its end. @throws MachineError `machine-incomplete`. */
export async function requireFinished(session: Session, name: string): Promise<OwnData> {
  const own = await loadOwnData(session, name);
  if (own.phase === 'creating') {
    throw new MachineError('machine-incomplete', `The machine "${name}" was never finished.`, {
      remedies: [`tsmachine create --resume ${name}`, `tsmachine rm ${name}`],
    });
  }
  return own;
}
