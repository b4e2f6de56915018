import test from 'ava';
import type { ErrorCode } from '../../../src/core/codes.ts';
import type { Finding, FlagValues } from '../../../src/drivers/driver.ts';
import { checkHost } from '../../../src/drivers/virtualbox/check.ts';
import { startFailure, tellsOfTakenPort } from '../../../src/drivers/virtualbox/failures.ts';
import { findVBoxManage } from '../../../src/drivers/virtualbox/find.ts';
import { ensureHostOnly } from '../../../src/drivers/virtualbox/host-only.ts';
import { startMachine } from '../../../src/drivers/virtualbox/start.ts';
import { openVBoxManage } from '../../../src/drivers/virtualbox/vboxmanage.ts';
import { versionOf } from '../../../src/drivers/virtualbox/dialect.ts';
import { createFakeHost } from '../../fakes/host.ts';
import type { ProfileName } from '../../fakes/vboxmanage/profile.ts';
import { sample } from '../../fakes/vboxmanage/samples.ts';
import { directory, openScene, type Scene } from './virtualbox-scene.ts';

const hostOnly = { 'virtualbox-hostonly-cidr': '192.168.56.1/24' };

async function codesOf(scene: Pick<Scene, 'context'>): Promise<string[]> {
  return (await checkHost(scene.context)).map(({ severity, code }) => `${severity} ${code}`);
}

test('VBoxManage is found where the installers put it', async (t) => {
  const windows = createFakeHost({ platform: 'win32', env: { VBOX_MSI_INSTALL_PATH: 'D:\\VBox\\' } });
  t.is(await findVBoxManage(windows), undefined);
  windows.files.put('D:\\VBox\\VBoxManage.exe', '');
  t.is(await findVBoxManage(windows), 'D:\\VBox\\VBoxManage.exe');

  const registered = createFakeHost({ platform: 'win32' });
  registered.files.put('C:\\Program Files\\Oracle\\VirtualBox\\VBoxManage.exe', '');
  const value = '    InstallDir    REG_SZ    C:\\Program Files\\Oracle\\VirtualBox\\\r\n';
  registered.processes.answer('reg', { stdout: value });
  t.is(await findVBoxManage(registered), 'C:\\Program Files\\Oracle\\VirtualBox\\VBoxManage.exe');

  const mac = createFakeHost({ platform: 'darwin' });
  t.is(await findVBoxManage(mac), undefined);
  mac.files.put('/Applications/VirtualBox.app/Contents/MacOS/VBoxManage', '');
  t.is(await findVBoxManage(mac), '/Applications/VirtualBox.app/Contents/MacOS/VBoxManage');
  mac.processes.answer('VBoxManage', {});
  t.is(await findVBoxManage(mac), '/usr/bin/VBoxManage', 'PATH comes first');
});

test('a computer that can', async (t) => {
  t.deepEqual(await codesOf(openScene()), ['ok virtualbox']);
  t.deepEqual(await codesOf(openScene({ profile: '6.1' })), ['ok virtualbox']);
});

test('a computer that cannot, and why', async (t) => {
  const none = openScene();
  none.host.processes.find = async () => undefined;
  t.deepEqual(await codesOf(none), ['error virtualbox-missing']);

  const answers = async (
    version: string,
    options: Parameters<typeof openScene>[0] = {},
  ): Promise<string[]> => {
    const scene = openScene(options);
    scene.vbox.onCall = (args) => (args[0] === '--version' ? { stdout: version } : undefined);
    return codesOf(scene);
  };
  t.deepEqual(await answers('5.2.44r139111\n'), ['error virtualbox-too-old']);
  t.deepEqual(await answers('garbage\n'), ['error virtualbox-broken']);
  t.deepEqual(await answers('7.0.20r163906\n', { host: { arch: 'arm64', platform: 'darwin' } }), [
    'error virtualbox-too-old',
  ]);
  t.deepEqual(await answers(sample('wrapperVersion').stdout), [
    'ok virtualbox',
    'error virtualbox-module-missing',
  ]);
});

