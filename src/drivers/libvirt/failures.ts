import type { ErrorCode } from '../../core/codes.ts';
import { MachineError } from '../../core/errors.ts';
import { cleanGuestText } from '../guest-phases.ts';

interface KnownFailure {
  readonly pattern: RegExp;
  readonly what: string;
  readonly code: ErrorCode;
  readonly remedies: readonly string[];
}

const otherDriver = 'Use another driver: tsmachine create -d qemu NAME';

/** Texts of libvirt and of QEMU, and what they mean for the user. The first that fits counts. */
const knownFailures: readonly KnownFailure[] = [
  {
    pattern: /no connection driver available for qemu/i,
    what: 'libvirt has no driver for QEMU here.',
    code: 'host-not-ready',
    remedies: ['On Debian and Ubuntu: sudo apt install libvirt-daemon-driver-qemu', otherDriver],
  },
  {
    pattern: /authentication unavailable|polkit|authentication failed|libvirt-sock.*Permission denied/i,
    what: 'You may not use this connection to libvirt.',
    code: 'host-not-ready',
    remedies: [
      'Leave --libvirt-uri out: qemu:///session is yours.',
      'For qemu:///system: sudo usermod -aG libvirt "$USER", then log in again.',
    ],
  },
  {
    pattern:
      /failed to connect to the hypervisor|Failed to connect socket|Cannot (?:recv|read|write) data|unable to connect to server|Failed to find user record/i,
    what: 'libvirt cannot be reached.',
    code: 'host-not-ready',
    remedies: [
      'Look whether its daemon is installed: on Debian and Ubuntu sudo apt install libvirt-daemon',
      'For qemu:///system its service has to run: sudo systemctl start libvirtd',
    ],
  },
  {
    pattern:
      /Could not access KVM kernel module|failed to initialize kvm|KVM is not available|accel 'kvm' is not supported/i,
    what: 'KVM cannot be used here.',
    code: 'host-not-ready',
    remedies: [
      'Give yourself access to /dev/kvm: sudo usermod -aG kvm "$USER", then log in again.',
      'Or create the machine with --libvirt-accel tcg, which is slow.',
    ],
  },
  {
    pattern: /find suitable emulator|find any emulator|Cannot check QEMU binary|emulator .* not found/i,
    what: 'libvirt finds no QEMU that can run the machine.',
    code: 'host-not-ready',
    remedies: ['On Debian and Ubuntu: sudo apt install qemu-system-x86'],
  },
  {
    pattern: /virtio-9p-pci|9pfs|fsdev.*(?:not supported|unsupported)|Device 'virtio-9p/i,
    what: 'This QEMU was built without the device for shared directories.',
    code: 'host-not-ready',
    remedies: ['Share none: tsmachine create --share none …, tsmachine set NAME --share none'],
  },
  {
    pattern: /Failed to get "write" lock|Failed to get shared|Is another process using the image/i,
    what: 'Another program has the disk of the machine open.',
    code: 'vm-start-failed',
    remedies: ['End the program that has it open; it may be a QEMU that was started by hand.'],
  },
  {
    pattern: /cannot set up guest memory|Cannot allocate memory/i,
    what: 'This computer has not enough free memory for the machine.',
    code: 'host-not-ready',
    remedies: ['Close other programs or machines, or give this one less: tsmachine set NAME --memory 1024'],
  },
  {
    pattern: /No space left on device/i,
    what: 'The disk of this computer is full.',
    code: 'vm-start-failed',
    remedies: ['Make room on the disk that holds the machine and on that of your home directory.'],
  },
  {
    pattern: /Permission denied|Cannot access (?:storage )?file/i,
    what: 'QEMU may not read a file of the machine, or a directory that it shares.',
    code: 'vm-start-failed',
    remedies: [
      'Look who may read the file that is named, and the directories above it.',
      'The QEMU of qemu:///session has your own rights; that of qemu:///system may not have them.',
    ],
  },
];

/** The error for a fault that is a known one. */
export function knownFault(fault: string): MachineError | undefined {
  const known = knownFailures.find(({ pattern }) => pattern.test(fault));
  return known === undefined
    ? undefined
    : new MachineError(known.code, known.what, { why: shown(fault), remedies: known.remedies });
}

/** The error for a machine that did not start. */
export function startFailure(fault: string): MachineError {
  return (
    knownFault(fault) ??
    new MachineError('vm-start-failed', 'libvirt did not start the machine.', { why: shown(fault) })
  );
}

/** Without time stamps, which every line of QEMU has. */
function shown(fault: string): string {
  return fault
    .split('\n')
    .map((line) => cleanGuestText(line.replace(/^\d{4}-\d\d-\d\dT[\d:.]+Z /, '')))
    .join('\n');
}
