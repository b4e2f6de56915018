import test from 'ava';
import type { PortForward } from '../../../src/drivers/driver.ts';
import { changeForwards, listForwards } from '../../../src/drivers/virtualbox/forwards.ts';
import { inspectMachine } from '../../../src/drivers/virtualbox/inspect.ts';
import { removeFromVirtualBox } from '../../../src/drivers/virtualbox/remove.ts';
import { startMachine } from '../../../src/drivers/virtualbox/start.ts';
import driver from '../../../src/drivers/virtualbox/driver.ts';
import { machineSteps } from '../../../src/drivers/virtualbox/steps.ts';
import { killMachine, stopMachine } from '../../../src/drivers/virtualbox/stop.ts';
import { createSocketPair } from '../../fakes/host.ts';
import { directory, openScene, type Scene } from './virtualbox-scene.ts';

const settings = `${directory}/dev/dev.vbox`;
const hostOnly = { 'virtualbox-hostonly-cidr': '192.168.56.1/24' };

test('create: the UUID is in the record before there is a machine of it', async (t) => {
  const { context, vbox, make } = openScene();
  const { onCall } = vbox;
  let saved = '';
  vbox.onCall = (args) => {
    saved = args[0] === 'createvm' ? context.config.uuid : saved;
    return onCall(args);
  };
  await make();
  t.is(vbox.state.machines[0]?.uuid, saved);
  t.is(vbox.state.machines[0]?.extraData['tsmachine/owner'], directory);
  t.deepEqual(
    vbox.state.media.map(({ location }) => location),
    ['boot2docker.iso', 'disk.vdi', 'config.iso'].map((name) => `${directory}/${name}`),
  );
});

test('an upgrade puts another ISO in the place of the old one, and nothing else is touched', async (t) => {
  const { context, host, make } = openScene();
  await make();
  const disk = host.files.text(`${directory}/disk.vdi`);
  host.files.put('/i/newer.iso', 'a newer ISO');
  host.files.put(`${directory}/boot2docker.iso.tmp`, 'what a killed upgrade left');
  const { boot } = context;
  t.truthy(boot);
  const image = { ...boot?.image, isoPath: '/i/newer.iso' };
  await driver.changeImage?.({ ...context, boot: { ...boot, image } } as typeof context);
  t.is(host.files.text(`${directory}/boot2docker.iso`), 'a newer ISO');
  t.is(host.files.text(`${directory}/boot2docker.iso.tmp`), undefined);
  t.is(host.files.text(`${directory}/disk.vdi`), disk);
});

test('create: a step that was cut off after VirtualBox had made the machine takes it over', async (t) => {
  const { context, vbox, make } = openScene();
  vbox.onCall = (args) => (args[0] === 'setextradata' ? { exitCode: 1, stderr: 'killed' } : undefined);
  await t.throwsAsync(make());
  const [, , register] = machineSteps(context);
  t.false(await register?.done?.());
  vbox.onCall = () => undefined;
  await make();
  t.true(await register?.done?.());
  t.is(vbox.state.machines.length, 1);
});

/** Ends a create at one of its calls, before or after the call had its effect; false when it has fewer calls. */
async function cutOff(scene: Scene, at: number, when: 'onCall' | 'afterCall'): Promise<boolean> {
  let calls = 0;
  const cut = (): undefined => {
    calls += 1;
    if (calls === at) {
      throw new Error('killed');
    }
  };
  scene.vbox[when] = cut;
  const isCut = await scene.make().then(
    () => false,
    () => true,
  );
  scene.vbox[when] = () => undefined;
  return isCut;
}

for (const when of ['onCall', 'afterCall'] as const) {
  test(`create: cut off at any call (${when}) it goes on, and rm leaves nothing`, async (t) => {
    let at = 1;
    for (; ; at += 1) {
      const [resumed, removed] = [openScene({ flags: hostOnly }), openScene({ flags: hostOnly })];
      if (!(await cutOff(resumed, at, when))) {
        break;
      }
      await resumed.make();
      await startMachine(resumed.context);
      t.like(await inspectMachine(resumed.context), { power: 'running' });
      t.is(resumed.vbox.state.machines.length, 1);
      t.is(resumed.vbox.state.media.length, 3);
      await removeFromVirtualBox(resumed.context);

      await cutOff(removed, at, when);
      await removeFromVirtualBox(removed.context);
      for (const { state } of [resumed.vbox, removed.vbox]) {
        t.deepEqual([state.machines, state.media], [[], []], `call ${at}`);
      }
    }
    t.true(at > 15, `${at} calls`);
  });
}

