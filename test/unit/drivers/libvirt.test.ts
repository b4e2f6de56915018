import test from 'ava';
import { isMachineError } from '../../../src/core/errors.ts';
import type { BootMaterial } from '../../../src/drivers/driver.ts';
import { domainXml } from '../../../src/drivers/libvirt/domain-xml.ts';
import { knownFault } from '../../../src/drivers/libvirt/failures.ts';
import {
  isActive,
  isNotFound,
  isNotRunning,
  parseDomainCapabilities,
  parseFault,
  parseOwner,
  parseState,
  parseVersions,
} from '../../../src/drivers/libvirt/output.ts';
import { detailOf, powerOf } from '../../../src/drivers/libvirt/states.ts';
import { startMachine } from '../../../src/drivers/libvirt/start.ts';
import { stopMachine } from '../../../src/drivers/libvirt/stop.ts';
import { parseUsernet } from '../../../src/drivers/usernet.ts';
import { createFakeHost } from '../../fakes/host.ts';
import { installMemoryLibvirt, recordedVirsh } from '../../fakes/virsh/memory-libvirt.ts';
import { directory, openLibvirtScene } from './libvirt-scene.ts';

const uuid = '094b6be4-26f6-4d1b-9bd0-abf486511de8';

test('parsers read what libvirt 9.0 says', (t) => {
  const said = recordedVirsh();
  if (said.size === 0) {
    t.log('skipped: needs the recorded answers of virsh');
    t.pass();
    return;
  }
  const out = (label: string): string => said.get(label)?.stdout ?? '';
  const fault = (label: string): string => parseFault(said.get(label)?.stderr ?? '');
  const states = [
    ['s-domstate-defined', 'stopped'],
    ['s-domstate-running', 'running'],
    ['s-domstate-paused', 'paused'],
    ['s-domstate-resumed', 'running'],
    ['s-domstate-shutoff', 'stopped'],
    ['s-domstate-destroyed', 'stopped'],
    ['t-domstate', 'running'],
  ] as const;
  for (const [label, power] of states) {
    const state = parseState(out(label));
    t.is(state === undefined ? undefined : powerOf(state), power, label);
  }
  t.is(parseState(out('s-domstate-gone')), undefined);
  t.is(parseOwner(out('s-metadata')), 'default');
  t.is(parseOwner(out('s-metadata-missing')), undefined);
  t.deepEqual(parseVersions(out('s-version')), { libvirt: '9.0.0', qemu: '7.2.22' });
  t.deepEqual(parseUsernet(out('s-usernet2')), [
    { protocol: 'tcp', hostAddress: '127.0.0.1', hostPort: 39_581, guestPort: 8080 },
    { protocol: 'tcp', hostAddress: '127.0.0.1', hostPort: 42_301, guestPort: 2376 },
  ]);
  t.is(out('s-hostfwd-add').trim(), '', 'silence is success');
  t.true(isNotRunning(fault('s-shutdown-off')) && isNotRunning(fault('s-destroy-off')));
  t.true(isActive(fault('s-start-again')) && isActive(fault('t-start-active')));
  t.true(isNotFound(fault('s-domstate-gone')) && isNotFound(fault('t-missing')));
});

test('the pretended virsh gives the recorded answers', async (t) => {
  const said = recordedVirsh();
  if (said.size === 0) {
    t.log('skipped: needs the recorded answers of virsh');
    t.pass();
    return;
  }
  const host = createFakeHost();
  installMemoryLibvirt(host);
  const metadata = "<metadata><tsmachine:machine xmlns:tsmachine='x'>default</tsmachine:machine></metadata>";
  host.files.put('dom.xml', `<domain><name>tsm-default</name><uuid>${uuid}</uuid>${metadata}</domain>`);
  const labels = [
    ...['version', 'define', 'domstate-defined', 'metadata', 'destroy-off', 'start'],
    ...['domstate-running', 'start-again', 'suspend', 'domstate-paused', 'resume', 'domstate-resumed'],
    ...['destroy', 'domstate-destroyed'],
  ];
  for (const label of labels) {
    const { argv = [], rc, stdout, stderr } = said.get(`s-${label}`) ?? {};
    const options = { timeoutMs: 1000, acceptExitCodes: 'any' } as const;
    const answer = await host.processes.run('virsh', argv.slice(1), options);
    t.deepEqual(answer, { exitCode: rc ?? -1, stdout: stdout ?? '', stderr: stderr ?? '' }, label);
  }
});

