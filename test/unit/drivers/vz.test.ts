import test from 'ava';
import { isMachineError } from '../../../src/core/errors.ts';
import { powerOf } from '../../../src/drivers/vz/rest.ts';
import { startMachine } from '../../../src/drivers/vz/start.ts';
import { stopMachine } from '../../../src/drivers/vz/stop.ts';
import { parseVfkit } from '../../fakes/vfkit/grammar.ts';
import { openVzScene } from './vz-scene.ts';

test('the command line: the kernel of the image, disks in their order, the share, a console by virtio', async (t) => {
  const { context, driver, vfkit, make } = openVzScene({ 'vz-cpu-count': 3 });
  await make();
  await driver.start(context);
  const { macAddress, cmdline, ...machine } = vfkit.machine ?? ({} as never);
  t.deepEqual(machine, {
    cpus: 3,
    memoryMiB: 2048,
    socket: `${context.directory}/vfkit.sock`,
    kernel: '/i/vmlinux',
    initrd: '/i/initrd',
    disks: [`${context.directory}/disk.raw`, '/i/root', `${context.directory}/config.iso`],
    consoleLog: `${context.directory}/console.log`,
    shares: [{ path: '/Users/ann', tag: 'tsm0' }],
  });
  t.regex(macAddress, /^52:54:00:/);
  t.regex(cmdline, /^console=tty0 console=hvc0 .*ts\.root=\/dev\/vdb ts\.mods=[\w,]+,virtio_console$/);
});

test('--vz-rosetta lends Rosetta under the tag that the guest looks for, if it is installed', async (t) => {
  const { context, driver, host, vfkit, make } = openVzScene({ 'vz-rosetta': true });
  const codes = async (): Promise<string[]> => (await driver.check(context)).map(({ code }) => code);
  t.true((await codes()).includes('rosetta-missing'));
  host.files.put('/Library/Apple/usr/libexec/oah/RosettaLinux/rosetta', '');
  t.deepEqual(await codes(), ['vfkit']);
  await make();
  await driver.start(context);
  t.is(vfkit.machine?.rosettaTag, 'rosetta');
  t.deepEqual(
    vfkit.machine?.shares.map(({ tag }) => tag),
    ['tsm0'],
  );
});

test('macOS before 13 is told to be too old', async (t) => {
  const { context, driver, host } = openVzScene();
  host.processes.answer('/usr/bin/sw_vers', { stdout: '12.7.6\n' });
  t.is((await driver.check(context))[0]?.code, 'macos-too-old');
  host.processes.answer('/usr/bin/sw_vers', { stdout: '15.1\n' });
  t.is((await driver.check(context))[0]?.code, 'vfkit');
});

test('the grammar of the pretended vfkit refuses what vfkit would', (t) => {
  for (const args of [['--nosuch', '1'], ['--cpus'], ['--cpus', '2', '--device', 'virtio-gpu']]) {
    t.throws(() => parseVfkit(args));
  }
});

test('a path with a comma is refused before anything is started; one too long for a socket is not', async (t) => {
  const comma = openVzScene({}, '/Users/ann/a,b/dev');
  await comma.make();
  await t.throwsAsync(comma.driver.start(comma.context), { message: /comma/ });
  const long = openVzScene({}, `/Users/ann/${'x'.repeat(100)}/dev`);
  await long.make();
  await long.driver.start(long.context);
  t.regex(long.vfkit.machine?.socket ?? '', /^\/Users\/ann\/\.cache\/tsmachine\/run\/[0-9a-f]{16}\.sock$/);
});

test('the address is what the guest says; it is kept, and another one after the next start takes its place', async (t) => {
  const { context, driver, vfkit, make } = openVzScene();
  await make();
  await driver.start(context);
  t.like(await driver.inspect(context), {
    power: 'running',
    address: '192.168.64.5',
    engineUrl: 'tcp://192.168.64.5:2376',
  });
  await driver.stop(context);
  vfkit.lines = ['TS 0.1 init', 'TS 0.2 ready 192.168.64.9'];
  await driver.start(context);
  t.is((await driver.inspect(context)).address, '192.168.64.9');
});

test('a paused machine goes on; a guest that does not listen is switched off, and the machine tells so', async (t) => {
  const { context, driver, vfkit, make, events } = openVzScene();
  await make();
  await driver.start(context);
  vfkit.state = 'VirtualMachineStatePaused';
  t.is((await driver.inspect(context)).power, 'paused');
  await driver.start(context);
  t.is((await driver.inspect(context)).power, 'running');
  vfkit.ignoresButton = true;
  await stopMachine(context, { powerdownTimeoutMs: 2000 });
  t.is((await driver.inspect(context)).power, 'stopped');
  t.true(events.some((event) => event.type === 'warn' && /switched off/.test(event.message)));
});

test('vfkit that ends at once: the error has what it wrote', async (t) => {
  const { context, driver, vfkit, make } = openVzScene();
  await make();
  vfkit.startFault = 'invalid virtual machine configuration';
  const limits = { firstMarkTimeoutMs: 5000, readyTimeoutMs: 5000 };
  const error = await t.throwsAsync(startMachine(context, limits));
  t.true(isMachineError(error) && error.code === 'vm-start-failed', String(error));
  t.true(isMachineError(error) && /invalid virtual machine/.test(error.why ?? ''));
  t.is((await driver.inspect(context)).power, 'stopped');
});

test('a machine whose start was cut off before its process was written down is found and ended', async (t) => {
  const { context, driver, host, make } = openVzScene();
  await make();
  await driver.start(context);
  await host.files.remove(`${context.directory}/run.json`);
  t.is((await driver.inspect(context)).power, 'running');
  await driver.remove(context);
  t.is((await driver.inspect(context)).power, 'stopped');
});

test('check: no vfkit, an Intel Mac; states that nobody knows are errors', async (t) => {
  const { context, driver, host } = openVzScene();
  t.deepEqual(
    (await driver.check(context)).map(({ code }) => code),
    ['vfkit'],
  );
  const intel = { ...host, facts: { ...host.facts, arch: 'x64' } };
  t.is((await driver.check({ ...context, host: intel }))[0]?.code, 'architecture-unsupported');
  const none = await driver.check({ ...context, config: { ...context.config, program: 'nosuch' } });
  t.is(none[0]?.code, 'vfkit-missing');
  t.is(powerOf('VirtualMachineStateDreaming'), 'error');
});
