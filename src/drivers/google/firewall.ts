import { publicAddress, rangeOfOne } from '../../cloud/public-address.ts';
import { ownerTags, sharedTags } from '../../cloud/ownership.ts';
import { textField } from '../../cloud/json-fields.ts';
import { MachineError } from '../../core/errors.ts';
import { firewallOf } from './api/answers.ts';
import { isInUse, isMissing, isPresent, type Google } from './api/google.ts';
import { projectOfNetwork } from './choose.ts';
import type { GoogleConfig } from './config.ts';
import { planFirewall, type FirewallPlan, type PlannedRule } from './firewall-plan.ts';
import { describeTags, firewallLabel, tagsOfDescription } from './labels.ts';
import { pathOf } from './names.ts';
import type { GoogleContext, GoogleWorld } from './world.ts';

/** Firewall rules. They have no labels: their description says whose they are. */

const lockName = 'firewall';

/** What the machine needs; the same in every attempt, as ranges are kept. */
export async function firewallOfMachine(context: GoogleContext, world: GoogleWorld): Promise<FirewallPlan> {
  const { provider, state } = world;
  const { storeId, machineId } = await provider.ownership();
  const [first, ...others] = await rangesOf(context, world);
  if (first === undefined) {
    throw nowhere();
  }
  return planFirewall(context.config, {
    storeId,
    networkPath: state.networkPath,
    ranges: [first, ...others],
    ...(context.config.isExisting ? { owner: machineId } : {}),
  });
}

/** From where the ports are open. Whoever connects to internal addresses is in the network, or comes by a tunnel. */
async function rangesOf(
  { config, host, signal }: GoogleContext,
  { google, state, provider }: GoogleWorld,
): Promise<readonly string[]> {
  if (state.openTo.length > 0) {
    return state.openTo;
  }
  const ranges = config.usesInternalAddress
    ? await rangesOfNetwork(google, state.networkPath, config)
    : [
        rangeOfOne(
          await publicAddress(host, signal).catch((error: unknown) => {
            signal.throwIfAborted();
            throw nowhere(error);
          }),
        ),
      ];
  // A computer on the move must not leave a rule behind for every attempt.
  await provider.saveState({ openTo: ranges });
  return ranges;
}

async function rangesOfNetwork(
  google: Google,
  networkPath: string,
  config: GoogleConfig,
): Promise<readonly string[]> {
  const project = projectOfNetwork(networkPath, config);
  const subnetworks = await google.list(`projects/${project}/aggregated/subnetworks`, {
    filter: `network eq ".*/${networkPath}"`,
  });
  return subnetworks
    .filter((each) => pathOf(textField(each, 'network') ?? '') === networkPath)
    .flatMap((each) => textField(each, 'ipCidrRange') ?? []);
}

function nowhere(cause?: unknown): MachineError {
  return new MachineError('request-failed', 'Nobody knows from where the ports are to be open.', {
    why: 'The public address of this computer, or the ranges of the network, could not be found out.',
    remedies: ['Name an address range: --google-open-to 192.0.2.0/24'],
    ...(cause === undefined ? {} : { cause }),
  });
}

/** Sees to it that the rules are there. A rule that is there already says the same, as its name says what it says. */
export async function ensureFirewall(
  context: GoogleContext,
  world: GoogleWorld,
  plan: FirewallPlan,
): Promise<void> {
  const { exclusively } = context;
  const ensure = async (): Promise<void> => {
    for (const rule of plan.rules) {
      await ensureRule(context, world, rule);
    }
  };
  await (exclusively === undefined ? ensure() : exclusively(lockName, ensure));
}

async function ensureRule(
  { config, host }: GoogleContext,
  { google, provider, state }: GoogleWorld,
  rule: PlannedRule,
): Promise<void> {
  const { storeId } = await provider.ownership();
  const place = `projects/${projectOfNetwork(state.networkPath, config)}/global/firewalls`;
  const present = async (): Promise<boolean> => {
    const found = firewallOf(await google.find(`${place}/${rule.name}`));
    if (found !== undefined && tagsOfDescription(found.description)[ownerTags.owner] !== storeId) {
      throw new MachineError('cloud-conflict', `There is a firewall rule ${rule.name} of somebody else.`);
    }
    return found !== undefined;
  };
  if (await present()) {
    return;
  }
  const description = describeTags(sharedTags(storeId, host.clock.nowMs()));
  try {
    await google.change({ method: 'POST', path: place, body: { ...rule, description } });
  } catch (error) {
    // Another create was quicker.
    if (!isPresent(error) || !(await present())) {
      throw error;
    }
  }
}

/** Removes rules of the machine that are ours and that no other machine needs. */
export async function removeUnusedFirewall(context: GoogleContext, world: GoogleWorld): Promise<void> {
  const { exclusively, config } = context;
  const { google, state, provider } = world;
  const { storeId } = await provider.ownership();
  const remove = async (): Promise<void> => {
    if (state.firewallTag !== '' && !(await isTagInUse(google, config.project, state.firewallTag))) {
      const project = projectOfNetwork(state.networkPath, config);
      for (const name of state.firewallRules) {
        await removeRule(google, { project, name, storeId });
      }
    }
  };
  await (exclusively === undefined ? remove() : exclusively(lockName, remove));
}

/** Whether an instance has the label; those in any state count. */
export async function isTagInUse(google: Google, project: string, tag: string): Promise<boolean> {
  const users = await google.list(`projects/${project}/aggregated/instances`, {
    filter: `labels.${firewallLabel}=${tag}`,
  });
  return users.length > 0;
}

/** Removes a rule if it is the store's. */
export async function removeRule(
  google: Google,
  { project, name, storeId }: { readonly project: string; readonly name: string; readonly storeId: string },
): Promise<void> {
  const path = `projects/${project}/global/firewalls/${name}`;
  const found = firewallOf(await google.find(path));
  if (found === undefined || tagsOfDescription(found.description)[ownerTags.owner] !== storeId) {
    return;
  }
  try {
    await google.change({ method: 'DELETE', path });
  } catch (error) {
    if (!isMissing(error) && !isInUse(error)) {
      throw error;
    }
  }
}
