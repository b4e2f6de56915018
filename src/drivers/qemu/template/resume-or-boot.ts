import { isMachineError, MachineError } from '../../../core/errors.ts';
import type { DriverContext } from '../../driver.ts';
import type { QemuConfig } from '../config.ts';
import { createDisk } from '../disk.ts';
import { readProgramFacts } from '../program-facts.ts';
import type { MachinePaths } from '../run-state.ts';
import { planLaunch } from '../start-choices.ts';
import { killMachine } from '../stop.ts';
import { isProven, noteFailure, touchTemplate, type Template } from './cache.ts';
import { templateId, templateKey, templateLaunch } from './key.ts';
import { templateFailure } from './make.ts';
import { removePending, type PendingResume } from './pending.ts';
import { giveUpTemplate, promisedTemplate } from './prepare.ts';
import { resumeMachine } from './resume.ts';

/**
 * Resumes a machine that is prepared for it.
 * @returns false when that failed: the template is gone, the disk is a new one, and the machine is to be booted.
 * @throws MachineError what would hinder a boot as well; the signal's reason.
 */
export async function resumeOrBoot(
  context: DriverContext<QemuConfig>,
  paths: MachinePaths,
  pending: PendingResume,
): Promise<boolean> {
  const { host, directory, boot } = context;
  let template: Template | undefined;
  try {
    template = await promisedTemplate(context, pending.template);
    await resumeFrom(context, paths, template);
    await removePending(host, directory);
    await touchTemplate(host, template);
    return true;
  } catch (error) {
    context.signal.throwIfAborted();
    if (boot === undefined) {
      throw error;
    }
    const why = templateFailure(error);
    await killMachine(context);
    if (template !== undefined && isHopeless(error) && !(await isProven(host, template))) {
      // Made a moment ago, and of no use at once: the next one would be the same.
      await rememberFailure(context, template, why);
    }
    await giveUpTemplate(context, isInnocent(error) ? undefined : template, why);
    // Nothing of the user's is on it: the machine has never been ready. There is a disk at any moment, since a create
    // that goes on after a kill makes none.
    const replacement = `${paths.disk}.new`;
    await createDisk(context, replacement);
    await host.files.rename(replacement, paths.disk);
    return false;
  }
}

/** True where nothing speaks against the template: the computer had no memory, disk space or QEMU for the machine. */
function isInnocent(error: unknown): boolean {
  const codes: readonly string[] = ['host-not-ready', 'store-write-failed', 'program-missing'];
  return isMachineError(error) && codes.includes(error.code);
}

/** True where QEMU or the guest failed, rather than files or the computer. */
function isHopeless(error: unknown): boolean {
  return !isInnocent(error) && !(isMachineError(error) && error.code === 'template-invalid');
}

async function rememberFailure(
  context: DriverContext<QemuConfig>,
  template: Template,
  why: string,
): Promise<void> {
  const cache = context.boot?.resume?.cache;
  if (cache !== undefined) {
    await noteFailure(context.host, cache, { key: template.record.key, why }).catch((error: unknown) => {
      if (!isMachineError(error)) {
        throw error;
      }
    });
  }
}

async function resumeFrom(
  context: DriverContext<QemuConfig>,
  paths: MachinePaths,
  template: Template,
): Promise<void> {
  const { host, config, boot, signal } = context;
  const plan = await planLaunch(context, paths);
  const material = boot?.resume;
  if (material === undefined) {
    throw new MachineError('bug', 'The machine cannot be resumed without an identity.');
  }
  const shape = {
    image: plan.boot.image,
    facts: await readProgramFacts(host, plan.program, signal),
    accelerator: plan.accelerator,
    config,
    shares: plan.boot.shares,
    engineConfig: material.defaultEngineConfig,
  };
  // A create that was interrupted may go on with another QEMU.
  const isSame = templateId(await templateKey(host, shape)) === template.id;
  if (!isSame) {
    throw new MachineError('template-invalid', 'It was made by another QEMU or for another kind of machine.');
  }
  await resumeMachine(context, {
    plan: { ...plan, template: templateLaunch(shape) },
    template,
    material,
  });
}
