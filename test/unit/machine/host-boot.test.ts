import test, { type ExecutionContext } from 'ava';
import { createMachine } from '../../../src/machine/create.ts';
import { bootId, readyHost, waitUntilBack } from '../../../src/machine/host-boot.ts';
import { openMachine } from '../../../src/machine/open.ts';
import { restartMachine } from '../../../src/machine/power.ts';
import { generateSshKeyPair } from '../../../src/ssh/keys.ts';
import { genericRequest, openHostScene, type HostScene } from './host-scene.ts';

const dayMs = 86_400_000;

async function setUp(t: ExecutionContext): Promise<HostScene> {
  const scene = openHostScene(t);
  await createMachine(scene.session, genericRequest('m'));
  scene.session.events.length = 0;
  scene.linux.scripts.length = 0;
  return scene;
}

/** Lets something happen when so many pauses have been made. */
function afterPauses({ session }: HostScene, count: number, action: () => void): void {
  const { clock } = session.host;
  const sleep = clock.sleep.bind(clock);
  const begun = clock.sleeps.length;
  let isDone = false;
  clock.sleep = async (ms, signal) => {
    if (!isDone && clock.sleeps.length - begun >= count) {
      isDone = true;
      action();
    }
    return sleep(ms, signal);
  };
}

test('a host is back when its kernel has another boot id and its engine answers', async (t) => {
  const scene = await setUp(t);
  const { session, linux } = scene;
  const machine = await openMachine(session, 'm');
  const before = await bootId(session, machine);
  t.is(before, '1');
  // Still the old kernel, then nobody, then the new one.
  afterPauses(scene, 4, () => {
    linux.isOff = true;
    afterPauses(scene, 4, () => {
      Object.assign(linux, { isOff: false, bootId: '2' });
    });
  });
  await waitUntilBack(session, machine, before);
  t.is(linux.bootId, '2');
  t.is(linux.ssh.connections, 0);
  const steps = session.events.flatMap((event) => (event.type === 'step-done' ? [event.step] : []));
  t.deepEqual(steps, ['reach', 'verify']);
});

test('a host that does not go down is waited for within a bound', async (t) => {
  const { session } = await setUp(t);
  const machine = await openMachine(session, 'm');
  const begun = session.host.clock.monotonicMs();
  const error = await t.throwsAsync(waitUntilBack(session, machine, '1'), { code: 'timeout' });
  t.is(error.message, 'Waited 600 s for the host of "m" to boot again.');
  t.true(session.host.clock.monotonicMs() - begun < 640_000);
});

test('a host that comes back without its engine: the engine is named, and what it answers', async (t) => {
  const { session, linux } = await setUp(t);
  const machine = await openMachine(session, 'm');
  Object.assign(linux, { bootId: '2', engineRuns: false });
  const error = await t.throwsAsync(waitUntilBack(session, machine, '1'), { code: 'engine-unreachable' });
  t.is(error.message, 'Waited 180 s for the engine of "m".');
  t.truthy((error as { why?: string }).why);
});

test('a host that comes back with another host key is not waited for', async (t) => {
  const { session, linux } = await setUp(t);
  const machine = await openMachine(session, 'm');
  linux.ssh.hostKey = generateSshKeyPair(session.host, 'another').privatePem;
  const begun = session.host.clock.monotonicMs();
  await t.throwsAsync(waitUntilBack(session, machine, '1'), { code: 'ssh-host-key-changed' });
  t.is(session.host.clock.monotonicMs(), begun);
});

test('restart tells the host to and waits for its next boot', async (t) => {
  const scene = await setUp(t);
  const { session, linux } = scene;
  afterPauses(scene, 1, () => (linux.bootId = '2'));
  t.is(await restartMachine(session, 'm'), 'restarted');
  t.is(linux.restarts, 1);
});

test('a host that was started is usable as it is, or is set up again when its certificate no longer fits', async (t) => {
  const { session, linux } = await setUp(t);
  const machine = await openMachine(session, 'm');
  await readyHost(session, machine, { tlsKeyType: 'ec', extraAuthorities: [] });
  t.deepEqual(linux.scripts, []);
  t.is(linux.ssh.connections, 0);
  const before = linux.files.get('/etc/docker/server.pem');
  session.host.clock.advance(300 * dayMs);
  await readyHost(session, machine, { tlsKeyType: 'ec', extraAuthorities: [] });
  t.deepEqual(linux.scripts, ['gather', 'apply']);
  t.not(linux.files.get('/etc/docker/server.pem'), before);
});
