import type { Step } from '../driver.ts';
import { chooseImage, chooseRegion, findAccount, findVpc } from './choose.ts';
import { findOwn } from './find-droplet.ts';
import { findFirewall, makeFirewall, removeFirewall } from './firewall.ts';
import { findKey, removeKey, takeKey, uploadKey } from './key.ts';
import { makeDroplet } from './make-droplet.ts';
import { removeDroplets } from './remove.ts';
import { openWorld, type DropletContext } from './world.ts';

/** What makes a droplet, in order. Each can be run again after it was cut off anywhere. */
export function dropletSteps(context: DropletContext): readonly Step[] {
  return [chooseStep(context), keyStep(context), firewallStep(context), dropletStep(context)];
}

function chooseStep(context: DropletContext): Step {
  return {
    name: 'do-choose',
    summary: 'Choosing region and image',
    isRoutine: true,
    run: async () => {
      const { config } = context;
      const { api, provider, state } = await openWorld(context);
      const account = await findAccount(api);
      const region = await chooseRegion(api, config);
      const image = await chooseImage(api, config);
      if (state.vpc !== '') {
        await findVpc(api, { region: region.slug, vpc: state.vpc });
      }
      const chosen = config.image === '' ? image.slug : config.image;
      await context.save({ Region: region.slug, Image: chosen });
      if (account !== undefined) {
        await provider.saveState({ accountId: account.id });
      }
      return { region: region.slug, image: chosen };
    },
  };
}

function keyStep(context: DropletContext): Step {
  const { config, name } = context;
  if (config.keyFingerprint !== '') {
    return {
      name: 'do-key',
      summary: 'Taking the SSH key of the account',
      run: async () => ({ key: (await takeKey(context, await openWorld(context))).id }),
    };
  }
  return {
    name: 'do-key',
    summary: 'Creating SSH key...',
    intent: () => ({ key: name }),
    done: async () => {
      const { keyId } = context.config;
      return keyId !== 0 && (await findKey((await openWorld(context)).api, keyId)) !== undefined;
    },
    run: async () => ({ key: (await uploadKey(context, await openWorld(context))).id }),
    undo: async () => removeKey(context, await openWorld(context)),
  };
}

function firewallStep(context: DropletContext): Step {
  return {
    name: 'do-firewall',
    summary: 'Opening the ports in a firewall',
    intent: () => ({ firewall: context.name }),
    done: async () => {
      const { api, state } = await openWorld(context);
      return state.firewallId !== '' && (await findFirewall(api, state.firewallId)) !== undefined;
    },
    run: async () => ({ firewall: (await makeFirewall(context, await openWorld(context))).id }),
    undo: async () => removeFirewall(context, await openWorld(context)),
  };
}

function dropletStep(context: DropletContext): Step {
  const { config, name } = context;
  return {
    name: 'do-droplet',
    summary: 'Creating Digital Ocean droplet...',
    intent: () => ({ droplet: name, size: config.size, region: config.region }),
    done: async () => {
      const { dropletId } = context.config;
      const found = dropletId === 0 ? [] : await findOwn(context, await openWorld(context));
      return found.some(({ id }) => id === dropletId);
    },
    run: async () => ({ droplet: (await makeDroplet(context, await openWorld(context))).id }),
    undo: async () => removeDroplets(context, await openWorld(context)),
  };
}