test('create: a folder that a killed create left is no obstacle', async (t) => {
  const { host, make, vbox } = openScene();
  host.files.put(settings, 'left');
  vbox.state.unregistered.length = 0;
  await make();
  t.is(vbox.state.machines.length, 1);
});

test('create: a machine of the same name that is not ours is left alone', async (t) => {
  const { context, vbox, host, make } = openScene();
  await make();
  const settingsFile = '/elsewhere/dev/dev.vbox';
  host.files.put(settingsFile, 'theirs');
  const [ours] = vbox.state.machines.splice(0);
  const theirs = {
    ...(ours ?? t.fail()),
    uuid: '11111111-2222-4333-8444-555555555555',
    settingsFile,
    controllers: [],
  };
  vbox.state.machines.push(theirs);
  await make();
  t.is(vbox.state.machines.length, 2);
  await removeFromVirtualBox(context);
  t.deepEqual(vbox.state.machines, [theirs]);
});

test('start: ports on loopback are read back, the console is followed', async (t) => {
  const { context, make, events } = openScene();
  await make();
  await startMachine(context);
  t.deepEqual(await inspectMachine(context), {
    power: 'running',
    address: '127.0.0.1',
    ssh: { host: '127.0.0.1', port: 40_001 },
    engineUrl: 'tcp://127.0.0.1:40002',
  });
  t.deepEqual(
    events.flatMap((event) => (event.type === 'phase' ? event.phase : [])),
    ['init', 'ready'],
  );
});

test('start: the last ports are kept, and new ones are taken when somebody has them', async (t) => {
  const { context, make, host } = openScene();
  await make();
  await startMachine(context);
  await killMachine(context);
  await startMachine(context);
  t.like(await inspectMachine(context), { engineUrl: 'tcp://127.0.0.1:40002' });
  await killMachine(context);
  host.network.takenPorts.add(40_002);
  await startMachine(context);
  t.like(await inspectMachine(context), {
    engineUrl: 'tcp://127.0.0.1:40003',
    ssh: { host: '127.0.0.1', port: 40_001 },
  });
});

test('start: a port that VirtualBox could not open is only in its log; the machine is started again on others', async (t) => {
  const { context, make, vbox, calls } = openScene();
  await make();
  vbox.log =
    '00:00:01.5 NAT#0: failed to set up redirection of 40002 to 10.0.2.15:2376. Probably a conflict with existing services or other rules\n';
  let starts = 0;
  vbox.onCall = (args) => {
    if (args[0] === 'startvm') {
      starts += 1;
      vbox.log = starts === 2 ? '' : vbox.log;
    }
    return undefined;
  };
  await startMachine(context);
  t.is(starts, 2);
  t.like(await inspectMachine(context), { engineUrl: 'tcp://127.0.0.1:40004' });
  vbox.log = 'NAT: bind to 127.0.0.1 failed';
  await killMachine(context);
  vbox.onCall = () => undefined;
  await t.throwsAsync(startMachine(context), { message: /taken by other programs again and again/ });
  t.is(calls().filter((call) => call.startsWith('startvm')).length, 2 + 3);
  t.like(await inspectMachine(context), { power: 'stopped' });
});

