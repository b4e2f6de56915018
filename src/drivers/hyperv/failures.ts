import type { ErrorCode } from '../../core/codes.ts';
import { MachineError } from '../../core/errors.ts';
import { cleanGuestText } from '../guest-phases.ts';
import type { PowerShellFault } from './output.ts';
import { machineGoneId } from './scripts/machine.ts';
import { languageModeId } from './scripts/script.ts';

interface KnownFailure {
  /** Identifiers of the error, without the command behind the comma. */
  readonly ids?: readonly string[];
  /** HRESULTs. */
  readonly codes?: readonly string[];
  readonly category?: string;
  readonly what: string;
  readonly code?: ErrorCode;
  readonly remedies: readonly string[];
}

/** What gives a user the rights; the group is named by its SID, as its name is in the language of Windows. */
export const rightsRemedy =
  'In a PowerShell that was started as administrator: Add-LocalGroupMember -SID S-1-5-32-578 -Member "$env:USERDOMAIN\\$env:USERNAME". Then sign out of Windows and in again.';
/** What switches Hyper-V on. */
export const featureRemedy =
  'In a PowerShell that was started as administrator: Enable-WindowsOptionalFeature -Online -FeatureName Microsoft-Hyper-V -All (on a server: Install-WindowsFeature Hyper-V -IncludeManagementTools). Then restart Windows.';
/** What there is besides Hyper-V. */
export const otherDrivers = 'Use another driver: tsmachine create -d virtualbox NAME, or -d qemu.';
/** What brings the hypervisor up. */
export const hypervisorRemedies: readonly string[] = [
  'Switch on virtualization ("Intel VT-x", "AMD-V", "SVM") in the setup of the BIOS or UEFI.',
  'In a PowerShell that was started as administrator: bcdedit /set hypervisorlaunchtype auto. Then restart Windows.',
  'In a virtual machine: switch on nested virtualization for it at its host.',
];
export const serviceRemedy =
  'In a PowerShell that was started as administrator: Start-Service vmms; Set-Service vmms -StartupType Automatic';

/**
 * What is known of errors, the first that fits. Messages are in the language of the user and are never looked at; the
 * HRESULTs are those of winerror.h, and of virtdisk for 0xC03A…
 */
const knownFailures: readonly KnownFailure[] = [
  {
    ids: [languageModeId],
    what: 'PowerShell may only use its constrained language on this computer, in which Hyper-V cannot be controlled.',
    code: 'host-not-ready',
    remedies: [
      'Ask whoever administers this computer: the mode is set by AppLocker or Windows Defender Application Control (or by the variable __PSLockdownPolicy).',
      otherDrivers,
    ],
  },
  {
    ids: [machineGoneId],
    what: 'Hyper-V does not have the machine any more.',
    code: 'vm-start-failed',
    remedies: ['Remove it here too: tsmachine rm NAME'],
  },
  {
    ids: ['CommandNotFoundException', 'CouldNotAutoLoadModule', 'CouldNotAutoloadMatchingModule'],
    what: 'Hyper-V PowerShell Module is not available',
    code: 'host-not-ready',
    remedies: [featureRemedy, otherDrivers],
  },
  {
    ids: ['AccessDenied', 'UnauthorizedAccess'],
    category: 'PermissionDenied',
    codes: ['0x80041003'],
    what: 'Hyper-V commands have to be run as an Administrator',
    code: 'host-not-ready',
    remedies: [rightsRemedy],
  },
  {
    codes: ['0x8004100E', '0x80041010'],
    what: 'Hyper-V itself is not installed: only its commands are.',
    code: 'host-not-ready',
    remedies: [featureRemedy],
  },
  {
    ids: ['OutOfMemory'],
    codes: ['0x8007000E', '0x800705AA', '0x800705AF'],
    what: 'This computer has not enough free memory for the machine.',
    code: 'host-not-ready',
    remedies: [
      'Close other programs or machines, or give the machine less: tsmachine set NAME --memory 1024',
    ],
  },
  {
    codes: ['0xC03A001A'],
    what: 'The folder of the machine is compressed or encrypted by Windows, and Hyper-V uses no such files.',
    remedies: [
      'Switch both off for the files of the machine: compact /u /s:FOLDER and cipher /d /s:FOLDER.',
      'Or keep the machines elsewhere: MACHINE_STORAGE_PATH.',
    ],
  },
  {
    codes: ['0x80070020', '0x80070021'],
    what: 'A file of the machine is open in another program.',
    remedies: ['Look for a virus scanner, a backup or another virtual machine that has the file open.'],
  },
  {
    codes: ['0x80070070', '0x80070027'],
    what: 'The disk of this computer is full.',
    remedies: ['Make room on the disk that holds the machine.'],
  },
  {
    codes: ['0x80070002', '0x80070003'],
    what: 'A file of the machine is missing.',
    remedies: ['Restore the file that is named, or remove the machine and create it again.'],
  },
  {
    codes: ['0x80070570', '0xC03A0014', '0xC03A0005', '0xC03A0009'],
    what: 'The disk of the machine is damaged.',
    remedies: [
      'Restore disk.vhdx of the machine from a backup, or remove the machine and create it again.',
      'Look at the file system that holds it: chkdsk /scan',
    ],
  },
  {
    codes: ['0x80070005'],
    what: 'Hyper-V may not open a file of the machine.',
    remedies: ['Let it: icacls FOLDER /grant "*S-1-5-83-0:(OI)(CI)F", where FOLDER is that of the machine.'],
  },
  {
    codes: ['0x80070490', '0x80070BC9'],
    what: 'The virtual switch of the machine is not there any more.',
    code: 'host-not-ready',
    remedies: [
      'See which there are: powershell Get-VMSwitch. The machine takes the one of its record, HyperV\'s "Default Switch" by default.',
    ],
  },
  {
    ids: ['InvalidState'],
    what: 'The machine is in a state in which this is not possible.',
    remedies: ['See which: tsmachine status NAME', 'tsmachine kill NAME'],
  },
];

const messageCharsMax = 1000;

/** The error for an operation that Hyper-V refused, with a known cause told as such. */
export function faultError(fault: PowerShellFault, operation: string): MachineError {
  const known = knownFailures.find((one) => fits(one, fault));
  const said = cleanGuestText(fault.message).slice(0, messageCharsMax);
  const why = [said, ...(fault.id === '' ? [] : [`(${fault.id})`])].join(' ').trim();
  return new MachineError(
    known?.code ?? (operation === 'start' ? 'vm-start-failed' : 'vm-control-failed'),
    known?.what ?? `Hyper-V refused "${operation}".`,
    {
      ...(why === '' ? {} : { why }),
      ...(known === undefined ? {} : { remedies: known.remedies }),
      facts: { id: fault.id, codes: [...fault.codes], known: known !== undefined },
    },
  );
}

/** True when the fault is that there is no such machine. */
export function isGone({ id }: PowerShellFault): boolean {
  return id === machineGoneId;
}

function fits({ ids = [], codes = [], category }: KnownFailure, fault: PowerShellFault): boolean {
  const id = fault.id.split(',')[0] ?? '';
  return (
    ids.includes(id) ||
    codes.some((code) => fault.codes.includes(code)) ||
    (category !== undefined && category === fault.category)
  );
}
