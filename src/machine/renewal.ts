import { systemCode } from '../core/errors.ts';
import type { MachineRecord } from '../store/record.ts';
import type { RenewalReason } from '../tls/certificate.ts';
import { certificateSans } from './credentials.ts';
import { machinePaths } from './machine-paths.ts';
import type { Session } from './session.ts';

/**
 * Why the server certificate of a machine should be replaced, by the copy that lies in its directory: it nears its
 * end, or misses a name. Undefined while it is good, and for machines whose certificate was not made here.
 */
export async function renewalReason(
  session: Session,
  machine: { readonly name: string; readonly directory: string; readonly record: MachineRecord },
): Promise<RenewalReason | undefined> {
  const files = machinePaths(machine.directory);
  const { host } = session;
  let certPem: string;
  let caPem: string;
  try {
    [certPem, caPem] = await Promise.all([
      host.files.readText(files.serverCert),
      host.files.readText(files.ca),
    ]);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
  const { serverCertificateNeeds, serverNames } = await import('../tls/server-certificate.ts');
  return serverCertificateNeeds(certPem, caPem, {
    sans: serverNames(machine.name, certificateSans(machine.record)),
    nowMs: host.clock.nowMs(),
  });
}
