import { isMachineError } from '../../core/errors.ts';
import type { DriverContext, Finding } from '../driver.ts';
import type { VirtualBoxConfig } from './config.ts';
import { findVBoxManage } from './find.ts';
import { hostOnlyRemedies } from './failures.ts';
import { forbiddenNetwork } from './host-only.ts';
import {
  isAtLeast,
  lacksKernelModule,
  parseHostAbilities,
  parseVersion,
  type HostAbilities,
  type Version,
} from './output.ts';
import { connect, missingError, type VBoxManage } from './vboxmanage.ts';

type CheckContext = Omit<DriverContext<VirtualBoxConfig>, 'directory' | 'name' | 'save'>;

const versionMin = { major: 6, minor: 1 };
const armVersionMin = { major: 7, minor: 1 };
const mebibyte = 1024 * 1024;
/** Above this part of the computer's memory a machine makes the computer itself slow. */
const memoryShareMax = 0.75;

/** Whether this computer can run the machine; see the contract. */
export async function checkHost(context: CheckContext): Promise<readonly Finding[]> {
  const { host, signal } = context;
  const program = await findVBoxManage(host);
  if (program === undefined) {
    const { message, remedies } = missingError();
    return [error('virtualbox-missing', message, remedies[0])];
  }
  const vbox = connect(host, program, signal);
  try {
    const { stdout, stderr } = await vbox.ask(['--version']);
    const version = parseVersion(stdout);
    if (version === undefined) {
      return [
        error('virtualbox-broken', `${program} does not tell its version: ${stdout.trim().slice(0, 200)}`),
      ];
    }
    const findings = versionFindings(context, version, program);
    return findings.some(({ severity }) => severity === 'error')
      ? findings
      : [
          ...findings,
          ...moduleFindings(`${stdout}\n${stderr}`),
          ...(await hostFindings(context, vbox, version)),
        ];
  } catch (failure) {
    signal.throwIfAborted();
    if (!isMachineError(failure)) {
      throw failure;
    }
    return [error('virtualbox-broken', `${program} cannot be run: ${failure.message}`)];
  }
}

function versionFindings({ host, boot }: CheckContext, version: Version, program: string): Finding[] {
  if (!isAtLeast(version, versionMin.major, versionMin.minor)) {
    const message = `We support Virtualbox starting with version ${versionMin.major}.${versionMin.minor}. Your VirtualBox install is "${version.text}". Please upgrade at https://www.virtualbox.org`;
    return [
      error('virtualbox-too-old', message, 'Install a newer one: https://www.virtualbox.org/wiki/Downloads'),
    ];
  }
  const isArm = host.facts.arch === 'arm64';
  if (isArm && !isAtLeast(version, armVersionMin.major, armVersionMin.minor)) {
    const message = `VirtualBox ${version.text} does not run machines on this computer's processor; 7.1 or newer does.`;
    return [
      error('virtualbox-too-old', message, 'Install a newer one: https://www.virtualbox.org/wiki/Downloads'),
    ];
  }
  const wanted = boot?.image.architecture;
  if (wanted !== undefined && (wanted === 'arm64') !== isArm) {
    const message = `The image is for ${wanted}, and VirtualBox does not emulate other processors.`;
    return [
      error('architecture-unsupported', message, 'Use the image for this computer, or the driver qemu.'),
    ];
  }
  return [{ severity: 'ok', code: 'virtualbox', message: `VirtualBox ${version.text}: ${program}` }];
}

function moduleFindings(output: string): Finding[] {
  return lacksKernelModule(output)
    ? [
        error(
          'virtualbox-module-missing',
          'The kernel module of VirtualBox is not loaded.',
          'Run: sudo /sbin/vboxconfig, on Debian and Ubuntu: sudo apt install virtualbox-dkms',
        ),
      ]
    : [];
}

async function hostFindings(context: CheckContext, vbox: VBoxManage, version: Version): Promise<Finding[]> {
  const answers = [await vbox.ask(['list', 'hostinfo']), await vbox.ask(['list', 'systemproperties'])];
  const abilities = parseHostAbilities(answers.map(({ stdout }) => `${stdout}\n`).join('\n'));
  return [
    ...virtualizationFindings(context, abilities),
    ...sizeFindings(context, abilities),
    ...(await networkFindings(context, version)),
  ];
}

/** Windows hides it when Hyper-V has it, and VirtualBox goes through Hyper-V then. */
function virtualizationFindings(
  { host, config }: CheckContext,
  { hasVirtualization }: HostAbilities,
): Finding[] {
  if (hasVirtualization !== false || config.noVtxCheck || host.facts.arch === 'arm64') {
    return [];
  }
  if (host.facts.platform === 'win32') {
    const message =
      'VirtualBox has no hardware virtualization of its own here: if Hyper-V has it, machines are slow.';
    return [
      {
        severity: 'warning',
        code: 'virtualization-hidden',
        message,
        remedy: 'Switch off Hyper-V and memory integrity, or switch on virtualization in the firmware.',
      },
    ];
  }
  return [
    error(
      'virtualization-off',
      "This computer doesn't have VT-X/AMD-v enabled. Enabling it in the BIOS is mandatory",
      'Switch it on in the firmware, or for a virtual machine at its host; --virtualbox-no-vtx-check skips this check. Without it: -d qemu.',
    ),
  ];
}

function sizeFindings({ host, config }: CheckContext, abilities: HostAbilities): Finding[] {
  const findings: Finding[] = [];
  const cpusMax = Math.min(abilities.cpusMax ?? host.facts.cpuCount, host.facts.cpuCount);
  if (config.cpus > cpusMax) {
    findings.push(
      error(
        'cpus-too-many',
        `The machine wants ${config.cpus} CPUs, this computer has ${cpusMax} for it.`,
        `Use --virtualbox-cpu-count ${cpusMax} or less.`,
      ),
    );
  }
  const hostMiB = Math.floor(host.facts.memoryBytes / mebibyte);
  const memoryMaxMiB = Math.min(abilities.memoryMaxMiB ?? hostMiB, hostMiB);
  if (config.memoryMiB > hostMiB * memoryShareMax || config.memoryMiB > memoryMaxMiB) {
    const isImpossible = config.memoryMiB > memoryMaxMiB;
    findings.push({
      severity: isImpossible ? 'error' : 'warning',
      code: isImpossible ? 'memory-too-much' : 'memory-tight',
      message: `The machine wants ${config.memoryMiB} MB of memory, this computer has ${memoryMaxMiB} MB.`,
      remedy: 'Use a smaller --virtualbox-memory.',
    });
  }
  return findings;
}

async function networkFindings({ host, config }: CheckContext, version: Version): Promise<Finding[]> {
  if (config.hostOnlyCidr === '') {
    return [];
  }
  const reason = await forbiddenNetwork(host, version, config.hostOnlyCidr);
  return reason === undefined ? [] : [error('host-only-forbidden', reason, hostOnlyRemedies().join(' '))];
}

function error(code: string, message: string, remedy?: string): Finding {
  return { severity: 'error', code, message, ...(remedy === undefined ? {} : { remedy }) };
}
