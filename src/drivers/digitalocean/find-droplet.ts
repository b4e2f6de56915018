import { unlessMissing } from '../../cloud/json-api.ts';
import { dropletOf, type Droplet } from './answers.ts';
import type { DigitalOcean } from './api.ts';
import { machineTag } from './tags.ts';
import type { DropletContext, DropletWorld } from './world.ts';

/** Droplets by id and by tag. */

/** The droplet of an id; undefined when DigitalOcean does not know it. */
export async function findById(api: DigitalOcean, dropletId: number): Promise<Droplet | undefined> {
  return unlessMissing(() =>
    api.one({ method: 'GET', path: `/droplets/${dropletId}` }, 'droplet', dropletOf),
  );
}

/** Every droplet with a tag. */
export async function findByTag(api: DigitalOcean, tag: string): Promise<readonly Droplet[]> {
  const found = await unlessMissing(() =>
    api.list('/droplets', { key: 'droplets', query: { tag_name: tag }, read: dropletOf }),
  );
  // The tag may be unknown. And what a filter lets through that it should not is not believed.
  return (found ?? []).filter(({ tags }) => tags.includes(tag));
}

/** Those of the machine that are there: by the id of the record, and by tag. */
export async function findOwn(
  { config }: DropletContext,
  { api, provider, state }: DropletWorld,
): Promise<readonly Droplet[]> {
  // Without it the record is docker-machine's, and its droplet has no tag.
  const byTag = state.isDropletBegun
    ? await findByTag(api, machineTag((await provider.ownership()).machineId))
    : [];
  const isKnown = config.dropletId === 0 || byTag.some(({ id }) => id === config.dropletId);
  const byId = isKnown ? undefined : await findById(api, config.dropletId);
  return [...byTag, ...(byId === undefined ? [] : [byId])];
}
