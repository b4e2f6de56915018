import test, { type ExecutionContext } from 'ava';
import { createMachine, resumeCreate } from '../../../src/machine/create.ts';
import { listNames } from '../../../src/machine/list.ts';
import { updateOwnData } from '../../../src/machine/own-data.ts';
import { provisionMachine } from '../../../src/machine/provision.ts';
import { rotateCertificates } from '../../../src/machine/rotate.ts';
import { upgradeMachine } from '../../../src/machine/upgrade.ts';
import type { ScriptKind } from '../../fakes/linux-host.ts';
import { genericRequest, notesOf, openHostScene, type HostScene } from './host-scene.ts';
import { storePath } from './support.ts';

async function setUp(t: ExecutionContext): Promise<HostScene> {
  const scene = openHostScene(t);
  await createMachine(scene.session, genericRequest('m'));
  scene.session.events.length = 0;
  scene.linux.scripts.length = 0;
  return scene;
}

test('a bare host: asked, an engine installed, set up, and asked over TLS', async (t) => {
  const scene = openHostScene(t);
  const { session, linux } = scene;
  await createMachine(session, genericRequest('m'));
  t.deepEqual(linux.scripts, ['gather', 'install', 'gather', 'apply']);
  t.is(linux.installs, 1);
  t.is(linux.modes.get('/etc/docker/server-key.pem'), '600');
  const steps = session.events.flatMap((event) => (event.type === 'step-begin' ? [event.summary] : []));
  t.deepEqual(steps, [
    'Importing SSH key...',
    'Waiting for SSH to be available...',
    'Detecting the provisioner...',
    'Looking for Docker...',
    'Copying certs to the local machine directory...',
    'Copying certs to the remote machine...',
    'Checking connection to Docker...',
    'Recording the machine',
  ]);
  t.true(notesOf(scene).includes('Provisioning with debian...'));
  t.true(notesOf(scene).includes('Docker is up and running!'));
});

test('a host with an engine keeps it', async (t) => {
  const scene = openHostScene(t);
  Object.assign(scene.linux, { hasEngine: true, engineRuns: true });
  await createMachine(scene.session, genericRequest('m'));
  t.is(scene.linux.installs, 0);
  t.true(notesOf(scene).includes('Docker 20.10.24 is there already and stays as it is.'));
});

test('a second provisioning asks once and does nothing', async (t) => {
  const scene = await setUp(t);
  await provisionMachine(scene.session, 'm');
  t.deepEqual(scene.linux.scripts, ['gather']);
  t.regex(notesOf(scene).join('\n'), /nothing was written, nothing was restarted/);
});

test('a new certificate is served, and that is seen', async (t) => {
  const { session, linux } = await setUp(t);
  const before = linux.files.get('/etc/docker/server.pem');
  await rotateCertificates(session, 'm', { force: true });
  t.not(linux.files.get('/etc/docker/server.pem'), before);
  t.is(
    linux.files.get('/etc/docker/server.pem'),
    session.host.files.text(`${storePath}/machines/m/server.pem`),
  );
});

test('an SSH user that cannot become root is told before anything is done', async (t) => {
  for (const hasSudo of [false, true]) {
    const scene = openHostScene(t);
    Object.assign(scene.linux, { isRoot: false, hasSudo });
    const error = await t.throwsAsync(createMachine(scene.session, genericRequest('m')), {
      code: 'sudo-needed',
    });
    t.regex((error as { why?: string }).why ?? '', hasSudo ? /asks for a password/ : /There is no sudo/);
    t.deepEqual(scene.linux.scripts, ['gather']);
    t.is(scene.linux.ssh.connections, 1, 'closed with the session');
    await scene.session.close();
    t.is(scene.linux.ssh.connections, 0);
    scene.linux.isRoot = true;
    await resumeCreate(scene.session, 'm', {});
    t.is(scene.linux.installs, 1);
  }
});

