import { makeOnce } from '../../cloud/make-once.ts';
import { firstBootData } from '../provider.ts';
import { dropletOf, type Droplet } from './answers.ts';
import { dropletBody, userDataMaxBytes } from './droplet-request.ts';
import { findByTag } from './find-droplet.ts';
import { dropletTags, machineTag } from './tags.ts';
import type { DropletContext, DropletWorld } from './world.ts';

/** Tags are put on a droplet just after it is made, so it may be found by its tag a little later than by its id. */
const settleMs = 5_000;

/**
 * Makes the droplet, or finds the one that an earlier attempt made: its id is in the record when this resolves. That it was
 * begun is on the disk before the request is sent.
 */
export async function makeDroplet(context: DropletContext, world: DropletWorld): Promise<Droplet> {
  const { host, signal, config, name, save } = context;
  const { api, provider, state } = world;
  const own = await provider.ownership();
  const theirs = config.userDataFile === '' ? undefined : await host.files.readText(config.userDataFile);
  const body = dropletBody(config, {
    name,
    userData: await firstBootData(context, provider, { theirs, bytesMax: userDataMaxBytes }),
    tags: dropletTags(own, config.tags),
    vpc: state.vpc,
  });
  await provider.saveState({ isDropletBegun: true });
  const made = await makeOnce({
    find: async () => (await findByTag(api, machineTag(own.machineId)))[0],
    make: async () => api.one({ method: 'POST', path: '/droplets', body }, 'droplet', dropletOf),
    clock: host.clock,
    signal,
    settleMs,
    mayBeThere: state.isDropletBegun,
  });
  await save({ DropletID: made.id });
  return made;
}
