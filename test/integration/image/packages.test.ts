import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import { packImage, packageVersion } from '../../../scripts/image-package.ts';
import { findProgram, projectRoot, run, type Outcome } from '../../support/cli.ts';
import { tinyImage, withChangedByte, type TinyImage } from '../../unit/image/tiny-image.ts';

const npm = findProgram('npm');
const architecture = process.arch === 'arm64' ? 'arm64' : 'amd64';
/** What a package holds besides what boots. */
const companions = new Map([
  ['sbom.cdx.json', Buffer.from('{}\n')],
  ['licences.tar', Buffer.alloc(1024)],
]);
const tiny = tinyImage({
  architecture,
  alter: (files) => [
    ...files,
    ...[...companions].map(([name, data]) => ({
      name,
      size: data.length,
      sha256: createHash('sha256').update(data).digest('hex'),
    })),
  ],
});
const image: TinyImage = { ...tiny, built: new Map([...tiny.built, ...companions]) };

async function folderFor(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(path.join(tmpdir(), 'tsmachine-packages-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

async function writeFiles(directory: string, files: ReadonlyMap<string, Uint8Array>): Promise<string> {
  await mkdir(directory, { recursive: true });
  for (const [name, data] of files) {
    await writeFile(path.join(directory, name), data);
  }
  return directory;
}

interface PackReport {
  readonly filename: string;
  readonly files: readonly { readonly path: string }[];
}

/** Runs `npm pack` on the checkout. */
async function packProgram(npmProgram: string, folder: string): Promise<PackReport> {
  const args = ['pack', projectRoot, '--json', '--ignore-scripts', '--pack-destination', folder];
  const { code, stdout, stderr } = await run(npmProgram, args);
  if (code !== 0) {
    throw new Error(stderr);
  }
  const answer = JSON.parse(stdout) as readonly PackReport[] | Readonly<Record<string, PackReport>>;
  const [report] = Object.values(answer);
  if (report === undefined) {
    throw new Error(`npm pack said nothing: ${stdout}`);
  }
  return report;
}

/** Installs both packages, from npm's own cache or, when that lacks something, as npm would have done it. */
async function install(
  t: ExecutionContext,
  npmProgram: string,
  tarballs: readonly string[],
): Promise<string> {
  const app = path.join(path.dirname(tarballs[0] ?? ''), 'app');
  await mkdir(app);
  await writeFile(path.join(app, 'package.json'), '{"private": true}\n');
  const flags = ['--offline', '--ignore-scripts', '--no-audit', '--no-fund', '--no-package-lock'];
  const installed = await run(npmProgram, ['install', '--prefix', app, ...flags, ...tarballs]);
  const modules = path.join(app, 'node_modules');
  if (installed.code === 0) {
    return modules;
  }
  t.log('npm has not everything in its cache; the packages are unpacked by hand');
  await rm(modules, { recursive: true, force: true });
  for (const [name, tarball] of [
    ['tsmachine', tarballs[0] ?? ''],
    [`@tsmachine/image-${architecture}`, tarballs[1] ?? ''],
  ] as const) {
    const target = path.join(modules, name);
    await mkdir(target, { recursive: true });
    const unpacked = await run('tar', ['-xzf', tarball, '-C', target, '--strip-components=1']);
    t.is(unpacked.code, 0, unpacked.stderr);
  }
  for (const name of await readdir(path.join(projectRoot, 'node_modules'))) {
    if (!name.startsWith('.') && name !== '@tsmachine') {
      await symlink(path.join(projectRoot, 'node_modules', name), path.join(modules, name));
    }
  }
  return modules;
}

test('the package of the program holds what it needs, and nothing else', async (t) => {
  if (npm === undefined) {
    t.log('skipped: needs npm');
    t.pass();
    return;
  }
  const { files } = await packProgram(npm, await folderFor(t));
  const names = new Set(files.map((file) => file.path));
  for (const name of [
    'bin/tsmachine.js',
    'dist/src/cli/main.js',
    'dist/src/index.js',
    'dist/src/index.d.ts',
    'dist/iso/build-image.js',
    'LICENSE',
    'README.md',
  ]) {
    t.true(names.has(name), name);
  }
  // Whatever the builder reads at run time.
  for (const folder of ['initramfs', 'keys', 'lock', 'rootfs']) {
    const found = await readdir(path.join(projectRoot, 'iso', folder), {
      recursive: true,
      withFileTypes: true,
    });
    for (const entry of found.filter((each) => !each.isDirectory())) {
      const name = path.relative(projectRoot, path.join(entry.parentPath, entry.name)).replaceAll('\\', '/');
      t.true(entry.isFile(), `npm does not pack what is no plain file: ${name}`);
      t.true(names.has(name), name);
    }
  }
  t.deepEqual(
    [...names].filter((name) =>
      /^(?:build|test|scripts|bench|src|node_modules|dist\/(?:test|scripts|bench))\//.test(name),
    ),
    [],
  );
  const { scripts } = JSON.parse(await readFile(path.join(projectRoot, 'package.json'), 'utf8')) as {
    scripts: Readonly<Record<string, string>>;
  };
  for (const name of ['preinstall', 'install', 'postinstall', 'prepare']) {
    t.is(scripts[name], undefined, `${name} would run when somebody installs the package`);
  }
});

test('both packages work when they are installed together', async (t) => {
  if (npm === undefined) {
    t.log('skipped: needs npm');
    t.pass();
    return;
  }
  t.timeout(300_000);
  const folder = await folderFor(t);
  const program = path.join(folder, (await packProgram(npm, folder)).filename);
  const built = await writeFiles(path.join(folder, 'built'), image.built);
  const packed = await packImage({ imageDirectory: built, outputDirectory: folder, revision: 3 });
  const modules = await install(t, npm, [program, packed.file]);
  const storePath = path.join(folder, 'store');
  const tsmachine = async (...args: readonly string[]): Promise<Outcome> =>
    run(process.execPath, [path.join(modules, 'tsmachine', 'bin', 'tsmachine.js'), ...args], {
      env: { MACHINE_STORAGE_PATH: storePath },
    });

  const listed = await tsmachine('image', 'ls', '--json');
  t.is(listed.code, 0, listed.stderr);
  const directory = path.join(modules, '@tsmachine', `image-${architecture}`);
  const rows = JSON.parse(listed.stdout) as readonly Readonly<Record<string, unknown>>[];
  t.like(rows[0], { kind: 'package', directory, digest: image.manifest.digest, next: true });
  t.is(rows.length, 1);

  const planned = await tsmachine('create', '--driver', 'qemu', '--plan', 'one');
  t.is(planned.code, 0, planned.stderr);
  t.regex(planned.stdout, /image/);

  // What a create would do first, with the code of the installed package.
  const code = `
    const from = (name) => import(new URL(name, ${JSON.stringify(pathToFileURL(path.join(modules, 'tsmachine', 'dist', 'src', '/')).href)}).href);
    const { createHost } = await from('host/real.js');
    const { locateImage } = await from('image/locate.js');
    const options = { storePath: ${JSON.stringify(storePath)}, signal: new AbortController().signal, emit: () => undefined };
    console.log((await locateImage(createHost(), undefined, options)).rootPath);`;
  const located = await run(process.execPath, ['--input-type=module', '--eval', code]);
  t.is(located.code, 0, located.stderr);
  t.deepEqual(await readFile(located.stdout.trim()), image.boot.get('root.erofs'));

  // The same image from the cache alone, and from the build directory of a checkout before all others.
  await rm(directory, { recursive: true });
  const cached = JSON.parse((await tsmachine('image', 'ls', '--json')).stdout) as typeof rows;
  t.like(cached[0], { kind: 'cache', digest: image.manifest.digest, next: true });
  await cp(built, path.join(modules, 'tsmachine', 'build', 'image', architecture), { recursive: true });
  const checkout = JSON.parse((await tsmachine('image', 'ls', '--json')).stdout) as typeof rows;
  t.like(checkout[0], { kind: 'checkout', digest: image.manifest.digest, next: true });
  t.is(checkout.length, 2);
});

test('the package of an image holds what is sent, and the same bytes every time', async (t) => {
  const folder = await folderFor(t);
  const imageDirectory = await writeFiles(path.join(folder, 'built'), image.built);
  const packed = await packImage({ imageDirectory, outputDirectory: path.join(folder, 'a'), revision: 0 });
  const again = await packImage({ imageDirectory, outputDirectory: path.join(folder, 'b'), revision: 0 });
  t.true((await readFile(packed.file)).equals(await readFile(again.file)));
  t.is(packed.version, '2026.1118.0');
  t.is(path.basename(packed.file), `tsmachine-image-${architecture}-2026.1118.0.tgz`);
  const unpacked = path.join(folder, 'unpacked');
  await mkdir(unpacked);
  t.is((await run('tar', ['-xzf', packed.file, '-C', unpacked])).code, 0);
  t.deepEqual(
    (await readdir(path.join(unpacked, 'package'))).sort(),
    [...image.sent.keys(), ...companions.keys(), 'README.md', 'package.json'].sort(),
  );
  const content = JSON.parse(
    await readFile(path.join(unpacked, 'package', 'package.json'), 'utf8'),
  ) as Readonly<Record<string, unknown>>;
  t.like(content, { name: `@tsmachine/image-${architecture}`, version: '2026.1118.0' });
  for (const name of ['scripts', 'os', 'cpu', 'dependencies']) {
    t.is(content[name], undefined, name);
  }
});

test('the command says what it wrote, and refuses an image that is not what its manifest says', async (t) => {
  const folder = await folderFor(t);
  const from = await writeFiles(path.join(folder, 'built'), image.built);
  const script = path.join(projectRoot, 'dist', 'scripts', 'pack-image.js');
  const pack = async (): Promise<Outcome> =>
    run(process.execPath, [script, '--from', from, '--output', path.join(folder, 'out'), '--revision', '2']);
  const done = await pack();
  t.is(done.code, 0, done.stderr);
  t.is(done.stdout.trim(), path.join(folder, 'out', `tsmachine-image-${architecture}-2026.1118.2.tgz`));
  const packedRoot = image.built.get('root.erofs.br') ?? Buffer.alloc(0);
  await writeFile(path.join(from, 'root.erofs.br'), withChangedByte(packedRoot));
  const refused = await pack();
  t.is(refused.code, 1);
  t.regex(refused.stderr, /root\.erofs\.br is not the file/);
});

test('an image without its licences, or that was not compressed, is not packed', async (t) => {
  const folder = await folderFor(t);
  const bare = tinyImage({ architecture });
  const plain = tinyImage({
    architecture,
    alter: (files) => files.map(({ name, size, sha256 }) => ({ name, size, sha256 })),
  });
  for (const [index, one] of [bare, plain].entries()) {
    const imageDirectory = await writeFiles(path.join(folder, String(index)), one.built);
    const packing = packImage({ imageDirectory, outputDirectory: path.join(folder, 'out'), revision: 0 });
    await t.throwsAsync(packing, { code: 'image-invalid' });
  }
});

test('the version of a package sorts like its day', (t) => {
  t.is(packageVersion('20260105-26.1.5', 0), '2026.105.0');
  t.is(packageVersion('20261231-27.0.0', 12), '2026.1231.12');
  for (const [version, revision] of [
    ['26.1.5', 0],
    ['20261231-27.0.0', -1],
    ['20261231-27.0.0', NaN],
  ] as const) {
    t.throws(() => packageVersion(version, revision), { code: 'image-invalid' });
  }
});
