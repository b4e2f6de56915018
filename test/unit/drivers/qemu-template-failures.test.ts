import test from 'ava';
import driver from '../../../src/drivers/qemu/driver.ts';
import {
  cacheEntries,
  cachePath,
  create,
  makeScene,
  onlyTemplate,
  takeNotes,
  type Scene,
} from './template-scene.ts';

const hour = 60 * 60 * 1000;
const day = 24 * hour;

function kindsOf({ qemu }: Scene): string[] {
  return qemu.guests.map(({ kind }) => kind);
}

const failures: Readonly<Record<string, readonly [(scene: Scene) => void, RegExp]>> = {
  'the guest gives up': [
    ({ qemu }) => {
      qemu.lines.template.splice(1, 2, 'TS 7 failed engine: no cgroups');
    },
    /The machine gave up on engine\. no cgroups/,
  ],
  'the guest is silent': [
    ({ host, qemu }) => {
      host.clock.mode = 'auto';
      qemu.lines.template.splice(0);
    },
    /not ready after 60 s\. Its kernel gave no sign of life/,
  ],
  'the guest never becomes a template': [
    ({ host, qemu }) => {
      host.clock.mode = 'auto';
      qemu.lines.template.pop();
    },
    /not ready after 180 s/,
  ],
  'QEMU ends at its start': [
    ({ qemu }) => {
      qemu.refuses = ({ kind }) => (kind === 'template' ? 'unsupported machine type' : undefined);
    },
    /unsupported machine type/,
  ],
  'QEMU dies while it saves': [
    ({ qemu }) => {
      qemu.dies = ({ kind }, command) => kind === 'template' && command === 'migrate';
    },
    /QEMU/,
  ],
  'QEMU cannot save': [
    ({ qemu }) => {
      qemu.migration = { status: 'failed', 'error-desc': 'No space left on device' };
    },
    /could not save the memory of the guest\. No space left on device/,
  ],
  'QEMU never comes to an end of saving': [
    ({ host, qemu }) => {
      host.clock.mode = 'auto';
      qemu.migration = { status: 'active' };
    },
    /Waited 120 s/,
  ],
  'the port for the identity is not there': [
    ({ qemu }) => {
      qemu.isDeaf = ({ kind }, path) => kind === 'template' && path.endsWith('identity.sock');
    },
    /ECONNREFUSED/,
  ],
};

for (const [title, [spoil, why]] of Object.entries(failures)) {
  test(`${title}: nothing is left, the machine is booted, and for a day the same is not tried again`, async (t) => {
    const scene = makeScene();
    spoil(scene);
    await create(scene, { name: 'a' });
    const [, said = '', ...more] = takeNotes(scene);
    t.true(said.startsWith('The machine is booted: a template could not be made. '), said);
    t.regex(said, why);
    t.deepEqual(more, []);
    t.is(cacheEntries(scene).length, 1);
    t.regex(cacheEntries(scene)[0] ?? '', /^\.failed-/);
    t.deepEqual(
      scene.qemu.running().map(({ kind, name }) => `${kind} ${name}`),
      ['boot tsm-a'],
    );
    const templates = scene.qemu.started('template').length;
    scene.host.clock.advance(day - hour);
    await create(scene, { name: 'b' });
    const again = takeNotes(scene);
    t.is(again.length, 1);
    t.regex(again[0] ?? '', /failed lately/);
    t.regex(again[0] ?? '', why);
    t.is(scene.qemu.started('template').length, templates);
  });
}

test('without enough free space the machine is booted, and the next create asks again', async (t) => {
  const scene = makeScene();
  scene.host.files.freeSpaceBytes = 1024 ** 3 - 1;
  await create(scene, { name: 'a' });
  t.regex(takeNotes(scene).join('\n'), /not enough free space.* Less than 1024 MB/);
  t.deepEqual(cacheEntries(scene), []);
  t.is(scene.qemu.started('template').length, 0);
  scene.host.files.freeSpaceBytes = 1024 ** 3;
  await create(scene, { name: 'b' });
  t.is(scene.qemu.started('resumed').length, 1);
});

/** A create whose template fails, and QEMU is in order again. */
async function failOnce(scene: Scene): Promise<void> {
  const [mark = ''] = scene.qemu.lines.template.splice(-1, 1, 'TS 9 failed engine: no cgroups');
  await create(scene, { name: 'a' });
  scene.qemu.lines.template.splice(-1, 1, mark);
}