test('hardware virtualization: off is an error, unknown none, and on Windows a warning', async (t) => {
  const answers = async (options: Parameters<typeof openScene>[0], count = 4): Promise<string[]> => {
    const scene = openScene(options);
    const stdout = `Processor count: ${count}\nProcessor supports HW virtualization: no\n`;
    scene.vbox.onCall = (args) => (args[1] === 'hostinfo' ? { stdout } : undefined);
    return codesOf(scene);
  };
  t.deepEqual(await answers({}), ['ok virtualbox', 'error virtualization-off']);
  t.deepEqual(await answers({}, 0), ['ok virtualbox']);
  t.deepEqual(await answers({ flags: { 'virtualbox-no-vtx-check': true } }), ['ok virtualbox']);
  t.deepEqual(await answers({ host: { platform: 'win32' } }), [
    'ok virtualbox',
    'warning virtualization-hidden',
  ]);
});

test('sizes, and an image for another processor', async (t) => {
  const of = async (flags: FlagValues): Promise<string[]> => codesOf(openScene({ flags }));
  t.deepEqual(await of({ 'virtualbox-cpu-count': 9 }), ['ok virtualbox', 'error cpus-too-many']);
  t.deepEqual(await of({ 'virtualbox-memory': 100_000 }), ['ok virtualbox', 'error memory-too-much']);
  t.deepEqual(await of({ 'virtualbox-memory': 7000 }), ['ok virtualbox', 'warning memory-tight']);
  const scene = openScene();
  const { boot } = scene.context;
  scene.context.boot = {
    guestFiles: [],
    shares: [],
    image: { ...(boot ?? t.fail()).image, architecture: 'arm64' },
  };
  t.deepEqual(await codesOf(scene), ['error architecture-unsupported']);
});

test('host-only networks: what VirtualBox allows is known before anything is made', async (t) => {
  const of = async (
    cidr: string,
    profile: ProfileName = '7.2',
    file?: string,
  ): Promise<readonly Finding[]> => {
    const scene = openScene({ profile, flags: { 'virtualbox-hostonly-cidr': cidr } });
    if (file !== undefined) {
      scene.host.files.put('/etc/vbox/networks.conf', file);
    }
    return checkHost(scene.context);
  };
  t.is((await of('192.168.59.1/24')).length, 1);
  const [, refused] = await of('192.168.99.1/24');
  t.is(refused?.code, 'host-only-forbidden');
  t.regex(refused?.message ?? '', /192\.168\.56\.0\/21/);
  t.regex(refused?.remedy ?? '', /\/etc\/vbox\/networks\.conf/);
  t.is((await of('192.168.99.1/24', '7.2', '* 192.168.0.0/16\n')).length, 1);
  t.is((await of('192.168.59.1/24', '7.2', '* 10.0.0.0/8\n')).length, 2);
});

test('host-only: an interface is made once, with a DHCP server, and used again', async (t) => {
  const scene = openScene({ flags: hostOnly });
  const vbox = await openVBoxManage(scene.host, scene.context.signal);
  const version = await versionOf(vbox);
  t.deepEqual(await ensureHostOnly(scene.context, vbox, version), { interface: 'vboxnet0' });
  t.deepEqual(await ensureHostOnly(scene.context, vbox, version), { interface: 'vboxnet0' });
  t.deepEqual(scene.vbox.state.interfaces, [
    { name: 'vboxnet0', address: '192.168.56.1', netmask: '255.255.255.0' },
  ]);
  t.deepEqual(scene.vbox.state.dhcp, ['HostInterfaceNetworking-vboxnet0']);
  await scene.make();
  t.is(scene.vbox.state.machines[0]?.settings['nic2'], 'hostonly');
  t.is(scene.vbox.state.machines[0]?.settings['host-only-adapter2'], 'vboxnet0');
});

test('host-only: an address that is refused leaves no interface behind, and says what to do', async (t) => {
  const scene = openScene({ flags: { 'virtualbox-hostonly-cidr': '10.1.1.1/24' } });
  const error = await t.throwsAsync(scene.make(), { code: 'host-not-ready' });
  t.regex(JSON.stringify(error), /networks\.conf/);
  t.deepEqual(scene.vbox.state.interfaces, []);
});

