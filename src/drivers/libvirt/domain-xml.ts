import type { BootImage, GuestFile, Share } from '../driver.ts';
import { escapeOption, kernelLine, processor, translationCacheMiB } from '../qemu-board.ts';
import { networkId } from '../usernet-forwards.ts';

/** Everything that the definition of one domain depends on. Paths are absolute. */
export interface DomainPlan {
  readonly name: string;
  readonly uuid: string;
  /** The machine's directory, which tells whose domain it is. */
  readonly owner: string;
  readonly accelerator: 'kvm' | 'tcg';
  readonly cpus: number;
  readonly memoryMiB: number;
  readonly image: BootImage;
  readonly guestFiles: readonly GuestFile[];
  readonly shares: readonly Share[];
  readonly diskPath: string;
  readonly consolePath: string;
  /** Host ports on 127.0.0.1; 0 lets the kernel choose. */
  readonly sshPort: number;
  readonly enginePort: number;
  readonly macAddress: string;
  /** As whom QEMU runs where libvirt's daemon is root; undefined where it is the user. */
  readonly runAs?: { readonly uid: number; readonly gid: number };
}

/** Namespace of the tag in a domain's metadata that says whose it is. */
export const ownerUri = 'urn:tsmachine';

/**
 * The definition of a domain. The disks have fixed places on the bus, because the kernel line names the root by its
 * device. The network is QEMU's own: only it opens ports that the kernel chooses.
 */
export function domainXml(plan: DomainPlan): string {
  const isArm = plan.image.architecture === 'arm64';
  const type = plan.accelerator === 'kvm' ? 'kvm' : 'qemu';
  return [
    `<domain type='${type}' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'>`,
    element('name', plan.name),
    element('uuid', plan.uuid),
    `<metadata><tsmachine:machine xmlns:tsmachine='${ownerUri}'>${escapeXml(plan.owner)}</tsmachine:machine></metadata>`,
    `<memory unit='MiB'>${plan.memoryMiB}</memory>`,
    element('vcpu', String(processors(plan))),
    ...guestFileLines(plan.guestFiles),
    '<os>',
    isArm ? "<type arch='aarch64' machine='virt'>hvm</type>" : "<type arch='x86_64' machine='q35'>hvm</type>",
    element('kernel', plan.image.kernelPath),
    element('initrd', plan.image.initrdPath),
    element('cmdline', kernelLine(plan.image, plan.accelerator === 'tcg' ? ['ts.emulated'] : [])),
    '</os>',
    featureLine(plan),
    ...(plan.accelerator === 'kvm' ? ["<cpu mode='host-passthrough' check='none'/>"] : []),
    "<clock offset='utc'/>",
    '<on_poweroff>destroy</on_poweroff>',
    '<on_reboot>destroy</on_reboot>',
    '<on_crash>destroy</on_crash>',
    // A guest that suspended itself would never answer again. Boards of ARM have no such switch.
    ...(isArm ? [] : ["<pm><suspend-to-mem enabled='no'/><suspend-to-disk enabled='no'/></pm>"]),
    '<devices>',
    ...deviceLines(plan),
    '</devices>',
    ...securityLines(plan),
    ...commandLine(plan),
    '</domain>',
    '',
  ].join('\n');
}

/**
 * An emulated x86 guest gets one processor: QEMU emulates several in a thread each, and then can go on executing the
 * breakpoint that Linux puts into its code while it patches it, after the patch is complete. libvirt knows no way to
 * make them share a thread.
 */
export function processors({
  accelerator,
  image,
  cpus,
}: Pick<DomainPlan, 'accelerator' | 'image' | 'cpus'>): number {
  return accelerator === 'tcg' && image.architecture === 'amd64' ? 1 : cpus;
}

/** The guest reads its identity from QEMU's fw_cfg. */
function guestFileLines(files: readonly GuestFile[]): string[] {
  if (files.length === 0) {
    return [];
  }
  const entries = files.map(
    ({ name, path }) => `<entry name='opt/org.tsmachine/${escapeXml(name)}' file='${escapeXml(path)}'/>`,
  );
  return ["<sysinfo type='fwcfg'>", ...entries, '</sysinfo>'];
}

