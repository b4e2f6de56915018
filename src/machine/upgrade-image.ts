import { isMachineError, MachineError, messageOf } from '../core/errors.ts';
import { imageOfMachine } from '../image/locate.ts';
import type { ImageManifest } from '../image/manifest.ts';
import { cachedImageDirectory, readImageDirectory } from '../image/sources.ts';
import { bootMaterial, imageForCreate } from './boot-material.ts';
import { lastEvent, openJournal, type Journal } from './journal.ts';
import { machinePaths } from './machine-paths.ts';
import { driverContext, type OpenMachine } from './open.ts';
import { loadOwnData, updateOwnData, type OwnData } from './own-data.ts';
import { startLocked } from './power.ts';
import { reportStep } from './report-step.ts';
import type { Session } from './session.ts';

/** Of the journal. */
const stepName = 'upgrade';

/** The images that a machine has: the one that it boots and the one that it goes back to. */
interface Images {
  readonly imageDigest: string;
  readonly previousImageDigest: string | undefined;
}

/** What a change of images is made of. */
interface Change {
  readonly session: Session;
  readonly machine: OpenMachine;
  readonly journal: Journal;
  readonly before: OwnData;
}

/**
 * Gives a machine the newest image and starts it with that; it is off for the time of one restart. Its data disk stays as
 * it is, and its old image stays in the cache to go back to. With the newest image nothing is done. When the machine
 * does not start with the new image, it gets the old one again and is started with that.
 *
 * May be cut at any point: which image a machine boots is one line of one file, and stands there before it is started with
 * it; the next upgrade or start goes on.
 * @throws MachineError `machine-state`; what locating an image and starting a machine throw.
 */
export async function upgradeImage(session: Session, machine: OpenMachine): Promise<void> {
  const change = await beginChange(session, machine);
  const { before } = change;
  const what = { step: 'image', summary: 'Looking for a newer image', isRoutine: true };
  const image = await reportStep(session, machine.name, what, () =>
    imageForCreate(session, machine, before.imageSource),
  );
  const newest = await manifestOf(session, image.digest);
  const present = await manifestOf(session, before.imageDigest);
  const isNewest = image.digest === before.imageDigest || isOlder(newest, present);
  if (!isNewest) {
    const images = { imageDigest: image.digest, previousImageDigest: before.imageDigest };
    await changeImage(change, images, `Upgrading machine "${machine.name}"...`);
    say(change, describeChange(present, newest));
  } else if (isUnfinished(change.journal)) {
    await changeImage(change, imagesOf(before), `Upgrading machine "${machine.name}"...`);
    say(change, 'The upgrade that was interrupted is finished.');
  } else {
    const version = present?.version ?? image.version;
    say(change, `Machine "${machine.name}" has the newest image already: ${version}.`);
  }
}

/**
 * Gives a machine the image back that it booted before, and starts it with that. What it had is kept: a second call
 * goes forward again.
 * @throws MachineError `machine-state` when it was never upgraded; `image-not-found`; like upgradeImage.
 */
export async function rollBackImage(session: Session, machine: OpenMachine): Promise<void> {
  const change = await beginChange(session, machine);
  const { imageDigest, imageSource, previousImageDigest } = change.before;
  if (previousImageDigest === undefined) {
    throw new MachineError(
      'machine-state',
      `The machine "${machine.name}" has no earlier image to go back to.`,
      { why: 'It was never upgraded.', remedies: [] },
    );
  }
  const { storePath, signal, emit } = session;
  await imageOfMachine(session.host, previousImageDigest, imageSource, { storePath, signal, emit });
  const images = { imageDigest: previousImageDigest, previousImageDigest: imageDigest };
  await changeImage(change, images, `Bringing machine "${machine.name}" back to its earlier image...`);
  const [from, to] = [await manifestOf(session, imageDigest), await manifestOf(session, previousImageDigest)];
  say(change, describeChange(from, to));
}

async function beginChange(session: Session, machine: OpenMachine): Promise<Change> {
  const before = await loadOwnData(session, machine.name);
  imagesOf(before);
  const journal = await openJournal(session.host, machinePaths(machine.directory).journal);
  return { session, machine, journal, before };
}

/** An upgrade was begun by a process that did not come to its end. */
function isUnfinished({ entries }: Journal): boolean {
  const last = lastEvent(entries, stepName);
  return last === 'begin' || last === 'failed';
}

