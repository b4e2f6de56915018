import test from 'ava';
import { isMachineError } from '../../../src/core/errors.ts';
import driver from '../../../src/drivers/qemu/driver.ts';
import { qemuArgument, toldWith } from '../../fakes/template-guest.ts';
import {
  cacheEntries,
  cachePath,
  contextOf,
  create,
  diskOf,
  image,
  makeScene,
  onlyTemplate,
  takeNotes,
  type Scene,
} from './template-scene.ts';

const first = 'The first machine of its kind: booting a template that this and later ones resume from.';

/** The time that a guest is given to come to rest before it is saved. */
const restMs = 700;

function kindsOf({ qemu }: Scene): string[] {
  return qemu.guests.map(({ kind }) => kind);
}

for (const version of ['QEMU emulator version 7.2.22', 'QEMU emulator version 10.0.2']) {
  test(`${version}: the first create makes a template and resumes from it, the second only resumes`, async (t) => {
    const scene = makeScene();
    scene.qemu.version = version;
    await create(scene);
    t.deepEqual(takeNotes(scene), [first]);
    t.deepEqual(kindsOf(scene), ['template', 'resumed']);
    t.true(toldWith(scene.qemu, 'template', 'migrate').includes('exec:cat > template/ram'));
    await create(scene, { name: 'second' });
    t.deepEqual(takeNotes(scene), []);
    t.deepEqual(kindsOf(scene), ['template', 'resumed', 'resumed']);
    t.deepEqual(
      scene.qemu.running().map(({ name }) => name),
      ['tsm-dev', 'tsm-second'],
    );
    t.deepEqual(scene.qemu.mismatches, []);
    t.deepEqual(cacheEntries(scene).length, 1);
  });
}

test('a template knows nothing of a machine: no guest files, no keys, no name, no ports', async (t) => {
  const scene = makeScene();
  const writeNew = scene.host.files.writeNew.bind(scene.host.files);
  const written: string[] = [];
  scene.host.files.writeNew = async (path, data, mode) => {
    written.push(`${path} ${Buffer.from(data).toString('latin1')}`);
    return writeNew(path, data, mode);
  };
  await create(scene, { config: { EnginePort: 42_376 } });
  const [template] = scene.qemu.started('template');
  const line = template?.args.join(' ') ?? '';
  t.notRegex(line, /fw_cfg|machine-id|tsm-dev|machines\/dev|42376/);
  t.regex(line, /hostfwd=tcp:127\.0\.0\.1:0-:22,hostfwd=tcp:127\.0\.0\.1:0-:2376/);
  t.regex(line, / ts\.template /);
  const disks = written.filter((text) => text.includes('.raw.tmp'));
  t.is(disks.length, 1);
  t.regex(disks[0] ?? '', /format-me/);
  t.notRegex(disks[0] ?? '', /key of dev/);
});

test('the resumed guest has the same hardware as the template', async (t) => {
  const scene = makeScene();
  await create(scene, { config: { CPU: 3, Memory: 1024 } });
  const [template, resumed] = scene.qemu.guests;
  for (const option of ['-machine', '-cpu', '-accel', '-smp', '-m', '-kernel', '-append']) {
    t.truthy(qemuArgument(template, option), option);
    t.is(qemuArgument(resumed, option), qemuArgument(template, option), option);
  }
  const devices = (args: readonly string[] = []): readonly string[] =>
    args.filter((_, index) => args[index - 1] === '-device');
  t.true(devices(template?.args).length > 5);
  t.deepEqual(devices(resumed?.args), devices(template?.args));
});

test('saved memory, disk and record are readable by their owner alone', async (t) => {
  const scene = makeScene();
  await create(scene);
  const directory = onlyTemplate(scene);
  for (const name of ['ram', 'disk.qcow2', 'template.json', 'used']) {
    t.is((await scene.host.files.stat(`${directory}/${name}`))?.mode, 0o600, name);
  }
  t.is((await scene.host.files.stat(directory))?.mode, 0o700);
});

