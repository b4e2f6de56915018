import { createHash } from 'node:crypto';
import type { BootImage, Share } from '../../driver.ts';
import type { Host } from '../../../host/types.ts';
import { machineArguments, type MachineArguments } from '../argv.ts';
import type { Accelerator } from '../../qemu-board.ts';
import type { QemuConfig } from '../config.ts';
import type { TemplateLaunch } from '../launch.ts';
import type { ProgramFacts } from '../program-facts.ts';

/**
 * Everything that a saved guest depends on. A template is used only where all of it is the same; QEMU could
 * refuse the rest, or worse, take it.
 */
export interface TemplateKey {
  /** Digest of the image, and with it of kernel, initramfs and root file system. */
  readonly image: string;
  /** QEMU's version line. */
  readonly qemu: string;
  readonly accelerator: Accelerator;
  /** The processor that the guest sees through: only with hardware acceleration. */
  readonly hostProcessor: string;
  /** Digest over the arguments of QEMU without paths: processors, memory, devices and their order. */
  readonly arguments: string;
  /** Size of the disk that the guest has formatted. */
  readonly diskMiB: number;
}

/** What the key of a machine's template is made from. */
export interface TemplateShape {
  readonly image: BootImage;
  readonly facts: Pick<ProgramFacts, 'version' | 'build'>;
  readonly accelerator: Accelerator;
  readonly config: Pick<QemuConfig, 'cpus' | 'memoryMiB' | 'diskSizeMiB'>;
  /** Each is a device. The guest does not look into them before it has an identity, so their paths do not count. */
  readonly shares: readonly Share[];
  /** The options with which the engine of the template was started. */
  readonly engineConfig: string;
}

/** A disk grows after the resume, so one template serves all sizes from here on; smaller ones have their own. */
const sharedDiskMiB = 20_000;

/** Path in arguments whose paths do not count. */
const anyPath = '/';

/**
 * Why machines of this kind cannot be resumed, or undefined when they can. What is missing here was either ruled
 * out by the accelerator's own code (HVF, WHPX and NVMM cannot save the processors' state) or is not sound: a guest
 * without a generation id (arm64) would go on with the random state of its siblings.
 */
export function resumeObstacle(host: Pick<Host, 'facts'>, shape: TemplateShape): string | undefined {
  const { accelerator, image } = shape;
  if (host.facts.platform === 'win32') {
    return 'QEMU for Windows cannot read saved memory from a file that it is given';
  }
  if (accelerator !== 'tcg' && accelerator !== 'kvm') {
    return `the accelerator ${accelerator} cannot save and restore a guest`;
  }
  if (shape.shares.some(({ way }) => way === 'virtiofs')) {
    return 'virtiofsd cannot save what it knows of the directories that it serves';
  }
  if (image.architecture !== 'amd64') {
    return `machines of the architecture ${image.architecture} are not told that they were copied`;
  }
  return undefined;
}

/** The key for machines of this shape on this computer. */
export async function templateKey(host: Host, shape: TemplateShape): Promise<TemplateKey> {
  const { image, facts, accelerator, config } = shape;
  const text = JSON.stringify(machineArguments(withoutPaths(host, shape)));
  return {
    image: image.digest,
    qemu: facts.build,
    accelerator,
    hostProcessor: accelerator === 'tcg' ? '' : await hostProcessor(host),
    arguments: createHash('sha256').update(text).digest('hex'),
    diskMiB: Math.min(config.diskSizeMiB, sharedDiskMiB),
  };
}

/** Name of a template: the beginning of a digest over its key. */
export function templateId(key: TemplateKey): string {
  return createHash('sha256').update(JSON.stringify(key)).digest('hex').slice(0, 32);
}

/** The versioned name of QEMU's default board, so that a newer QEMU does not change the hardware of a saved guest. */
function versionedMachineType(facts: TemplateShape['facts']): string {
  return `pc-q35-${facts.version.major}.${facts.version.minor}`;
}

/** How QEMU is started for the template of a shape, and for what is resumed from it. */
export function templateLaunch({ facts, engineConfig }: TemplateShape): Omit<TemplateLaunch, 'incomingPath'> {
  return { engineConfig, machineType: versionedMachineType(facts) };
}

function withoutPaths(host: Pick<Host, 'facts'>, shape: TemplateShape): MachineArguments {
  const { image, accelerator, config } = shape;
  return {
    name: 'template',
    platform: host.facts.platform,
    image: { ...image, kernelPath: anyPath, initrdPath: anyPath, rootPath: anyPath },
    guestFiles: [],
    shares: shape.shares.map((share) => ({ ...share, path: anyPath })),
    cpus: config.cpus,
    memoryMiB: config.memoryMiB,
    accelerator,
    diskPath: anyPath,
    consolePath: anyPath,
    pidPath: anyPath,
    controlPath: anyPath,
    observerPath: anyPath,
    sshPort: 0,
    enginePort: 0,
    macAddress: templateMacAddress,
    template: { ...templateLaunch(shape), identityPath: anyPath, isIncoming: false },
  };
}

/**
 * The network card's address of every template, and of a machine until its first restart: it is part of the saved
 * state. Nobody meets it twice, because each machine has a network of its own.
 */
export const templateMacAddress = '52:54:00:12:34:56';

/** Processor and kernel of this computer as Linux names them. */
async function hostProcessor(host: Host): Promise<string> {
  const processors = await host.files.readText('/proc/cpuinfo');
  const release = await host.files.readText('/proc/sys/kernel/osrelease');
  const lines = (processors.split('\n\n')[0] ?? '')
    .split('\n')
    .filter((line) => /^(vendor_id|cpu family|model|stepping|microcode|model name|flags)\s*:/.test(line));
  return createHash('sha256')
    .update([release.trim(), ...lines].join('\n'))
    .digest('hex');
}
