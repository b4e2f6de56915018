import test from 'ava';
import driver from '../../../src/drivers/hyperv/driver.ts';
import { inspectMachine } from '../../../src/drivers/hyperv/inspect.ts';
import { removeFromHyperV } from '../../../src/drivers/hyperv/remove.ts';
import { startMachine } from '../../../src/drivers/hyperv/start.ts';
import { machineSteps } from '../../../src/drivers/hyperv/steps.ts';
import { killMachine, stopMachine } from '../../../src/drivers/hyperv/stop.ts';
import { mebibyte } from '../../../src/drivers/hyperv/vhdx/format.ts';
import { readVhdx } from '../../../src/drivers/hyperv/vhdx/grow.ts';
import { faultOf, refusals } from '../../fakes/hyperv/fake-hyperv.ts';
import { directory, openScene, type Scene } from './hyperv-scene.ts';

const disk = `${directory}\\disk.vhdx`;

async function diskMiB({ host }: Scene): Promise<number> {
  const facts = await readVhdx(async (offset, length) => host.files.readRange(disk, offset, length));
  return (facts?.diskBytes ?? 0) / mebibyte;
}

function only(scene: Scene): Scene['hyperv']['state']['machines'][number] {
  const [machine] = scene.hyperv.state.machines;
  if (machine === undefined) {
    throw new Error('Hyper-V has no machine');
  }
  return machine;
}

test('create: what is asked for is what the machine has', async (t) => {
  const scene = openScene({
    flags: {
      ...{ 'hyperv-memory': 2047, 'hyperv-cpu-count': 2, 'hyperv-vlan-id': 7 },
      ...{ 'hyperv-static-macaddress': '00:15:5d:01:02:03', 'hyperv-secure-boot': false },
      'hyperv-disable-dynamic-memory': true,
    },
  });
  await scene.make();
  const machine = only(scene);
  t.like(machine, {
    ...{ name: 'dev', path: `${directory}\\dev`, notes: `tsmachine:${directory}`, cpus: 2, vlanId: 7 },
    ...{
      memoryBytes: 2048 * mebibyte,
      isMemoryDynamic: false,
      macAddress: '00155D010203',
      secureBoot: false,
    },
    ...{ switchId: 'C08CB7B8-9B3C-408E-8E30-5E16A3AEB444', pipe: `\\\\.\\pipe\\tsmachine-${machine.id}` },
    media: [`${directory}\\boot2docker.iso`, `${directory}\\config.iso`],
    disks: [disk],
  });
  t.is(scene.context.config.id, machine.id);
  t.is(await diskMiB(scene), 1000);
});

test('create: memory is dynamic, up to what was asked for, and Secure Boot is on by default', async (t) => {
  const scene = openScene({ flags: { 'hyperv-memory': 300 } });
  await scene.make();
  t.like(only(scene), { isMemoryDynamic: true, memoryMinBytes: 300 * mebibyte, secureBoot: true });
});

/** Ends a create at one of its calls, before or after the call had its effect; false when it has fewer calls. */
async function cutOff(scene: Scene, at: number, when: 'onCall' | 'afterCall'): Promise<boolean> {
  let calls = 0;
  scene.hyperv[when] = () => {
    calls += 1;
    if (calls === at) {
      throw new Error('killed');
    }
    return undefined;
  };
  const isCut = await scene.make().then(
    () => false,
    () => true,
  );
  scene.hyperv[when] = () => undefined;
  return isCut;
}

for (const when of ['onCall', 'afterCall'] as const) {
  test(`create: cut off at any call (${when}) it goes on, and rm leaves nothing`, async (t) => {
    let at = 1;
    for (; ; at += 1) {
      const [resumed, removed] = [openScene(), openScene()];
      if (!(await cutOff(resumed, at, when))) {
        break;
      }
      await resumed.make();
      await startMachine(resumed.context);
      t.like(await inspectMachine(resumed.context), { power: 'running' });
      t.is(resumed.hyperv.state.machines.length, 1);
      await removeFromHyperV(resumed.context);

      await cutOff(removed, at, when);
      await removeFromHyperV(removed.context);
      for (const { hyperv, host } of [resumed, removed]) {
        t.deepEqual(hyperv.state.machines, [], `call ${at}`);
        t.is(await host.files.stat(`${directory}\\dev`), undefined);
      }
    }
    t.true(at > 5, `${at} calls`);
  });
}

