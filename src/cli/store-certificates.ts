import { MachineError } from '../core/errors.ts';
import type { FlagValues } from '../drivers/driver.ts';
import { certFile } from '../store/paths.ts';

const certificateOptions = {
  'tls-ca-cert': 'ca',
  'tls-ca-key': 'caKey',
  'tls-client-cert': 'clientCert',
  'tls-client-key': 'clientKey',
} as const;

/**
 * A store has one CA and one client certificate. Global options that name other files are refused where they would
 * have decided something.
 * @throws MachineError `flag-invalid`.
 */
export function requireStoreCertificates(storePath: string, globals: FlagValues): void {
  for (const [flag, file] of Object.entries(certificateOptions)) {
    const given = globals[flag];
    const own = certFile(storePath, file);
    if (typeof given === 'string' && given !== '' && given !== own) {
      throw new MachineError('flag-invalid', `--${flag} can only be ${own}`, {
        why: 'All machines of a store have the certificates in its directory certs.',
        remedies: [
          `Put the file there: cp ${given} ${own}`,
          'Or use another store: --storage-path DIRECTORY',
        ],
      });
    }
  }
}
