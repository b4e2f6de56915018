import type { Step } from '../drivers/driver.ts';
import { imageForCreate, bootMaterial } from './boot-material.ts';
import { bootVerified } from './boot.ts';
import { copyClientFiles, ensureSshKeys, ensureStoreAuthority, refreshCertificates } from './credentials.ts';
import { followedFiles } from './follow/files.ts';
import { writeGuestFiles } from './guest-files.ts';
import { createHostLink } from './host-link.ts';
import { hostPhases } from './host-phases.ts';
import { driverContext, type OpenMachine } from './open.ts';
import { updateOwnData, type OwnData } from './own-data.ts';
import { bootReason } from './resume-material.ts';
import type { Session } from './session.ts';
import { guestShareList } from './shares.ts';

/** A step that may need files which earlier steps make: it is built when its turn comes. */
interface CreateContext {
  readonly session: Session;
  readonly machine: OpenMachine;
  readonly own: OwnData;
}

/**
 * The steps that turn a reserved name into a machine that answers, in order. They need only what is on the
 * disk, so that a create that was killed goes on in another process.
 */
export function createSteps(session: Session, machine: OpenMachine, own: OwnData): readonly Step[] {
  const context = { session, machine, own };
  const { boots, power, engine } = machine.driver.manifest.capabilities;
  const driverSteps = lateDriverSteps(context);
  const steps = {
    image: () => imageMachineSteps(context, driverSteps),
    host: () => [...driverSteps, ...startHost(context), ...hostSteps(context)],
    nothing: () => [
      clientCertificates(context),
      ...driverSteps,
      ...(power && engine !== false ? [boot(context)] : []),
    ],
  };
  return [...steps[boots](), finish(context)];
}

// A host that was there before the machine has no power switch of ours.
function startHost({ session, machine }: CreateContext): Step[] {
  if (!machine.driver.manifest.capabilities.power) {
    return [];
  }
  return [
    {
      name: 'start',
      summary: 'Waiting for machine to be running, this may take a few minutes...',
      run: async () => {
        await machine.driver.start(driverContext(session, machine));
        return undefined;
      },
    },
  ];
}

// Over one connection, which is made by the first step that needs it, also when a create is resumed in the middle.
function hostSteps({ session, machine, own }: CreateContext): Step[] {
  const link = createHostLink(session, machine);
  const hasGivenKey = machine.driver.manifest.capabilities.provider === true;
  return hostPhases({ hasGivenKey }).map((phase) => ({
    name: phase.name,
    summary: phase.summary,
    run: async () => {
      await phase.run({ session, machine, own, link });
      return undefined;
    },
  }));
}

function imageMachineSteps(context: CreateContext, driverSteps: readonly Step[]): Step[] {
  return [chooseImage(context), makeKeys(context), makeCertificates(context), ...driverSteps, boot(context)];
}

// A driver's steps are pure data about what is to be done; only `run` looks at files. Its boot material may
// not exist yet when the plan is made, so every function of a step asks for it afresh.
function lateDriverSteps({ session, machine }: CreateContext): Step[] {
  const build = async (): Promise<readonly Step[]> =>
    machine.driver.steps(driverContext(session, machine, await bootMaterial(session, machine)));
  const planned = machine.driver.steps(driverContext(session, machine));
  // Undone is also what was made by a step that has changed the configuration.
  const now = (): readonly Step[] => machine.driver.steps(driverContext(session, machine));
  return planned.map((step, index) => ({
    ...step,
    run: async () => {
      // An earlier step may have found the place out.
      if (machine.driver.place !== undefined) {
        const { rememberPlace } = await import('./places.ts');
        await rememberPlace(session, machine);
      }
      return (await build())[index]?.run();
    },
    ...(step.undo === undefined ? {} : { undo: async () => now()[index]?.undo?.() }),
  }));
}

function chooseImage({ session, machine, own }: CreateContext): Step {
  return {
    name: 'image',
    summary: 'Taking the machine image',
    async run() {
      const reason = await bootReason(session, machine, own);
      if (reason !== undefined) {
        const message = `The machine is booted, not resumed from a template: ${reason}.`;
        session.emit({ type: 'note', machine: machine.name, message });
      }
      const image = await imageForCreate(session, machine, own.imageSource);
      await updateOwnData(session, machine.name, { imageDigest: image.digest });
      return { digest: image.digest, version: image.version };
    },
  };
}

function makeKeys({ session, machine, own }: CreateContext): Step {
  return {
    name: 'keys',
    summary: 'Making SSH keys and the identity of the machine',
    async run() {
      const sshHostKey = await ensureSshKeys(session.host, { ...machine, tlsKeyType: own.tlsKeyType });
      await writeGuestFiles(session.host, machine.directory, {
        ...(await followedFiles(session, machine, own)),
        shares: guestShareList(own.shares),
      });
      await updateOwnData(session, machine.name, { sshHostKey });
      return undefined;
    },
  };
}

function makeCertificates({ session, machine, own }: CreateContext): Step {
  return {
    name: 'certificates',
    summary: 'Making certificates',
    async run() {
      await refreshCertificates(session, { ...machine, tlsKeyType: own.tlsKeyType });
      return undefined;
    },
  };
}

// A machine without a host of ours: its engine has a certificate already, only the client's side is needed.
function clientCertificates({ session, machine, own }: CreateContext): Step {
  return {
    name: 'certificates',
    summary: 'Making client certificates',
    isRoutine: true,
    async run() {
      const authority = await ensureStoreAuthority(session, own.tlsKeyType);
      await copyClientFiles(session.host, machine.directory, authority);
      return undefined;
    },
  };
}

function boot({ session, machine }: CreateContext): Step {
  return {
    name: 'boot',
    summary: 'Starting the machine',
    async run() {
      const status = await bootVerified(session, machine);
      return status.engineUrl === undefined ? undefined : { engineUrl: status.engineUrl };
    },
    async undo() {
      await machine.driver.kill(driverContext(session, machine));
    },
  };
}

function finish({ session, machine }: CreateContext): Step {
  return {
    name: 'finish',
    summary: 'Recording the machine',
    isRoutine: true,
    async run() {
      await updateOwnData(session, machine.name, { phase: 'ready' });
      return undefined;
    },
  };
}