async function changeImage(change: Change, images: Images, summary: string): Promise<void> {
  const { session, machine, journal } = change;
  const { name } = machine;
  const isOn = await requireSettled(change);
  await journal.append({ step: stepName, event: 'begin' });
  try {
    if (isOn) {
      const what = { step: 'stop', summary: 'Stopping machine to do the upgrade...' };
      await reportStep(session, name, what, () => machine.driver.stop(driverContext(session, machine)));
    }
    await reportStep(session, name, { step: 'swap', summary }, () => putImage(change, images));
  } catch (error) {
    await journal
      .append({ step: stepName, event: 'failed', message: messageOf(error) })
      .catch(() => undefined);
    throw error;
  }
  try {
    say(change, 'Starting machine back up...');
    await startLocked(session, machine);
  } catch (error) {
    // Who interrupts does not say that the image is bad: the next start goes on with it.
    session.signal.throwIfAborted();
    throw await putBack(change, images, error);
  }
  await journal.append({ step: stepName, event: 'done' });
}

/** From now on the machine boots this image, also where it has a copy of its own. */
async function putImage({ session, machine }: Change, images: Images): Promise<void> {
  await updateOwnData(session, machine.name, images);
  if (machine.driver.changeImage !== undefined) {
    const boot = await bootMaterial(session, machine);
    await machine.driver.changeImage(driverContext(session, machine, boot));
  }
}

/** True for a machine that is on. @throws MachineError `machine-state` while it is neither on nor off. */
async function requireSettled({ session, machine }: Change): Promise<boolean> {
  const { power, engineUrl } = await machine.driver.inspect(driverContext(session, machine));
  const isOff = power === 'stopped' || power === 'absent';
  if (!isOff && engineUrl === undefined && !['paused', 'saved', 'running'].includes(power)) {
    throw new MachineError('machine-state', `The machine "${machine.name}" is ${power}.`, {
      remedies: [`Wait until "tsmachine status ${machine.name}" says Running or Stopped.`],
    });
  }
  return !isOff;
}

/** The machine as it was, after it did not start with another image. @returns the error for that. */
async function putBack(change: Change, images: Images, error: unknown): Promise<unknown> {
  const { session, machine, journal, before } = change;
  const { name } = machine;
  const old = imagesOf(before);
  if (old.imageDigest === images.imageDigest) {
    return error;
  }
  const why = isMachineError(error) && error.why !== undefined ? ` ${error.why}` : '';
  const said = `${messageOf(error)}${why}`;
  const failed = (outcome: string, cause: unknown): MachineError =>
    new MachineError(
      isMachineError(error) ? error.code : 'bug',
      `The machine "${name}" does not start with the other image; ${outcome}.`,
      { why: said, cause, remedies: [`See what it said: tsmachine logs ${name}`] },
    );
  say(change, `It does not start: ${said} The image from before is put back.`);
  try {
    await machine.driver.kill(driverContext(session, machine));
    await putImage(change, old);
    await journal.append({ step: stepName, event: 'undone', message: said });
    await startLocked(session, machine);
  } catch (again) {
    return failed(`with the one from before it does not either (${messageOf(again)})`, again);
  }
  return failed('it runs with the one from before', error);
}

function imagesOf({ imageDigest, previousImageDigest }: OwnData): Images {
  if (imageDigest === undefined) {
    throw new MachineError('machine-incomplete', 'It is not known which image the machine boots.');
  }
  return { imageDigest, previousImageDigest };
}

/** What is said of an image that is in the cache; undefined for one that is not there any more. */
async function manifestOf(session: Session, digest: string | undefined): Promise<ImageManifest | undefined> {
  if (digest === undefined) {
    return undefined;
  }
  const directory = cachedImageDirectory(session.storePath, digest);
  try {
    return (await readImageDirectory(session.host, directory, 'cache')).manifest;
  } catch (error) {
    if (isMachineError(error)) {
      return undefined;
    }
    throw error;
  }
}

/** An image that was made of older packages than the present one is no upgrade. */
function isOlder(one: ImageManifest | undefined, than: ImageManifest | undefined): boolean {
  return one !== undefined && than !== undefined && one.sourceDateEpoch < than.sourceDateEpoch;
}

function describeChange(from: ImageManifest | undefined, to: ImageManifest | undefined): string {
  const engines =
    from !== undefined && to !== undefined && from.engineVersion !== to.engineVersion
      ? ` Docker ${from.engineVersion} became ${to.engineVersion}.`
      : '';
  return `The image ${from?.version ?? 'from before'} was replaced by ${to?.version ?? 'another'}.${engines}`;
}

function say({ session, machine }: Change, message: string): void {
  session.emit({ type: 'note', machine: machine.name, message });
}