test('states: reasons that say more than the state, and one that nobody knows', (t) => {
  t.is(powerOf({ state: 'shut off', reason: 'saved' }), 'saved');
  t.is(powerOf({ state: 'in shutdown', reason: 'user' }), 'stopping');
  t.is(powerOf({ state: 'paused', reason: 'I/O error' }), 'error');
  t.regex(detailOf({ state: 'paused', reason: 'I/O error' }) ?? '', /no room/);
  t.is(powerOf({ state: 'dreaming', reason: '' }), 'error');
  t.regex(detailOf({ state: 'dreaming', reason: 'deep' }) ?? '', /"dreaming \(deep\)"/);
  t.is(parseDomainCapabilities('error'), undefined);
});

test('the definition: kernel and disks of the image, identity by fw_cfg, ports that the kernel chooses', async (t) => {
  const { context, host, libvirt, make } = openLibvirtScene({ 'libvirt-cpu-count': 4 });
  await make();
  const xml = host.files.text(`${directory}/domain.xml`) ?? '';
  t.is([...libvirt.domains.values()][0]?.owner, directory);
  for (const part of [
    "<domain type='qemu' ",
    `<uuid>${context.config.uuid}</uuid>`,
    `<name>tsm-dev-${context.config.uuid.slice(0, 8)}</name>`,
    '<vcpu>1</vcpu>',
    `<entry name='opt/org.tsmachine/hostname' file='${directory}/guest/hostname'/>`,
    'ts.root=/dev/vdb',
    "<source dir='/home/ann/o&apos;brien &amp; co'/>",
    '<readonly/>',
    'hostfwd=tcp:127.0.0.1:0-:22,hostfwd=tcp:127.0.0.1:0-:2376',
  ]) {
    t.true(xml.includes(part), part);
  }
  t.is(xml.match(/<seclabel/g), null);
});

test('the definition of an accelerated machine of ARM has its processors, and no words of x86', (t) => {
  const { context } = openLibvirtScene();
  const xml = domainXml({
    ...context.config,
    uuid,
    name: 'n',
    owner: directory,
    accelerator: 'kvm',
    cpus: 3,
    image: { ...(context.boot as BootMaterial).image, architecture: 'arm64' },
    guestFiles: [],
    shares: [],
    diskPath: '/d',
    consolePath: '/c',
    macAddress: '52:54:00:00:00:01',
    runAs: { uid: 1000, gid: 100 },
  });
  t.regex(xml, /<domain type='kvm'/);
  t.regex(xml, /<vcpu>3<\/vcpu>/);
  t.regex(xml, /host-passthrough/);
  t.regex(xml, /console=ttyAMA0/);
  t.regex(xml, /<label>\+1000:\+100<\/label>/);
  t.notRegex(xml, /acpi|vmport|<pm>|'-cpu'|sysinfo/);
});

test('start: the ports of the last run are asked for again; one that is taken becomes another', async (t) => {
  const { context, driver, host, make } = openLibvirtScene();
  await make();
  await driver.start(context);
  const { sshPort, enginePort } = context.config;
  t.true(sshPort > 0 && enginePort > 0);
  await driver.stop(context);
  await driver.start(context);
  t.deepEqual([context.config.sshPort, context.config.enginePort], [sshPort, enginePort]);
  await driver.stop(context);
  // Taken, but not yet when it is looked at.
  host.network.isPortFree = async () => true;
  host.network.takenPorts.add(enginePort);
  await driver.start(context);
  t.not(context.config.enginePort, enginePort);
});

test('start: a domain that somebody undefined is defined anew; a saved one goes on as it is', async (t) => {
  const { context, driver, libvirt, make, calls } = openLibvirtScene();
  await make();
  libvirt.domains.clear();
  t.is((await driver.inspect(context)).power, 'absent');
  await driver.start(context);
  t.is((await driver.inspect(context)).power, 'running');
  await driver.stop(context);
  const [domain] = libvirt.domains.values();
  Object.assign(domain ?? {}, { state: 'shut off (saved)' });
  t.is((await driver.inspect(context)).power, 'saved');
  const before = calls().filter((line) => line.startsWith('define')).length;
  await driver.start(context);
  t.is(calls().filter((line) => line.startsWith('define')).length, before);
});