function featureLine({ accelerator, image }: DomainPlan): string {
  const cache =
    accelerator === 'tcg' ? `<tcg><tb-cache unit='MiB'>${translationCacheMiB}</tb-cache></tcg>` : '';
  // Without firmware a board of ARM has no ACPI.
  return image.architecture === 'arm64'
    ? `<features><gic/>${cache}</features>`
    : `<features><acpi/><vmport state='off'/>${cache}</features>`;
}

function deviceLines(plan: DomainPlan): string[] {
  return [
    ...diskLines({
      path: plan.diskPath,
      driver: "cache='writeback' discard='unmap' detect_zeroes='unmap'",
      device: 'vda',
      serial: 'tsm-data',
      slot: 2,
    }),
    ...diskLines({
      path: plan.image.rootPath,
      driver: '',
      device: 'vdb',
      serial: 'tsm-root',
      slot: 3,
      isReadOnly: true,
    }),
    "<controller type='usb' model='none'/>",
    ...plan.shares.flatMap(shareLines),
    `<serial type='file'><source path='${escapeXml(plan.consolePath)}' append='on'/></serial>`,
    "<memballoon model='virtio' autodeflate='on' freePageReporting='on'/>",
    "<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>",
  ];
}

function diskLines(disk: {
  readonly path: string;
  readonly driver: string;
  readonly device: string;
  readonly serial: string;
  readonly slot: number;
  readonly isReadOnly?: true;
}): string[] {
  return [
    "<disk type='file' device='disk'>",
    `<driver name='qemu' type='raw'${disk.driver === '' ? '' : ` ${disk.driver}`}/>`,
    `<source file='${escapeXml(disk.path)}'/>`,
    `<target dev='${disk.device}' bus='virtio'/>`,
    ...(disk.isReadOnly === true ? ['<readonly/>'] : []),
    `<serial>${disk.serial}</serial>`,
    `<address type='pci' domain='0x0000' bus='0x00' slot='0x0${disk.slot}' function='0x0'/>`,
    '</disk>',
  ];
}

/**
 * What the guest creates belongs to the user who runs QEMU ("squash"); a change of owner that QEMU may not make is
 * passed over in silence, because programs in containers try it often and do not need it.
 */
function shareLines({ path, isReadOnly, tag }: Share): string[] {
  return [
    "<filesystem type='mount' accessmode='squash' multidevs='remap'>",
    `<source dir='${escapeXml(path)}'/>`,
    `<target dir='${escapeXml(tag)}'/>`,
    ...(isReadOnly ? ['<readonly/>'] : []),
    '</filesystem>',
  ];
}

/** QEMU of a daemon that is root runs as the owner of the machine, whose files it may open; nothing changes hands. */
function securityLines({ runAs }: DomainPlan): string[] {
  return runAs === undefined
    ? []
    : [
        "<seclabel type='static' model='dac' relabel='no'>",
        `<label>+${runAs.uid}:+${runAs.gid}</label>`,
        '</seclabel>',
      ];
}

/** What libvirt has no words for. */
function commandLine(plan: DomainPlan): string[] {
  const { accelerator, image } = plan;
  const forwards = [
    `hostfwd=tcp:127.0.0.1:${plan.sshPort}-:22`,
    `hostfwd=tcp:127.0.0.1:${plan.enginePort}-:2376`,
  ];
  const args = [
    // The last -cpu counts.
    ...(accelerator === 'tcg' ? ['-cpu', processor({ accelerator, architecture: image.architecture })] : []),
    ...['-netdev', `user,id=${networkId},${forwards.join(',')}`],
    '-device',
    // Without the ROM for booting from the network the firmware is done earlier. The bus has this place free.
    `virtio-net-pci,netdev=${networkId},mac=${escapeOption(plan.macAddress)},romfile=,bus=pcie.0,addr=0x10`,
  ];
  return [
    '<qemu:commandline>',
    ...args.map((arg) => `<qemu:arg value='${escapeXml(arg)}'/>`),
    '</qemu:commandline>',
  ];
}

function element(name: string, text: string): string {
  return `<${name}>${escapeXml(text)}</${name}>`;
}

/** A text as content or as a value in single quotes. */
export function escapeXml(text: string): string {
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll("'", '&apos;')
    .replaceAll('"', '&quot;');
}
