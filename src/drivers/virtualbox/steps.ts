import { MachineError } from '../../core/errors.ts';
import { writeConfigDisk } from '../config-disk.ts';
import type { DriverContext, Step } from '../driver.ts';
import { magicTar } from '../magic-tar.ts';
import { newUuid } from '../uuid.ts';
import { isoStep } from '../own-iso.ts';
import {
  addController,
  addHostOnlyCard,
  attachMedia,
  captureConsole,
  controllerName,
  createMachine,
  modifyMachine,
  type Dialect,
} from './commands.ts';
import type { VirtualBoxConfig } from './config.ts';
import { dialectOf } from './dialect.ts';
import { ensureHostOnly } from './host-only.ts';
import { findMachine, machineFiles, requireMachine } from './machine.ts';
import { parseCapacityMiB } from './output.ts';
import { removeFromVirtualBox, requireOwn } from './remove.ts';
import { openVBoxManage, type VBoxManage } from './vboxmanage.ts';

type StepContext = DriverContext<VirtualBoxConfig>;

/** Where a machine says whose it is; the value is the directory of its record. */
export const ownerKey = 'tsmachine/owner';

/** The raw beginning of a new disk: VirtualBox rounds sizes to this. */
const rawBytes = 1024 * 1024;

/** What makes a machine of VirtualBox, in order. Each can be run again after it was cut off anywhere. */
export function machineSteps(context: StepContext): readonly Step[] {
  return [
    isoStep(context, machineFiles(context).iso),
    diskStep(context),
    registerStep(context),
    configureStep(context),
  ];
}

function diskStep(context: StepContext): Step {
  const { host, config } = context;
  const { disk } = machineFiles(context);
  return {
    name: 'disk',
    summary: `Creating the disk (${config.diskSizeMiB} MB)`,
    done: async () => (await host.files.stat(disk)) !== undefined,
    run: async () => {
      await createDisk(context);
      return { diskSizeMiB: config.diskSizeMiB };
    },
    undo: async () => {
      await host.files.remove(`${disk}.raw`);
      await host.files.remove(`${disk}.tmp`);
      await host.files.remove(disk);
    },
  };
}

/** A small disk that begins with the magic tar; it gets its size when the machine has it. One that is there is kept. */
async function createDisk(context: StepContext): Promise<void> {
  const { host, signal, boot } = context;
  const { disk } = machineFiles(context);
  if ((await host.files.stat(disk)) !== undefined) {
    return;
  }
  const vbox = await openVBoxManage(host, signal);
  const [raw, partial] = [`${disk}.raw`, `${disk}.tmp`];
  await host.files.remove(raw);
  await host.files.remove(partial);
  try {
    const keys = boot?.guestFiles.find(({ name }) => name === 'authorized_keys');
    const tar = magicTar(keys === undefined ? undefined : await host.files.readText(keys.path));
    const bytes = new Uint8Array(rawBytes);
    bytes.set(tar);
    await host.files.writeNew(raw, bytes, 0o600);
    await vbox.run(['convertfromraw', raw, partial, '--format', 'VDI']);
    await host.files.chmod(partial, 0o600);
    await host.files.rename(partial, disk);
  } finally {
    await host.files.remove(raw);
  }
}

function registerStep(context: StepContext): Step {
  const { host, name, directory } = context;
  return {
    name: 'register',
    summary: 'Creating the VirtualBox VM',
    intent: () => ({ virtualMachine: name, folder: machineFiles(context).folder }),
    done: async () => {
      const vbox = await openVBoxManage(host, context.signal);
      const found = await findMachine(vbox, context);
      return found.kind === 'machine' && (await isOwned(vbox, found.uuid, directory));
    },
    run: async () => {
      const vbox = await openVBoxManage(host, context.signal);
      return { uuid: await register(context, vbox) };
    },
    undo: async () => removeFromVirtualBox(context),
  };
}