test('start: a guest that never speaks is ended; one that gives up is left to be looked at', async (t) => {
  const { context, driver, libvirt, make } = openLibvirtScene();
  await make();
  libvirt.lines = [];
  const limits = { firstMarkTimeoutMs: 1000, readyTimeoutMs: 2000 };
  await t.throwsAsync(startMachine(context, limits), { message: /not ready after 1 s/ });
  t.is((await driver.inspect(context)).power, 'stopped');
  libvirt.lines = ['TS 1 init', 'TS 2 failed data: it is damaged'];
  await t.throwsAsync(startMachine(context, limits), { message: /gave up on data/ });
  t.is((await driver.inspect(context)).power, 'running');
});

test('stop: a guest that does not listen is switched off; the machine tells so', async (t) => {
  const { context, driver, libvirt, make, calls, events } = openLibvirtScene();
  await make();
  await driver.start(context);
  libvirt.ignoresButton = true;
  await stopMachine(context, { powerdownTimeoutMs: 20_000, repeatMs: 10_000 });
  t.is(calls().filter((line) => line.startsWith('shutdown')).length, 2);
  t.is((await driver.inspect(context)).power, 'stopped');
  t.true(events.some((event) => event.type === 'warn' && /switched off/.test(event.message)));
});

test("a domain that is not the machine's own is neither started, stopped nor removed", async (t) => {
  const { context, driver, libvirt, make } = openLibvirtScene();
  await make();
  const [domain] = libvirt.domains.values();
  for (const owner of ['/home/bob/machines/dev', undefined]) {
    Object.assign(domain ?? {}, { owner });
    for (const verb of ['start', 'stop', 'kill', 'remove'] as const) {
      const error = await t.throwsAsync(driver[verb](context));
      t.true(isMachineError(error) && error.code === 'record-invalid', verb);
    }
    t.is((await driver.inspect(context)).power, 'absent');
  }
  t.is(libvirt.domains.size, 1);
});

test('faults: known ones say what to do, at a check and at a start', async (t) => {
  const { context, driver, libvirt, make } = openLibvirtScene();
  await make();
  libvirt.startFault = 'Could not access KVM kernel module: Permission denied';
  await t.throwsAsync(driver.start(context), { message: /KVM cannot be used/ });
  libvirt.startFault = 'something new';
  const error = await t.throwsAsync(driver.start(context));
  t.true(isMachineError(error) && error.code === 'vm-start-failed' && /something new/.test(error.why ?? ''));
  libvirt.connectFault =
    "Failed to connect socket to '/run/user/1/libvirt/libvirt-sock': No such file or directory";
  const [finding] = await driver.check(context);
  t.is(finding?.severity, 'error');
  t.regex(finding?.message ?? '', /cannot be reached/);
  t.is((await driver.inspect(context)).power, 'error');
  for (const text of [
    'no connection driver available for qemu:///session',
    'authentication unavailable: no polkit agent',
  ]) {
    t.not(knownFault(text), undefined, text);
  }
});

test('flags and records: an address of another computer and a UUID that is none are refused', (t) => {
  const { driver } = openLibvirtScene();
  for (const uri of ['qemu+ssh://host/system', 'xen:///system', 'qemu:///session --x']) {
    t.throws(() => driver.configure({ 'libvirt-uri': uri }), { message: /cannot be used/ });
    t.throws(() => driver.readConfig({ URI: uri }), { message: /Driver.URI/ });
  }
  t.throws(() => driver.readConfig({ UUID: '; destroy other' }), { message: /Driver.UUID/ });
  t.throws(() => driver.configure({ 'libvirt-accel': 'hvf' }), { message: /is not known/ });
});

test('set: sizes grow the disk file at the next start', async (t) => {
  const { context, driver, host, make } = openLibvirtScene({ 'libvirt-disk-size': 1000 });
  await make();
  await context.save(
    driver.change?.({ 'libvirt-disk-size': 2000, 'libvirt-memory': 700 }, context.config) ?? {},
  );
  await driver.start(context);
  t.is((await host.files.stat(`${directory}/disk.raw`))?.sizeBytes, 2000 * 1024 ** 2);
  t.regex(host.files.text(`${directory}/domain.xml`) ?? '', /<memory unit='MiB'>700</);
});