for (const kind of ['gather', 'install', 'apply'] as const satisfies readonly ScriptKind[]) {
  for (const fate of ['cut-before', 'cut-while'] as const) {
    test(`the connection is ${fate === 'cut-before' ? 'cut before' : 'cut while'} the host ${kind}s: an error, and resume finishes`, async (t) => {
      const { session, linux } = openHostScene(t);
      let isCut = false;
      linux.fate = (each) => {
        if (each !== kind || isCut) {
          return 'run';
        }
        isCut = true;
        return fate;
      };
      await t.throwsAsync(createMachine(session, genericRequest('m')), { code: 'ssh-failed' });
      await session.close();
      t.is(linux.ssh.connections, 0);
      await resumeCreate(session, 'm', {});
      t.is(linux.installs, 1, 'also when the first one had come to its end unheard');
      t.is(
        linux.files.get('/etc/docker/server.pem'),
        session.host.files.text(`${storePath}/machines/m/server.pem`),
      );
    });
  }

  test(`a host that never ends to ${kind}: the deadline is named, and resume finishes`, async (t) => {
    const { session, linux } = openHostScene(t);
    linux.fate = (each) => (each === kind ? 'hang' : 'run');
    const begun = session.host.clock.monotonicMs();
    const error = await t.throwsAsync(createMachine(session, genericRequest('m')), { code: 'timeout' });
    const limits = { gather: 90, install: 1200, apply: 300 };
    t.is(error.message, `A remote command did not end within ${limits[kind]} s.`);
    t.true(session.host.clock.monotonicMs() - begun >= limits[kind] * 1000);
    await session.close();
    linux.fate = () => 'run';
    await resumeCreate(session, 'm', {});
    t.deepEqual(await listNames(session), ['m']);
  });
}

test('an installation that fails is shown with what it said, and tried again by resume', async (t) => {
  const { session, linux } = openHostScene(t);
  linux.fate = (kind) => (kind === 'install' ? { fails: 'E: no such package' } : 'run');
  const error = await t.throwsAsync(createMachine(session, genericRequest('m')), {
    code: 'provision-failed',
  });
  t.regex((error as { why?: string }).why ?? '', /exit code 1\. E: no such package/);
  linux.fate = () => 'run';
  await resumeCreate(session, 'm', {});
  t.is(linux.installs, 1);
});

test('an engine behind a firewall: the firewall and the way through are named', async (t) => {
  const { session, linux } = openHostScene(t);
  linux.firewall = 'ufw\n';
  const { onConnect } = session.host.network;
  session.host.network.onConnect = (address) => {
    if ('port' in address && address.port === 2376) {
      throw Object.assign(new Error('connect ETIMEDOUT'), { code: 'ETIMEDOUT' });
    }
    return onConnect(address);
  };
  const error = await t.throwsAsync(createMachine(session, genericRequest('m')), {
    code: 'engine-unreachable',
  });
  t.true((error as { remedies?: string[] }).remedies?.includes('Run on the host: ufw allow 2376/tcp'));
});

test('upgrade: a newer engine, or the word that there is none', async (t) => {
  const scene = await setUp(t);
  await upgradeMachine(scene.session, 'm');
  t.true(notesOf(scene).includes('Docker 20.10.24 is the newest there is.'));
  scene.linux.newestVersion = '26.1.5';
  await upgradeMachine(scene.session, 'm');
  t.true(notesOf(scene).includes('Docker 20.10.24 became 26.1.5.'));
  await t.throwsAsync(upgradeMachine(scene.session, 'm', { rollback: true }), { code: 'capability-missing' });
});

for (const [end, reason] of [
  ['failed\nno mirror', /could not install Docker by itself \(no mirror\): that is done over SSH/],
  ['killed', /Something ended/],
  ['absent', /no cloud-init/],
  ['skipped', /has not installed Docker:/],
  ['late\nhalf of it', /within the time for it \(half of it\)/],
] as const) {
  test(`a machine that should have installed its engine itself gets it over SSH: ${end}`, async (t) => {
    const scene = await ofFirstBoot(t);
    scene.linux.firstBoot = `first-boot ${end}\n`;
    await resumeCreate(scene.session, 'm', {});
    t.deepEqual(scene.linux.scripts, ['wait', 'gather', 'install', 'gather', 'apply']);
    t.regex(notesOf(scene).join('\n'), reason);
  });
}

test('an engine that the machine has installed itself is waited for and not installed again', async (t) => {
  const scene = await ofFirstBoot(t);
  scene.linux.firstBoot = 'first-boot done\n';
  await resumeCreate(scene.session, 'm', {});
  t.deepEqual(scene.linux.scripts, ['wait', 'gather', 'apply']);
  t.true(notesOf(scene).includes('The machine has installed Docker by itself while it booted.'));
  scene.linux.scripts.length = 0;
  await provisionMachine(scene.session, 'm');
  t.deepEqual(scene.linux.scripts, ['gather'], 'a machine that is complete is not asked');
});

/** A create that came as far as the engine, of a machine that was told to install it itself. */
async function ofFirstBoot(t: ExecutionContext): Promise<HostScene> {
  const scene = openHostScene(t);
  const { session, linux } = scene;
  linux.fate = (kind) => (kind === 'install' ? { fails: 'not now' } : 'run');
  await t.throwsAsync(createMachine(session, genericRequest('m')));
  linux.fate = () => 'run';
  linux.scripts.length = 0;
  await updateOwnData(session, 'm', { firstBoot: 'engine' });
  return scene;
}
