import { dirname, resolve } from 'node:path';
import { MachineError } from '../../core/errors.ts';
import type { Architecture, ImageSource } from '../../image/sources.ts';
import { isInside } from '../../store/paths.ts';
import type { AnyCall, Call } from '../call.ts';
import { formatTable } from '../render/table.ts';

const architectures: readonly Architecture[] = ['amd64', 'arm64'];
const qualityMax = 11;

/** `image build`: makes the machine image and prints the directory in which it is. */
export async function build(call: Call<'image build'>): Promise<number> {
  const { arch, output, mirror, locked, quality } = call.options;
  const { facts } = call.io.host;
  const architecture = await architectureOf(call, arch);
  if (quality !== undefined && (quality < 0 || quality > qualityMax)) {
    throw new MachineError('flag-invalid', `invalid value "${quality}" for flag -quality`, {
      why: `It takes a number from 0 to ${qualityMax}.`,
    });
  }
  const securityMirror = call.options['security-mirror'];
  const outputDir =
    output === undefined ? await defaultOutput(call, architecture) : resolve(facts.currentDirectory, output);
  const { buildImage } = await import('../../../iso/build-image.ts');
  const manifest = await buildImage({
    architecture,
    outputDir,
    environment: facts.env,
    rootfsTar: true,
    iso: call.options['no-iso'] !== true,
    onEvent: (event) => {
      // The builder tells often what it does; each time is an occasion to stop it.
      call.session.signal.throwIfAborted();
      call.session.emit(event);
    },
    ...(mirror === undefined ? {} : { mirror }),
    ...(securityMirror === undefined ? {} : { securityMirror }),
    ...(locked === undefined ? {} : { locked }),
    ...(quality === undefined ? {} : { brotliQuality: quality }),
  });
  call.inform(`Built the image ${manifest.version} for ${architecture}.`);
  call.print(outputDir);
  return 0;
}

/** `image lock`: pins the packages that the mirrors have now, for one architecture or for all. */
export async function lock(call: Call<'image lock'>): Promise<number> {
  const { arch } = call.options;
  const chosen = arch === undefined ? architectures : [await architectureOf(call, arch)];
  const { defaultLockFile, renewLock } = await import('../../../iso/lock-image.ts');
  for (const architecture of chosen) {
    call.session.signal.throwIfAborted();
    await renewLock({ architecture, environment: call.io.host.facts.env, onEvent: call.session.emit });
    call.print(defaultLockFile(architecture));
  }
  return 0;
}

/** `image ls`: the images on this computer; the one that the next machine boots is marked. */
export async function list(call: Call<'image ls'>): Promise<number> {
  const { host } = call.io;
  const { storePath } = call.session;
  const { listCachedImages } = await import('../../image/sources.ts');
  const { found: next, exitCode } = await nextImages(call);
  const directories = new Set(next.map(({ directory }) => directory));
  const others = (await listCachedImages(host, storePath)).filter(
    ({ directory }) => !directories.has(directory),
  );
  const rows = [...next, ...others].map(({ directory, kind, manifest }) => ({
    version: manifest.version,
    architecture: manifest.architecture,
    next: directories.has(directory),
    engine: manifest.engineVersion,
    kernel: manifest.kernelRelease,
    digest: manifest.digest,
    kind,
    directory,
  }));
  if (call.options.json === true) {
    call.print(JSON.stringify(rows, undefined, 2));
    return exitCode;
  }
  const cells = rows.map((row) => [
    row.version,
    row.architecture,
    row.next ? '*' : '-',
    row.engine,
    row.kernel,
    row.digest.slice(0, 12),
    row.directory,
  ]);
  const header = ['VERSION', 'ARCH', 'NEXT', 'ENGINE', 'KERNEL', 'DIGEST', 'DIRECTORY'];
  call.print(formatTable([header, ...cells]).join('\n'));
  return exitCode;
}

/** The image of the next machine for each architecture; one that is broken is reported and left out. */
async function nextImages(call: AnyCall): Promise<{ found: readonly ImageSource[]; exitCode: number }> {
  const { findInstalledImage } = await import('../../image/sources.ts');
  const found: ImageSource[] = [];
  let exitCode = 0;
  for (const architecture of architectures) {
    try {
      const source = await findInstalledImage(call.io.host, call.session.storePath, architecture);
      if (source !== undefined) {
        found.push(source);
      }
    } catch (error) {
      exitCode = await call.report(error);
    }
  }
  return { found, exitCode };
}

/** `image prune`: takes images out of the cache that no machine of the store uses, and prints what is gone. */
export async function prune(call: Call<'image prune'>): Promise<number> {
  const { pruneImages } = await import('../../machine/prune-images.ts');
  const removed = await pruneImages(call.session, { all: call.options.all === true });
  if (call.options.json === true) {
    call.print(JSON.stringify(removed, undefined, 2));
    return 0;
  }
  for (const { directory } of removed) {
    call.print(directory);
  }
  const megabytes = Math.round(removed.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0) / 1e6);
  call.inform(
    removed.length === 0
      ? 'The cache holds nothing that is not in use.'
      : `Removed ${removed.length === 1 ? 'one directory' : `${removed.length} directories`}, ${megabytes} MB.`,
  );
  return 0;
}

async function architectureOf(call: AnyCall, word: string | undefined): Promise<Architecture> {
  if (word === undefined) {
    const { hostArchitecture } = await import('../../image/sources.ts');
    return hostArchitecture(call.io.host);
  }
  const found = architectures.find((each) => each === word);
  if (found === undefined) {
    throw new MachineError('flag-invalid', `invalid value ${JSON.stringify(word)} for flag -arch`, {
      why: `It takes: ${architectures.join(', ')}.`,
    });
  }
  return found;
}

async function defaultOutput(call: AnyCall, architecture: Architecture): Promise<string> {
  const { host } = call.io;
  const { storePath } = call.session;
  const { builtImageDirectory } = await import('../../image/sources.ts');
  const directory = await builtImageDirectory(host, storePath, architecture);
  if (isInside(storePath, directory)) {
    // The builder makes directories that everybody may read, and directories of the store are not.
    await host.files.makeDirectory(dirname(directory), 0o700);
  }
  return directory;
}
