import test from 'ava';
import driver from '../../../src/drivers/qemu/driver.ts';
import {
  cacheEntries,
  contextOf,
  create,
  directoryOf,
  diskOf,
  flipBit,
  makeScene,
  onlyTemplate,
  takeNotes,
  type Scene,
} from './template-scene.ts';

const pending = (name = 'dev'): string => `${directoryOf(name)}/resume.json`;

/** A computer on which there is a template, and nothing runs. */
async function makeTemplateScene(version?: string): Promise<Scene> {
  const scene = makeScene();
  scene.qemu.version = version ?? scene.qemu.version;
  await driver.kill(await create(scene, { name: 'first' }));
  takeNotes(scene);
  return scene;
}

/** The driver's steps without the start: the machine is prepared. */
async function prepare(scene: Scene): Promise<void> {
  for (const step of driver.steps(contextOf(scene))) {
    await step.run();
  }
}

const failures: Readonly<Record<string, readonly [(scene: Scene) => void | Promise<void>, RegExp]>> = {
  'the template is gone': [
    async (scene) => {
      await scene.host.files.remove(onlyTemplate(scene));
    },
    /It is not there any more/,
  ],
  'the memory has one bit that is not as it was': [
    (scene) => {
      flipBit(scene, `${onlyTemplate(scene)}/ram`);
    },
    /saved memory is not what it was/,
  ],
  'the memory has another length': [
    (scene) => {
      scene.host.files.put(`${onlyTemplate(scene)}/ram`, 'memory');
    },
    /saved memory is not what it was/,
  ],
  'the memory is gone': [
    async (scene) => {
      await scene.host.files.remove(`${onlyTemplate(scene)}/ram`);
    },
    /ENOENT|saved memory is not what it was/,
  ],
  'the disk of the machine is not the one that was saved': [
    (scene) => {
      flipBit(scene, `${directoryOf()}/disk.qcow2`);
    },
    /disk of the machine does not belong to the saved memory/,
  ],
  'QEMU refuses the memory': [
    ({ qemu }) => {
      qemu.refuses = ({ kind }) =>
        kind === 'resumed' ? "error while loading state for instance 0x0 of device 'ram'" : undefined;
    },
    /QEMU ended before the kernel gave a sign of life\. .*error while loading state/,
  ],
  'QEMU dies while it loads': [
    ({ qemu }) => {
      qemu.dies = ({ kind }, command) => kind === 'resumed' && command === 'query-status';
    },
    /QEMU closed the connection|no answer/,
  ],
  'QEMU dies when the guest goes on': [
    ({ qemu }) => {
      qemu.dies = ({ kind }, command) => kind === 'resumed' && command === 'cont';
    },
    /QEMU closed the connection|no answer/,
  ],
  'the port for the identity is not there': [
    ({ qemu }) => {
      qemu.isDeaf = ({ kind }, path) => kind === 'resumed' && path.endsWith('identity.sock');
    },
    /ECONNREFUSED/,
  ],
  'the guest is silent': [
    ({ qemu }) => {
      qemu.lines.resumed.splice(0);
    },
    /not ready after 20 s/,
  ],
  'the guest speaks but is never ready': [
    ({ qemu }) => {
      qemu.lines.resumed.pop();
    },
    /not ready after 60 s\. The last phase it reached was "identity"/,
  ],
  'the guest does not take its identity': [
    ({ qemu }) => {
      qemu.takesIdentity = false;
    },
    /not ready after 20 s/,
  ],
  'the guest gives up': [
    ({ qemu }) => {
      qemu.lines.resumed.splice(1, 2, 'TS 10.1 failed template: the identity is not complete');
    },
    /The machine gave up on template\. the identity is not complete/,
  ],
  'QEMU is another one now': [
    ({ qemu, host }) => {
      qemu.version = 'QEMU emulator version 8.0.0';
      host.files.put('/usr/bin/qemu-system-x86_64', 'another build', 0o755);
    },
    /made by another QEMU or for another kind of machine/,
  ],
};

