import { isMachineError } from '../../../core/errors.ts';
import type { DriverContext } from '../../driver.ts';
import type { QemuConfig } from '../config.ts';
import { enforceSizeBound, findTemplate, noteFailure, recentFailure, type Template } from './cache.ts';
import { templateId, templateKey } from './key.ts';
import { makeTemplate, removeDeadRemains, templateFailure, type TemplateOrder } from './make.ts';

/**
 * The template for a machine that is being created. The first machine of its kind makes it: that boot takes as long as
 * the machine's own would have, and the machine is then resumed from it like all that follow.
 * @returns undefined when there is none and none can be made; the user has been told why.
 */
export async function ensureTemplate(
  context: DriverContext<QemuConfig>,
  order: Omit<TemplateOrder, 'key'>,
): Promise<Template | undefined> {
  const { host } = context;
  const { cache } = order;
  const key = await templateKey(host, order.shape);
  await host.files.makeDirectory(cache.directory, 0o700);
  // Whatever this machine needs: the guest of a maker that was killed goes on and takes its memory.
  await removeDeadRemains(context, cache).catch(ignoreOurs);
  const found = await findTemplate(host, cache, key);
  if (found !== undefined) {
    return found;
  }
  const make = async (): Promise<Template | undefined> => {
    // Whoever held the lock before may have made it.
    const made = await findTemplate(host, cache, key);
    if (made !== undefined) {
      return made;
    }
    const failure = await recentFailure(host, cache, key);
    if (failure !== undefined) {
      note(
        context,
        `The machine is booted: templates of this kind failed lately ("tsmachine image prune" forgets that). ${failure}`,
      );
      return undefined;
    }
    return tryToMake(context, { ...order, key });
  };
  return cache.exclusively(templateId(key), make).catch((error: unknown) => {
    if (!isMachineError(error) || error.code !== 'record-locked') {
      throw error;
    }
    note(context, `The machine is booted: its template is still being made. ${templateFailure(error)}`);
    return undefined;
  });
}

async function tryToMake(
  context: DriverContext<QemuConfig>,
  order: TemplateOrder,
): Promise<Template | undefined> {
  const { host } = context;
  note(context, 'The first machine of its kind: booting a template that this and later ones resume from.');
  try {
    await makeTemplate(context, order);
  } catch (error) {
    context.signal.throwIfAborted();
    const why = templateFailure(error);
    // Space may be free again at the next create, and is asked for before anything else.
    if (!isMachineError(error) || error.facts['reason'] !== 'no-space') {
      await noteFailure(host, order.cache, { key: order.key, why }).catch(ignoreOurs);
    }
    note(context, `The machine is booted: a template could not be made. ${why}`);
    return undefined;
  }
  const template = await findTemplate(host, order.cache, order.key);
  if (template !== undefined) {
    await enforceSizeBound(host, order.cache, template).catch(ignoreOurs);
  }
  return template;
}

/** For what the next create tries again, and no create depends on. */
function ignoreOurs(error: unknown): void {
  if (!isMachineError(error)) {
    throw error;
  }
}

function note(context: DriverContext<QemuConfig>, message: string): void {
  context.emit({ type: 'note', machine: context.name, message });
}
