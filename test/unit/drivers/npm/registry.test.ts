import test, { type ExecutionContext } from 'ava';
import { isMachineError, MachineError } from '../../../../src/core/errors.ts';
import type { DriverContext } from '../../../../src/drivers/driver.ts';
import { listAllDrivers, listDrivers } from '../../../../src/drivers/list.ts';
import { loadDriver, loadManifest } from '../../../../src/drivers/registry.ts';
import { openTestSession, type TestSession } from '../../machine/support.ts';
import {
  driversPath,
  exampleInstallation,
  exampleManifest,
  exampleModule,
  installedTree,
} from './packages.ts';

const entry = `${driversPath}/example/entry.mjs`;

function openWith(module: unknown, tree: Readonly<Record<string, string>> = installedTree()): TestSession {
  const session = openTestSession({ tree });
  if (module !== undefined) {
    session.host.modules.set(entry, module);
  }
  return session;
}

async function refusal(t: ExecutionContext, session: TestSession): Promise<string> {
  const error = await t.throwsAsync(loadDriver('example', session));
  t.true(isMachineError(error) && error.code === 'driver-invalid', String(error));
  return `${error.message} ${isMachineError(error) ? (error.why ?? '') : ''}`;
}

test('an installed driver is found by its name; its manifest needs no import', async (t) => {
  const session = openWith(undefined);
  t.deepEqual(await loadManifest('example', session), exampleManifest());
  session.host.modules.set(entry, exampleModule());
  const driver = await loadDriver('example', session);
  t.deepEqual(driver.manifest, exampleManifest());
  t.is(typeof driver.start, 'function');
});

test('a driver is given this very program when it imports tsmachine', async (t) => {
  const session = openWith(exampleModule());
  await loadDriver('example', session);
  const own = `${driversPath}/node_modules/tsmachine`;
  t.is(
    await session.host.files.readText(`${own}/driver.js`),
    'export * from "file:///opt/tsmachine/dist/src/drivers/author.js";\n',
  );
  t.true((await session.host.files.readText(`${own}/package.json`)).includes('"./driver": "./driver.js"'));
  // Another copy of the program has written it in the meantime.
  session.host.files.put(`${own}/package.json`, '{}');
  session.host.files.put(`${own}/driver.js`, 'export * from "file:///gone.js";\n');
  await loadDriver('example', session);
  t.true((await session.host.files.readText(`${own}/driver.js`)).includes('/opt/tsmachine/'));
});

test('packages that are broken or do not fit are clear errors', async (t) => {
  t.regex(
    await refusal(t, openWith(undefined)),
    /tsmachine-driver-example 1\.2\.3 cannot be loaded.*Cannot find/,
  );
  t.regex(await refusal(t, openWith(new Error('boom'))), /cannot be loaded\. boom/);
  t.regex(await refusal(t, openWith({})), /default export/);
  t.regex(await refusal(t, openWith(exampleModule({ stop: undefined }))), /no function stop/);
  t.regex(await refusal(t, openWith(exampleModule({ logs: [] }))), /no function logs/);
  t.regex(
    await refusal(t, openWith(exampleModule({ manifest: exampleManifest({ name: 'other' }) }))),
    /calls itself "other"/,
  );
  const older = installedTree(exampleInstallation({ apiVersion: 7 }));
  t.regex(await refusal(t, openWith(exampleModule(), older)), /version 7 of the interface/);
  t.regex(
    await refusal(t, openWith(exampleModule(), { [`${driversPath}/example/driver.json`]: '{' })),
    /no JSON/,
  );
});

test('nothing is run from a directory that others can write to', async (t) => {
  const session = openWith(exampleModule());
  await session.host.files.chmod(driversPath, 0o777);
  await t.throwsAsync(loadDriver('example', session), { message: /Other users can change/ });
});

test('an installed driver never takes the place of one that is built in', async (t) => {
  const shadow = exampleInstallation({ driver: 'none', manifest: exampleManifest({ name: 'none' }) });
  const session = openWith(undefined, installedTree(shadow));
  t.is((await loadManifest('none', session)).flags[0]?.name, 'url');
  const rows = await listDrivers(session);
  t.regex(rows.find(({ kind }) => kind === 'npm')?.problem ?? '', /built-in/);
});

test('the list names every kind, imports nothing, and one that is broken is a row that says why', async (t) => {
  const session = openTestSession({
    env: { PATH: '/opt/bin:relative:/usr/bin' },
    tree: {
      ...installedTree(),
      [`${driversPath}/broken/driver.json`]: '[]',
      [`${driversPath}/README`]: '',
      '/opt/tsmachine/package.json': '{ "version": "9.8.7" }',
      '/opt/bin/docker-machine-driver-kvm': '',
      '/opt/bin/docker-machine-driver-text': '',
      '/opt/bin/docker-machine-driver-example': '',
      '/usr/bin/docker-machine-driver-kvm': '',
    },
  });
  for (const name of ['kvm', 'example']) {
    await session.host.files.chmod(`/opt/bin/docker-machine-driver-${name}`, 0o755);
  }
  const rows = await listAllDrivers(session);
  t.deepEqual(
    rows.map(({ name, kind, version }) => `${kind} ${name} ${version}`),
    [
      'built-in amazonec2 9.8.7',
      'built-in azure 9.8.7',
      'built-in digitalocean 9.8.7',
      'built-in generic 9.8.7',
      'built-in google 9.8.7',
      'built-in hetzner 9.8.7',
      'built-in hyperv 9.8.7',
      'built-in libvirt 9.8.7',
      'built-in none 9.8.7',
      'built-in openstack 9.8.7',
      'built-in qemu 9.8.7',
      'built-in virtualbox 9.8.7',
      'built-in vz 9.8.7',
      'npm broken ',
      'npm example 1.2.3',
      'docker-machine example ',
      'docker-machine kvm ',
    ],
  );
  const [broken, example] = rows.filter(({ kind }) => kind === 'npm');
  t.regex(broken?.problem ?? '', /no JSON object/);
  t.is(example?.problem, undefined);
  t.is(example?.from, 'tsmachine-driver-example@1');
  const [shadowed, kvm] = rows.filter(({ kind }) => kind === 'docker-machine');
  t.regex(shadowed?.problem ?? '', /not used/);
  t.is(kvm?.from, '/opt/bin/docker-machine-driver-kvm');
  t.deepEqual(session.host.processes.calls, []);
});

test('an error that a package did not foresee names the package; errors of ours and an abort stay as they are', async (t) => {
  const abort = new AbortController();
  const step = { name: 'a', summary: 'A', run: () => Promise.reject(new TypeError('x is undefined')) };
  const session = openWith(
    exampleModule({
      configure: () => {
        throw new TypeError('y is undefined');
      },
      readConfig: () => {
        throw new MachineError('record-invalid', 'no size');
      },
      steps: () => [step],
      start: async () => {
        throw abort.signal.reason as Error;
      },
    }),
  );
  const driver = await loadDriver('example', session);
  const context = { signal: abort.signal } as DriverContext<unknown>;
  t.like(
    t.throws(() => driver.configure({})),
    { code: 'driver-failed', message: 'The driver "example" failed: y is undefined' },
  );
  t.like(
    t.throws(() => driver.readConfig({})),
    { code: 'record-invalid', message: 'no size' },
  );
  const [guarded] = driver.steps(context);
  t.like(await t.throwsAsync(async () => guarded?.run()), { code: 'driver-failed' });
  t.false(guarded !== undefined && 'undo' in guarded);
  abort.abort(new Error('enough'));
  await t.throwsAsync(driver.start(context), { message: 'enough' });
});
