import type { DriverContext, Step } from '../driver.ts';
import { createRawDisk, hasRawDisk, removeRawDisk } from '../raw-disk.ts';
import { newUuid } from '../uuid.ts';
import type { LibvirtConfig } from './config.ts';
import { chooseAccelerator, defineDomain } from './define.ts';
import { domainFiles, domainName, findDomain, requireOwn } from './domain.ts';
import { removeFromLibvirt } from './remove.ts';
import { openVirsh } from './virsh.ts';

type StepContext = DriverContext<LibvirtConfig>;

/** What makes a machine of libvirt, in order. Each can be run again after it was cut off anywhere. */
export function machineSteps(context: StepContext): readonly Step[] {
  return [diskStep(context), uuidStep(context), defineStep(context)];
}

function diskStep(context: StepContext): Step {
  const { host, config, boot } = context;
  const { disk } = domainFiles(context);
  return {
    name: 'disk',
    summary: `Creating the disk (${config.diskSizeMiB} MB)`,
    done: async () => hasRawDisk(host, disk),
    run: async () => {
      await createRawDisk(host, disk, { sizeMiB: config.diskSizeMiB, boot });
      return { diskSizeMiB: config.diskSizeMiB };
    },
    undo: async () => removeRawDisk(host, disk),
  };
}

/** The UUID is ours, and in the record before there is a domain of it: whatever happens then, it is found again. */
function uuidStep(context: StepContext): Step {
  return {
    name: 'uuid',
    summary: 'Choosing the UUID of the domain',
    isRoutine: true,
    done: async () => context.config.uuid !== '',
    run: async () => {
      const uuid = context.config.uuid === '' ? newUuid(context.host) : context.config.uuid;
      await context.save({ UUID: uuid });
      return { uuid };
    },
    undo: async () => {
      await removeFromLibvirt(context);
      await context.save({ UUID: '' });
    },
  };
}

function defineStep(context: StepContext): Step {
  const { host, name, signal } = context;
  return {
    name: 'define',
    summary: 'Defining the domain in libvirt',
    intent: () => ({ domain: domainName(name, context.config.uuid), uuid: context.config.uuid }),
    done: async () => {
      const virsh = await openVirsh(host, context.config.uri, signal);
      return (await findDomain(virsh, context))?.owner === context.directory;
    },
    run: async () => {
      const virsh = await openVirsh(host, context.config.uri, signal);
      const found = await findDomain(virsh, context);
      if (found !== undefined) {
        requireOwn(context, found);
      }
      const accelerator = await chooseAccelerator(context, virsh);
      await defineDomain(context, virsh, { accelerator, sshPort: 0, enginePort: 0 });
      return { uuid: context.config.uuid };
    },
    undo: async () => removeFromLibvirt(context),
  };
}
