import { MachineError } from '../../core/errors.ts';
import type { BootMaterial, DriverContext, Share } from '../driver.ts';
import { decideAccelerator } from '../accelerator.ts';
import type { Accelerator } from '../qemu-board.ts';
import type { QemuConfig } from './config.ts';
import type { LaunchPlan } from './launch.ts';
import { readProgramFacts } from './program-facts.ts';
import { findProgram, installHint, systemProgramOf } from '../qemu-programs.ts';
import { readRunRecord, type MachinePaths } from './run-state.ts';
import { findVirtiofsd } from './virtiofsd.ts';

type StartContext = DriverContext<QemuConfig>;

/**
 * Settles what QEMU is started with.
 * @throws MachineError `program-missing`, `bug` (no image given).
 */
export async function planLaunch(context: StartContext, paths: MachinePaths): Promise<LaunchPlan> {
  const { boot } = context;
  if (boot === undefined) {
    throw new MachineError('bug', 'The machine cannot be started without an image.');
  }
  const program = await requireProgram(context, boot);
  const accelerator = await chooseAccelerator(context, program, boot);
  const usable = await withUsableShares(context, program, boot);
  const slower = usable.shares.filter(({ tag, way }) =>
    boot.shares.some((share) => share.tag === tag && share.way !== way),
  );
  if (slower.length > 0) {
    const paths = slower.map(({ path }) => path).join(', ');
    const message = `No virtiofsd that this user can run serves ${paths}: the machine sees it by 9p.`;
    context.emit({ type: 'note', machine: context.name, message });
  }
  if (usable.shares.length < boot.shares.length) {
    const paths = boot.shares.map(({ path }) => path).join(', ');
    context.emit({
      type: 'warn',
      machine: context.name,
      message: `${program} was built without the device for shared directories: the machine does not see ${paths}.`,
    });
  }
  return { program, accelerator, boot: usable, paths, ...(await preferredPorts(context)) };
}

/** What is booted, without the shares that this QEMU has no device for. */
export async function withUsableShares(
  context: StartContext,
  program: string,
  boot: BootMaterial,
): Promise<BootMaterial> {
  if (boot.shares.length === 0) {
    return boot;
  }
  const { canShare } = await readProgramFacts(context.host, program, context.signal);
  const server = boot.shares.some(({ way }) => way === 'virtiofs')
    ? await findVirtiofsd(context.host, context.signal)
    : undefined;
  const shares = boot.shares.map((share): Share => {
    const isServed = server !== undefined && (server.canBeReadOnly || !share.isReadOnly);
    return share.way === 'virtiofs' && !isServed ? { ...share, way: '9p' } : share;
  });
  return { ...boot, shares: shares.filter(({ way }) => canShare || way !== '9p') };
}

/** Absolute path of QEMU for an image. @throws MachineError `program-missing`. */
export async function requireProgram(context: StartContext, boot: BootMaterial): Promise<string> {
  const { architecture } = boot.image;
  const wanted = context.config.program === '' ? systemProgramOf(architecture) : context.config.program;
  const program = await findProgram(context.host, wanted);
  if (program === undefined) {
    throw new MachineError('program-missing', `${wanted} was not found.`, {
      remedies: [installHint(context.host.facts, architecture)],
    });
  }
  return program;
}

/** The accelerator for an image; a fall to emulation that has just been found out is told. */
export async function chooseAccelerator(
  context: StartContext,
  program: string,
  boot: BootMaterial,
): Promise<Accelerator> {
  const decision = await decideAccelerator(context.host, {
    program,
    choice: context.config.accelerator,
    architecture: boot.image.architecture,
    image: boot.image,
    signal: context.signal,
  });
  if (decision.isFresh && decision.reason !== undefined) {
    const remedy = decision.remedy === undefined ? '' : ` ${decision.remedy}`;
    context.emit({
      type: 'warn',
      machine: context.name,
      message: `The machine is emulated, which is slow. ${decision.reason}${remedy}`,
    });
  }
  return decision.accelerator;
}

/** The ports of the last run where they are free, so that clients keep working over a restart. */
async function preferredPorts(
  context: StartContext,
): Promise<{ readonly sshPort: number; readonly enginePort: number }> {
  const { network } = context.host;
  const previous = await readRunRecord(context.host, context.directory);
  const pick = async (port: number | undefined): Promise<number> =>
    port !== undefined && port > 0 && (await network.isPortFree(port)) ? port : 0;
  const enginePort = previous === undefined ? context.config.enginePort : previous.enginePort;
  return { sshPort: await pick(previous?.sshPort), enginePort: await pick(enginePort) };
}
