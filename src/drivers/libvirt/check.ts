import { isMachineError, type MachineError } from '../../core/errors.ts';
import { decideAccelerator } from '../accelerator.ts';
import type { DriverContext, Finding } from '../driver.ts';
import { hostArchitecture } from '../qemu-programs.ts';
import { sizeFindings } from '../size-findings.ts';
import type { LibvirtConfig } from './config.ts';
import { capabilitiesOf } from './define.ts';
import { parseVersions } from './output.ts';
import { connect, installHint, type Virsh } from './virsh.ts';

type CheckContext = Omit<DriverContext<LibvirtConfig>, 'directory' | 'name' | 'save'>;

/** The first libvirt that knows all words of a definition: Ubuntu 22.04 has it. */
const versionMajorMin = 8;

/** Whether this computer can run the machine; see the contract. */
export async function checkHost(context: CheckContext): Promise<readonly Finding[]> {
  const { host, config, signal } = context;
  if (hostArchitecture(host.facts) === undefined) {
    const message = `There is no machine image for this computer's architecture (${host.facts.arch}).`;
    return [{ severity: 'error', code: 'architecture-unknown', message }];
  }
  const program = await host.processes.find('virsh');
  if (program === undefined) {
    return [
      { severity: 'error', code: 'virsh-missing', message: 'virsh was not found.', remedy: installHint },
    ];
  }
  const virsh = connect({ host, program, uri: config.uri, signal });
  try {
    const { libvirt, qemu } = parseVersions(await virsh.run(['version']));
    return [
      versionFinding(libvirt, qemu, config.uri),
      await acceleratorFinding(context, virsh),
      ...sizeFindings(host, { ...config, prefix: 'libvirt' }),
    ];
  } catch (error) {
    signal.throwIfAborted();
    if (!isMachineError(error)) {
      throw error;
    }
    return [unusable(error)];
  }
}

function versionFinding(libvirt: string | undefined, qemu: string | undefined, uri: string): Finding {
  if (libvirt === undefined || Number.parseInt(libvirt, 10) < versionMajorMin) {
    return {
      severity: 'error',
      code: 'libvirt-too-old',
      message: `libvirt ${libvirt ?? 'of an unknown version'} is too old; ${versionMajorMin}.0 or newer is needed.`,
      remedy: installHint,
    };
  }
  return {
    severity: 'ok',
    code: 'libvirt',
    message: `libvirt ${libvirt} with QEMU ${qemu ?? 'of an unknown version'}: ${uri}`,
  };
}

async function acceleratorFinding(context: CheckContext, virsh: Virsh): Promise<Finding> {
  const { host, config, boot, signal } = context;
  const architecture = boot?.image.architecture ?? hostArchitecture(host.facts) ?? 'amd64';
  const { emulator, domainType } = await capabilitiesOf(virsh, architecture);
  if (config.accelerator === 'tcg') {
    return { severity: 'ok', code: 'accelerator', message: 'Machines are emulated, as asked.' };
  }
  if (domainType !== 'kvm') {
    return emulated(
      'libvirt does not offer KVM here.',
      'Give yourself access to /dev/kvm: sudo usermod -aG kvm "$USER", then log in again.',
    );
  }
  const decision = await decideAccelerator(host, {
    program: emulator,
    choice: config.accelerator,
    architecture,
    image: boot?.image,
    signal,
  });
  if (decision.reason !== undefined) {
    return emulated(decision.reason, decision.remedy);
  }
  const note = decision.isUnproven === true ? ', if the test boot of the first create succeeds' : '';
  return {
    severity: 'ok',
    code: 'accelerator',
    message: `Machines run with ${decision.accelerator}${note}.`,
  };
}

function emulated(reason: string, remedy: string | undefined): Finding {
  return {
    severity: 'warning',
    code: 'accelerator-unusable',
    message: `Machines are emulated, which is slow. ${reason}`,
    ...(remedy === undefined ? {} : { remedy }),
  };
}

function unusable(error: MachineError): Finding {
  const why = error.why === undefined ? '' : ` ${error.why}`;
  return {
    severity: 'error',
    code: 'libvirt-unusable',
    message: `${error.message}${why}`,
    ...(error.remedies.length === 0 ? {} : { remedy: error.remedies.join(' ') }),
  };
}
