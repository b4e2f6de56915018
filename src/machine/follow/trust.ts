import { MachineError } from '../../core/errors.ts';
import type { GuestFileName } from '../guest-files.ts';
import type { OpenMachine } from '../open.ts';
import type { OwnData } from '../own-data.ts';
import type { Session } from '../session.ts';
import { hostAuthorities } from './authorities.ts';
import { readCertificateFile, uniqueAuthorities, type Authority } from './certificate-files.ts';
import { registryCertificates, registryTar, type RegistryCertificates } from './registry-certificates.ts';

/** In one line no more than these are told by name. */
const toldMax = 5;

/**
 * The guest files with what the engine of a machine trusts besides the usual: CAs that it was told, and those of this
 * computer as they are now, unless it ignores them. Says what is taken over and from where.
 */
export async function trustFiles(
  session: Session,
  machine: OpenMachine,
  own: OwnData,
): Promise<Partial<Record<GuestFileName, string | Uint8Array>>> {
  const follows = !own.ignores.includes('certificates');
  const told = await toldAuthorities(session, machine.name, own.extraAuthorities);
  const authorities = uniqueAuthorities([...told, ...(follows ? await hostAuthorities(session) : [])]);
  const registries = follows ? await registryCertificates(session.host) : [];
  const note = (message: string): void => {
    session.emit({ type: 'note', machine: machine.name, message });
  };
  describe(authorities, registries).forEach(note);
  return { 'extra-ca.pem': bundle(authorities), 'registry-certs.tar': registryTar(registries) };
}

/** The same for a host somewhere else, which gets nothing of this computer but what it was told. */
export async function toldBundle(
  session: Session,
  name: string,
  own: Pick<OwnData, 'extraAuthorities'>,
): Promise<string> {
  return bundle(uniqueAuthorities(await toldAuthorities(session, name, own.extraAuthorities)));
}

function bundle(authorities: readonly Authority[]): string {
  return authorities.map(({ pem }) => pem).join('');
}

/** Files that have gone, or are none any more, are left out, and told. */
async function toldAuthorities(
  session: Session,
  machine: string,
  paths: readonly string[],
): Promise<Authority[]> {
  const found: Authority[] = [];
  for (const path of paths) {
    const authorities = await readCertificateFile(session.host, path);
    if ('problem' in authorities) {
      const message = `The engine does not trust the CA in ${path} any more: ${authorities.problem}.`;
      session.emit({ type: 'note', machine, message });
    } else {
      found.push(...authorities);
    }
  }
  return found;
}

/** @throws MachineError `flag-invalid` for a file of --extra-ca that cannot be used. */
export async function requireAuthorities(session: Session, paths: readonly string[]): Promise<void> {
  for (const path of paths) {
    const authorities = await readCertificateFile(session.host, path);
    if ('problem' in authorities) {
      throw new MachineError('flag-invalid', `The file of --extra-ca cannot be used: ${path}`, {
        why: authorities.problem,
        remedies: ['Name a file with certificates in PEM, or with one in DER.'],
      });
    }
  }
}

function describe(authorities: readonly Authority[], registries: readonly RegistryCertificates[]): string[] {
  const lines = [];
  if (authorities.length > 0) {
    const names = authorities.map(({ name, from }) => `${name} (${from})`);
    lines.push(`The engine trusts, besides the usual CAs: ${shortList(names)}.`);
  }
  if (registries.length > 0) {
    const names = registries.map(({ registry, from }) => `${registry} (${from})`);
    lines.push(`The engine has certificates for registries: ${shortList(names)}.`);
  }
  return lines;
}

function shortList(names: readonly string[]): string {
  const rest = names.length - toldMax;
  return rest > 0 ? `${names.slice(0, toldMax).join(', ')}, and ${rest} more` : names.join(', ');
}
