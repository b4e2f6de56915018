import { MachineError } from '../../core/errors.ts';
import type { Instance } from './api/answers.ts';
import { findInstance, instancePath } from './find-instance.ts';
import { ensureFirewall, firewallOfMachine } from './firewall.ts';
import { sshKeyItem } from './insert-request.ts';
import type { GoogleContext, GoogleWorld } from './world.ts';

/** An instance that was there before: it is given a key and a network tag, and loses both in the end. */

const keysName = 'ssh-keys';

/** docker-machine's text. */
export function missingText(name: string, zone: string): string {
  return `unable to find instance "${name}" in zone "${zone}"`;
}

/** Lets the user's key in, and opens the ports. @throws MachineError `cloud-refused` when there is no such instance. */
export async function takeExisting(context: GoogleContext, world: GoogleWorld): Promise<void> {
  const { config, name } = context;
  const { google, provider, state } = world;
  const instance = await findInstance(google, config, name);
  if (instance === undefined) {
    throw new MachineError('cloud-refused', missingText(name, config.zone));
  }
  await provider.saveState({ instanceId: instance.id });
  const key = sshKeyItem(config.sshUser, await provider.userKey());
  const keys = linesOf(instance.metadata[keysName]);
  if (!keys.includes(key)) {
    await setKeys(context, world, instance, [...keys, key]);
  }
  if (!instance.tags.includes(state.firewallTag)) {
    await setTags(context, world, instance, [...instance.tags, state.firewallTag]);
  }
  await ensureFirewall(context, world, await firewallOfMachine(context, world));
}

/** Takes both back. What is gone already is success. */
export async function releaseExisting(context: GoogleContext, world: GoogleWorld): Promise<void> {
  const { config, name } = context;
  const { google, provider, state } = world;
  const instance = await findInstance(google, config, name);
  if (instance === undefined || (state.instanceId !== '' && instance.id !== state.instanceId)) {
    return;
  }
  const key = sshKeyItem(config.sshUser, await provider.userKey());
  const keys = linesOf(instance.metadata[keysName]);
  if (keys.includes(key)) {
    await setKeys(
      context,
      world,
      instance,
      keys.filter((each) => each !== key),
    );
  }
  if (state.firewallTag !== '' && instance.tags.includes(state.firewallTag)) {
    await setTags(
      context,
      world,
      instance,
      instance.tags.filter((each) => each !== state.firewallTag),
    );
  }
}

function linesOf(text: string | undefined): readonly string[] {
  return (text ?? '').split('\n').filter((line) => line.trim() !== '');
}

/** The fingerprint makes Google refuse the change when somebody else was quicker. */
async function setKeys(
  { config, name }: GoogleContext,
  { google }: GoogleWorld,
  { metadata, metadataFingerprint }: Instance,
  keys: readonly string[],
): Promise<void> {
  const others = Object.entries(metadata).filter(([key]) => key !== keysName);
  const own: readonly (readonly [string, string])[] = keys.length === 0 ? [] : [[keysName, keys.join('\n')]];
  await google.change({
    method: 'POST',
    path: `${instancePath(config, name)}/setMetadata`,
    body: {
      fingerprint: metadataFingerprint,
      items: [...others, ...own].map(([key, value]) => ({ key, value })),
    },
  });
}

async function setTags(
  { config, name }: GoogleContext,
  { google }: GoogleWorld,
  { tagsFingerprint }: Instance,
  items: readonly string[],
): Promise<void> {
  await google.change({
    method: 'POST',
    path: `${instancePath(config, name)}/setTags`,
    body: { fingerprint: tagsFingerprint, items },
  });
}