test('machines of one shape share a template, those of another have their own', async (t) => {
  const scene = makeScene();
  await create(scene, { name: 'a' });
  await create(scene, { name: 'b', config: { DiskSize: 50_000 } });
  t.is(scene.qemu.started('template').length, 1);
  await create(scene, { name: 'c', config: { CPU: 4 } });
  await create(scene, { name: 'd', config: { DiskSize: 5000 } });
  t.is(scene.qemu.started('template').length, 3);
  t.deepEqual(scene.qemu.mismatches, []);
});

test('a larger disk grows at the resume, another does not change', async (t) => {
  const scene = makeScene();
  await create(scene, { name: 'a' });
  await create(scene, { name: 'b', config: { DiskSize: 50_000 } });
  const [usual, large] = scene.qemu.started('resumed');
  t.false(usual?.commands.includes('block_resize'));
  t.true(large?.commands.includes('block_resize'));
  t.regex(large?.identity.toString('latin1').split('\n')[0] ?? '', new RegExp(` ${50_000 * 1024 ** 2} `));
});

test('two creates at once make one template', async (t) => {
  const scene = makeScene();
  await Promise.all([create(scene, { name: 'a' }), create(scene, { name: 'b' })]);
  t.deepEqual(kindsOf(scene).sort(), ['resumed', 'resumed', 'template']);
  t.deepEqual(scene.qemu.mismatches, []);
  t.is(takeNotes(scene).filter((text) => text === first).length, 1);
});

test('two creates at once in one process, of different shapes, make one template each', async (t) => {
  const scene = makeScene();
  await Promise.all([create(scene, { name: 'a' }), create(scene, { name: 'b', config: { CPU: 1 } })]);
  t.deepEqual(kindsOf(scene).sort(), ['resumed', 'resumed', 'template', 'template']);
  t.deepEqual(scene.qemu.mismatches, []);
  t.is(cacheEntries(scene).length, 2);
});

test('what this process makes at the moment is left alone by its other commands', async (t) => {
  // A number of its own: the other tests of this file make the same template at the same path.
  const scene = makeScene({ pid: 1234 });
  const { boot, signal } = contextOf(scene);
  const sleep = scene.host.clock.sleep.bind(scene.host.clock);
  let isTried = false;
  scene.host.clock.sleep = async (ms, abort) => {
    if (ms === restMs && boot?.resume !== undefined) {
      isTried = true;
      const { cache } = boot.resume;
      await driver.prune?.({ host: scene.host, signal, cache, keepImages: new Set([image.digest]) });
    }
    return sleep(ms, abort);
  };
  await create(scene);
  t.true(isTried);
  t.deepEqual(kindsOf(scene), ['template', 'resumed']);
});

test('QEMU has ended before what it saved is measured', async (t) => {
  const scene = makeScene();
  const crc32 = scene.host.files.crc32.bind(scene.host.files);
  const running: number[] = [];
  scene.host.files.crc32 = async (path) => {
    if (path.includes('.making-')) {
      running.push(scene.qemu.running().length);
    }
    return crc32(path);
  };
  await create(scene);
  t.deepEqual(running, [0, 0]);
});

test('--cold and a machine that is made already: no template is looked for', async (t) => {
  const scene = makeScene();
  await create(scene, { isMade: true });
  t.deepEqual(kindsOf(scene), ['boot']);
  t.deepEqual(cacheEntries(scene), []);
});

test('where machines cannot be resumed they are booted without a word', async (t) => {
  const scene = makeScene({ tree: { '/dev/kvm': '' } });
  await create(scene, { config: { Accel: 'hvf' } });
  t.deepEqual(kindsOf(scene), ['boot']);
  t.deepEqual(takeNotes(scene), []);
});

for (const moment of ['boot', 'rest', 'query-migrate']) {
  test(`Ctrl-C during ${moment} ends the template's QEMU and leaves nothing`, async (t) => {
    const scene = makeScene();
    const abort = new AbortController();
    const stop = (): void => {
      abort.abort(new Error('interrupted'));
    };
    scene.qemu.onCommand = (_, command) => {
      if (command === (moment === 'boot' ? 'human-monitor-command' : moment)) {
        stop();
      }
    };
    if (moment === 'rest') {
      const sleep = scene.host.clock.sleep.bind(scene.host.clock);
      scene.host.clock.sleep = async (ms, signal) => {
        if (ms === restMs) {
          stop();
        }
        return sleep(ms, signal);
      };
    }
    await t.throwsAsync(create(scene, { signal: abort.signal }), { message: 'interrupted' });
    t.is(scene.qemu.started('template').length, 1);
    t.deepEqual(scene.qemu.running(), []);
    t.deepEqual(cacheEntries(scene), []);
    await create(scene);
    t.deepEqual(scene.qemu.mismatches, []);
    t.is(scene.qemu.running().length, 1);
  });
}