test('a failure is forgotten after a day', async (t) => {
  const scene = makeScene();
  await failOnce(scene);
  scene.host.clock.advance(day + hour);
  await create(scene, { name: 'b' });
  t.deepEqual(kindsOf(scene), ['template', 'boot', 'template', 'resumed']);
});

test('a failure of one shape does not keep another from being tried', async (t) => {
  const scene = makeScene();
  await failOnce(scene);
  await create(scene, { name: 'b', config: { CPU: 1 } });
  t.deepEqual(kindsOf(scene), ['template', 'boot', 'template', 'resumed']);
});

test('a disk that becomes full while a guest is saved is the reason that is named, and not remembered', async (t) => {
  const scene = makeScene();
  scene.qemu.dies = ({ kind }, command) => kind === 'template' && command === 'migrate';
  scene.qemu.onCommand = (_, command) => {
    if (command === 'migrate') {
      scene.host.files.freeSpaceBytes = 4096;
    }
  };
  await create(scene, { name: 'a' });
  t.regex(takeNotes(scene).join('\n'), /not enough free space.* Less than 16 MB/);
  t.deepEqual(cacheEntries(scene), []);
  t.deepEqual(
    scene.qemu.running().map(({ kind }) => kind),
    ['boot'],
  );
});

test('remains that cannot be removed hinder no create', async (t) => {
  const scene = makeScene();
  await driver.kill(await create(scene, { name: 'a' }));
  scene.host.files.put(`${cachePath}/.making-79-${'1'.repeat(32)}/template/ram`, 'half');
  scene.host.files.inject({ code: 'EACCES', operation: 'remove', path: /\.making-79-/, lasting: true });
  await create(scene, { name: 'b' });
  t.deepEqual(kindsOf(scene), ['template', 'resumed', 'resumed']);
});

test('a template that another process makes for too long is not waited for: the machine is booted', async (t) => {
  const scene = makeScene();
  const { host } = scene;
  await driver.kill(await create(scene, { name: 'a' }));
  const id = onlyTemplate(scene);
  await host.files.remove(id);
  host.processes.running.set(3000, 'boot/3000');
  const owner = {
    pid: 3000,
    startTime: 'boot/3000',
    command: 'x',
    since: '2026-01-02T03:04:05.000Z',
    token: 'a',
  };
  host.files.put(`${id}.lock`, JSON.stringify(owner));
  takeNotes(scene);
  const startedMs = host.clock.monotonicMs();
  await create(scene, { name: 'b' });
  t.is(scene.qemu.running()[0]?.kind, 'boot');
  t.true(host.clock.monotonicMs() - startedMs >= 5 * 60 * 1000);
  const notes = takeNotes(scene);
  t.is(notes.length, 2, notes.join('\n'));
  t.is(notes[0], 'Waiting for process 3000 that prepares the same.');
  t.regex(notes[1] ?? '', /^The machine is booted: its template is still being made\./);
});

test('a template that does not work at its first resume is not made again for a day', async (t) => {
  const scene = makeScene();
  scene.qemu.lines.resumed.splice(1, 2, 'TS 10 failed template: it is tired');
  await create(scene, { name: 'a' });
  t.regex(
    takeNotes(scene).join('\n'),
    /could not be resumed from a template, which is removed\. .*it is tired/,
  );
  await create(scene, { name: 'b' });
  t.regex(takeNotes(scene).join('\n'), /failed lately.*it is tired/);
  t.is(scene.qemu.started('template').length, 1);
  scene.host.clock.advance(day + hour);
  await create(scene, { name: 'c' });
  t.is(scene.qemu.started('template').length, 2);
});

test('a template that has worked before is made again after it failed', async (t) => {
  const scene = makeScene();
  await create(scene, { name: 'a' });
  const [...healthy] = scene.qemu.lines.resumed;
  scene.qemu.lines.resumed.splice(1, 2, 'TS 10 failed template: it is tired');
  await create(scene, { name: 'b' });
  scene.qemu.lines.resumed.splice(0, scene.qemu.lines.resumed.length, ...healthy);
  await create(scene, { name: 'c' });
  t.is(scene.qemu.started('template').length, 2);
  t.is(scene.qemu.started('resumed').length, 3);
});
