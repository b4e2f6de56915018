import type { ErrorCode } from '../../core/codes.ts';
import { MachineError } from '../../core/errors.ts';
import { cleanGuestText } from '../guest-phases.ts';
import type { VBoxFault } from './output.ts';

interface KnownFailure {
  readonly pattern: RegExp;
  readonly what: string;
  readonly code?: ErrorCode;
  readonly remedies: readonly string[];
}

const otherDrivers = 'Use another driver: tsmachine create -d qemu NAME';
const reloadModule =
  'Load or rebuild it: sudo /sbin/vboxconfig, on Debian and Ubuntu: sudo apt install --reinstall virtualbox-dkms';

/**
 * Texts of VBoxManage and of VBox.log, and what they mean for the user. The first that fits counts, so what names its
 * cause comes before what only names a symptom.
 */
const knownFailures: readonly KnownFailure[] = [
  {
    pattern: /VERR_VMX_MSR_(?:ALL_)?VMX(?:ON)?_DISABLED|VERR_SVM_DISABLED|is disabled in the BIOS/i,
    what: 'Hardware virtualization is switched off in the firmware of this computer.',
    code: 'host-not-ready',
    remedies: ['Switch on "Intel VT-x" or "AMD-V" (SVM) in the setup of the BIOS or UEFI.', otherDrivers],
  },
  {
    pattern:
      /VERR_NEM_VM_CREATE_FAILED|VERR_NEM_VM_CREATE|VERR_NEM_MISSING_KERNEL_API|VERR_NEM_NOT_AVAILABLE/,
    what: 'Hyper-V has the hardware virtualization of this computer, and VirtualBox cannot go through it.',
    code: 'host-not-ready',
    remedies: [
      'Switch on "Windows Hypervisor Platform" among the features of Windows, or switch Hyper-V off: bcdedit /set hypervisorlaunchtype off, then restart.',
      'Memory integrity (core isolation) keeps Hyper-V running, too.',
      otherDrivers,
    ],
  },
  {
    pattern: /VERR_VMX_IN_VMX_ROOT_MODE|VERR_SVM_IN_USE/,
    what: 'Another hypervisor, such as KVM, uses the hardware virtualization of this computer.',
    code: 'host-not-ready',
    remedies: ['End its machines, then: sudo modprobe -r kvm_intel kvm_amd kvm', otherDrivers],
  },
  {
    pattern: /VERR_VMX_NO_VMX|VERR_SVM_NO_SVM|VT-x is not available|AMD-V is not available/,
    what: 'This computer has no hardware virtualization, or does not hand it on: it may be a virtual machine itself.',
    code: 'host-not-ready',
    remedies: ['In a virtual machine: switch on nested virtualization for it at its host.', otherDrivers],
  },
  {
    pattern: /VERR_VM_DRIVER_VERSION_MISMATCH|rc=-1912\b/,
    what: 'The kernel module of VirtualBox is of another version than VirtualBox.',
    code: 'host-not-ready',
    remedies: [reloadModule, 'After an update of VirtualBox, restart the computer.'],
  },
  {
    pattern: /VERR_VM_DRIVER_NOT_ACCESSIBLE|rc=-1909\b/,
    what: 'You may not use the kernel module of VirtualBox.',
    code: 'host-not-ready',
    remedies: ['Run: sudo usermod -aG vboxusers "$USER", then log in again.'],
  },
  {
    pattern:
      /Kernel driver not installed|VERR_VM_DRIVER_NOT_INSTALLED|rc=-1908\b|Error -1908|\/dev\/vboxdrv|kernel module is not loaded/,
    what: 'The kernel module of VirtualBox is not loaded.',
    code: 'host-not-ready',
    remedies: [
      reloadModule,
      'With Secure Boot the module has to be signed with a key that the firmware knows.',
      'On macOS: allow the system extension of Oracle in System Settings, Privacy & Security, then restart.',
    ],
  },
  {
    pattern: /VBOX_E_PLATFORM_ARCH_NOT_SUPPORTED|platform architecture \w+ is not supported/,
    what: 'The machine was made for another kind of processor than that of this computer.',
    remedies: ['Remove the machine and create it again with the image for this computer.'],
  },
  {
    pattern: /supR3Hardened|VBoxHardening|VERR_SUPLIB_|VERR_SUP_VP_/,
    what: 'VirtualBox refuses to start because files of its installation, or programs that look into its process, are not trusted.',
    remedies: [
      'See VBoxHardening.log: it names the file. Often it is a virus scanner, or VirtualBox is in a directory that others can write to.',
      'Install VirtualBox again.',
    ],
  },
  {
    pattern: /EnableStaticIPConfig|networks\.conf|not in the allowed range/i,
    what: 'VirtualBox does not allow this address for a host-only network.',
    code: 'host-not-ready',
    remedies: hostOnlyRemedies(),
  },
  {
    pattern:
      /VERR_INTNET_FLT_IF_NOT_FOUND|VERR_INTNET_FLT_VNIC|\/dev\/vboxnetctl|Failed to (?:open\/create|create) the (?:internal network|host-only)|host network interface named '.*' could not be found|vmnet_start_interface/,
    what: 'The host-only network of the machine is not there or cannot be used.',
    code: 'host-not-ready',
    remedies: [
      'Load the network modules: sudo modprobe vboxnetadp vboxnetflt; on Windows repair the installation of VirtualBox.',
      'Or create the machine without --virtualbox-hostonly-cidr: it is reached through forwarded ports in any case.',
    ],
  },
  {
    pattern: /VERR_DISK_FULL|VERR_NO_DISK_SPACE/,
    what: 'The disk of this computer is full.',
    remedies: ['Make room on the disk that holds the machine.'],
  },
  {
    pattern:
      /VERR_NO_MEMORY|VERR_OUT_OF_(?:MEMORY|RESOURCES)|VERR_NO_LOW_MEMORY|Failed to allocate .*(?:RAM|memory)|not enough (?:free )?memory/i,
    what: 'This computer has not enough free memory for the machine.',
    code: 'host-not-ready',
    remedies: [
      'Close other programs or machines, or create the machine with less memory (--virtualbox-memory).',
    ],
  },
  {
    pattern: /Could not find file for the medium|VERR_FILE_NOT_FOUND|VERR_PATH_NOT_FOUND/,
    what: 'A file of the machine is missing.',
    remedies: ['Restore the file that is named, or remove the machine and create it again.'],
  },
  {
    pattern: /is already locked (?:for|by) a session|VBOX_E_INVALID_OBJECT_STATE/,
    what: 'Another program works on the machine in VirtualBox.',
    remedies: ['Close its settings window and try again.'],
  },
  {
    pattern: /VERR_(?:ACCESS_DENIED|SHARING_VIOLATION|LOCK_FAILED)/,
    what: 'A file of the machine cannot be opened, or another program has it open.',
    remedies: ['Look for a program, such as a virus scanner or a backup, that has the file open.'],
  },
];

