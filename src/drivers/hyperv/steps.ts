import type { DriverContext, Step } from '../driver.ts';
import { isoStep } from '../own-iso.ts';
import type { HyperVConfig } from './config.ts';
import { createDisk } from './disk.ts';
import { configureMachine, memoryOf } from './hardware.ts';
import { findMachine, machineFiles, ownerNotes, requireMachine, requireOwn } from './machine.ts';
import { idOf } from './output.ts';
import { openPowerShell, type PowerShell } from './powershell.ts';
import { removeFromHyperV } from './remove.ts';
import { claimScript, registerScript } from './scripts/create.ts';

type StepContext = DriverContext<HyperVConfig>;

/** What makes a machine of Hyper-V, in order. Each can be run again after it was cut off anywhere. */
export function machineSteps(context: StepContext): readonly Step[] {
  return [
    isoStep(context, machineFiles(context).iso),
    diskStep(context),
    registerStep(context),
    configureStep(context),
  ];
}

function diskStep(context: StepContext): Step {
  const { host, config } = context;
  const { disk } = machineFiles(context);
  return {
    name: 'disk',
    summary: `Creating the disk (${config.diskSizeMiB} MB)`,
    done: async () => (await host.files.stat(disk)) !== undefined,
    run: async () => {
      await createDisk(context);
      return { diskSizeMiB: config.diskSizeMiB };
    },
    undo: async () => host.files.remove(disk),
  };
}

function registerStep(context: StepContext): Step {
  const { host, name } = context;
  return {
    name: 'register',
    summary: 'Creating the Hyper-V VM',
    intent: () => ({ virtualMachine: name, folder: machineFiles(context).folder }),
    done: async () => {
      const shell = await openPowerShell(host, context.signal);
      const found = await findMachine(shell, context);
      return found !== undefined && found.id === context.config.id && found.notes === ownerNotes(context);
    },
    run: async () => {
      const shell = await openPowerShell(host, context.signal);
      return { id: await register(context, shell) };
    },
    undo: async () => removeFromHyperV(context),
  };
}

/** Hyper-V chooses the id. One that was cut off before it was in the record is found by its name and its place. */
async function register(context: StepContext, shell: PowerShell): Promise<string> {
  const { host, name, directory, config } = context;
  const notes = ownerNotes(context);
  const found = await findMachine(shell, context);
  if (found !== undefined) {
    await requireOwn(context, found);
    await context.save({ VMId: found.id });
    await shell.run(claimScript({ id: found.id, notes }));
    return found.id;
  }
  // What a create that was cut off left: nobody but this machine has files here.
  await host.files.remove(machineFiles(context).folder);
  const memoryBytes = memoryOf(config);
  const id = idOf(await shell.run(registerScript({ name, directory, notes, memoryBytes })));
  await context.save({ VMId: id });
  return id;
}

function configureStep(context: StepContext): Step {
  return {
    name: 'configure',
    summary: 'Giving the Hyper-V VM its devices',
    run: async () => {
      const shell = await openPowerShell(context.host, context.signal);
      const { id } = await requireMachine(shell, context);
      await configureMachine(context, shell, id);
      return undefined;
    },
  };
}
