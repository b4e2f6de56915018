import test, { type ExecutionContext } from 'ava';
import { createMachine, resumeCreate } from '../../../src/machine/create.ts';
import { createHostLink } from '../../../src/machine/host-link.ts';
import { openMachine } from '../../../src/machine/open.ts';
import { loadOwnData } from '../../../src/machine/own-data.ts';
import { provisionMachine } from '../../../src/machine/provision.ts';
import { generateSshKeyPair } from '../../../src/ssh/keys.ts';
import { genericRequest, notesOf, openHostScene, withPower, type HostScene } from './host-scene.ts';

/** A machine that is set up, and a link to its host. */
async function setUp(t: ExecutionContext): Promise<HostScene> {
  const scene = openHostScene(t);
  await createMachine(scene.session, genericRequest('m'));
  scene.session.events.length = 0;
  scene.linux.scripts.length = 0;
  return scene;
}

test('everything goes over one connection, which ends with the work', async (t) => {
  const { session, linux } = await setUp(t);
  const before = session.host.network.connections.filter((address) => address.endsWith(':22')).length;
  await provisionMachine(session, 'm');
  const after = session.host.network.connections.filter((address) => address.endsWith(':22')).length;
  t.is(after - before, 1);
  t.is(linux.ssh.connections, 0);
  t.deepEqual(linux.scripts, ['gather']);
});

test('facts are asked once, and again after something was changed', async (t) => {
  const { session, linux } = await setUp(t);
  const link = createHostLink(session, await openMachine(session, 'm'));
  await link.facts();
  await link.facts();
  t.is(linux.scripts.length, 1);
  link.forget();
  await link.facts();
  t.is(linux.scripts.length, 2);
  await link.close();
  t.is(linux.ssh.connections, 0);
});

test('a session that ends closes what is open', async (t) => {
  const { session, linux } = await setUp(t);
  await createHostLink(session, await openMachine(session, 'm')).reach();
  t.is(linux.ssh.connections, 1);
  await session.close();
  t.is(linux.ssh.connections, 0);
});

test('the first host key is pinned; another one later is a hard stop, at once and before anything is sent', async (t) => {
  const { session, linux } = await setUp(t);
  t.regex((await loadOwnData(session, 'm')).sshHostKey ?? '', /^ssh-ed25519 /);
  linux.ssh.hostKey = generateSshKeyPair(session.host, 'another').privatePem;
  const begun = session.host.clock.monotonicMs();
  const error = await t.throwsAsync(provisionMachine(session, 'm'), { code: 'ssh-host-key-changed' });
  t.regex((error as { why?: string }).why ?? '', /Expected SHA256:\S+, got SHA256:/);
  t.is(session.host.clock.monotonicMs(), begun, 'waiting does not change it');
  t.deepEqual(linux.scripts, []);
});

test('a host that is off: the wait says why, is bounded, and ends with the last reason', async (t) => {
  const { session, linux } = await setUp(t);
  const machine = await openMachine(session, 'm');
  const gone = { ...machine, driver: { ...machine.driver, inspect: reachable } };
  linux.isOff = true;
  const begun = session.host.clock.monotonicMs();
  const error = await t.throwsAsync(createHostLink(session, gone).reach(), { code: 'timeout' });
  t.regex(error.message, /Waited 60 s for SSH/);
  t.regex((error as { why?: string }).why ?? '', /Nothing listens on the port/);
  const waitedMs = session.host.clock.monotonicMs() - begun;
  t.true(waitedMs >= 60_000 && waitedMs < 70_000, String(waitedMs));
  t.is(
    notesOf({ session, linux }).filter((note) => note.startsWith('Not yet')).length,
    1,
    'each reason once',
  );
});

test('a host that is being made may take its time and refuse the key for a while', async (t) => {
  const { session, linux } = await setUp(t);
  const machine = await withPower(session, 'm');
  linux.ssh.acceptsKeys = false;
  const clock = session.host.clock;
  const opened = createHostLink(session, machine);
  const reached = opened.reach();
  const begun = clock.monotonicMs();
  while (clock.monotonicMs() - begun < 120_000) {
    await new Promise((resolve) => setImmediate(resolve));
  }
  linux.ssh.acceptsKeys = true;
  await reached;
  t.regex(notesOf({ session, linux }).join('\n'), /does not let "root" in/);
  await opened.close();
});

test('a host that was there before and refuses the key is told at once', async (t) => {
  const { session, linux } = await setUp(t);
  linux.ssh.acceptsKeys = false;
  const begun = session.host.clock.monotonicMs();
  await t.throwsAsync(provisionMachine(session, 'm'), { code: 'ssh-key-rejected' });
  t.is(session.host.clock.monotonicMs(), begun);
});

test('an interrupt ends the wait', async (t) => {
  const { session, linux } = await setUp(t);
  const machine = await openMachine(session, 'm');
  const gone = { ...machine, driver: { ...machine.driver, inspect: reachable } };
  linux.isOff = true;
  session.host.clock.mode = 'manual';
  const reached = createHostLink(session, gone).reach();
  session.abort.abort(new Error('interrupted by the user'));
  await t.throwsAsync(reached, { message: 'interrupted by the user' });
});

test('a create that met a host that was off goes on when it is there', async (t) => {
  const { session, linux } = openHostScene(t);
  linux.isOff = true;
  const error = await t.throwsAsync(createMachine(session, genericRequest('m')), { code: 'timeout' });
  t.true((error as { remedies?: string[] }).remedies?.includes('go on: tsmachine create --resume m'));
  linux.isOff = false;
  await resumeCreate(session, 'm', {});
  t.is(linux.installs, 1);
});

/** As a driver says of a host that it has not asked. */
async function reachable() {
  return {
    power: 'running',
    ssh: { host: '192.0.2.7', port: 22, user: 'root' },
    engineUrl: 'tcp://192.0.2.7:2376',
  } as const;
}