test('start: paused goes on, saved goes on with the ports that it has', async (t) => {
  const { context, make, vbox, calls } = openScene();
  await make();
  await startMachine(context);
  const [machine] = vbox.state.machines;
  (machine ?? t.fail()).state = 'paused';
  t.like(await inspectMachine(context), { power: 'paused' });
  await startMachine(context);
  t.like(await inspectMachine(context), { power: 'running' });
  (machine ?? t.fail()).state = 'saved';
  t.like(await inspectMachine(context), { power: 'saved' });
  await stopMachine(context);
  t.like(await inspectMachine(context), { power: 'saved' }, 'a saved machine is off');
  const before = calls().length;
  await startMachine(context);
  t.false(
    calls()
      .slice(before)
      .some((call) => call.startsWith('modifyvm')),
  );
  (machine ?? t.fail()).state = 'saved';
  await killMachine(context);
  t.like(await inspectMachine(context), { power: 'stopped' });
});

test('start: a guest whose console is silent is ready when SSH greets', async (t) => {
  const { context, make, vbox, host } = openScene({
    profile: '7.1-mac-arm',
    host: { platform: 'darwin', arch: 'arm64' },
  });
  await make();
  vbox.lines = [];
  let attempts = 0;
  host.network.onConnect = () => {
    attempts += 1;
    const [near, far] = createSocketPair();
    if (attempts === 1) {
      far.end();
    } else {
      far.write('SSH-2.0-dropbear\r\n');
    }
    return near;
  };
  await startMachine(context);
  t.is(attempts, 2);
});

test('start: a guest that ends, and one that VirtualBox does not have any more', async (t) => {
  const { context, make, vbox } = openScene();
  await make();
  vbox.lines = ['TS 1.0 init'];
  const { onCall } = vbox;
  let looks = 0;
  vbox.onCall = (args) => {
    looks += args[0] === 'showvminfo' ? 1 : 0;
    const [machine] = vbox.state.machines;
    if (looks > 4 && machine?.state === 'running') {
      machine.state = 'poweroff';
    }
    return onCall(args);
  };
  await t.throwsAsync(startMachine(context), { code: 'vm-start-failed', message: /after the phase "init"/ });
  vbox.state.machines.length = 0;
  await t.throwsAsync(startMachine(context), {
    code: 'vm-start-failed',
    message: /does not have the machine any more/,
  });
  t.deepEqual(await inspectMachine(context), { power: 'absent' });
  await removeFromVirtualBox(context);
});

test('start: sizes are those of the record, and ports of the run before are closed', async (t) => {
  const { context, make, vbox, calls } = openScene();
  await make();
  await startMachine(context);
  const web = { protocol: 'tcp', hostAddress: '0.0.0.0', hostPort: 8080, guestPort: 80 } as const;
  t.deepEqual(await changeForwards(context, { remove: [], add: [web] }), []);
  t.deepEqual(await listForwards(context), [web]);
  await killMachine(context);
  await context.save({ Memory: 4096, CPU: 2, DiskSize: 30_000 });
  await startMachine(context);
  t.deepEqual(await listForwards(context), []);
  t.like(vbox.state.machines[0]?.settings, { memory: '4096', cpus: '2' });
  t.true(calls().includes(`modifymedium disk ${directory}/disk.vdi --resize 30000`));
});

test('a port that is taken is told, and the others are opened', async (t) => {
  const { context, make, host } = openScene();
  await make();
  await startMachine(context);
  host.network.takenPorts.add(8080);
  const forward = (hostPort: number): PortForward => ({
    protocol: 'tcp',
    hostAddress: '127.0.0.1',
    hostPort,
    guestPort: 80,
  });
  const failures = await changeForwards(context, { remove: [], add: [forward(8080), forward(8081)] });
  t.deepEqual(failures, [{ forward: forward(8080), detail: 'the port 8080 is taken' }]);
  t.deepEqual(await listForwards(context), [forward(8081)]);
});

test('stop: a guest that does not listen is switched off when its time is over', async (t) => {
  const { context, make, vbox, events, calls } = openScene();
  await make();
  await startMachine(context);
  vbox.ignoresButton = true;
  await stopMachine(context, { powerdownTimeoutMs: 25_000, repeatMs: 10_000 });
  t.is(calls().filter((call) => call.endsWith('acpipowerbutton')).length, 3);
  t.true(events.some((event) => event.type === 'warn' && event.message.includes('within 25 s')));
  t.like(await inspectMachine(context), { power: 'stopped' });
});

