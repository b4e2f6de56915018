import type { DriverContext } from '../driver.ts';
import type { LibvirtConfig } from './config.ts';
import { controlDomain, findDomain, requireOwn } from './domain.ts';
import { killFound } from './stop.ts';
import { openVirsh } from './virsh.ts';

/**
 * Ends the machine and takes its definition out of libvirt, with what libvirt has saved of it. Nothing there is fine;
 * without a UUID libvirt is not even asked.
 * @throws MachineError `vm-control-failed` when libvirt still has it, `program-missing`, `record-invalid`.
 */
export async function removeFromLibvirt(context: DriverContext<LibvirtConfig>): Promise<void> {
  const { host, config, signal } = context;
  if (config.uuid === '') {
    return;
  }
  const virsh = await openVirsh(host, config.uri, signal);
  const domain = await findDomain(virsh, context);
  if (domain === undefined) {
    return;
  }
  requireOwn(context, domain);
  // While it runs libvirt would take away the definition alone, and the machine would live on without a record.
  await killFound(context, virsh, domain);
  await controlDomain(virsh, ['undefine', config.uuid, '--nvram', '--managed-save', '--snapshots-metadata']);
}
