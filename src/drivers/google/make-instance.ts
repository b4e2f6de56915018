import { cloudCode } from '../../cloud/json-api.ts';
import { MachineError } from '../../core/errors.ts';
import { firstBootData } from '../provider.ts';
import { newUuid } from '../uuid.ts';
import type { Instance } from './api/answers.ts';
import { isPresent } from './api/google.ts';
import { lacksCloudInit } from './cloud-init.ts';
import { ensureFirewall, firewallOfMachine } from './firewall.ts';
import { findDisk, findInstance, instancePath, isOwn } from './find-instance.ts';
import { insertBody, metadataMaxBytes } from './insert-request.ts';
import { labelsOfMachine } from './labels.ts';
import { openWorld, type GoogleContext, type GoogleWorld } from './world.ts';

/**
 * Makes the instance, or finds the one that an earlier attempt made. The id that keeps two sendings from making two is on
 * the disk before the first.
 */
export async function makeInstance(context: GoogleContext, world: GoogleWorld): Promise<Instance> {
  const made = (await presentInstance(context, world)) ?? (await insert(context, world));
  await world.provider.saveState({ instanceId: made.id });
  // The last machine that had the same firewall may have taken it along before this one was there.
  await ensureFirewall(context, world, await firewallOfMachine(context, world));
  return made;
}

/** @throws MachineError `cloud-conflict` when somebody else's instance has the name. */
async function presentInstance(context: GoogleContext, world: GoogleWorld): Promise<Instance | undefined> {
  const { config, name } = context;
  const present = await findInstance(world.google, config, name);
  if (present !== undefined && !(await isOwn(context, world, present))) {
    throw new MachineError('cloud-conflict', presentText(name, config.zone), {
      why: 'It was not made for this machine.',
    });
  }
  return present;
}

/** docker-machine's text. */
export function presentText(name: string, zone: string): string {
  return `instance "${name}" already exists in zone "${zone}"`;
}

async function insert(context: GoogleContext, world: GoogleWorld): Promise<Instance> {
  const { config, name, host } = context;
  const { google, provider } = world;
  const requestId = world.state.requestId === '' ? newUuid(host) : world.state.requestId;
  await provider.saveState({ requestId });
  const body = insertBody(config, world.state, {
    name,
    labels: labelsOfMachine(await provider.ownership(), {
      name,
      userLabels: config.labels,
      nowMs: host.clock.nowMs(),
      firewallTag: world.state.firewallTag,
    }),
    userKey: await provider.userKey(),
    userData: await userDataOf(context, world),
    hasDisk: await hasOwnDisk(context, world),
  });
  try {
    await google.change({
      method: 'POST',
      path: instancePath(config, name).replace(/\/[^/]+$/, ''),
      body,
      requestId,
      onAccepted: async ({ targetId }) => {
        await provider.saveState({ instanceId: targetId ?? '' });
      },
    });
  } catch (error) {
    const isFinal = error instanceof MachineError && error.code === 'cloud-refused';
    if (!isFinal) {
      throw error;
    }
    // The id stands for this attempt, which is over.
    await provider.saveState({ requestId: '', instanceId: '' });
    if (!isPresent(error)) {
      throw explain(error);
    }
  }
  const made = await presentInstance(context, await openWorld(context));
  if (made === undefined) {
    throw new MachineError('cloud-refused', `Google made the instance "${name}", and does not know it now.`, {
      remedies: [`tsmachine create --resume ${name}`, `tsmachine rm ${name}`],
    });
  }
  return made;
}

/** Google names zones and quotas that are used up; the way out is said here. */
function explain(error: MachineError): MachineError {
  const code = cloudCode(error) ?? '';
  const remedy = /EXHAUSTED|STOCKOUT/.test(code)
    ? 'The zone has no such machines left at this moment: name another with --google-zone, or another --google-machine-type.'
    : /QUOTA/i.test(code)
      ? 'Ask Google for more quota, or remove what is not used any more: tsmachine gc.'
      : undefined;
  return remedy === undefined
    ? error
    : new MachineError(error.code, error.message, {
        remedies: [remedy],
        facts: error.facts,
        cause: error,
        ...(error.why === undefined ? {} : { why: error.why }),
      });
}

/** A disk that an earlier instance of this machine has left: a spot instance is gone, its disk is not. */
async function hasOwnDisk(context: GoogleContext, world: GoogleWorld): Promise<boolean> {
  const disk = await findDisk(world.google, context.config, context.name);
  if (disk === undefined) {
    return false;
  }
  if (await isOwn(context, { ...world, state: { ...world.state, instanceId: '' } }, disk)) {
    return true;
  }
  throw new MachineError('cloud-conflict', `There is a disk ${disk.name} in the zone already.`, {
    why: 'It was not made for this machine.',
  });
}

async function userDataOf(
  context: GoogleContext,
  { provider, state }: GoogleWorld,
): Promise<string | undefined> {
  const { host, config, emit, name } = context;
  const given = config.userData;
  const isText = given.startsWith('#') || given.includes('\n');
  const theirs = given === '' ? undefined : isText ? given : await host.files.readText(given);
  if (lacksCloudInit(config, state)) {
    const message = `The image ${config.image} may have no cloud-init, so the SSH host key of "${name}" is the one that it shows first.`;
    emit({ type: 'warn', machine: name, message });
    return theirs;
  }
  return firstBootData(context, provider, { theirs, bytesMax: metadataMaxBytes });
}