for (const [title, [spoil, why]] of Object.entries(failures)) {
  test(`${title}: the template is removed, the disk is new, the machine boots and one note says why`, async (t) => {
    const scene = await makeTemplateScene();
    await prepare(scene);
    t.regex(scene.host.files.text(pending()) ?? '', /"prepared"/);
    await spoil(scene);
    await driver.start(contextOf(scene));
    const notes = takeNotes(scene);
    t.is(notes.length, 1, notes.join('\n'));
    t.regex(notes[0] ?? '', /^The machine is booted, because it could not be resumed from a template/);
    t.regex(notes[0] ?? '', why);
    t.deepEqual(cacheEntries(scene), []);
    t.deepEqual(
      scene.qemu.running().map(({ kind, diskAtStart }) => [kind, diskAtStart]),
      [['boot', '']],
    );
    t.is(scene.host.files.text(pending()), undefined);
    t.deepEqual(scene.qemu.mismatches, []);
    const names = (await scene.host.files.list(directoryOf())).map(({ name }) => name);
    t.false(names.some((name) => name.includes('.tmp') || name.includes('.new')));
  });
}

test('memory is loaded from the standard input, paused', async (t) => {
  const scene = await makeTemplateScene('QEMU emulator version 10.0.2');
  await create(scene);
  const guest = scene.qemu.started('resumed').at(-1);
  t.true(guest?.args.join(' ').includes('-incoming fd:0 -S'));
});

test('memory that is damaged is found out before the guest runs', async (t) => {
  for (const version of ['QEMU emulator version 7.2.22', 'QEMU emulator version 10.0.2']) {
    const scene = await makeTemplateScene(version);
    flipBit(scene, `${onlyTemplate(scene)}/ram`);
    await create(scene);
    const guest = scene.qemu.started('resumed').at(-1);
    t.is(guest?.name, 'tsm-dev');
    t.false(guest?.commands.includes('cont'));
  }
});

test('a template whose disk is damaged is removed when the disk is made', async (t) => {
  for (const spoil of [
    async (scene: Scene) => flipBit(scene, `${onlyTemplate(scene)}/disk.qcow2`),
    async (scene: Scene) => scene.host.files.remove(`${onlyTemplate(scene)}/disk.qcow2`),
  ]) {
    const scene = await makeTemplateScene();
    const [template, disk] = driver.steps(contextOf(scene));
    await template?.run();
    await spoil(scene);
    await disk?.run();
    t.is(diskOf(scene), '');
    t.is(scene.host.files.text(pending()), undefined);
    t.regex(takeNotes(scene).join('\n'), /^The machine is booted.*Its disk is not (what it was|there)/);
    t.deepEqual(cacheEntries(scene), []);
    await driver.start(contextOf(scene));
    t.is(scene.qemu.running()[0]?.kind, 'boot');
  }
});

test('a template that was made anew between the copy of the disk and the resume is not mixed with the old', async (t) => {
  const scene = await makeTemplateScene();
  await prepare(scene);
  await scene.host.files.remove(onlyTemplate(scene));
  await create(scene, { name: 'other' });
  t.is(scene.qemu.started('template').length, 2);
  await driver.start(contextOf(scene));
  t.deepEqual(scene.qemu.mismatches, []);
  t.is(scene.qemu.running().at(-1)?.kind, 'boot');
});

test('the identity is sent once the guest runs, and phases count from its first word', async (t) => {
  const scene = await makeTemplateScene();
  scene.qemu.lines.resumed.splice(1, 0, 'TS 10.1 note bootsync.sh failed');
  await create(scene);
  const guest = scene.qemu.started('resumed').at(-1);
  t.regex(guest?.identity.toString('latin1') ?? '', /^resume \d+ \d+ [0-9a-f-]{36}\nmachine-id\0/);
  t.deepEqual(
    scene.events.filter(({ type }) => type === 'phase' || type === 'note'),
    [
      { type: 'phase', machine: 'dev', phase: 'resumed', atSeconds: 0 },
      { type: 'note', machine: 'dev', message: 'bootsync.sh failed' },
      { type: 'phase', machine: 'dev', phase: 'identity', atSeconds: 0.2 },
      { type: 'phase', machine: 'dev', phase: 'ready', atSeconds: 0.7 },
    ],
  );
});

