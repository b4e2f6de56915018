import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { get } from 'node:https';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import type { Outcome } from '../../support/cli.ts';
import type { CompatibleStore } from '../../support/compatible.ts';
import { makeClientWorld } from './machine-with-engine.ts';

// The calls of GitLab Runner 19.4 (helpers/docker/machine_command.go, executors/docker/machine), in its order and with its
// reading of the results. It logs every line of stdout as information and every line of stderr as an error.

/** As `<prefix of the runner>-<MachineName % time and random>`. */
const name = 'runner-t3xyzabc1-auto-scale-1751630000-1f2e3d4c';

/** What the Runner does with the program. */
interface Runner {
  call(...args: readonly string[]): Promise<Outcome>;
  /** Directories that do not begin with a dot, read without a process. */
  list(): string[];
  exists(machine: string): Promise<boolean>;
  canConnect(machine: string): Promise<boolean>;
  credentials(machine: string): Promise<Credentials>;
}

interface Credentials {
  readonly host: string;
  readonly certPath: string;
}

function runnerOn(store: CompatibleStore): Runner {
  const machines = path.join(store.path, 'machines');
  const call = (...args: readonly string[]): Promise<Outcome> =>
    store.dockerMachine(['--bugsnag-api-token=no-report', ...args]);
  const isFine = async (...args: readonly string[]): Promise<boolean> => (await call(...args)).code === 0;
  const needed = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await call(...args);
    const text = stdout.trim();
    if (code !== 0 || text === '') {
      throw new Error(`${args.join(' ')}: ${String(code)} "${text}" ${stderr}`);
    }
    return text;
  };
  return {
    call,
    list: () => readdirSync(machines).filter((each) => !each.startsWith('.')),
    exists: async (machine) =>
      existsSync(path.join(machines, machine, 'config.json')) && isFine('inspect', machine),
    canConnect: (machine) => isFine('config', machine),
    credentials: async (machine) => {
      if (!(await isFine('config', machine))) {
        throw new Error("Can't connect");
      }
      const host = await needed('url', machine);
      const certPath = await needed('inspect', machine, '-f', '{{.HostOptions.AuthOptions.StorePath}}');
      return { host, certPath };
    },
  };
}

/** The Docker client of the Runner: the three files of the folder, and the URL. */
function ping({ host, certPath }: Credentials): Promise<string> {
  const [ca, cert, key] = ['ca.pem', 'cert.pem', 'key.pem'].map((file) =>
    readFileSync(path.join(certPath, file)),
  );
  return new Promise((resolve, reject) => {
    get(`${host.replace('tcp:', 'https:')}/_ping`, { ca, cert, key, agent: false }, (response) => {
      response.setEncoding('utf8').on('data', resolve);
    }).on('error', reject);
  });
}

function requireQuiet(t: ExecutionContext, { code, stderr }: Outcome): void {
  t.deepEqual({ code, stderr }, { code: 0, stderr: '' });
}

test('a machine from its creation through a job to its removal', async (t) => {
  const { store, engine } = await makeClientWorld(t);
  const runner = runnerOn(store);

  t.false(await runner.exists(name));
  const created = await runner.call(
    ...['create', '--driver', 'none', `--url=${engine.url}`],
    ...['--engine-registry-mirror=http://10.11.12.13:12345', `--engine-label=name=${name}`, name],
  );
  requireQuiet(t, created);
  t.not(created.stdout, '');
  t.deepEqual(runner.list(), [name]);
  t.true(await runner.exists(name));

  // Idle machines are asked for, then a job comes: it bypasses what was remembered.
  t.true(await runner.canConnect(name));
  t.true(await runner.canConnect(name));
  const credentials = await runner.credentials(name);
  t.is(credentials.host, engine.url);
  t.is(credentials.certPath, path.join(store.path, 'machines', name));
  t.is(await ping(credentials), 'OK');

  // For its metrics it reads the record itself.
  const record = JSON.parse(readFileSync(path.join(credentials.certPath, 'config.json'), 'utf8')) as {
    readonly DriverName: string;
    readonly Driver: object;
  };
  t.is(record.DriverName, 'none');
  t.is(typeof record.Driver, 'object');

  // The result of stop is only logged. A machine of this driver has nothing that could be stopped.
  t.is((await runner.call('stop', name)).code, 1);
  t.true(await runner.canConnect(name));
  requireQuiet(t, await runner.call('rm', '-y', name));
  t.false(await runner.exists(name));
  t.deepEqual(readdirSync(path.join(store.path, 'machines')), []);

  // A removal that is tried again fails until the Runner gives up, which cannot fail.
  t.is((await runner.call('rm', '-y', name)).code, 1);
  t.is((await runner.call('rm', '-f', name)).code, 0);
});

test('config tells the truth: an engine that is gone, or does not accept us, is no connection', async (t) => {
  const { store, engine } = await makeClientWorld(t);
  const runner = runnerOn(store);
  requireQuiet(t, await runner.call('create', '--driver', 'none', `--url=${engine.url}`, name));
  t.true(await runner.canConnect(name));
  const asked = engine.requests.length;
  t.true(asked > 0, 'the engine was really asked');

  const { store: stranger } = await makeClientWorld(t);
  requireQuiet(t, await runnerOn(stranger).call('create', '--driver', 'none', `--url=${engine.url}`, name));
  t.false(await runnerOn(stranger).canConnect(name), 'a client of another CA');

  await engine.close();
  t.false(await runner.canConnect(name));
  await t.throwsAsync(runner.credentials(name), { message: "Can't connect" });
  t.true(await runner.exists(name), 'it is still there to be removed');
  requireQuiet(t, await runner.call('rm', '-y', name));
});
