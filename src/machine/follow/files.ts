import type { GuestFileName } from '../guest-files.ts';
import type { OpenMachine } from '../open.ts';
import type { OwnData } from '../own-data.ts';
import type { Session } from '../session.ts';
import { dnsFile } from './dns.ts';
import { engineFiles } from './engine.ts';
import { trustFiles } from './trust.ts';

/** The guest files of everything that a machine takes over from this computer, as it is now. Says what that is. */
export async function followedFiles(
  session: Session,
  machine: OpenMachine,
  own: OwnData,
): Promise<Partial<Record<GuestFileName, string | Uint8Array>>> {
  return {
    ...(await engineFiles(session, machine, own)),
    ...(await trustFiles(session, machine, own)),
    ...(await dnsFile(session, machine, own)),
  };
}