test('the guest of a killed maker of another shape is ended by a create that finds its own template', async (t) => {
  const scene = makeScene();
  await create(scene, { name: 'a' });
  const maker = await scene.host.processes.spawnDetached(
    '/usr/bin/qemu-system-x86_64',
    (scene.qemu.guests[0]?.args ?? []).map((arg) => arg.replace('.making-1000-', '.making-77-')),
    { logPath: '/log' },
  );
  const remains = `${cachePath}/.making-77-${'0'.repeat(32)}`;
  const record = { schema: 1, process: maker, startedAtMs: 0, sshPort: 0, enginePort: 0 };
  const sockets = { accelerator: 'tcg', control: '/gone', observer: '/gone' };
  scene.host.files.put(`${remains}/run.json`, JSON.stringify({ ...record, ...sockets }));
  await create(scene, { name: 'b' });
  t.false(await scene.host.processes.isAlive(maker));
  t.false(cacheEntries(scene).some((name) => name.startsWith('.making-')));
});

test('what a living process makes is left alone', async (t) => {
  const scene = makeScene();
  scene.host.processes.running.set(78, 'boot/78');
  const making = `${cachePath}/.making-78-${'0'.repeat(32)}`;
  scene.host.files.put(`${making}/template/ram`, 'half');
  await create(scene);
  t.is(scene.host.files.text(`${making}/template/ram`), 'half');
});

test('the rest of a half removed template is not in the way of a new one', async (t) => {
  const scene = makeScene();
  await create(scene, { name: 'a' });
  const directory = onlyTemplate(scene);
  await scene.host.files.remove(`${directory}/template.json`);
  await create(scene, { name: 'b' });
  t.deepEqual(kindsOf(scene), ['template', 'resumed', 'template', 'resumed']);
  t.is(onlyTemplate(scene), directory);
});

test('prune removes templates of images that are not kept, notes of failures and remains, and nothing else', async (t) => {
  const scene = makeScene();
  const { boot, signal } = await create(scene);
  const directory = onlyTemplate(scene);
  const sizeBytes = [...scene.host.files.nodes]
    .filter(([path]) => path.startsWith(`${directory}/`))
    .reduce((sum, [, node]) => sum + (node.kind === 'file' ? node.data.length : 0), 0);
  scene.host.files.put(`${cachePath}/.failed-${'1'.repeat(32)}`, 'why');
  scene.host.files.put(`${cachePath}/.making-79-${'1'.repeat(32)}/template/ram`, 'half');
  scene.host.files.put(`${cachePath}/README`, 'of somebody');
  const cache = boot?.resume?.cache;
  if (cache === undefined) {
    t.fail();
    return;
  }
  const prune = async (keep: readonly string[]): Promise<unknown> =>
    driver.prune?.({ host: scene.host, signal, cache, keepImages: new Set(keep) });
  t.deepEqual(await prune([image.digest]), []);
  t.deepEqual(cacheEntries(scene), ['README', directory.slice(cachePath.length + 1)].sort());
  t.deepEqual(await prune(['another']), [{ directory, sizeBytes }]);
  t.deepEqual(cacheEntries(scene), ['README']);
  t.is(scene.qemu.running().length, 1, 'a machine that was resumed goes on');
});

test('a program that is missing is the same clear error as at a boot', async (t) => {
  const scene = makeScene();
  const error = await t.throwsAsync(create(scene, { config: { Program: '/opt/no/qemu-system-x86_64x' } }));
  t.true(isMachineError(error) && error.code === 'program-missing');
  t.is(diskOf(scene), 'no disk');
  t.truthy(contextOf(scene));
});
