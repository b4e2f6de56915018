import type { DriverStatus } from '../driver.ts';
import { requireProvider } from '../provider.ts';
import { dropletOf, type Droplet } from './answers.ts';
import { openDigitalOcean, tokenSources, type DigitalOcean, type DropletAccess } from './api.ts';
import { readState, type DropletState } from './config.ts';
import { findToken } from './credentials.ts';
import { findById, findByTag } from './find-droplet.ts';
import { failedStatus, statusOf } from './inspect.ts';
import { storeTag } from './tags.ts';
import type { DropletContext } from './world.ts';

interface Asked {
  readonly context: DropletContext;
  readonly access: DropletAccess;
  readonly state: DropletState;
}

/** Statuses of many machines: one list of a store's droplets for each token. */
export async function inspectDroplets(contexts: readonly DropletContext[]): Promise<readonly DriverStatus[]> {
  const statuses = new Map<DropletContext, DriverStatus>();
  const places = new Map<string, Asked[]>();
  for (const context of contexts) {
    if (context.config.dropletId === 0) {
      statuses.set(context, { power: 'absent', detail: 'it has no droplet yet' });
      continue;
    }
    try {
      const asked = await openFor(context);
      const { token } = await findToken(context.host, tokenSources(asked.access));
      const place = JSON.stringify([asked.state.endpoint, token]);
      places.set(place, [...(places.get(place) ?? []), asked]);
    } catch (error) {
      context.signal.throwIfAborted();
      statuses.set(context, failedStatus(error));
    }
  }
  await Promise.all(
    [...places.values()].map(async (machines) => {
      const found = await inspectPlace(machines);
      machines.forEach(({ context }, index) => {
        const status = found[index];
        if (status !== undefined) {
          statuses.set(context, status);
        }
      });
    }),
  );
  return contexts.map((context) => statuses.get(context) ?? failedStatus(new Error('it was not asked for')));
}

async function openFor(context: DropletContext): Promise<Asked> {
  const provider = requireProvider(context);
  const state = readState(await provider.state());
  const { host, signal, emit, config } = context;
  return { context, state, access: { host, signal, emit, config, state, secrets: await provider.secrets() } };
}

/** Machines of one account. */
async function inspectPlace(machines: readonly Asked[]): Promise<readonly DriverStatus[]> {
  const [first] = machines;
  if (first === undefined) {
    return [];
  }
  const api = openDigitalOcean(first.access);
  try {
    const droplets = await findAll(api, machines);
    return machines.map(({ context: { config }, state }) =>
      statusOf(droplets.get(config.dropletId), config, state),
    );
  } catch (error) {
    first.context.signal.throwIfAborted();
    return machines.map(() => failedStatus(error));
  }
}

async function findAll(api: DigitalOcean, machines: readonly Asked[]): Promise<ReadonlyMap<number, Droplet>> {
  const droplets = new Map<number, Droplet>();
  const keep = (found: readonly (Droplet | undefined)[]): void => {
    for (const droplet of found) {
      if (droplet !== undefined) {
        droplets.set(droplet.id, droplet);
      }
    }
  };
  const missing = (): readonly number[] =>
    machines.map(({ context }) => context.config.dropletId).filter((id) => !droplets.has(id));
  // Those of docker-machine have no tag; to ask for the store's would give it an id for nothing.
  const tagged = machines.find(({ state }) => state.isDropletBegun);
  if (tagged !== undefined) {
    const { storeId } = await requireProvider(tagged.context).ownership();
    keep(await findByTag(api, storeTag(storeId)));
  }
  if (missing().length > 1) {
    keep(await api.list('/droplets', { key: 'droplets', read: dropletOf }));
  }
  // Lists may leave out what was made a moment ago, and have not every kind.
  for (const id of missing()) {
    keep([await findById(api, id)]);
  }
  return droplets;
}
