import { isIP } from 'node:net';
import { systemCode } from '../core/errors.ts';
import type { Host } from '../host/types.ts';
import { listMachineDirectories, sweepTemporaryFiles } from '../store/machine-files.ts';
import { joinPath, storeDirectories } from '../store/paths.ts';
import type { MachineRecord } from '../store/record.ts';
import type { Authority, TlsKeyType } from '../tls/types.ts';
import { writeGuestFiles } from './guest-files.ts';
import type { Session } from './session.ts';
import { withCertsLock } from './locks.ts';
import { machinePaths } from './machine-paths.ts';

/** What keys and certificates are made for. */
export interface CredentialsOf {
  readonly name: string;
  readonly directory: string;
  readonly record: MachineRecord;
  readonly tlsKeyType: TlsKeyType;
}

/**
 * Makes the machine's SSH key, its host key and its machine id, unless they are there. Host key and machine id
 * are ours and not the guest's, so the host key is known before the first connection and both outlive the guest.
 * @returns the public host key, as a line of a known_hosts file without the host.
 */
export async function ensureSshKeys(host: Host, machine: CredentialsOf): Promise<string> {
  const { dropbearHostKey, generateSshKeyPair } = await import('../ssh/keys.ts');
  const files = machinePaths(machine.directory);
  if ((await host.files.stat(files.sshPublicKey)) === undefined) {
    const user = generateSshKeyPair(host, `tsmachine-${machine.name}`);
    await host.files.writeAtomic(files.sshKey, user.privatePem, 0o600);
    await host.files.writeAtomic(files.sshPublicKey, `${user.publicLine}\n`, 0o600);
  }
  if ((await host.files.stat(files.sshHostPublicKey)) === undefined) {
    const identity = generateSshKeyPair(host, machine.name);
    await writeGuestFiles(host, machine.directory, {
      'machine-id': `${Buffer.from(host.randomBytes(16)).toString('hex')}\n`,
      ssh_host_ed25519_key: dropbearHostKey(identity),
    });
    await host.files.writeAtomic(files.sshHostPublicKey, `${identity.publicLine}\n`, 0o600);
  }
  await writeGuestFiles(host, machine.directory, {
    hostname: `${machine.name}\n`,
    authorized_keys: await host.files.readText(files.sshPublicKey),
  });
  return (await host.files.readText(files.sshHostPublicKey)).trim();
}

/**
 * The store's CA and client certificate, made under the store's lock when they are missing. Hundreds of creates at once
 * do not wait for each other once they are there.
 */
export async function ensureStoreAuthority(session: Session, keyType: TlsKeyType): Promise<Authority> {
  const { ensureAuthority, readAuthority } = await import('../tls/authority.ts');
  const { host, storePath } = session;
  const directory = joinPath(storePath, storeDirectories.certs);
  const ready = await readAuthority(host, directory);
  return (
    ready ??
    withCertsLock(session, async () => {
      await sweepTemporaryFiles(host, directory);
      return ensureAuthority(host, directory, {
        keyType,
        userName: host.facts.userName,
        onMissing: (what, path) => {
          session.emit({ type: 'note', message: `Creating ${what}: ${path}` });
        },
      });
    })
  );
}

/**
 * Issues the store's client certificate again and copies it to every machine of the store's CA. Nothing changes for
 * the machines themselves: they accept every certificate of the CA, the old one too until it ends.
 * @throws MachineError `certificate-invalid` when the CA cannot be used.
 */
export async function renewStoreClient(session: Session, keyType: TlsKeyType): Promise<void> {
  const { renewClientCertificate } = await import('../tls/authority.ts');
  const { host, storePath } = session;
  await withCertsLock(session, async () => {
    const authority = await renewClientCertificate(host, joinPath(storePath, storeDirectories.certs), {
      keyType,
      userName: host.facts.userName,
    });
    for (const name of await listMachineDirectories(host, storePath)) {
      const directory = joinPath(storePath, storeDirectories.machines, name);
      // A machine that is being made gets its copies in time; one of another CA keeps what it has.
      if ((await readIfThere(host, machinePaths(directory).ca)) === authority.ca.certPem) {
        await copyClientFiles(host, directory, authority);
      }
    }
  });
}

/**
 * Copies of the store's client files into the machine's directory, for clients and tools that read them there.
 * A copy that is the same is left alone.
 */
export async function copyClientFiles(host: Host, directory: string, authority: Authority): Promise<void> {
  const files = machinePaths(directory);
  await writeIfChanged(host, files.ca, authority.ca.certPem, 0o644);
  await writeIfChanged(host, files.clientCert, authority.client.certPem, 0o644);
  await writeIfChanged(host, files.clientKey, authority.client.keyPem, 0o600);
}

/**
 * Names of a machine besides those that every certificate has: what `--tls-san` gave, and its address. That of a local
 * machine is a loopback address, which is there anyhow; an engine of somebody else (host:port) has no certificate of ours.
 */
export function certificateSans(record: MachineRecord): string[] {
  const address = record.Driver.IPAddress ?? '';
  const given = record.HostOptions.AuthOptions?.ServerCertSANs ?? [];
  return isIP(address) !== 0 || /^[A-Za-z0-9_.-]+$/.test(address) ? [...given, address] : [...given];
}

/**
 * Brings everything that TLS needs up to date: CA and client certificate, their copies, the server's
 * certificate (issued again when it is about to end, misses a name or belongs to another CA; always with `force`), and the
 * guest files (not with `guestFiles: false`, for machines that boot no image of ours).
 * @returns why the server's certificate was issued, or undefined when the old one is still good.
 */
export async function refreshCertificates(
  session: Session,
  machine: CredentialsOf,
  options: { readonly force?: boolean; readonly guestFiles?: boolean } = {},
): Promise<string | undefined> {
  const { host } = session;
  const authority = await ensureStoreAuthority(session, machine.tlsKeyType);
  await copyClientFiles(host, machine.directory, authority);
  const files = machinePaths(machine.directory);
  const sans = certificateSans(machine.record);
  const { issueServerCertificate, serverCertificateNeeds, serverNames } =
    await import('../tls/server-certificate.ts');
  const present = await readIfThere(host, files.serverCert);
  const keyThere = (await host.files.stat(files.serverKey)) !== undefined;
  const reason =
    present === undefined || !keyThere
      ? 'there is none'
      : options.force === true
        ? 'asked for'
        : serverCertificateNeeds(present, authority.ca.certPem, {
            sans: serverNames(machine.name, sans),
            nowMs: host.clock.nowMs(),
          });
  if (reason !== undefined) {
    const issued = await issueServerCertificate(host, authority, {
      machineName: machine.name,
      sans,
      keyType: machine.tlsKeyType,
    });
    // The certificate last: a key without its certificate is seen and mended, the other way round is not.
    await host.files.remove(files.serverCert);
    await host.files.writeAtomic(files.serverKey, issued.keyPem, 0o600);
    await host.files.writeAtomic(files.serverCert, issued.certPem, 0o644);
  }
  if (options.guestFiles === false) {
    return reason;
  }
  await writeGuestFiles(host, machine.directory, {
    'ca.pem': authority.ca.certPem,
    'server.pem': await host.files.readText(files.serverCert),
    'server-key.pem': await host.files.readText(files.serverKey),
  });
  return reason;
}

async function writeIfChanged(host: Host, file: string, content: string, mode: number): Promise<void> {
  if ((await readIfThere(host, file)) !== content) {
    await host.files.writeAtomic(file, content, mode);
  }
}

async function readIfThere(host: Host, file: string): Promise<string | undefined> {
  try {
    return await host.files.readText(file);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
}
