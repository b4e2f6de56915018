import type { Step } from '../driver.ts';
import { choose } from './choose.ts';
import { takeExisting } from './existing.ts';
import { findInstance, isOwn } from './find-instance.ts';
import { ensureFirewall, firewallOfMachine, removeUnusedFirewall } from './firewall.ts';
import { hasNoCloudInit } from './labels.ts';
import { makeInstance } from './make-instance.ts';
import { leaveExisting, removeInstance } from './remove.ts';
import { openWorld, type GoogleContext } from './world.ts';

/** What makes an instance, in order. Each can be run again after it was cut off anywhere. */
export function instanceSteps(context: GoogleContext): readonly Step[] {
  const last = context.config.isExisting ? existingStep(context) : instanceStep(context);
  return [chooseStep(context), firewallStep(context), last];
}

function chooseStep(context: GoogleContext): Step {
  return {
    name: 'google-choose',
    summary: 'Choosing image and network',
    isRoutine: true,
    run: async () => {
      const { config, name } = context;
      const { google, provider } = await openWorld(context);
      if (config.isExisting) {
        const networkPath = (await findInstance(google, config, name))?.network ?? '';
        await provider.saveState({ networkPath });
        return { network: networkPath };
      }
      const { image, networkPath, subnetworkPath, externalAddress } = await choose(google, config);
      await provider.saveState({
        ...{ networkPath, subnetworkPath, externalAddress, imageSizeGb: image.sizeGb },
        imageLacksCloudInit: hasNoCloudInit(image.labels),
      });
      await context.save({ MachineImage: image.path });
      return { network: networkPath, image: image.path };
    },
  };
}

function firewallStep(context: GoogleContext): Step {
  return {
    name: 'google-firewall',
    summary: 'Opening the ports in the firewall',
    intent: () => ({ project: context.config.project }),
    run: async () => {
      const world = await openWorld(context);
      const plan = await firewallOfMachine(context, world);
      const rules = plan.rules.map(({ name }) => name);
      await world.provider.saveState({ firewallTag: plan.tag, firewallRules: rules });
      await ensureFirewall(context, world, plan);
      return { firewall: rules.join(',') };
    },
    undo: async () => removeUnusedFirewall(context, await openWorld(context)),
  };
}

function instanceStep(context: GoogleContext): Step {
  const { config, name } = context;
  return {
    name: 'google-instance',
    summary: 'Launching the instance',
    intent: () => ({ instance: name, zone: config.zone, machineType: config.machineType }),
    done: async () => {
      const world = await openWorld(context);
      const found =
        world.state.instanceId === '' ? undefined : await findInstance(world.google, config, name);
      return found !== undefined && (await isOwn(context, world, found));
    },
    run: async () => {
      const made = await makeInstance(context, await openWorld(context));
      return { instance: made.id };
    },
    undo: async () => removeInstance(context, await openWorld(context)),
  };
}

function existingStep(context: GoogleContext): Step {
  const { config, name } = context;
  return {
    name: 'google-existing',
    summary: 'Taking the instance that is there',
    intent: () => ({ instance: name, zone: config.zone }),
    run: async () => {
      await takeExisting(context, await openWorld(context));
      return undefined;
    },
    undo: async () => leaveExisting(context, await openWorld(context)),
  };
}