test('create: undone in reverse after any step, nothing is left', async (t) => {
  for (let done = 1; done <= 4; done += 1) {
    const scene = openScene();
    const steps = machineSteps(scene.context);
    for (const step of steps.slice(0, done)) {
      await step.run();
    }
    for (const step of steps.slice(0, done).reverse()) {
      await step.undo?.();
    }
    t.deepEqual(scene.hyperv.state.machines, []);
    for (const name of ['boot2docker.iso', 'disk.vhdx', 'dev']) {
      t.is(await scene.host.files.stat(`${directory}\\${name}`), undefined, name);
    }
  }
});

test('create: a machine of the same name that is not ours is left alone', async (t) => {
  const scene = openScene();
  await scene.make();
  const theirs = {
    ...only(scene),
    id: 'aaaaaaaa-2222-4333-8444-555555555555',
    path: 'D:\\vms\\dev',
    notes: '',
  };
  scene.hyperv.state.machines = [theirs];
  await scene.context.save({ VMId: '' });
  await scene.make();
  t.is(scene.hyperv.state.machines.length, 2);
  await removeFromHyperV(scene.context);
  t.deepEqual(scene.hyperv.state.machines, [theirs]);
  await scene.context.save({ VMId: theirs.id });
  await t.throwsAsync(removeFromHyperV(scene.context), { code: 'record-invalid', message: /not its own/ });
  t.deepEqual(scene.hyperv.state.machines, [theirs]);
});

test('start: the console is copied and followed, the address is written down, CDs are put in anew', async (t) => {
  const scene = openScene();
  await scene.make();
  await startMachine(scene.context);
  t.deepEqual(await inspectMachine(scene.context), {
    power: 'running',
    address: '172.20.0.9',
    ssh: { host: '172.20.0.9', port: 22 },
    engineUrl: 'tcp://172.20.0.9:2376',
  });
  t.deepEqual(
    scene.events.flatMap((event) => (event.type === 'phase' ? event.phase : [])),
    ['init', 'ready'],
  );
  t.regex(scene.host.files.text(`${directory}\\console.log`) ?? '', /TS 9\.50 ready/);
  t.is(scene.context.config.lastAddress, '172.20.0.9');
  t.deepEqual(only(scene).inserted, only(scene).media);
});

test('start: an address is found by the guest, by the neighbours, by the console, by name, or not at all', async (t) => {
  const addressAfter = async (change: (scene: Scene) => void): Promise<string | undefined> => {
    const scene = openScene();
    await scene.make();
    change(scene);
    await startMachine(scene.context);
    return scene.context.config.lastAddress;
  };
  t.is(
    await addressAfter(({ hyperv }) => (hyperv.addresses = ['fe80::1', '2001:db8::7', '10.1.1.1'])),
    '10.1.1.1',
  );
  t.is(
    await addressAfter(({ hyperv }) => Object.assign(hyperv, { addresses: ['fe80::1'], seen: ['10.1.1.2'] })),
    '10.1.1.2',
  );
  t.is(await addressAfter(({ hyperv }) => (hyperv.addresses = ['169.254.7.7'])), '172.20.0.9');
  const silent = { addresses: [], lines: ['TS 1.0 init', 'TS 2.0 ready'] };
  t.is(
    await addressAfter(({ hyperv }) =>
      Object.assign(hyperv, silent, {
        onCall: ({ operation }: { operation: string }) =>
          operation === 'resolve'
            ? { exitCode: 0, stderr: '', stdout: 'TSM:{"ok":true,"value":{"addresses":"10.1.1.3"}}\r\n' }
            : undefined,
      }),
    ),
    '10.1.1.3',
  );
  const error = await t.throwsAsync(
    addressAfter(({ hyperv }) => Object.assign(hyperv, silent)),
    {
      code: 'vm-boot-timeout',
      message: /the address of the machine/,
    },
  );
  t.regex((error as { why?: string }).why ?? '', /DHCP/);
});

