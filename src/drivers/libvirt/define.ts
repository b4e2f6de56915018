import { MachineError } from '../../core/errors.ts';
import { decideAccelerator } from '../accelerator.ts';
import type { BootImage, BootMaterial, DriverContext } from '../driver.ts';
import { macAddress } from '../mac-address.ts';
import type { LibvirtConfig } from './config.ts';
import { domainFiles, domainName } from './domain.ts';
import { domainXml } from './domain-xml.ts';
import { isSystem, ownerOf } from './run-as.ts';
import { parseDomainCapabilities } from './output.ts';
import type { Virsh } from './virsh.ts';

type DefineContext = DriverContext<LibvirtConfig>;

/** What may differ from one start to the next. */
export interface DefineOptions {
  readonly accelerator: 'kvm' | 'tcg';
  /** Host ports to ask for; 0 lets the kernel choose. */
  readonly sshPort: number;
  readonly enginePort: number;
}

/**
 * Gives libvirt the definition of the machine as its record has it now; one that is there is replaced, which it allows
 * for the same UUID.
 * @throws MachineError `vm-control-failed`, `host-not-ready`, `store-write-failed`, `bug` (no image given).
 */
export async function defineDomain(
  context: DefineContext,
  virsh: Virsh,
  options: DefineOptions,
): Promise<void> {
  const { host, name, directory, config } = context;
  const boot = requireBoot(context);
  const files = domainFiles(context);
  const xml = domainXml({
    ...options,
    name: domainName(name, config.uuid),
    uuid: config.uuid,
    owner: directory,
    cpus: config.cpus,
    memoryMiB: config.memoryMiB,
    image: boot.image,
    guestFiles: boot.guestFiles,
    shares: boot.shares,
    diskPath: files.disk,
    consolePath: files.console,
    macAddress: await macAddress(host, directory, boot),
    ...(isSystem(config.uri) ? { runAs: await ownerOf(context) } : {}),
  });
  await host.files.writeAtomic(files.definition, xml, 0o600);
  await virsh.run(['define', files.definition]);
}

/** How the machine is run: as asked, or as a test boot of its kernel has shown. A new reason for emulation is told. */
export async function chooseAccelerator(context: DefineContext, virsh: Virsh): Promise<'kvm' | 'tcg'> {
  const { host, config, signal } = context;
  const { image } = requireBoot(context);
  const { emulator, domainType } = await capabilitiesOf(virsh, image.architecture);
  const decision = await decideAccelerator(host, {
    program: emulator,
    // What libvirt itself does not offer, as /dev/kvm is not there or closed, is not worth a test boot.
    choice: config.accelerator === 'auto' && domainType !== 'kvm' ? 'tcg' : config.accelerator,
    architecture: image.architecture,
    image,
    signal,
  });
  const accelerator = decision.accelerator === 'kvm' ? 'kvm' : 'tcg';
  const remedy = decision.remedy === undefined ? '' : ` ${decision.remedy}`;
  if (decision.isFresh && decision.reason !== undefined) {
    const message = `The machine is emulated, which is slow. ${decision.reason}${remedy}`;
    context.emit({ type: 'warn', machine: context.name, message });
  }
  return accelerator;
}

/** What libvirt can run of an architecture. @throws MachineError `host-not-ready`, `vm-control-failed`. */
export async function capabilitiesOf(
  virsh: Virsh,
  architecture: BootImage['architecture'],
): Promise<{ readonly emulator: string; readonly domainType: string }> {
  const arch = architecture === 'arm64' ? 'aarch64' : 'x86_64';
  const stdout = await virsh.run(['domcapabilities', '--arch', arch]);
  const found = parseDomainCapabilities(stdout);
  if (found === undefined) {
    throw new MachineError('vm-control-failed', 'libvirt does not tell what it can run.', {
      why: stdout.slice(0, 300),
    });
  }
  return found;
}

function requireBoot({ boot }: DefineContext): BootMaterial {
  if (boot === undefined) {
    throw new MachineError('bug', 'The machine cannot be started without an image.');
  }
  return boot;
}
