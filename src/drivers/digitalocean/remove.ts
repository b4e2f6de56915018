import { findSurely } from '../../cloud/certain.ts';
import { cloudStatus, unlessMissing } from '../../cloud/json-api.ts';
import { MachineError } from '../../core/errors.ts';
import { waitFor, type WaitClock } from '../../core/wait.ts';
import type { DigitalOcean } from './api.ts';
import { findAccount } from './choose.ts';
import { findById, findOwn } from './find-droplet.ts';
import { removeFirewall } from './firewall.ts';
import { removeKey } from './key.ts';
import { openWorld, type DropletContext, type DropletWorld } from './world.ts';

/** Removing a machine at DigitalOcean, so that nothing of it is left that costs money or has its name. */

const goneTimeoutMs = 10 * 60_000;
const firstIntervalMs = 2_000;
const intervalMaxMs = 15_000;
/** Lists may be some seconds behind what was made. */
const betweenLooksMs = 5_000;

/** Everything, in the order in which one thing holds another. What is gone already is success. */
export async function removeFromDigitalOcean(context: DropletContext): Promise<void> {
  const world = await openWorld(context);
  if (isNothingBegun(context, world)) {
    return;
  }
  await requireSameAccount(context, world);
  await removeDroplets(context, world);
  await removeFirewall(context, world);
  await removeKey(context, world);
}

/** Before its first step a machine has nothing at DigitalOcean: no token is needed to forget it. */
function isNothingBegun({ config }: DropletContext, { state }: DropletWorld): boolean {
  const hasOwnKey = config.keyId !== 0 && config.keyFingerprint === '';
  return (
    config.dropletId === 0 &&
    !hasOwnKey &&
    !state.isDropletBegun &&
    !state.isFirewallBegun &&
    !state.isKeyBegun
  );
}

/** In another account nothing of the machine is found, and it would be forgotten. @throws MachineError `credentials-refused`. */
async function requireSameAccount({ name }: DropletContext, { api, state }: DropletWorld): Promise<void> {
  if (state.accountId === '') {
    return;
  }
  const account = await findAccount(api);
  if (account !== undefined && account.id !== state.accountId) {
    throw new MachineError(
      'credentials-refused',
      `The machine "${name}" is in another account of DigitalOcean.`,
      {
        why: `It was made in the account ${state.accountId}; this token is of ${account.id}.`,
      },
    );
  }
}

/** Droplets of the machine. Returns when all of them are gone. */
export async function removeDroplets(context: DropletContext, world: DropletWorld): Promise<void> {
  const { host, signal, save } = context;
  const { api, provider, state } = world;
  const found = await findSurely(async () => findOwn(context, world), {
    clock: host.clock,
    signal,
    mayBeThere: state.isDropletBegun,
    betweenLooksMs,
  });
  for (const { id } of found) {
    await deleteDroplet(api, id, { clock: host.clock, signal });
  }
  await save({ DropletID: 0, IPAddress: '', PrivateIPAddress: '' });
  if (state.isDropletBegun) {
    await provider.saveState({ isDropletBegun: false });
  }
}

/** Returns when it is gone; one with an action under way is removed after it. @throws MachineError `timeout`. */
export async function deleteDroplet(
  api: DigitalOcean,
  id: number,
  { clock, signal }: { readonly clock: WaitClock; readonly signal: AbortSignal },
): Promise<void> {
  let isAsked = false;
  await waitFor(
    async () => {
      const outcome = isAsked ? 'taken' : await askToDelete(api, id);
      // Where it is not known yet, it is asked for again once it is.
      isAsked = outcome === 'taken';
      return outcome !== 'busy' && (await findById(api, id)) === undefined ? true : undefined;
    },
    {
      clock,
      timeoutMs: goneTimeoutMs,
      intervalMs: firstIntervalMs,
      intervalMaxMs,
      signal,
      code: 'timeout',
      what: `the droplet ${id} to be gone`,
    },
  );
}

/** @returns `busy` when it cannot be deleted now. */
async function askToDelete(api: DigitalOcean, id: number): Promise<'taken' | 'missing' | 'busy'> {
  try {
    const deletion = async (): Promise<'taken'> => {
      await api.call({ method: 'DELETE', path: `/droplets/${id}` });
      return 'taken';
    };
    return (await unlessMissing(deletion)) ?? 'missing';
  } catch (error) {
    if (cloudStatus(error) === 422) {
      return 'busy';
    }
    throw error;
  }
}