test('start: where the pipe may not be opened, the machine is ready when SSH greets', async (t) => {
  const scene = openScene();
  await scene.make();
  scene.hyperv.lines = [];
  scene.hyperv.greeting = 'SSH-2.0-dropbear\r\n';
  await startMachine(scene.context);
  t.like(await inspectMachine(scene.context), { power: 'running' });
});

test('start: a guest that gives up, one that ends, and one that says nothing', async (t) => {
  const scene = openScene();
  await scene.make();
  scene.hyperv.lines = ['TS 1.0 init', 'TS 2.0 failed data: the disk is damaged'];
  await t.throwsAsync(startMachine(scene.context), { code: 'guest-failed' });
  await killMachine(scene.context);
  scene.hyperv.lines = ['TS 1.0 init'];
  let looks = 0;
  scene.hyperv.onCall = ({ operation }) => {
    looks += operation === 'look' ? 1 : 0;
    if (looks === 3) {
      only(scene).state = 3;
    }
    return undefined;
  };
  await t.throwsAsync(startMachine(scene.context), {
    code: 'vm-start-failed',
    message: /after the phase "init"/,
  });
  scene.hyperv.onCall = () => undefined;
  scene.hyperv.lines = [];
  await t.throwsAsync(startMachine(scene.context, { firstMarkTimeoutMs: 2000, readyTimeoutMs: 9000 }), {
    code: 'vm-boot-timeout',
  });
});

test('start: too little memory, whatever the language; and a hypervisor that does not run', async (t) => {
  const scene = openScene();
  await scene.make();
  scene.hyperv.onCall = ({ operation }) => (operation === 'start' ? faultOf(refusals.memory) : undefined);
  await t.throwsAsync(startMachine(scene.context), {
    code: 'host-not-ready',
    message: /not enough free memory/,
  });
  const unknown = {
    id: 'OperationFailed,StartVM',
    message: 'Der virtuelle Computer konnte nicht gestartet werden.',
  };
  scene.hyperv.onCall = ({ operation }) => (operation === 'start' ? faultOf(unknown) : undefined);
  await t.throwsAsync(startMachine(scene.context), { code: 'vm-start-failed', message: /refused "start"/ });
  scene.hyperv.state.host.hasHypervisor = false;
  await t.throwsAsync(startMachine(scene.context), {
    code: 'host-not-ready',
    message: /hypervisor of Windows/,
  });
});

test('start: paused goes on, saved goes on with what it saved and is off until then', async (t) => {
  const scene = openScene();
  await scene.make();
  await startMachine(scene.context);
  only(scene).state = 9;
  t.like(await inspectMachine(scene.context), { power: 'paused' });
  await startMachine(scene.context);
  t.like(await inspectMachine(scene.context), { power: 'running' });
  only(scene).state = 6;
  await stopMachine(scene.context);
  t.like(await inspectMachine(scene.context), { power: 'saved' });
  await startMachine(scene.context);
  t.deepEqual(only(scene).inserted, [], 'no CD is changed');
  only(scene).state = 6;
  await killMachine(scene.context);
  t.like(await inspectMachine(scene.context), { power: 'stopped' });
});

test('start: a machine that was deleted behind our back, or is in a state of its own', async (t) => {
  const scene = openScene();
  await scene.make();
  only(scene).state = 4711;
  t.like(await inspectMachine(scene.context), {
    power: 'error',
    detail: 'Hyper-V says that the state is 4711',
  });
  await t.throwsAsync(startMachine(scene.context), {
    code: 'vm-start-failed',
    message: /the state in which/,
  });
  scene.hyperv.state.machines = [];
  t.like(await inspectMachine(scene.context), { power: 'absent' });
  await t.throwsAsync(startMachine(scene.context), {
    code: 'vm-start-failed',
    message: /not have the machine/,
  });
  await stopMachine(scene.context);
  await killMachine(scene.context);
  await removeFromHyperV(scene.context);
});

