import type { Step } from '../driver.ts';
import { choose } from './choose.ts';
import { ensureFirewalls, removeUnusedFirewalls } from './firewall.ts';
import { makeServer } from './make-server.ts';
import { ensurePlacementGroup, removeUnusedGroups } from './placement-group.ts';
import { removeServers } from './remove.ts';
import { findOwn } from './servers.ts';
import { ensureKeys, findKey, removeKeys } from './ssh-keys.ts';
import { readState } from './state.ts';
import { markOfToken, openWorld, type HetznerContext } from './world.ts';

/** What makes a server, in order. Each can be run again after it was cut off anywhere. */
export function serverSteps(context: HetznerContext): readonly Step[] {
  return [
    chooseStep(context),
    keyStep(context),
    firewallStep(context),
    groupStep(context),
    serverStep(context),
  ];
}

function chooseStep(context: HetznerContext): Step {
  return {
    name: 'hetzner-choose',
    summary: 'Choosing type and image',
    isRoutine: true,
    run: async () => {
      const { config, host, save, emit, name } = context;
      const { hetzner, provider } = await openWorld(context);
      const { machineId } = await provider.ownership();
      const choice = await choose(hetzner, config, host.clock.nowMs());
      for (const message of choice.warnings) {
        emit({ type: 'warn', machine: name, message });
      }
      const { token, context: hcloudContext } = await hetzner.token();
      await save({
        Type: choice.type,
        Location: choice.location,
        ...(config.imageId === 0 ? { Image: choice.image.name } : {}),
      });
      await provider.saveState({
        imageId: choice.image.id,
        networkIds: choice.networkIds,
        volumeIds: choice.volumeIds,
        firewallIds: choice.firewallIds,
        primaryIpv4Id: choice.primaryIpv4Id,
        primaryIpv6Id: choice.primaryIpv6Id,
        tokenMark: markOfToken(token, machineId),
        ...(hcloudContext === undefined ? {} : { context: hcloudContext }),
      });
      return { serverType: choice.type, location: choice.location, image: choice.image.name };
    },
  };
}

function keyStep(context: HetznerContext): Step {
  return {
    name: 'hetzner-key',
    summary: 'Uploading the SSH key',
    intent: () => ({ sshKey: context.name }),
    done: async () => {
      const { hetzner, provider } = await openWorld(context);
      const { keyId, isExistingKey } = context.config;
      const { keyNames } = readState(await provider.state());
      return (
        keyNames.length > 0 && keyId !== 0 && (isExistingKey || (await findKey(hetzner, keyId)) !== undefined)
      );
    },
    run: async () => ({ sshKeys: (await ensureKeys(context, await openWorld(context))).join(', ') }),
    undo: async () => removeKeys(context, await openWorld(context)),
  };
}

function firewallStep(context: HetznerContext): Step {
  return {
    name: 'hetzner-firewall',
    summary: 'Opening the ports in a firewall',
    run: async () => ({
      firewalls: (await ensureFirewalls(context, await openWorld(context))).join(','),
    }),
    undo: async () => removeUnusedFirewalls(context, await openWorld(context), []),
  };
}

function groupStep(context: HetznerContext): Step {
  return {
    name: 'hetzner-placement-group',
    summary: 'Choosing the placement group',
    isRoutine: true,
    run: async () => ({ placementGroup: await ensurePlacementGroup(context, await openWorld(context)) }),
    undo: async () => removeUnusedGroups(context, await openWorld(context), []),
  };
}

function serverStep(context: HetznerContext): Step {
  return {
    name: 'hetzner-server',
    summary: 'Making the server',
    intent: () => ({
      server: context.name,
      serverType: context.config.type,
      location: context.config.location,
    }),
    done: async () => {
      const world = await openWorld(context);
      const found = await findOwn(context, world);
      return world.state.actionIds.length === 0 && found.some(({ id }) => id === context.config.serverId);
    },
    run: async () => {
      try {
        return { server: await makeServer(context, await openWorld(context)) };
      } catch (error) {
        const { host, config, signal } = context;
        if (config.errorPauseS > 0) {
          await host.clock.sleep(config.errorPauseS * 1000, signal);
        }
        throw error;
      }
    },
    undo: async () => {
      await removeServers(context, await openWorld(context));
    },
  };
}