/** The UUID is ours, and in the record before there is a machine of it: whatever happens then, it is found again. */
async function register(context: StepContext, vbox: VBoxManage): Promise<string> {
  const found = await findMachine(vbox, context);
  if (found.kind === 'inaccessible') {
    await removeFromVirtualBox(context);
  }
  const uuid = found.kind === 'machine' ? found.uuid : await makeMachine(context, vbox, found.kind);
  if (found.kind === 'machine') {
    await requireOwn(context, found.info.settingsFile);
    await context.save({ VMUUID: uuid });
  }
  await vbox.run(['setextradata', uuid, ownerKey, context.directory]);
  return uuid;
}

async function makeMachine(
  context: StepContext,
  vbox: VBoxManage,
  before: 'absent' | 'inaccessible',
): Promise<string> {
  const { host, name, directory, config } = context;
  const uuid = config.uuid === '' || before === 'inaccessible' ? newUuid(host) : config.uuid;
  await context.save({ VMUUID: uuid });
  // What a create that was cut off left: nobody but this machine has files here.
  await host.files.remove(machineFiles(context).folder);
  const args = createMachine(await dialectOf(context, vbox), { name, uuid, baseFolder: directory });
  const { fault } = await vbox.ask(args);
  if (fault !== undefined) {
    throw new MachineError('vm-control-failed', `VirtualBox did not make the machine: ${fault.message}`, {
      facts: { vbox: fault.code },
      remedies: [`Look for a machine "${name}" in VirtualBox, and remove or rename it.`],
    });
  }
  return uuid;
}

async function isOwned(vbox: VBoxManage, uuid: string, directory: string): Promise<boolean> {
  const { stdout } = await vbox.run(['getextradata', uuid, ownerKey]);
  return stdout.includes(directory);
}

function configureStep(context: StepContext): Step {
  return {
    name: 'configure',
    summary: 'Giving the VirtualBox VM its devices',
    run: async () => {
      const vbox = await openVBoxManage(context.host, context.signal);
      await configureMachine(context, vbox);
      return undefined;
    },
  };
}

async function configureMachine(context: StepContext, vbox: VBoxManage): Promise<void> {
  const { config, host } = context;
  const files = machineFiles(context);
  const dialect = await dialectOf(context, vbox);
  const { uuid, info } = await requireMachine(vbox, context);
  const cpus = config.cpus === 0 ? host.facts.cpuCount : config.cpus;
  await vbox.run(modifyMachine(dialect, uuid, { config, cpus }));
  await connectConsole(dialect, vbox, captureConsole(dialect, uuid, files.console));
  if (config.hostOnlyCidr !== '') {
    const place = await ensureHostOnly(context, vbox, dialect.version);
    await vbox.run(addHostOnlyCard(dialect, uuid, { config, place }));
  }
  if (!info.controllers.includes(controllerName(dialect))) {
    await vbox.run(addController(dialect, uuid));
  }
  await writeConfigDisk(host, files.config, context.boot?.guestFiles ?? []);
  for (const args of attachMedia(dialect, uuid, files)) {
    await vbox.run(args);
  }
  await growDisk(context, vbox);
}

/** Machines of ARM may have no serial line of this kind; their start is then watched by way of SSH. */
async function connectConsole(dialect: Dialect, vbox: VBoxManage, args: readonly string[]): Promise<void> {
  await (dialect.architecture === 'arm' ? vbox.ask(args) : vbox.run(args));
}

/**
 * Enlarges the disk when the record asks for more; a disk is never made smaller. The guest enlarges its file system
 * itself.
 * @throws MachineError `vm-control-failed`.
 */
export async function growDisk(context: StepContext, vbox: VBoxManage): Promise<void> {
  const { disk } = machineFiles(context);
  const { stdout } = await vbox.run(['showmediuminfo', 'disk', disk]);
  const capacityMiB = parseCapacityMiB(stdout);
  if (capacityMiB !== undefined && capacityMiB < context.config.diskSizeMiB) {
    await vbox.run(['modifymedium', 'disk', disk, '--resize', String(context.config.diskSizeMiB)]);
  }
}
