import { MachineError } from '../../core/errors.ts';
import type { VirtualSwitch } from './output.ts';

/** The switch that Windows 10 and 11 make themselves, with DHCP and NAT. Its name is in the language of Windows. */
const defaultSwitchId = 'c08cb7b8-9b3c-408e-8e30-5e16a3aeb444';
const external = 2;

const readMore = 'Make one: New-VMSwitch -Name external -NetAdapterName Ethernet (see Get-NetAdapter)';

/**
 * The switch for a machine: the one that is named, else the Default Switch, else the first external one.
 * @param wanted a name; empty for none
 * @throws MachineError `host-not-ready` when there is no such switch; the texts are docker-machine's.
 */
export function chooseSwitch(switches: readonly VirtualSwitch[], wanted: string): VirtualSwitch {
  if (wanted !== '') {
    const named =
      switches.find(({ name }) => name === wanted) ??
      switches.find(
        ({ name, id }) => name.toLowerCase() === wanted.toLowerCase() || id === wanted.toLowerCase(),
      );
    if (named === undefined) {
      const names = switches.map(({ name }) => `"${name}"`).join(', ');
      throw new MachineError('host-not-ready', `vswitch "${wanted}" not found`, {
        why: names === '' ? 'Hyper-V has no virtual switch.' : `There are: ${names}.`,
        remedies: ['Name one of them, or leave out --hyperv-virtual-switch.'],
      });
    }
    return named;
  }
  const chosen =
    switches.find(({ id }) => id === defaultSwitchId) ?? switches.find(({ type }) => type === external);
  if (chosen === undefined) {
    throw new MachineError(
      'host-not-ready',
      'no External vswitch found. A valid vswitch must be available for this command to run.',
      {
        why: 'There is no "Default Switch" either, as on Windows Server.',
        remedies: [readMore, 'Or name another one: --hyperv-virtual-switch'],
      },
    );
  }
  return chosen;
}
