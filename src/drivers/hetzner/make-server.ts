import { cloudStatus } from '../../cloud/json-api.ts';
import { makeOnce } from '../../cloud/make-once.ts';
import { MachineError } from '../../core/errors.ts';
import { firstBootData } from '../provider.ts';
import { madeServerOf, type MadeServer, type Server } from './api/answers.ts';
import { isDuplicate } from './api/hetzner.ts';
import { ensureFirewalls } from './firewall.ts';
import { labelsOfMachine } from './labels.ts';
import { ensurePlacementGroup } from './placement-group.ts';
import { serverRequest, userDataMaxBytes } from './server-request.ts';
import { findByLabel, findOwn } from './servers.ts';
import { readState } from './state.ts';
import { waitForActions } from './wait-server.ts';
import { givenUserData, type HetznerContext, type HetznerWorld } from './world.ts';

/** So often is made again what the last machine that used it has taken along in the meantime. */
const attemptsMax = 5;
/** Lists may be some seconds behind what was made. */
const looks = 3;
const betweenLooksMs = 3_000;

/**
 * Makes the server, or finds the one that an earlier attempt made, and waits until Hetzner has made it. Its id is in the record
 * before anything is waited for.
 */
export async function makeServer(context: HetznerContext, world: HetznerWorld): Promise<number> {
  const { provider, state } = world;
  const [present] = state.hasAskedServer ? madeBefore(await findOwn(context, world)) : [];
  const made = present ?? (await makeWithShared(context, world));
  await context.save({ ServerID: made.server.id });
  // Those of an earlier attempt are known, or its answer was lost: then the state of the server tells.
  const known = present === undefined ? [] : readState(await provider.state()).actionIds;
  const actionIds = made.actionIds.length === 0 ? known : made.actionIds;
  await provider.saveState({ actionIds });
  await waitForActions(context, world, actionIds);
  await provider.saveState({ actionIds: [] });
  return made.server.id;
}

function madeBefore(servers: readonly Server[]): readonly MadeServer[] {
  return servers.map((server) => ({ server, actionIds: [] }));
}

async function findMade({ hetzner, provider }: HetznerWorld): Promise<MadeServer | undefined> {
  const { machineId } = await provider.ownership();
  return madeBefore(await findByLabel(hetzner, machineId))[0];
}

async function makeWithShared(context: HetznerContext, world: HetznerWorld): Promise<MadeServer> {
  const userData = await userDataOf(context, world);
  let shared = await sharedThings(context, world);
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await make(context, world, { ...shared, userData });
    } catch (error) {
      if (!isAboutRequest(error) || attempt >= attemptsMax) {
        throw error;
      }
      const again = await sharedThings(context, world);
      if (JSON.stringify(again) === JSON.stringify(shared)) {
        throw error;
      }
      shared = again;
    }
  }
}

interface Shared {
  readonly firewallIds: readonly number[];
  readonly groupId: number;
}

async function sharedThings(context: HetznerContext, world: HetznerWorld): Promise<Shared> {
  return {
    firewallIds: await ensureFirewalls(context, world),
    groupId: await ensurePlacementGroup(context, world),
  };
}

/** True for an error that something which the request names may be the reason of. */
function isAboutRequest(error: unknown): boolean {
  const status = cloudStatus(error) ?? 0;
  return status >= 400 && status < 500 && !isDuplicate(error);
}

async function make(
  context: HetznerContext,
  world: HetznerWorld,
  { userData, ...shared }: Shared & { readonly userData: string },
): Promise<MadeServer> {
  const { config, host, name, signal } = context;
  const { hetzner, provider } = world;
  const own = await provider.ownership();
  const { keyNames } = readState(await provider.state());
  const labels = labelsOfMachine(own, name, host.clock.nowMs(), config.serverLabels);
  const body = serverRequest(config, world.state, { name, keyNames, ...shared, userData, labels });
  try {
    return await makeOnce({
      find: async () => findMade(world),
      make: async () => {
        await provider.saveState({ hasAskedServer: true });
        return hetzner.ask({ method: 'POST', path: '/servers', body }, madeServerOf);
      },
      clock: host.clock,
      signal,
      mayBeThere: false,
    });
  } catch (error) {
    if (!isDuplicate(error)) {
      throw error;
    }
    // Names are unique: either an earlier attempt made it, whose answer was lost, or it is somebody else's.
    for (let look = 1; look <= looks; look += 1) {
      const present = await findMade(world);
      if (present !== undefined) {
        return present;
      }
      await host.clock.sleep(betweenLooksMs, signal);
    }
    throw new MachineError('cloud-conflict', `The project has another server with the name "${name}".`, {
      cause: error,
    });
  }
}

async function userDataOf(context: HetznerContext, { provider, state }: HetznerWorld): Promise<string> {
  const { host } = context;
  const given = givenUserData({ ...context, secrets: await provider.secrets() });
  const file = state.isUserDataPath ? given : state.userDataFile;
  const text = file === '' ? given : await host.files.readText(file);
  const theirs = text === '' ? undefined : text;
  return firstBootData(context, provider, { theirs, bytesMax: userDataMaxBytes });
}
