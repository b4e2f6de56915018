import { isMachineError } from '../../core/errors.ts';
import type { DriverContext, Finding } from '../driver.ts';
import { sizeFindings } from '../size-findings.ts';
import { findPowerShell } from '../windows-powershell.ts';
import type { HyperVConfig } from './config.ts';
import { featureRemedy, hypervisorRemedies, otherDrivers, rightsRemedy, serviceRemedy } from './failures.ts';
import { hostFactsOf, type HostFacts } from './output.ts';
import { connect, missingError } from './powershell.ts';
import { hostScript } from './scripts/host.ts';
import { chooseSwitch } from './switches.ts';

type CheckContext = Omit<DriverContext<HyperVConfig>, 'directory' | 'name' | 'save'>;

/** OperatingSystemSKU of the Home editions (PRODUCT_CORE…), which have no Hyper-V. */
const homeEditions = [98, 99, 100, 101];

/** Whether this computer can run the machine; the order and the first words are docker-machine's. See the contract. */
export async function checkHost(context: CheckContext): Promise<readonly Finding[]> {
  const { host, signal, config } = context;
  const program = await findPowerShell(host);
  if (program === undefined) {
    const { message, why = '', remedies } = missingError();
    return [error('powershell-missing', message, `${why} ${remedies[0] ?? ''}`)];
  }
  if (host.facts.env['WSL_DISTRO_NAME'] !== undefined) {
    return [
      error(
        'hyperv-from-wsl',
        'Hyper-V is controlled from Windows, and this is a Linux in WSL.',
        'Run tsmachine in PowerShell, or use another driver here: -d qemu.',
      ),
    ];
  }
  try {
    const facts = hostFactsOf(await connect(host, program, signal).run(hostScript()));
    const fault = hostFault(facts);
    return fault === undefined
      ? [...readyFindings(context, facts), ...sizeFindings(host, { ...config, prefix: 'hyperv' })]
      : [fault];
  } catch (failure) {
    signal.throwIfAborted();
    if (!isMachineError(failure)) {
      throw failure;
    }
    return [
      error('hyperv-broken', failure.message, [failure.why ?? '', ...failure.remedies].join(' ').trim()),
    ];
  }
}

function hostFault({ module, mayUse, isServing, hasHypervisor, edition }: HostFacts): Finding | undefined {
  if (!module) {
    return homeEditions.includes(edition)
      ? error(
          'hyperv-home-edition',
          'Hyper-V PowerShell Module is not available: this is a Home edition of Windows, which has no Hyper-V.',
          otherDrivers,
        )
      : error('hyperv-module-missing', 'Hyper-V PowerShell Module is not available', featureRemedy);
  }
  if (!mayUse) {
    return error('hyperv-rights', 'Hyper-V commands have to be run as an Administrator', rightsRemedy);
  }
  if (!hasHypervisor) {
    return error(
      'hypervisor-off',
      'The hypervisor of Windows is not running: virtualization is off in the firmware, or Windows starts without it.',
      hypervisorRemedies.join(' '),
    );
  }
  return isServing
    ? undefined
    : error('hyperv-service-stopped', 'The service of Hyper-V (vmms) is not running.', serviceRemedy);
}

function readyFindings({ config, host, boot }: CheckContext, { switches }: HostFacts): Finding[] {
  const wanted = boot?.image.architecture;
  if (wanted !== undefined && (wanted === 'arm64') !== (host.facts.arch === 'arm64')) {
    return [
      error(
        'architecture-unsupported',
        `The image is for ${wanted}, and Hyper-V does not emulate other processors.`,
        'Use the image for this computer, or the driver qemu.',
      ),
    ];
  }
  try {
    const { name } = chooseSwitch(switches, config.switchName);
    return [{ severity: 'ok', code: 'hyperv', message: `Hyper-V, with the virtual switch "${name}"` }];
  } catch (failure) {
    if (!isMachineError(failure)) {
      throw failure;
    }
    const remedy = [failure.why ?? '', ...failure.remedies].join(' ');
    return [error('hyperv-switch-missing', failure.message, remedy)];
  }
}

function error(code: string, message: string, remedy: string): Finding {
  return { severity: 'error', code, message, remedy };
}