test('resume.json says "resumed" before the guest runs and is gone when it is ready', async (t) => {
  const scene = await makeTemplateScene();
  const states: unknown[] = [];
  scene.qemu.onCommand = (guest, command) => {
    if (guest.kind === 'resumed' && ['query-status', 'cont'].includes(command)) {
      const text = scene.host.files.text(pending()) ?? '{}';
      states.push(`${command} ${String((JSON.parse(text) as { state?: unknown }).state)}`);
    }
  };
  await create(scene);
  t.deepEqual(new Set(states), new Set(['query-status prepared', 'cont resumed']));
  t.is(scene.host.files.text(pending()), undefined);
});

test('"resumed" after a crash: an ordinary start from the own disk, which is kept', async (t) => {
  const scene = await makeTemplateScene();
  await prepare(scene);
  scene.host.files.put(pending(), '{"state":"resumed","template":"x"}\n');
  const before = diskOf(scene);
  t.regex(before, /formatted/);
  await driver.start(contextOf(scene));
  t.like(scene.qemu.running()[0], { kind: 'boot', diskAtStart: before });
  t.is(scene.host.files.text(pending()), undefined);
  t.deepEqual(takeNotes(scene), []);
  t.is(cacheEntries(scene).length, 1, 'the template is not to blame');
});

test('"resumed" with a guest that was ready when its create was killed: that one goes on', async (t) => {
  const scene = await makeTemplateScene();
  const context = await create(scene);
  const [guest] = scene.qemu.running();
  scene.host.files.put(pending(), '{"state":"resumed","template":"x"}\n');
  await driver.start(context);
  t.deepEqual(scene.qemu.running(), [guest]);
  t.is(scene.host.files.text(pending()), undefined);
});

test('"prepared" with a QEMU that waits for its memory: that one is ended first', async (t) => {
  const scene = await makeTemplateScene();
  await prepare(scene);
  const abort = new AbortController();
  scene.qemu.onCommand = (guest, command) => {
    if (guest.kind === 'resumed' && command === 'query-status') {
      abort.abort(new Error('interrupted'));
    }
  };
  const interrupted = driver.start(contextOf(scene, { signal: abort.signal }));
  await t.throwsAsync(interrupted, { message: 'interrupted' });
  scene.qemu.onCommand = () => undefined;
  const [waiting] = scene.qemu.running();
  t.is(waiting?.kind, 'resumed');
  await driver.start(contextOf(scene));
  const [running, ...others] = scene.qemu.running();
  t.deepEqual(others, []);
  t.is(running?.kind, 'resumed');
  t.not(running?.pid, waiting?.pid);
  t.deepEqual(scene.qemu.mismatches, []);
});

test('a machine that is not being created any more is booted, and the template stays', async (t) => {
  const scene = await makeTemplateScene();
  await prepare(scene);
  await driver.start(contextOf(scene, { isMade: true }));
  t.is(scene.qemu.running()[0]?.kind, 'boot');
  t.is(cacheEntries(scene).length, 1);
});

test('a machine that was resumed boots at its next start, from its own disk and under its own address', async (t) => {
  const scene = await makeTemplateScene();
  const context = await create(scene);
  await driver.kill(context);
  const disk = diskOf(scene);
  await driver.start(contextOf(scene, { isMade: true }));
  const [guest] = scene.qemu.running();
  t.like(guest, { kind: 'boot', diskAtStart: disk });
  const line = guest?.args.join(' ') ?? '';
  t.regex(line, /fw_cfg name=opt\/org\.tsmachine\/machine-id/);
  t.notRegex(line, /52:54:00:12:34:56|virtserialport|ts\.template/);
});

test('rm of a prepared machine leaves nothing of it and keeps the template', async (t) => {
  const scene = await makeTemplateScene();
  await prepare(scene);
  await driver.remove(contextOf(scene));
  t.is(scene.host.files.text(pending()), undefined);
  t.is(cacheEntries(scene).length, 1);
});
