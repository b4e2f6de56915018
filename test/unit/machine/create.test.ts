import test from 'ava';
import { createMachine, planCreate, resumeCreate } from '../../../src/machine/create.ts';
import { listMachines, listNames } from '../../../src/machine/list.ts';
import { probeMachine } from '../../../src/machine/probe.ts';
import { removeMachine } from '../../../src/machine/remove.ts';
import { noneRequest, openTestSession, storePath } from './support.ts';

const directory = `${storePath}/machines/m`;

test('a plan changes nothing', async (t) => {
  const session = openTestSession();
  const steps = await planCreate(session, noneRequest('m'));
  t.deepEqual(
    steps.map(({ name }) => name),
    ['reserve', 'certificates', 'finish'],
  );
  t.deepEqual(session.host.files.writes, []);
});

test('create makes record, sidecar, journal and the client files', async (t) => {
  const session = openTestSession();
  await createMachine(session, noneRequest('m', { tlsSans: ['build.example'] }));
  const { files } = session.host;
  for (const name of ['config.json', 'tsmachine.json', 'journal.jsonl', 'ca.pem', 'cert.pem', 'key.pem']) {
    t.truthy(files.text(`${directory}/${name}`), name);
  }
  t.regex(files.text(`${directory}/tsmachine.json`) ?? '', /"phase": "ready"/);
  t.regex(files.text(`${directory}/config.json`) ?? '', /"ServerCertSANs": \[\s+"build\.example"/);
  t.is((await probeMachine(session, 'm')).status.engineUrl, 'tcp://127.0.0.1:1');
  t.deepEqual(await listNames(session), ['m']);
});

test('a name that is taken, also in another case, is refused and nothing changes', async (t) => {
  const session = openTestSession();
  session.host.files.put(`${storePath}/machines/Twin/config.json`, '{}');
  await t.throwsAsync(createMachine(session, noneRequest('twin')), { code: 'machine-exists' });
  t.deepEqual(await listNames(session), ['Twin']);
});

for (const name of ['..', 'a/b', '-rf', 'con', 'a\nb', '$(id)', 'x'.repeat(64), '', 'a..']) {
  test(`the name ${JSON.stringify(name)} is refused before any file is touched`, async (t) => {
    const session = openTestSession();
    await t.throwsAsync(createMachine(session, noneRequest(name)), { code: 'name-invalid' });
    if (!/^[a-zA-Z]+$/.test(name) || name === 'con') {
      await t.throwsAsync(removeMachine(session, name, { force: true }), { code: 'name-invalid' });
    }
    t.deepEqual(session.host.files.writes, []);
  });
}

test('engine values that no argument list survives are refused before anything is made', async (t) => {
  const session = openTestSession();
  const engine = { ...noneRequest('m').engine, labels: ['a=b\nc'] };
  await t.throwsAsync(createMachine(session, noneRequest('m', { engine })), { code: 'flag-invalid' });
  const env = { ...noneRequest('m').engine, env: ['no assignment'] };
  await t.throwsAsync(createMachine(session, noneRequest('m', { engine: env })), { code: 'flag-invalid' });
  t.deepEqual(session.host.files.writes, []);
});

// A full disk fails what needs room; a removal or rename does not.
for (const operation of ['writeAtomic', 'writeNew', 'appendDurable', 'makeDirectory'] as const) {
  test(`${operation} fails for want of space: the error names a path, and resume, rm or a new create works`, async (t) => {
    let failures = 0;
    for (let nth = 1; nth < 100; nth += 1) {
      const session = openTestSession();
      session.host.files.inject({ operation, nth, code: 'ENOSPC' });
      const error = await createMachine(session, noneRequest('m')).then(
        () => undefined,
        (thrown: unknown) => thrown as Error,
      );
      if (error === undefined) {
        break;
      }
      failures += 1;
      t.regex(error.message, /\/home\/user\//, `write ${nth}`);
      if ((await listNames(session)).length > 0) {
        await resumeCreate(session, 'm', {}).catch((again: unknown) => {
          t.regex((again as Error).message, /is complete/, `write ${nth}`);
        });
        await removeMachine(session, 'm', { force: false });
      } else {
        await createMachine(session, noneRequest('m'));
      }
    }
    t.true(failures > 0);
  });
}

test('an interrupt during create rolls back; --on-error keep keeps', async (t) => {
  for (const onError of [undefined, 'keep'] as const) {
    const session = openTestSession();
    const interrupted = {
      ...session,
      emit: (event: { type: string }) => {
        if (event.type === 'step-begin') {
          session.abort.abort(new Error('interrupted'));
        }
      },
    };
    const request = noneRequest('m', onError === undefined ? {} : { onError });
    await t.throwsAsync(createMachine(interrupted, request));
    t.deepEqual(await listNames(session), onError === 'keep' ? ['m'] : []);
  }
});

test('rm: not found is an error, with force it is not; a broken record needs force and leaves a note', async (t) => {
  const session = openTestSession();
  await t.throwsAsync(removeMachine(session, 'm', { force: false }), { code: 'machine-not-found' });
  await t.notThrowsAsync(removeMachine(session, 'm', { force: true }));

  session.host.files.put(`${directory}/config.json`, '{"ConfigVersion": 99}');
  await t.throwsAsync(removeMachine(session, 'm', { force: false }), { code: 'record-from-future' });
  t.deepEqual(await listNames(session), ['m']);
  await removeMachine(session, 'm', { force: true });
  t.deepEqual(await listNames(session), []);
  const notes = [...session.host.files.nodes.keys()].filter((file) => file.includes('/tombstones/m-'));
  t.is(notes.length, 1);
});

test('one broken machine is a row; the others are unaffected', async (t) => {
  const session = openTestSession();
  await createMachine(session, noneRequest('good'));
  session.host.files.put(`${storePath}/machines/empty/config.json`, '');
  session.host.files.put(`${storePath}/machines/alien/config.json`, '{"ConfigVersion":3,"DriverName":"foo"}');
  session.host.files.putDirectory(`${storePath}/machines/bare`);
  session.host.clock.mode = 'manual';
  const rows = await listMachines(session, { timeoutMs: 1000 });
  t.deepEqual(
    rows.map(({ name, state }) => `${name} ${state}`),
    ['alien Error', 'bare Error', 'empty Error', 'good Running'],
  );
  t.is(rows[0]?.driverName, 'foo');
  t.regex(rows[2]?.error ?? '', /config\.json/);
});
