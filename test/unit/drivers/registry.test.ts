import test from 'ava';
import { findPlugin } from '../../../src/drivers/plugin/find.ts';
import { defaultDriver, driverNames, loadDriver, loadManifest } from '../../../src/drivers/registry.ts';
import { createFakeHost, type FakeHost } from '../../fakes/host.ts';
import { installFakeHyperV } from '../../fakes/hyperv/memory-world.ts';
import { openTestSession } from '../machine/support.ts';

const session = openTestSession();

test('every name has a manifest and a driver of that name', async (t) => {
  t.deepEqual(driverNames, [...driverNames].sort());
  for (const name of driverNames) {
    const manifest = await loadManifest(name, session);
    t.is(manifest.name, name);
    t.is((await loadDriver(name, session)).manifest, manifest);
  }
});

test('flags are unique, with an environment variable each, and belong to their driver', async (t) => {
  for (const name of driverNames) {
    const { flags } = await loadManifest(name, session);
    const names = flags.flatMap((flag) => [flag.name, ...(flag.aliases ?? [])]);
    t.is(new Set(names).size, names.length);
    t.is(new Set(flags.map((flag) => flag.env)).size, flags.length);
    t.true(flags.every((flag) => /^[A-Z][A-Z0-9_]+$/.test(flag.env) && flag.help !== ''));
  }
});

test('unknown names are refused, also those that every object has', async (t) => {
  for (const name of ['nosuch', 'constructor', '__proto__', '']) {
    await t.throwsAsync(loadDriver(name, session), {
      message: `Driver "${name}" not found. Do you have the plugin binary accessible in your PATH?`,
    });
    await t.throwsAsync(loadManifest(name, session), {
      message: `Driver "${name}" not found. Do you have the plugin binary "docker-machine-driver-${name}" accessible in your PATH?`,
    });
  }
});

test('a driver that is not built in is a plugin on PATH, which is not executed to load it', async (t) => {
  const host = createFakeHost();
  host.processes.answer('docker-machine-driver-ci-test', {});
  const driver = await loadDriver('ci-test', { ...session, host });
  t.deepEqual(driver.manifest.capabilities.boots, 'nothing');
  t.deepEqual(host.processes.calls, []);
  host.processes.answer('docker-machine-driver-kvm', {});
  t.is((await loadDriver('kvm', { ...session, host })).manifest.capabilities.boots, 'host');
});

test('the names of plugins cannot lead out of PATH', async (t) => {
  const host = createFakeHost();
  host.processes.answer('docker-machine-driver-x', {});
  for (const name of ['../x', 'x/../x', '-x', 'x\u0000']) {
    await t.throwsAsync(loadDriver(name, { ...session, host }), { code: 'driver-unknown' });
  }
});

test('docker-machine is its own plugin for the drivers that it contains, but this program is not', async (t) => {
  const host = createFakeHost();
  host.processes.answer('docker-machine', {});
  const program = '/usr/bin/docker-machine';
  t.is((await findPlugin(host, 'softlayer'))?.path, program);
  t.is(await findPlugin(host, 'nosuch'), undefined);
  host.files.realPath = async (path) => (path === program ? '/opt/tsmachine/bin/tsmachine.js' : path);
  t.is(await findPlugin(host, 'softlayer'), undefined);
  host.processes.answer('rancher-machine', {});
  t.is((await findPlugin(host, 'softlayer'))?.path, '/usr/bin/rancher-machine');
  host.processes.answer('docker-machine-driver-softlayer', {});
  t.is((await findPlugin(host, 'softlayer'))?.path, '/usr/bin/docker-machine-driver-softlayer');
});

test('the default driver says why', async (t) => {
  const host = createFakeHost();
  t.like(await defaultDriver(host), { name: 'qemu' });
  t.regex((await defaultDriver(host)).why, /qemu-system-x86_64 was not found/);
  host.processes.answer('VBoxManage', {});
  t.deepEqual(await defaultDriver(host), {
    name: 'virtualbox',
    why: 'VirtualBox is installed (/usr/bin/VBoxManage)',
  });
  host.processes.answer('qemu-system-x86_64', {});
  t.is((await defaultDriver(host)).why, 'QEMU is installed (/usr/bin/qemu-system-x86_64)');
});

test('the default driver on a Mac is vz where vfkit is installed and can be used', async (t) => {
  const mac = (arch: string, version: string): FakeHost => {
    const host = createFakeHost({ platform: 'darwin', arch });
    host.processes.answer('qemu-system-aarch64', {});
    host.processes.answer('qemu-system-x86_64', {});
    host.processes.answer('sw_vers', { stdout: `${version}\n` });
    return host;
  };
  const host = mac('arm64', '13.0');
  t.like(await defaultDriver(host), { name: 'qemu' });
  host.processes.answer('vfkit', {});
  t.deepEqual(await defaultDriver(host), { name: 'vz', why: 'vfkit is installed (/usr/bin/vfkit)' });
  for (const other of [mac('arm64', '12.7.6'), mac('x64', '15.1')]) {
    other.processes.answer('vfkit', {});
    t.like(await defaultDriver(other), { name: 'qemu' });
  }
});

test('the default driver on Windows is Hyper-V where this user may use it', async (t) => {
  const host = createFakeHost({ platform: 'win32' });
  const hyperv = installFakeHyperV(host);
  t.like(await defaultDriver(host), { name: 'qemu' }, 'its service is not installed');
  t.deepEqual(hyperv.calls, [], 'and PowerShell is not asked');
  host.files.put('C:\\Windows\\System32\\vmms.exe', '');
  host.processes.answer('VBoxManage', {});
  t.deepEqual(await defaultDriver(host), {
    name: 'hyperv',
    why: 'Hyper-V is installed (C:\\Windows\\System32\\vmms.exe)',
  });
  for (const part of [{ module: false }, { mayUse: false }, { hasHypervisor: false }, { isServing: false }]) {
    const before = { ...hyperv.state.host };
    Object.assign(hyperv.state.host, part);
    t.like(await defaultDriver(host), { name: 'virtualbox' }, JSON.stringify(part));
    Object.assign(hyperv.state.host, before);
  }
});

test('the default driver on Windows is VirtualBox where both are there', async (t) => {
  const host = createFakeHost({ platform: 'win32' });
  host.processes.answer('qemu-system-x86_64', {});
  t.like(await defaultDriver(host), { name: 'qemu' });
  host.processes.answer('VBoxManage', {});
  t.like(await defaultDriver(host), { name: 'virtualbox' });
});