test('VirtualBox that is not ready yet is asked again, for a while', async (t) => {
  const { context, make, vbox } = openScene();
  await make();
  let busy = 3;
  vbox.onCall = (args) => {
    if (args[0] !== 'startvm' || busy === 0) {
      return undefined;
    }
    busy -= 1;
    return { exitCode: 1, stderr: 'VBoxManage: error: The object is not ready\n' };
  };
  await startMachine(context);
  t.is(busy, 0);
  t.like(await inspectMachine(context), { power: 'running' });
});

test('an error with exit code 0 is an error', async (t) => {
  const { context, make, vbox } = openScene();
  await make();
  await startMachine(context);
  vbox.onCall = (args) =>
    args[2] === 'poweroff' ? { stderr: 'VBoxManage: error: It did not work\n' } : undefined;
  await t.throwsAsync(killMachine(context), { code: 'vm-control-failed', message: /It did not work/ });
});

test('a machine whose settings are gone is an error in status, and rm removes it', async (t) => {
  const { context, make, vbox, host } = openScene();
  await make();
  await host.files.remove(settings);
  const status = await inspectMachine(context);
  t.is(status.power, 'error');
  t.regex(status.detail ?? '', /cannot read the settings/);
  await removeFromVirtualBox(context);
  t.deepEqual(vbox.state.machines, []);
});

test('rm: media that VirtualBox still knows are forgotten', async (t) => {
  const { context, make, vbox } = openScene();
  await make();
  await startMachine(context);
  vbox.state.media.push({
    uuid: 'feed',
    kind: 'disk',
    location: `${directory}/old.vdi`,
    sizeMiB: 1,
    format: 'VDI',
  });
  vbox.state.media.push({
    uuid: 'beef',
    kind: 'disk',
    location: '/home/ann/theirs.vdi',
    sizeMiB: 1,
    format: 'VDI',
  });
  await removeFromVirtualBox(context);
  t.deepEqual(
    vbox.state.media.map(({ uuid }) => uuid),
    ['beef'],
  );
  t.deepEqual(vbox.state.machines, []);
});

test('rm: a record that names the machine of somebody else removes nothing', async (t) => {
  const { context, make, vbox } = openScene();
  await make();
  const elsewhere = { ...context, directory: '/home/ann/machines/other' };
  await t.throwsAsync(removeFromVirtualBox(elsewhere), { code: 'record-invalid' });
  t.is(vbox.state.machines.length, 1);
});

test('nothing that could be a machine: VirtualBox is not even asked', async (t) => {
  const { context, calls } = openScene();
  t.deepEqual(await inspectMachine(context), { power: 'absent' });
  await removeFromVirtualBox(context);
  t.deepEqual(calls(), []);
});

test('a record of docker-machine: found by its name, reached at its address', async (t) => {
  const { context, make, vbox, host } = openScene();
  await make();
  const [machine] = vbox.state.machines;
  // boot2docker writes nothing to a file, and has no disk of ours.
  delete (machine ?? t.fail()).settings['uart-mode1'];
  await host.files.remove(`${directory}/disk.vdi`);
  context.config = { ...context.config, uuid: '', lastAddress: '192.168.99.100' };
  t.like(await inspectMachine(context), { power: 'stopped', address: '192.168.99.100' });
  host.network.onConnect = () => {
    const [near, far] = createSocketPair();
    far.write('SSH-2.0-OpenSSH_7.9\r\n');
    return near;
  };
  await startMachine(context);
  t.deepEqual(await inspectMachine(context), {
    power: 'running',
    address: '192.168.99.100',
    ssh: { host: '127.0.0.1', port: 40_001 },
    engineUrl: 'tcp://192.168.99.100:2376',
  });
  vbox.onCall = (args) => (args[0] === 'guestproperty' ? { stdout: 'Value: 192.168.99.105\n' } : undefined);
  t.like(
    await inspectMachine(context),
    { engineUrl: 'tcp://192.168.99.105:2376' },
    'what the guest tells is newer',
  );
  vbox.onCall = () => undefined;
  await stopMachine(context);
  await removeFromVirtualBox(context);
  t.deepEqual(vbox.state.machines, []);
});
