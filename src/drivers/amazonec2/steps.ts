import { ownerTags } from '../../cloud/ownership.ts';
import type { Step } from '../driver.ts';
import { copyOwnKey } from '../own-key.ts';
import { chooseImage, choosePlace } from './choose.ts';
import { findOwn } from './find-instance.ts';
import { findKeyPair, importKey, removeKey } from './key-pair.ts';
import { makeInstance } from './make-instance.ts';
import { removeInstances } from './remove.ts';
import { ensureGroups, removeUnusedGroups } from './security-group.ts';
import { openWorld, type Ec2Context } from './world.ts';

/** What makes an instance, in order. Each can be run again after it was cut off anywhere. */
export function instanceSteps(context: Ec2Context): readonly Step[] {
  return [chooseStep(context), keyStep(context), groupStep(context), instanceStep(context)];
}

function chooseStep(context: Ec2Context): Step {
  return {
    name: 'ec2-choose',
    summary: 'Choosing image and network',
    isRoutine: true,
    run: async () => {
      const { config } = context;
      const { ec2, provider } = await openWorld(context);
      const { machineId } = await provider.ownership();
      const place = await choosePlace(ec2, config);
      const image = await chooseImage(ec2, config);
      const chosen = {
        Id: machineId.replaceAll('-', ''),
        VpcId: place.vpc.id,
        SubnetId: place.subnet.id,
        AMI: image.id,
        DeviceName: config.deviceName === '' ? (image.rootDevice ?? '/dev/sda1') : config.deviceName,
      };
      await context.save(chosen);
      return { vpc: chosen.VpcId, subnet: chosen.SubnetId, image: chosen.AMI };
    },
  };
}

function keyStep(context: Ec2Context): Step {
  const { config, name } = context;
  if (config.ownKeyPath !== '' && config.keyName !== '' && config.isExistingKey) {
    return {
      name: 'ec2-key',
      summary: 'Importing SSH key...',
      run: async () => {
        await copyOwnKey(context, { keyPath: config.ownKeyPath, withPublic: false });
        return undefined;
      },
    };
  }
  return {
    name: 'ec2-key',
    summary: 'Importing the SSH key as a key pair',
    intent: () => ({ keyPair: name, region: config.region }),
    done: async () => {
      const { ec2, provider } = await openWorld(context);
      const { machineId } = await provider.ownership();
      return (
        context.config.keyName !== '' && (await findKeyPair(ec2, name))?.tags[ownerTags.machine] === machineId
      );
    },
    run: async () => {
      if (config.ownKeyPath !== '') {
        await copyOwnKey(context, { keyPath: config.ownKeyPath, withPublic: true });
      }
      await importKey(context, await openWorld(context));
      return { keyPair: name };
    },
    undo: async () => removeKey(context, await openWorld(context)),
  };
}

function groupStep(context: Ec2Context): Step {
  return {
    name: 'ec2-security-group',
    summary: 'Opening the ports in a security group',
    intent: () => ({ securityGroups: context.config.groupNames.join(','), region: context.config.region }),
    run: async () => {
      const ids = await ensureGroups(context, await openWorld(context), context.config.vpcId);
      await context.save({ SecurityGroupIds: ids });
      return { securityGroups: ids.join(',') };
    },
    undo: async () => removeUnusedGroups(context, await openWorld(context)),
  };
}

function instanceStep(context: Ec2Context): Step {
  const { config } = context;
  return {
    name: 'ec2-instance',
    summary: 'Launching the instance',
    intent: () => ({ instanceType: config.instanceType, region: config.region }),
    done: async () => {
      const found = await findOwn(context, await openWorld(context));
      return found.length > 0 && found.some(({ id }) => id === context.config.instanceId);
    },
    run: async () => {
      const made = await makeInstance(context, await openWorld(context));
      return { instance: made.id };
    },
    undo: async () => removeInstances(context, await openWorld(context)),
  };
}
