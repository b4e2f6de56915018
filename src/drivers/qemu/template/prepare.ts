import { isMachineError, MachineError } from '../../../core/errors.ts';
import type { BootMaterial, DriverContext, StepFacts } from '../../driver.ts';
import type { QemuConfig } from '../config.ts';
import { createDisk, hasDisk } from '../disk.ts';
import { readProgramFacts } from '../program-facts.ts';
import { chooseAccelerator, requireProgram, withUsableShares } from '../start-choices.ts';
import { isIntact, openTemplate, removeTemplate, type Template } from './cache.ts';
import { ensureTemplate } from './ensure.ts';
import { resumeObstacle } from './key.ts';
import { readPending, removePending, writePending } from './pending.ts';

type PrepareContext = DriverContext<QemuConfig>;

/**
 * Finds out whether the machine can be resumed, and sees to it that there is a template to resume it from. What it
 * decides is written to `resume.json`; without that file the machine boots.
 */
export async function prepareResume(context: PrepareContext): Promise<StepFacts | undefined> {
  const { host, boot, directory } = context;
  if (boot?.resume === undefined || (await readPending(host, directory)) !== undefined) {
    return undefined;
  }
  const template = await templateFor(context, boot);
  if (template === undefined) {
    return undefined;
  }
  await writePending(host, directory, { state: 'prepared', template: template.id });
  return { template: template.id };
}

async function templateFor(context: PrepareContext, boot: BootMaterial): Promise<Template | undefined> {
  const { host, config, signal } = context;
  if (boot.resume === undefined) {
    return undefined;
  }
  const program = await requireProgram(context, boot);
  const usable = await withUsableShares(context, program, boot);
  const shape = {
    image: boot.image,
    facts: await readProgramFacts(host, program, signal),
    accelerator: await chooseAccelerator(context, program, boot),
    config,
    shares: usable.shares,
    engineConfig: boot.resume.defaultEngineConfig,
  };
  const obstacle = resumeObstacle(host, shape);
  if (obstacle !== undefined) {
    if (usable.shares.some(({ way }) => way === 'virtiofs')) {
      // The user has chosen that, and is told what it costs.
      const message = `The machine is booted, not resumed from a template: ${obstacle}.`;
      context.emit({ type: 'note', machine: context.name, message });
    }
    return undefined;
  }
  return ensureTemplate(context, {
    machine: context.name,
    cache: boot.resume.cache,
    shape,
    program,
    boot: usable,
  });
}

/**
 * Makes the disk of a new machine: the template's where the machine is to be resumed, else an empty one. One that is
 * there already is kept.
 */
export async function prepareNewDisk(context: PrepareContext, path: string): Promise<void> {
  const { host, directory, boot } = context;
  if (await hasDisk(host, path)) {
    return;
  }
  const pending = await readPending(host, directory);
  if (pending?.state === 'prepared' && boot?.resume !== undefined) {
    const template = await openTemplate(host, boot.resume.cache, pending.template);
    const why = await copyDisk(context, template, path);
    if (why === undefined) {
      return;
    }
    await giveUpTemplate(context, template, why);
  }
  await createDisk(context, path);
}

/** Undefined when the disk is there, else why it is not. */
async function copyDisk(
  context: PrepareContext,
  template: Template | undefined,
  path: string,
): Promise<string | undefined> {
  const { host } = context;
  const temporary = `${path}.tmp`;
  if (template === undefined) {
    return 'It is not there any more.';
  }
  await host.files.remove(temporary);
  try {
    await host.files.copy(template.diskPath, temporary, 0o600);
    if (!(await isIntact(host, temporary, template.record.disk))) {
      await host.files.remove(temporary);
      return 'Its disk is not what it was when it was saved.';
    }
    await host.files.rename(temporary, path);
    return undefined;
  } catch (error) {
    await host.files.remove(temporary);
    if (isMachineError(error) && error.facts['systemCode'] === 'ENOENT') {
      return 'Its disk is not there any more.';
    }
    throw error;
  }
}

/** The machine boots after all; the user is told in one line, and the template that is to blame, if any, is gone. */
export async function giveUpTemplate(
  context: PrepareContext,
  template: Template | undefined,
  why: string,
): Promise<void> {
  const { host, directory } = context;
  if (template !== undefined) {
    await removeTemplate(host, template.directory);
  }
  await removePending(host, directory);
  const fate = template === undefined ? '' : ', which is removed';
  const message = `The machine is booted, because it could not be resumed from a template${fate}. ${why}`;
  context.emit({ type: 'note', machine: context.name, message });
}

/** The template that a prepared machine was promised. @throws MachineError `template-invalid`. */
export async function promisedTemplate(context: PrepareContext, id: string): Promise<Template> {
  const cache = context.boot?.resume?.cache;
  const template = cache === undefined ? undefined : await openTemplate(context.host, cache, id);
  if (template === undefined) {
    throw new MachineError('template-invalid', 'It is not there any more.');
  }
  return template;
}