test('set: sizes hold from the next start on, and the disk grows', async (t) => {
  const scene = openScene();
  await scene.make();
  const part = driver.change?.({ 'hyperv-cpu-count': 3, 'hyperv-disk-size': 5000 }, scene.context.config);
  await scene.context.save(part ?? {});
  t.is(only(scene).cpus, 1);
  await startMachine(scene.context);
  t.is(only(scene).cpus, 3);
  t.is(await diskMiB(scene), 5000);
  t.throws(() => driver.change?.({ 'hyperv-disk-size': 4000 }, scene.context.config), {
    code: 'flag-invalid',
  });
  const before = scene.operations().length;
  await killMachine(scene.context);
  await startMachine(scene.context);
  t.false(scene.operations().slice(before).includes('configure'), 'nothing has changed');
});

test('set: a disk with a checkpoint stays as it is, and it is said why', async (t) => {
  const scene = openScene();
  await scene.make();
  await scene.context.save({ DiskSize: 5000 });
  only(scene).disks = [`${directory}\\disk_AAAA.avhdx`];
  await startMachine(scene.context);
  t.is(await diskMiB(scene), 1000);
  t.true(
    scene.events.some(
      (event) => event.type === 'warn' && /stays at 1000 MB\. .*checkpoint.*Resize-VHD/.test(event.message),
    ),
  );
});

test('start: a switch that was removed is replaced by the one that there is, or its absence is explained', async (t) => {
  const scene = openScene();
  await scene.make();
  only(scene).switchId = '00000000-0000-0000-0000-000000000000';
  await startMachine(scene.context);
  t.is(only(scene).switchId, 'C08CB7B8-9B3C-408E-8E30-5E16A3AEB444');
  await killMachine(scene.context);
  only(scene).switchId = '00000000-0000-0000-0000-000000000000';
  scene.hyperv.state.switches = [];
  await t.throwsAsync(startMachine(scene.context), {
    code: 'host-not-ready',
    message: /no External vswitch found/,
  });
});

test('stop: the guest is asked; one that does not listen is switched off, and it is said', async (t) => {
  const scene = openScene();
  await scene.make();
  await startMachine(scene.context);
  await stopMachine(scene.context);
  t.like(await inspectMachine(scene.context), { power: 'stopped', address: '172.20.0.9' });
  t.false(scene.operations().includes('turn-off'));
  await startMachine(scene.context);
  scene.hyperv.ignoresRequest = true;
  await stopMachine(scene.context);
  t.like(await inspectMachine(scene.context), { power: 'stopped' });
  t.true(scene.events.some((event) => event.type === 'warn' && event.message.includes('switched off')));
});

test('a machine of docker-machine: found by name and place, started and stopped as it is', async (t) => {
  const scene = openScene();
  await scene.make();
  await scene.host.files.remove(disk);
  await scene.context.save({ VMId: '' });
  Object.assign(only(scene), { notes: '', disks: [`${directory}\\disk.vhd`], cpus: 4 });
  await startMachine(scene.context);
  t.like(only(scene), { cpus: 4, inserted: [] });
  t.like(await inspectMachine(scene.context), { power: 'running', engineUrl: 'tcp://172.20.0.9:2376' });
  await stopMachine(scene.context);
  await removeFromHyperV(scene.context);
  t.deepEqual(scene.hyperv.state.machines, []);
});

test('without rights the state is an error that says so, and rm does not pretend', async (t) => {
  const scene = openScene();
  await scene.make();
  scene.hyperv.state.host.mayUse = false;
  t.like(await inspectMachine(scene.context), {
    power: 'error',
    detail: 'Hyper-V commands have to be run as an Administrator',
  });
  await t.throwsAsync(removeFromHyperV(scene.context), { code: 'host-not-ready' });
  scene.host.processes.find = async () => undefined;
  t.regex((await inspectMachine(scene.context)).detail ?? '', /PowerShell was not found/);
  await t.throwsAsync(removeFromHyperV(scene.context), { code: 'program-missing' });
});
