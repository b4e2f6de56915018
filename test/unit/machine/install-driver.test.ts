import test from 'ava';
import { isMachineError } from '../../../src/core/errors.ts';
import { readDriverSource } from '../../../src/machine/driver-source.ts';
import { installDriver } from '../../../src/machine/install-driver.ts';
import { removeDriver } from '../../../src/machine/remove-driver.ts';
import type { ProcessCall } from '../../fakes/scripted-processes.ts';
import { driversPath, exampleManifest, exampleModule } from '../drivers/npm/packages.ts';
import { openTestSession, storePath, type TestSession } from './support.ts';

const packageName = 'tsmachine-driver-example';
const options = { package: packageName, reservedFlags: ['driver', 'd'], onCommand: () => undefined };

interface Published {
  readonly name?: string;
  readonly version?: string;
  readonly tsmachine?: unknown;
  readonly module?: unknown;
}

/** A computer on which npm installs this package, whatever it is asked for. */
function openWithNpm(published: Published = {}): TestSession {
  const session = openTestSession();
  session.host.processes.answer('npm', (call) => {
    putPackage(session, call, published);
    return {};
  });
  return session;
}

function putPackage(
  { host }: TestSession,
  { args, options: { cwd = '' } }: ProcessCall,
  published: Published,
): void {
  if (args[0] === 'pack') {
    host.files.put(`${cwd}/package-of-it.tgz`, 'archive');
    return;
  }
  const { name = packageName, version = '1.0.0' } = published;
  const { tsmachine = { driver: 'example', title: 'An example', apiVersion: 1 } } = published;
  host.files.put(`${cwd}/package.json`, JSON.stringify({ dependencies: { [name]: version } }));
  host.files.put(`${cwd}/node_modules/${name}/package.json`, JSON.stringify({ name, version, tsmachine }));
  host.modules.set(`${cwd}/entry.mjs`, published.module ?? exampleModule());
}

/** What is in the directory of drivers, but for the program's own package. */
async function present({ host }: TestSession): Promise<readonly string[]> {
  const entries = await host.files.list(driversPath).catch(() => []);
  return entries
    .map(({ name }) => name)
    .filter((name) => name !== 'node_modules')
    .sort();
}

test('a package is installed without running its scripts, tried, and put in its place', async (t) => {
  const session = openWithNpm();
  const commands: string[] = [];
  const installation = await installDriver(session, {
    ...options,
    onCommand: (command) => commands.push(command.join(' ')),
  });
  t.like(installation, { driver: 'example', version: '1.0.0', from: packageName });
  t.deepEqual(await present(session), ['example']);
  const [args = []] = session.host.processes.argumentsOf('npm');
  t.true(args.includes('--ignore-scripts'));
  t.deepEqual(args.slice(-2), ['--', packageName]);
  t.deepEqual(commands, [`npm ${args.join(' ')}`]);
  const directory = `${driversPath}/example`;
  t.is(
    await session.host.files.readText(`${directory}/entry.mjs`),
    `export { default } from "${packageName}";\n`,
  );
});

test('a directory is packed first, so that its integrity is pinned', async (t) => {
  const session = openWithNpm();
  session.host.files.put('/home/it/driver/package.json', '{}');
  const { from } = await installDriver(session, { ...options, package: '/home/it/driver' });
  t.is(from, '/home/it/driver');
  const calls = session.host.processes.argumentsOf('npm');
  t.deepEqual(
    calls.map((args) => [args[0], args.at(-1)]),
    [
      ['pack', '/home/it/driver'],
      ['install', './package-of-it.tgz'],
    ],
  );
});

const refused: readonly (readonly [string, Published, RegExp])[] = [
  ['no driver', { tsmachine: null }, /no key "tsmachine"/],
  ['another name', { tsmachine: { driver: 'other', title: 'x', apiVersion: 1 } }, /not "example"/],
  ['another contract', { tsmachine: { driver: 'example', title: 'x', apiVersion: 2 } }, /version 2/],
  [
    'a built-in name',
    { name: 'tsmachine-driver-qemu', tsmachine: { driver: 'qemu', title: 'x', apiVersion: 1 } },
    /"qemu" is built in/,
  ],
  ['code that fails', { module: new Error('boom') }, /boom/],
  [
    'a flag that every driver has',
    {
      module: exampleModule({
        manifest: exampleManifest({ flags: [{ name: 'driver', type: 'string', env: 'X', help: 'x' }] }),
      }),
    },
    /--driver is one that every driver has/,
  ],
];

