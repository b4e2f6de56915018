import { MachineError } from '../../core/errors.ts';
import { isImageName, type ImageOrder } from '../../drivers/images.ts';
import type { Step } from '../../drivers/driver.ts';
import { loadDriver } from '../../drivers/registry.ts';
import { cleanHost } from '../../provision/clean.ts';
import { createMachine } from '../create.ts';
import { lookoutOfFlags, type Lookout } from '../garbage/places.ts';
import { createHostLink } from '../host-link.ts';
import { bakeStep, openJournal } from '../journal.ts';
import { withMachineLock } from '../locks.ts';
import { machinePaths } from '../machine-paths.ts';
import { driverContext, openMachine, type OpenMachine } from '../open.ts';
import { loadOwnData } from '../own-data.ts';
import { runPlan } from '../plan.ts';
import { removeMachine } from '../remove.ts';
import type { CreateRequest } from '../request.ts';
import type { Session } from '../session.ts';
import { imagesIn, requireImages } from './images.ts';

const lockTimeoutMs = 30_000;
/** Longer than making machine and image can take together: whatever happens here, nothing runs for longer. */
const ttlMs = 3 * 60 * 60_000;

/** What an image is made of: a machine as any other, which goes when the image is there. */
export interface BakeRequest {
  /** See isImageName. */
  readonly imageName: string;
  /** Called `temporaryName(imageName)`. */
  readonly machine: CreateRequest;
}

/** The parts that need a host. */
export interface BakeParts {
  readonly create: (session: Session, request: CreateRequest) => Promise<void>;
  /** @returns what is on the host. */
  readonly clean: (session: Session, machine: OpenMachine) => Promise<Omit<ImageOrder, 'name'>>;
}

/** The machine of which an image is made. */
export function temporaryName(imageName: string): string {
  return `bake-${imageName}`;
}

/**
 * Makes an image with an engine inside: of a machine that is created, cleaned and removed again, whatever happens. What a
 * killed bake leaves is a machine of the store, and goes with it.
 * @throws MachineError `name-invalid`, `capability-missing`, `cloud-conflict`, and what its parts throw.
 */
export async function bakeImage(
  session: Session,
  { imageName, machine: request }: BakeRequest,
  { create, clean }: BakeParts = { create: createMachine, clean: cleanMachine },
): Promise<void> {
  requireImageName(imageName);
  const driver = await loadDriver(request.driverName, session);
  const images = await requireImages(session, driver);
  const { flagValues: flags, secrets = {} } = request;
  const lookout = lookoutOfFlags(session, driver, { flags, secrets });
  await requireNewImage(session, imageName, lookout);
  await images.requirePossible?.(lookout.context);
  await create(session, { ...request, ttlMs, onError: 'rollback' });
  // An interrupt must not keep the machine from being removed.
  const afterwards = { ...session, signal: new AbortController().signal };
  try {
    await withMachineLock(session, request.name, { verb: 'image bake', timeoutMs: lockTimeoutMs }, async () =>
      turnIntoImage(session, { imageName, name: request.name, clean }),
    );
  } catch (error) {
    session.emit({ type: 'note', message: 'Undoing what was made.', machine: request.name });
    await removeMachine(afterwards, request.name, { force: false }).catch((failure: unknown) => {
      throw new MachineError('machine-incomplete', `The machine "${request.name}" could not be removed.`, {
        why: failure instanceof Error ? failure.message : String(failure),
        remedies: [`tsmachine rm ${request.name}`],
        cause: error,
      });
    });
    throw error;
  }
  await removeMachine(afterwards, request.name, { force: false });
}

/** @throws MachineError `name-invalid`. */
export function requireImageName(name: string): void {
  if (!isImageName(name)) {
    throw new MachineError('name-invalid', `${JSON.stringify(name)} cannot be the name of an image.`, {
      remedies: [
        'Use lower-case letters, digits and "-", at most 40, beginning with a letter and ending with a letter or digit.',
      ],
    });
  }
}

/** @throws MachineError `cloud-conflict`. */
async function requireNewImage(session: Session, name: string, lookout: Lookout): Promise<void> {
  const present = await imagesIn(session, lookout);
  if (present.some((image) => image.isFinished && image.name === name)) {
    throw new MachineError('cloud-conflict', `There is an image ${name} already.`, {
      remedies: [`Take another name, or remove it: tsmachine image rm ${name}`],
    });
  }
}

/** The caller holds the machine's lock. */
async function turnIntoImage(
  session: Session,
  {
    imageName,
    name,
    clean,
  }: { readonly imageName: string; readonly name: string } & Pick<BakeParts, 'clean'>,
): Promise<void> {
  const machine = await openMachine(session, name);
  const images = await requireImages(session, machine.driver);
  let inside: Omit<ImageOrder, 'name'> | undefined;
  const steps: readonly Step[] = [
    {
      name: 'bake-clean',
      summary: 'Removing keys, identity and traces from the host',
      run: async () => {
        inside = await clean(session, machine);
        return { ...inside };
      },
    },
    {
      name: 'bake-stop',
      summary: 'Stopping the machine',
      run: async () => {
        await machine.driver.stop(driverContext(session, machine));
        return undefined;
      },
    },
    {
      name: bakeStep,
      summary: 'Making the image, this may take some minutes...',
      intent: () => ({ image: imageName }),
      run: async () => {
        await images.make(driverContext(session, machine), {
          name: imageName,
          system: inside?.system ?? '',
          engineVersion: inside?.engineVersion ?? '',
        });
        return undefined;
      },
    },
  ];
  const journal = await openJournal(session.host, machinePaths(machine.directory).journal);
  await runPlan(steps, { session, machine: name, journal });
}

/** Cleans the host, and makes sure that no key of the machine is left on it. */
async function cleanMachine(session: Session, machine: OpenMachine): Promise<Omit<ImageOrder, 'name'>> {
  const link = createHostLink(session, machine);
  try {
    const { os, engine } = await link.facts();
    await cleanHost(await link.access(), { forbidden: await publicKeys(session, machine) });
    return { system: os.prettyName, engineVersion: engine?.version ?? '' };
  } finally {
    await link.close();
  }
}

/** The public halves of the keys of user and host, as far as they are known: what stands in files, without type and comment. */
async function publicKeys(session: Session, machine: OpenMachine): Promise<readonly string[]> {
  const { sshHostKey = '' } = await loadOwnData(session, machine.name);
  const path = machinePaths(machine.directory).sshPublicKey;
  const userKey = await session.host.files.readText(path).catch(() => '');
  return [sshHostKey, userKey].map((line) => line.split(' ')[1] ?? '').filter((blob) => blob !== '');
}
