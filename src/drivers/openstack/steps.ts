import type { Step } from '../driver.ts';
import { copyOwnKey } from '../own-key.ts';
import { choose } from './choose.ts';
import { findOwn } from './find-server.ts';
import { assignFloatingIp, removeFloatingIps } from './floating-ip.ts';
import { findKeyPair, removeKey, uploadKey } from './key-pair.ts';
import { makeServer } from './make-server.ts';
import { removeServers } from './remove.ts';
import { ensureGroup, removeUnusedGroups } from './security-group.ts';
import { findVolume, makeVolume, removeVolumes } from './volume.ts';
import { waitUntilActive } from './wait-server.ts';
import { openWorld, type OpenStackContext } from './world.ts';

/** What makes a server, in order. Each can be run again after it was cut off anywhere. */
export function serverSteps(context: OpenStackContext): readonly Step[] {
  const { groupNames, bootsFromVolume, volumeSizeGiB, floatingPool } = context.config;
  return [
    chooseStep(context),
    keyStep(context),
    ...(groupNames.length === 0 ? [groupStep(context)] : []),
    ...(volumeSizeGiB > 0 && !bootsFromVolume ? [volumeStep(context)] : []),
    serverStep(context),
    ...(floatingPool === '' ? [] : [addressStep(context)]),
  ];
}

function chooseStep(context: OpenStackContext): Step {
  return {
    name: 'openstack-choose',
    summary: 'Choosing flavor, image and network',
    isRoutine: true,
    run: async () => {
      const { host, config, save } = context;
      const { openstack, provider, state } = await openWorld(context);
      const { rootSizeGiB, imageSnapshotId, ...chosen } = await choose(openstack, config);
      const userData =
        state.userDataFile === ''
          ? {}
          : { UserData: Buffer.from(await host.files.readBytes(state.userDataFile)).toString('base64') };
      await save({
        FlavorId: chosen.flavorId,
        ImageId: chosen.imageId,
        NetworkId: chosen.networkId,
        ServerGroupId: chosen.serverGroupId,
        FloatingIpPoolId: chosen.floatingPoolId,
        ...(config.bootsFromVolume ? { VolumeSize: rootSizeGiB } : {}),
        ...userData,
      });
      await provider.saveState({ projectId: await openstack.projectId(), hasBegun: true, imageSnapshotId });
      return { flavor: chosen.flavorId, image: chosen.imageId, network: chosen.networkId };
    },
  };
}

function keyStep(context: OpenStackContext): Step {
  const { config, name } = context;
  if (config.isExistingKey) {
    return {
      name: 'openstack-key',
      summary: 'Copying the SSH key',
      run: async () => {
        await copyOwnKey(context, { keyPath: config.ownKeyPath, withPublic: false });
        return undefined;
      },
    };
  }
  return {
    name: 'openstack-key',
    summary: 'Uploading the SSH key as a key pair',
    intent: () => ({ machine: name, region: config.region }),
    done: async () => {
      const { keyName } = context.config;
      const { openstack } = await openWorld(context);
      return keyName !== '' && (await findKeyPair(openstack, keyName)) !== undefined;
    },
    run: async () => ({ keyPair: await uploadKey(context, await openWorld(context)) }),
    undo: async () => {
      await removeKey(context, await openWorld(context));
      await context.save({ KeyPairName: '' });
    },
  };
}

function groupStep(context: OpenStackContext): Step {
  return {
    name: 'openstack-security-group',
    summary: 'Opening the ports in a security group',
    intent: () => ({ region: context.config.region }),
    run: async () => ({ securityGroup: await ensureGroup(context, await openWorld(context)) }),
    undo: async () => removeUnusedGroups(context, await openWorld(context)),
  };
}

function volumeStep(context: OpenStackContext): Step {
  const { volumeName, volumeSizeGiB, region } = context.config;
  return {
    name: 'openstack-volume',
    summary: 'Making the volume',
    intent: () => ({ volume: volumeName, sizeGiB: volumeSizeGiB, region }),
    done: async () => {
      const { volumeId } = context.config;
      const { openstack } = await openWorld(context);
      return volumeId !== '' && (await findVolume(openstack, volumeId)) !== undefined;
    },
    run: async () => ({ volume: await makeVolume(context, await openWorld(context)) }),
    undo: async () => removeVolumes(context, await openWorld(context)),
  };
}

function serverStep(context: OpenStackContext): Step {
  const { flavorName, flavorId, region } = context.config;
  return {
    name: 'openstack-server',
    summary: 'Launching the server',
    intent: () => ({ flavor: flavorName === '' ? flavorId : flavorName, region }),
    done: async () => {
      const found = await findOwn(context, await openWorld(context));
      return found.some(({ id }) => id === context.config.serverId);
    },
    run: async () => {
      const server = await makeServer(context, await openWorld(context), context.config.volumeSizeGiB);
      return { server };
    },
    undo: async () => removeServers(context, await openWorld(context)),
  };
}

function addressStep(context: OpenStackContext): Step {
  const { floatingPool, region } = context.config;
  return {
    name: 'openstack-floating-ip',
    summary: 'Assigning a floating IP',
    intent: () => ({ pool: floatingPool, region }),
    run: async () => {
      await waitUntilActive(context, await openWorld(context));
      const { id, address } = await assignFloatingIp(context, await openWorld(context));
      return { floatingIp: id, address };
    },
    undo: async () => removeFloatingIps(context, await openWorld(context)),
  };
}