test('host-only on macOS from 7.0 on: a network of vmnet', async (t) => {
  const scene = openScene({
    profile: '7.1-mac-arm',
    flags: hostOnly,
    host: { platform: 'darwin', arch: 'arm64' },
  });
  await scene.make();
  await scene.make();
  t.deepEqual(scene.vbox.state.networks, [
    {
      name: 'tsmachine-192.168.56.0',
      netmask: '255.255.255.0',
      lower: '192.168.56.1',
      upper: '192.168.56.254',
    },
  ]);
  t.is(scene.vbox.state.machines[0]?.settings['host-only-net2'], 'tsmachine-192.168.56.0');
});

test('host-only: only one process at a time looks and makes', async (t) => {
  const scene = openScene({ flags: hostOnly });
  const locks: string[] = [];
  scene.context.exclusively = async (name, action) => {
    locks.push(name);
    return action();
  };
  await scene.make();
  t.deepEqual(locks, ['host-only']);
});

const failures: readonly (readonly [text: string, what: RegExp, code: ErrorCode])[] = [
  ['VERR_VMX_MSR_ALL_VMX_DISABLED', /switched off in the firmware/, 'host-not-ready'],
  ['VERR_SVM_DISABLED', /switched off in the firmware/, 'host-not-ready'],
  ['VERR_VMX_NO_VMX', /has no hardware virtualization/, 'host-not-ready'],
  ['VERR_NEM_VM_CREATE_FAILED', /Hyper-V/, 'host-not-ready'],
  ['VERR_NEM_MISSING_KERNEL_API', /Hyper-V/, 'host-not-ready'],
  ['VERR_VMX_IN_VMX_ROOT_MODE', /Another hypervisor/, 'host-not-ready'],
  ['VERR_VM_DRIVER_NOT_INSTALLED', /kernel module of VirtualBox is not loaded/, 'host-not-ready'],
  [
    'Error -1908 in supR3HardenedMainInitRuntime! Kernel driver not installed',
    /not loaded/,
    'host-not-ready',
  ],
  ['VERR_VM_DRIVER_NOT_ACCESSIBLE', /You may not use/, 'host-not-ready'],
  ['VERR_VM_DRIVER_VERSION_MISMATCH', /another version/, 'host-not-ready'],
  ['supR3HardenedErrorV: VERR_SUP_VP_NOT_OWNED_BY_ROOT', /not trusted/, 'vm-start-failed'],
  ['VBOX_E_PLATFORM_ARCH_NOT_SUPPORTED', /another kind of processor/, 'vm-start-failed'],
  ['VERR_INTNET_FLT_IF_NOT_FOUND', /host-only network/, 'host-not-ready'],
  ['VERR_NO_MEMORY', /not enough free memory/, 'host-not-ready'],
  ['VERR_DISK_FULL', /disk of this computer is full/, 'vm-start-failed'],
  [
    "Could not find file for the medium '/x.iso' (VERR_FILE_NOT_FOUND)",
    /file of the machine is missing/,
    'vm-start-failed',
  ],
];

test('what a start fails with is told as what, why and what to do', (t) => {
  for (const [text, what, code] of failures) {
    const error = startFailure(undefined, `00:00:01.2 ${text} rc=-1\n`, 'fallback');
    t.regex(error.message, what, text);
    t.is(error.code, code, text);
    t.true(error.remedies.length > 0 && (error.why ?? '').includes(text.slice(0, 12)), text);
  }
});

test('a failure that says nothing by itself is explained by the log', async (t) => {
  const scene = openScene();
  await scene.make();
  scene.vbox.startFault =
    "The virtual machine 'dev' has terminated unexpectedly during startup with exit code 1 (0x1)";
  scene.vbox.log = '00:00:00.1 harmless\n00:00:00.2 HM: HMR3Init: VERR_SVM_DISABLED\n';
  await t.throwsAsync(startMachine(scene.context), { code: 'host-not-ready', message: /firmware/ });
  scene.vbox.log = '';
  await t.throwsAsync(startMachine(scene.context), {
    code: 'vm-start-failed',
    message: 'VirtualBox did not start the machine.',
  });
  await scene.host.files.remove(`${directory}/disk.vdi`);
});

test('what the log says about ports', (t) => {
  t.true(tellsOfTakenPort('00:01 NAT#0: failed to set up redirection of 2222 to 10.0.2.15:22.'));
  t.true(tellsOfTakenPort('00:01 NAT: Probably a conflict with existing services or other rules'));
  t.false(tellsOfTakenPort('00:01 NAT: DNS server list is empty\n00:02 VMMDev: failed'));
});
