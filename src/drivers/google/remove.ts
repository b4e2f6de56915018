import { MachineError } from '../../core/errors.ts';
import { operationOf, type Instance } from './api/answers.ts';
import { isInUse, isMissing, type Google } from './api/google.ts';
import { releaseExisting } from './existing.ts';
import { findDisk, findInstance, instancePath, isOwn } from './find-instance.ts';
import { removeUnusedFirewall } from './firewall.ts';
import { settleImages } from './images.ts';
import { diskName, zonePath } from './names.ts';
import { openWorld, type GoogleContext, type GoogleWorld } from './world.ts';

/** Removing a machine at Google, so that nothing of it is left that costs money or has its name. */

/** The answer to the call that made an instance may have been lost, and it may not be known everywhere yet. */
const looks = 3;
const betweenLooksMs = 3_000;

/** Everything, in the order in which one thing holds another. What is gone already is success. */
export async function removeFromGoogle(context: GoogleContext): Promise<void> {
  const world = await openWorld(context);
  if (isNothingBegun(world)) {
    return;
  }
  if (context.config.isExisting) {
    await leaveExisting(context, world);
  } else {
    await removeInstance(context, world);
  }
  await removeUnusedFirewall(context, world);
}

/** Before its first step a machine has nothing at Google: no credentials are needed to forget it. */
function isNothingBegun({ state }: GoogleWorld): boolean {
  return state.isOurs && state.requestId === '' && state.instanceId === '' && state.firewallTag === '';
}

/** An instance that was there before the machine stays, whoever made the record. */
export async function leaveExisting(context: GoogleContext, world: GoogleWorld): Promise<void> {
  const { emit, name } = context;
  await releaseExisting(context, world);
  const message = `The instance "${name}" was there before the machine, and stays.`;
  emit({ type: 'warn', machine: name, message });
}

/** The instance of the machine and its disk. Returns when both are gone. */
export async function removeInstance(context: GoogleContext, world: GoogleWorld): Promise<void> {
  const { google, provider } = world;
  const { config, name } = context;
  const { machineId } = await provider.ownership();
  if ((await findSurely(context, world)) !== undefined) {
    await removeWhenFree(context, google, { path: instancePath(config, name), machineId });
  }
  const disk = await findDisk(google, config, name);
  // A disk has a number of its own.
  const diskWorld = { ...world, state: { ...world.state, instanceId: '' } };
  if (disk !== undefined && (await isOwn(context, diskWorld, disk))) {
    const path = `${zonePath(config)}/disks/${diskName(name)}`;
    await removeWhenFree(context, google, { path, machineId });
  }
  await context.save({ IPAddress: '' });
  await provider.saveState({ requestId: '', instanceId: '' });
}

/**
 * The machine's instance. None is believed only to somebody who looks into the right project, several times.
 * @throws MachineError `credentials-refused`, `cloud-refused`.
 */
async function findSurely(context: GoogleContext, world: GoogleWorld): Promise<Instance | undefined> {
  const { host, signal, config, name } = context;
  const { google, state } = world;
  for (let look = 1; ; look += 1) {
    const found = await findInstance(google, config, name);
    if (found !== undefined) {
      return (await isOwn(context, world, found)) ? found : undefined;
    }
    if (look === 1 && (await google.find(`projects/${config.project}`)) === undefined) {
      throw new MachineError('cloud-refused', `There is no project ${config.project}.`, {
        why: `The machine "${name}" was made in it.`,
      });
    }
    if (look === looks || state.requestId === '') {
      return undefined;
    }
    if (!(await settleInsert(context, world))) {
      await host.clock.sleep(betweenLooksMs, signal);
    }
  }
}

/** Waits for the call that makes the instance, if it was begun and is not over. @returns whether there was one. */
async function settleInsert({ config }: GoogleContext, { google, state }: GoogleWorld): Promise<boolean> {
  const scope = zonePath(config);
  const begun = await google.list(`${scope}/operations`, { filter: `clientOperationId=${state.requestId}` });
  const open = begun.flatMap((value) => operationOf(value) ?? []).filter(({ isDone }) => !isDone);
  for (const operation of open) {
    await google.settle(operation, scope);
  }
  return open.length > 0;
}

/**
 * Removes something. What is gone already is success; a disk of which an image is being made, and whatever has it, is free
 * when the image is there.
 * @throws MachineError also when something else uses it, see isInUse.
 */
export async function removeWhenFree(
  waiting: Pick<GoogleContext, 'host' | 'signal' | 'config'>,
  google: Google,
  { path, machineId }: { readonly path: string; readonly machineId: string | undefined },
): Promise<void> {
  const remove = async (): Promise<unknown> => google.change({ method: 'DELETE', path });
  try {
    await remove().catch(async (error: unknown) => {
      if (!isInUse(error) || machineId === undefined) {
        throw error;
      }
      await settleImages(waiting, google, { project: waiting.config.project, machineId });
      await remove();
    });
  } catch (error) {
    if (!isMissing(error)) {
      throw error;
    }
  }
}
