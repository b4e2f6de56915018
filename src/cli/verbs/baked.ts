import { MachineError, messageOf } from '../../core/errors.ts';
import type { FoundImage } from '../../machine/bake/images.ts';
import { askYesNo } from '../ask.ts';
import type { AnyCall, Call } from '../call.ts';
import { createFlags } from '../create-flags.ts';
import { driverCommandHelp } from '../driver-help.ts';
import { readDriverLine, requireManifest, type DriverLine } from '../driver-line.ts';
import { explain, requestOf } from '../make-machine.ts';
import { formatAge } from '../render/age.ts';
import { formatTable } from '../render/table.ts';
import { splitSecrets } from '../secret-flags.ts';
import { unseen, wrapped } from '../place-errors.ts';
import { wantedPlace } from '../wanted-place.ts';

/** Flags of `create` that say nothing of a machine that goes again. */
const meaningless = ['count', 'json', 'on-error', 'parallel', 'plan', 'resume', 'share', 'ttl'];

/** `image bake name`: makes an image at a provider. */
export async function bake(call: Call<'image bake'>): Promise<number> {
  // Images cost money: no driver stands in for one that was not named.
  const line = await readDriverLine(call, {
    flags: createFlags.filter(({ name }) => !meaningless.includes(name)),
    help: async (driverName) => driverCommandHelp(call, driverName),
  });
  const { values, given } = line;
  if (values['help'] === true) {
    call.print(await driverCommandHelp(call, line.manifest?.name));
    return 0;
  }
  const manifest = requireManifest(line);
  const [imageName, ...extra] = line.args;
  if (imageName === undefined || extra.length > 0) {
    throw new MachineError('arguments-invalid', 'Expected the name of one image as an argument');
  }
  const split = splitSecrets(manifest, values, { given, env: call.io.host.facts.env });
  for (const flag of manifest.flags.filter(({ secret }) => secret === true)) {
    call.hide(String(values[flag.name] ?? ''));
  }
  const { bakeImage, requireImageName, temporaryName } = await import('../../machine/bake/bake.ts');
  requireImageName(imageName);
  const name = temporaryName(imageName);
  const machine = { ...requestOf(name, manifest, split.values), secrets: split.secrets };
  call.recoverWith(`rm ${name}`);
  await bakeImage(call.session, { imageName, machine }).catch(explain);
  call.inform(`The image ${imageName} is ready.`);
  const flag = manifest.imageFlags?.name ?? '';
  call.inform(
    `To make a machine of it, run: ${call.io.program} create -d ${manifest.name} --${flag} ${imageName} NAME`,
  );
  return 0;
}

/** `image baked`: the images of the store at providers. */
export async function list(call: Call<'image baked'>): Promise<number> {
  const line = await readLine(call);
  if (line === undefined) {
    return 0;
  }
  if (line.args.length > 0) {
    throw new MachineError('arguments-invalid', 'Too many arguments given');
  }
  const { findImages } = await import('../../machine/bake/images.ts');
  const { images, problems } = await findImages(call.session, wantedPlace(call, line).wanted);
  if (line.values['json'] === true) {
    call.print(JSON.stringify(images.map(toJson), undefined, 2));
  } else {
    show(call, images);
  }
  if (problems.length > 0) {
    throw new AggregateError(
      problems.map((problem) => unseen(call, problem, 'What images there are')),
      'Not every place could be looked into.',
    );
  }
  return 0;
}

/** `image rm name...`: removes them where they are. */
export async function remove(call: Call<'image rm'>): Promise<number> {
  const line = await readLine(call);
  if (line === undefined) {
    return 0;
  }
  if (line.args.length === 0) {
    throw new MachineError('arguments-invalid', 'Expected to get one or more names of images as arguments');
  }
  const { findImages, removeImage } = await import('../../machine/bake/images.ts');
  const { images, problems } = await findImages(call.session, wantedPlace(call, line).wanted);
  const chosen = images.filter(({ name, id }) => line.args.includes(name) || line.args.includes(id));
  const errors: MachineError[] = line.args
    .filter((word) => !chosen.some(({ name, id }) => name === word || id === word))
    .map((word) => missing(word));
  if (errors.length > 0) {
    // It may be where nobody could look.
    errors.push(...problems.map((problem) => unseen(call, problem, 'What images there are')));
    fail(errors, 'Nothing was removed.');
  }
  if (line.values['y'] !== true) {
    show(call, chosen);
    if ((await askYesNo(call, 'Are you sure? (y/n): ')) !== true) {
      return 0;
    }
  }
  for (const image of chosen) {
    try {
      await removeImage(call.session, image);
      call.inform(`Removed the image ${image.name} (${image.id})`);
    } catch (error) {
      call.session.signal.throwIfAborted();
      errors.push(wrapped(error, `Not removed: the image ${image.name}: ${messageOf(error)}`, []));
    }
  }
  if (errors.length > 0) {
    fail(errors, 'Not every image was removed.');
  }
  return 0;
}

function fail(errors: readonly MachineError[], title: string): never {
  const [first, ...more] = errors;
  throw first !== undefined && more.length === 0 ? first : new AggregateError(errors, title);
}

/** Undefined when only the help was asked for. */
async function readLine(call: AnyCall): Promise<DriverLine | undefined> {
  const line = await readDriverLine(call, {
    flags: call.command.flags,
    help: async (driverName) => driverCommandHelp(call, driverName),
  });
  if (line.values['help'] === true) {
    call.print(await driverCommandHelp(call, line.manifest?.name));
    return undefined;
  }
  return line;
}

function missing(name: string): MachineError {
  return new MachineError('image-not-found', `There is no image ${JSON.stringify(name)} of this store.`, {
    remedies: ['See what there is: tsmachine image baked'],
  });
}

function show(call: AnyCall, images: readonly FoundImage[]): void {
  const nowMs = call.session.host.clock.nowMs();
  const rows = images.map((image) => [
    ...[image.name, image.lookout.place.driver, image.place, image.architecture ?? '', image.system ?? ''],
    image.engineVersion ?? '',
    image.diskGiB === undefined ? '' : `${image.diskGiB} GiB`,
    image.createdMs === undefined ? '' : formatAge(nowMs - image.createdMs),
    image.id,
  ]);
  const header = ['NAME', 'DRIVER', 'PLACE', 'ARCH', 'SYSTEM', 'ENGINE', 'DISK', 'AGE', 'ID'];
  call.print(formatTable([header, ...rows]).join('\n'));
}

function toJson(image: FoundImage): Record<string, unknown> {
  const { id, name, place, machineId, system, engineVersion, architecture, createdMs, diskGiB } = image;
  return {
    ...{ driver: image.lookout.place.driver, id, name, place, machineId, system, engineVersion },
    ...{ architecture, diskGiB },
    ...(createdMs === undefined ? {} : { created: new Date(createdMs).toISOString() }),
  };
}
