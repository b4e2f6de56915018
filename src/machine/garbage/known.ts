import { MachineError, messageOf } from '../../core/errors.ts';
import { placeKey } from '../../store/places.ts';
import { loadSidecar } from '../../store/sidecar.ts';
import { listNames } from '../list.ts';
import { openMachine } from '../open.ts';
import { placeOfMachine } from '../places.ts';
import type { Session } from '../session.ts';
import type { KnownMachine } from './judge.ts';

/**
 * The machines of the store as far as it matters what belongs to them.
 * @throws MachineError `record-invalid` when nobody can tell by what id a provider knows one of them.
 */
export async function knownMachines(session: Session): Promise<readonly KnownMachine[]> {
  const names = await listNames(session);
  return Promise.all(names.map(async (name) => knownMachine(session, name)));
}

async function knownMachine(session: Session, name: string): Promise<KnownMachine> {
  const { machineId, expiresMs } = await identityOf(session, name);
  return { name, machineId, expiresMs, placeKey: await placeKeyOf(session, name) };
}

async function identityOf(
  session: Session,
  name: string,
): Promise<Pick<KnownMachine, 'machineId' | 'expiresMs'>> {
  try {
    const sidecar = await loadSidecar(session.host, session.storePath, name);
    const { machineId, expires } = sidecar ?? {};
    return { machineId, expiresMs: expires === undefined ? undefined : Date.parse(expires) };
  } catch (cause) {
    throw new MachineError('record-invalid', `Nobody can tell what belongs to the machine "${name}".`, {
      why: messageOf(cause),
      remedies: [
        `Mend that file, or forget the machine: tsmachine rm -f ${name}. Then what is left of it can be found.`,
      ],
      cause,
    });
  }
}

/** Undefined for a machine that may be anywhere. One of a driver without places is in none, and uses nothing there. */
async function placeKeyOf(session: Session, name: string): Promise<string | undefined> {
  try {
    const place = await placeOfMachine(session, await openMachine(session, name));
    return place === undefined ? '' : placeKey(place);
  } catch {
    return undefined;
  }
}
