import { MachineError } from '../core/errors.ts';
import type { TlsMaterial } from '../host/types.ts';
import { certFile } from '../store/paths.ts';
import type { AuthOptions } from '../store/record.ts';
import { machinePaths } from './machine-paths.ts';
import type { Session } from './session.ts';

/**
 * The client's certificates of the store, for a machine without copies of its own.
 * @throws MachineError `certificate-invalid` when they are not there either.
 */
export async function storeMaterial(session: Session, cause: unknown): Promise<TlsMaterial> {
  const { host, storePath } = session;
  try {
    const [ca, cert, key] = await Promise.all(
      (['ca', 'clientCert', 'clientKey'] as const).map((file) =>
        host.files.readText(certFile(storePath, file)),
      ),
    );
    return { ca: ca ?? '', cert: cert ?? '', key: key ?? '' };
  } catch {
    throw new MachineError('certificate-invalid', 'There are no client certificates for this machine.', {
      why: 'They are neither in its directory nor in that of the store.',
      remedies: ['Issue them again: tsmachine regenerate-certs --client-certs NAME'],
      cause,
    });
  }
}

/**
 * Makes the copies of the client's files that a machine's directory lacks: from where its record says they are, else
 * from the store. What is not there is left out; the connection then says what is missing.
 */
export async function copyMissingClientFiles(
  session: Session,
  directory: string,
  auth: AuthOptions | null,
): Promise<void> {
  const { host, storePath } = session;
  const files = machinePaths(directory);
  const wanted = [
    { to: files.ca, from: [auth?.CaCertPath, certFile(storePath, 'ca')], mode: 0o644 },
    { to: files.clientCert, from: [auth?.ClientCertPath, certFile(storePath, 'clientCert')], mode: 0o644 },
    { to: files.clientKey, from: [auth?.ClientKeyPath, certFile(storePath, 'clientKey')], mode: 0o600 },
  ];
  const texts = await Promise.all(wanted.map(({ from }) => readFirst(session, from)));
  // A CA of one place with a certificate of another fits nothing.
  if (texts.includes(undefined)) {
    return;
  }
  for (const [index, { to, mode }] of wanted.entries()) {
    await host.files.writeAtomic(to, texts[index] ?? '', mode);
  }
}

async function readFirst(
  session: Session,
  paths: readonly (string | undefined)[],
): Promise<string | undefined> {
  for (const path of paths) {
    if (path !== undefined && path !== '') {
      const text = await session.host.files.readText(path).catch(() => undefined);
      if (text !== undefined) {
        return text;
      }
    }
  }
  return undefined;
}