const tailCharsMax = 2000;
/** Lines of VBox.log that tell of something that failed. */
const tellingLine = /VERR_|error|fail|rc=-\d/i;

/**
 * The error for a machine that did not start.
 * @param fault what VBoxManage said; undefined when it said nothing
 * @param log the tail of VBox.log and VBoxHardening.log
 */
export function startFailure(fault: VBoxFault | undefined, log: string, fallback: string): MachineError {
  const said = fault === undefined ? '' : `${fault.message} ${fault.code}`;
  // What VBoxManage itself says comes first: a log may hold errors that did no harm.
  const known =
    knownFailures.find(({ pattern }) => pattern.test(said)) ??
    knownFailures.find(({ pattern }) => pattern.test(log));
  const lines = [...(fault === undefined ? [] : [fault.message]), ...tellingLines(log)];
  const why = lines.join('\n').slice(0, tailCharsMax);
  return new MachineError(known?.code ?? 'vm-start-failed', known?.what ?? fallback, {
    ...(why === '' ? {} : { why }),
    ...(known === undefined ? {} : { remedies: known.remedies }),
    facts: { vbox: fault?.code ?? '', known: known !== undefined },
  });
}

/** A fault outside a start, told in the same way when it is a known one. */
export function knownFault(fault: VBoxFault): MachineError | undefined {
  const error = startFailure(fault, '', '');
  return error.facts['known'] === true ? error : undefined;
}

function tellingLines(log: string): string[] {
  return log
    .split(/\r?\n/)
    .map((line) => cleanGuestText(line.replace(/^[\d:.]+ /, '')))
    .filter((line) => line !== '' && tellingLine.test(line))
    .slice(-4);
}

/** True when VBox.log says that a forwarded port could not be opened: the machine runs, and cannot be reached. */
export function tellsOfTakenPort(log: string): boolean {
  return /NAT.*(?:failed to set up redirection|Probably a conflict with existing services|bind.*fail|fail.*bind|VERR_NET_ADDRESS_IN_USE)/i.test(
    log,
  );
}

/** What to do about an address that VirtualBox does not allow. */
export function hostOnlyRemedies(): readonly string[] {
  return [
    'Use an address in 192.168.56.0/21, for example --virtualbox-hostonly-cidr 192.168.56.1/24.',
    'Or allow others: write "* 0.0.0.0/0" or the wanted networks into /etc/vbox/networks.conf.',
  ];
}