for (const [what, published, why] of refused) {
  test(`a package with ${what} is refused and nothing of it stays`, async (t) => {
    const session = openWithNpm(published);
    const error = await t.throwsAsync(installDriver(session, options));
    t.true(isMachineError(error) && error.code === 'driver-invalid', String(error));
    t.regex((isMachineError(error) && error.why) || '', why);
    t.deepEqual(await present(session), []);
  });
}

test('a version that does not work leaves the one before in its place', async (t) => {
  const session = openWithNpm();
  await installDriver(session, options);
  session.host.processes.answer('npm', (call) => {
    putPackage(session, call, { version: '2.0.0', module: new Error('boom') });
    return {};
  });
  await t.throwsAsync(installDriver(session, options));
  const text = await session.host.files.readText(`${driversPath}/example/driver.json`);
  t.is((JSON.parse(text) as { version: string }).version, '1.0.0');
  session.host.processes.answer('npm', (call) => {
    putPackage(session, call, { version: '3.0.0' });
    return {};
  });
  t.is((await installDriver(session, options)).version, '3.0.0');
  t.deepEqual(await present(session), ['example']);
});

test('another package does not take the place of a driver', async (t) => {
  const session = openWithNpm();
  await installDriver(session, options);
  session.host.processes.answer('npm', (call) => {
    putPackage(session, call, { name: `@other/${packageName}` });
    return {};
  });
  t.like(await t.throwsAsync(installDriver(session, options)), {
    why: `there is a driver "example" from the package ${packageName}`,
  });
});

test("npm's reason is the reason", async (t) => {
  const session = openTestSession();
  session.host.processes.answer('npm', {
    exitCode: 1,
    stderr:
      'npm error code E404\nnpm error 404 Not Found - GET x\nnpm error A complete log of this run can be found in: y\n',
  });
  const error = await t.throwsAsync(installDriver(session, options));
  t.like(error, { code: 'program-failed', why: '404 Not Found - GET x' });
  t.deepEqual(await present(session), []);
});

test('what a killed install left goes with the next', async (t) => {
  const session = openWithNpm();
  session.host.files.put(`${driversPath}/.added-0123/package.json`, '{}');
  await session.host.files.chmod(driversPath, 0o700);
  await installDriver(session, options);
  t.deepEqual(await present(session), ['example']);
});

test('only names of packages, directories and archives are taken', async (t) => {
  const { host } = openTestSession();
  host.files.put('/home/ann/d/package.json', '{}');
  host.files.put('/home/ann/a.tgz', '');
  host.files.put('/home/ann/a.zip', '');
  t.deepEqual(await readDriverSource(host, '@a/tsmachine-driver-x@^1.2'), {
    kind: 'registry',
    spec: '@a/tsmachine-driver-x@^1.2',
  });
  t.deepEqual(await readDriverSource(host, 'd'), { kind: 'directory', spec: '/home/ann/d' });
  t.deepEqual(await readDriverSource(host, './a.tgz'), { kind: 'archive', spec: '/home/ann/a.tgz' });
  for (const word of [
    '',
    'example',
    'a.zip',
    '--prefix=/',
    'git+ssh://host/tsmachine-driver-x',
    'tsmachine-driver-x@git://host/x',
    'tsmachine-driver-x@npm:other',
    'tsmachine-driver-x@file:../x',
    './nowhere',
  ]) {
    await t.throwsAsync(readDriverSource(host, word), { message: /is not the package of a driver/ }, word);
  }
});

test('a driver with machines is removed only by force', async (t) => {
  const session = openWithNpm();
  await installDriver(session, options);
  session.host.files.put(`${storePath}/machines/one/config.json`, '{ "DriverName": "example" }');
  session.host.files.put(`${storePath}/machines/two/config.json`, '{ "DriverName": "qemu" }');
  session.host.files.put(`${storePath}/machines/bad/config.json`, '{');
  const error = await t.throwsAsync(removeDriver(session, 'example', { force: false }));
  t.like(error, { code: 'driver-in-use', facts: { machines: ['one'] } });
  t.deepEqual(await present(session), ['example']);
  await removeDriver(session, 'example', { force: true });
  t.deepEqual(await present(session), []);
});

test('what is not installed cannot be removed', async (t) => {
  const session = openTestSession();
  for (const name of ['qemu', 'nosuch', '../x', '']) {
    t.like(await t.throwsAsync(removeDriver(session, name, { force: true })), { code: 'driver-unknown' });
  }
});
