import type { Profile } from './profile.ts';

/** One option of modifyvm, as far as it was recorded as accepted or is in the recorded usage texts. */
interface Option {
  /** The setting that it changes. */
  readonly setting: string;
  /** Values that follow it. */
  readonly values: number;
  /** First version of 7 that has the name; 0 is 7.0. Undefined: 6.1 has it. */
  readonly sinceMinor?: number;
  readonly onlyX86?: boolean;
}

const options = new Map<string, Option>();

/** `names`: the modern one first, then those that 6.1 has, too. */
function add(names: string, more: Partial<Option> & { readonly modernSince?: number } = {}): void {
  const [modern = '', ...legacy] = names.split(' ');
  const { modernSince, ...rest } = more;
  const base = { setting: modern, values: 1, ...rest };
  const since = modernSince ?? (legacy.length > 0 ? 0 : undefined);
  options.set(`--${modern}`, { ...base, ...(since === undefined ? {} : { sinceMinor: since }) });
  for (const name of legacy) {
    options.set(`--${name}`, base);
  }
}

for (const name of 'name firmware cpus memory vram acpi ioapic chipset mouse keyboard usb graphicscontroller boot1 boot2 boot3 boot4 nic1 nic2 accelerate3d bridge-adapter2 nic-generic-drv2 clipboard-mode'.split(
  ' ',
)) {
  add(name);
}
add('os-type ostype');
add('rtc-use-utc rtcuseutc');
add('cpu-hotplug cpuhotplug');
add('guest-memory-balloon guestmemoryballoon');
add('default-frontend defaultfrontend');
add('paravirt-provider paravirtprovider');
add('page-fusion pagefusion');
add('autostart-enabled');
add('autostart-delay');
add('iommu', { modernSince: 0 });
add('tpm-type', { modernSince: 0 });
add('audio-driver audio');
add('audio-enabled', { modernSince: 0 });
add('usb-ohci', { modernSince: 0 });
add('usb-xhci', { modernSince: 0 });
add('firmware-logo-fade-in bioslogofadein', { modernSince: 1 });
add('firmware-logo-fade-out bioslogofadeout', { modernSince: 1 });
add('firmware-logo-display-time bioslogodisplaytime', { modernSince: 1 });
add('firmware-boot-menu biosbootmenu', { modernSince: 1 });
add('bios-boot-menu', { modernSince: 0 });
add('x86-pae pae', { modernSince: 1, onlyX86: true });
add('x86-hpet hpet', { modernSince: 1, onlyX86: true });
add('x86-long-mode longmode', { modernSince: 1, onlyX86: true });
add('x86-hwvirtex hwvirtex', { modernSince: 1, onlyX86: true });
add('x86-x2apic', { modernSince: 1, onlyX86: true });
add('nested-paging nestedpaging', { onlyX86: true });
add('large-pages largepages', { onlyX86: true });
add('x86-vtx-vpid vtxvpid', { modernSince: 1, onlyX86: true });
add('nested-hw-virt', { onlyX86: true });
for (const card of ['1', '2']) {
  add(`nic-type${card} nictype${card}`);
  add(`nic-promisc${card} nicpromisc${card}`);
  add(`cable-connected${card} cableconnected${card}`);
}
add('host-only-adapter2 hostonlyadapter2');
add('host-only-net2', { modernSince: 0 });
add('nat-pf1 natpf1');
add('nat-net1 natnet1');
add('nat-dns-proxy1 natdnsproxy1');
add('nat-dns-host-resolver1 natdnshostresolver1');
add('nat-localhostreachable1', { modernSince: 0 });
add('natlocalhostreachable1', { setting: 'nat-localhostreachable1', modernSince: 0 });
add('uart1', { values: 2 });
add('uart-mode1 uartmode1', { values: 2 });

/** One option as it was given. */
export interface Given {
  readonly setting: string;
  readonly values: readonly string[];
  readonly name: string;
}

/** Reads the options of a call; an error text for what this version and this kind of machine do not take. */
export function readOptions(
  profile: Profile,
  architecture: 'x86' | 'arm',
  args: readonly string[],
): Given[] | string {
  const given: Given[] = [];
  for (let index = 0; index < args.length; index += 1) {
    const [name = '', inline] = (args[index] ?? '').split(/=(.*)/s);
    const option = options.get(name);
    const isKnown =
      option !== undefined &&
      (option.sinceMinor === undefined || (profile.major >= 7 && profile.minor >= option.sinceMinor));
    if (!isKnown) {
      return `Unknown option: ${name}`;
    }
    if (option.onlyX86 === true && architecture === 'arm') {
      return 'Invalid option case 1169';
    }
    if (option.setting === 'uart1' && args[index + 1] === 'off') {
      given.push({ setting: 'uart1', values: ['off'], name });
      index += 1;
      continue;
    }
    const isDelete = option.setting === 'nat-pf1' && args[index + 1] === 'delete';
    const count = isDelete ? 2 : option.values;
    const values = inline === undefined ? args.slice(index + 1, index + 1 + count) : [inline];
    index += inline === undefined ? count : 0;
    given.push({ setting: option.setting, values, name });
  }
  return given;
}
