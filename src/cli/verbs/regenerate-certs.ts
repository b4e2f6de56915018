import { askYesNo } from '../ask.ts';
import type { Call } from '../call.ts';
import { forEachMachine, requireMachines } from '../machines.ts';

const question = 'Regenerate TLS machine certs?  Warning: this is irreversible. (y/n): ';

/** `regenerate-certs [name...]`: new server certificates for machines, and with --client-certs for their clients. */
export default async function regenerateCerts(call: Call<'regenerate-certs'>): Promise<number> {
  if (call.options.force !== true) {
    const answer = await askYesNo(call, question);
    if (answer === undefined) {
      const isCompatible = call.io.program === 'docker-machine';
      call.io.stderr.write(
        `EOF${isCompatible ? '' : ': nothing was changed. Use -f to go on without a question.'}\n`,
      );
      return 1;
    }
    if (!answer) {
      return 0;
    }
  }
  call.inform('Regenerating TLS certificates');
  const { rotateCertificates, rotateClientCertificate } = await import('../../machine/rotate.ts');
  if (call.options['client-certs'] === true) {
    await requireMachines(call);
    call.inform('Regenerating local certificates');
    await rotateClientCertificate(call.session);
  }
  await forEachMachine(call, async (name) => {
    const rotation = await rotateCertificates(call.session, name, { force: true });
    call.inform(
      rotation === 'served'
        ? `Machine "${name}" uses its new certificate.`
        : `Machine "${name}" is not running; it gets its new certificate when it starts.`,
    );
  });
  return 0;
}
