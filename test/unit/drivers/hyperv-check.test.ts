import { readFileSync } from 'node:fs';
import path from 'node:path';
import fc from 'fast-check';
import test from 'ava';
import type { FlagValues } from '../../../src/drivers/driver.ts';
import { isUsable } from '../../../src/drivers/hyperv/address.ts';
import { checkHost } from '../../../src/drivers/hyperv/check.ts';
import { change, configure, readConfig } from '../../../src/drivers/hyperv/config.ts';
import { copyConsole } from '../../../src/drivers/hyperv/console.ts';
import { faultError } from '../../../src/drivers/hyperv/failures.ts';
import { parseAnswer } from '../../../src/drivers/hyperv/output.ts';
import { openPowerShell } from '../../../src/drivers/hyperv/powershell.ts';
import { findPowerShell } from '../../../src/drivers/windows-powershell.ts';
import { hostScript } from '../../../src/drivers/hyperv/scripts/host.ts';
import { detailOf, knownStates, powerOf } from '../../../src/drivers/hyperv/states.ts';
import { chooseSwitch } from '../../../src/drivers/hyperv/switches.ts';
import { parseRecord } from '../../../src/store/record.ts';
import { createFakeHost, createSocketPair } from '../../fakes/host.ts';
import { faultOf, refusals, type Fault } from '../../fakes/hyperv/fake-hyperv.ts';
import type { State } from '../../fakes/hyperv/state.ts';
import { openScene, type Scene } from './hyperv-scene.ts';

async function findingsOf(change: (scene: Scene) => void, flags: FlagValues = {}): Promise<string[]> {
  const scene = openScene({ flags });
  change(scene);
  const findings = await checkHost(scene.context);
  return findings.map(({ severity, code, message, remedy }) => [severity, code, message, remedy].join('|'));
}

const withHost =
  (part: Partial<State['host']>) =>
  ({ hyperv }: Scene): void => {
    Object.assign(hyperv.state.host, part);
  };

test('a computer that can', async (t) => {
  t.deepEqual(await findingsOf(() => undefined), [
    'ok|hyperv|Hyper-V, with the virtual switch "Standardswitch"|',
  ]);
});

test('a computer that cannot, why, and what to do', async (t) => {
  const cases: readonly (readonly [Partial<State['host']>, RegExp])[] = [
    [{ module: false, edition: 101 }, /^error\|hyperv-home-edition\|.*Home edition.*-d virtualbox/],
    [
      { module: false },
      /^error\|hyperv-module-missing\|Hyper-V PowerShell Module is not available\|.*Enable-WindowsOptionalFeature/,
    ],
    [
      { mayUse: false },
      /^error\|hyperv-rights\|Hyper-V commands have to be run as an Administrator\|.*Add-LocalGroupMember -SID S-1-5-32-578 -Member "\$env:USERDOMAIN\\\$env:USERNAME".*sign out/i,
    ],
    [{ hasHypervisor: false }, /^error\|hypervisor-off\|.*bcdedit/],
    [{ isServing: false }, /^error\|hyperv-service-stopped\|.*Start-Service vmms/],
  ];
  for (const [part, expected] of cases) {
    const [found = '', ...others] = await findingsOf(withHost(part));
    t.regex(found, expected);
    t.deepEqual(others, []);
  }
  t.regex(
    (await findingsOf(({ host }) => (host.processes.find = async () => undefined)))[0] ?? '',
    /^error\|powershell-missing\|Powershell was not found in the path\|/,
  );
  const wsl = await findingsOf(({ context, host }) => {
    context.host = { ...host, facts: { ...host.facts, env: { WSL_DISTRO_NAME: 'Debian' } } };
  });
  t.regex(wsl[0] ?? '', /^error\|hyperv-from-wsl/);
  const noSwitch = await findingsOf(({ hyperv }) => (hyperv.state.switches = []));
  t.regex(noSwitch[0] ?? '', /^error\|hyperv-switch-missing\|no External vswitch found.*New-VMSwitch/);
  const other = await findingsOf(() => undefined, { 'hyperv-virtual-switch': 'lan' });
  t.regex(other[0] ?? '', /vswitch "lan" not found\|There are: "Standardswitch"/);
  const arm = await findingsOf(({ context, host }) => {
    context.host = { ...host, facts: { ...host.facts, arch: 'arm64' } };
  });
  t.regex(arm[0] ?? '', /^error\|architecture-unsupported/);
});

test('PowerShell that is not itself: constrained, dumb, or cut off', async (t) => {
  const answering = (stdout: string) => (scene: Scene) => {
    scene.hyperv.onCall = () => ({ exitCode: 1, stdout, stderr: 'Zugriff verweigert' });
  };
  const constrained = await findingsOf(answering('TSM:{"ok":false,"id":"TsmLanguageMode"}\r\n'));
  t.regex(constrained[0] ?? '', /^error\|hyperv-broken\|PowerShell may only use its constrained language/);
  for (const stdout of ['', 'TSM:', 'TSM:{"ok":1}', 'TSM:[]', 'hello\r\n']) {
    const [found = ''] = await findingsOf(answering(stdout));
    t.regex(
      found,
      /^error\|hyperv-broken\|PowerShell gave no answer to "host" \(exit code 1\)\.\|Zugriff/,
      stdout,
    );
  }
  t.regex((await findingsOf(answering('TSM:{"ok":true,"value":3}')))[0] ?? '', /cannot be read/);
});

test('sizes that this computer does not have', async (t) => {
  const found = await findingsOf(() => undefined, { 'hyperv-memory': 9000, 'hyperv-cpu-count': 9 });
  t.deepEqual(
    found.map((one) => one.split('|').slice(0, 2).join(' ')),
    ['ok hyperv', 'error cpus-too-many', 'error memory-too-much'],
  );
  const tight = await findingsOf(() => undefined, { 'hyperv-memory': 7000 });
  t.regex(tight[1] ?? '', /^warning\|memory-tight/);
});

test('PowerShell is found on PATH, or where Windows has it', async (t) => {
  const host = createFakeHost({ platform: 'win32', env: { SystemRoot: 'C:\\Windows' } });
  t.is(await findPowerShell(host), undefined);
  const own = 'C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe';
  host.files.put(own, '');
  t.is(await findPowerShell(host), own);
  host.processes.answer('powershell.exe', {});
  t.is(await findPowerShell(host), 'C:\\Programs\\powershell.exe');
});

test('how PowerShell is called', async (t) => {
  const scene = openScene();
  await (await openPowerShell(scene.host, scene.context.signal)).run(hostScript());
  const [args = []] = scene.host.processes.argumentsOf('powershell.exe');
  t.deepEqual(args.slice(0, -1), [
    ...['-NoLogo', '-NoProfile', '-NonInteractive', '-ExecutionPolicy', 'Bypass', '-EncodedCommand'],
  ]);
});

/** Messages say nothing that is looked for: only identifiers and numbers do. */
const known: readonly (readonly [string, Fault, RegExp])[] = [
  ['rights', refusals.rights, /run as an Administrator/],
  ['memory by its identifier', refusals.memory, /not enough free memory/],
  [
    'memory by its number',
    { id: 'OperationFailed', message: 'Fehler (0x800705aa).' },
    /not enough free memory/,
  ],
  ['memory by an inner number', { id: 'X', codes: [-2147024882], message: '?' }, /not enough free memory/],
  [
    'a compressed folder',
    { id: 'OperationFailed', message: 'Fehler 0xC03A001A.' },
    /compressed or encrypted/,
  ],
  [
    'a file that is open',
    { id: 'OperationFailed', message: 'Fehler 0x80070020.' },
    /open in another program/,
  ],
  ['a full disk', { id: 'OperationFailed', message: 'Fehler 0x80070070.' }, /disk of this computer is full/],
  ['a missing file', refusals.file, /file of the machine is missing/],
  [
    'a damaged disk',
    { id: 'OperationFailed', message: 'Fehler 0x80070570.' },
    /disk of the machine is damaged/,
  ],
  ['a file without rights', { id: 'OperationFailed', message: 'Fehler 0x80070005.' }, /may not open a file/],
  [
    'a lost switch',
    { id: 'OperationFailed', message: 'Fehler 0x80070490.' },
    /virtual switch of the machine/,
  ],
  ['no commands', { id: 'CommandNotFoundException', message: '?' }, /Module is not available/],
  ['no Hyper-V behind them', { id: 'X', codes: [-2147217394], message: '?' }, /itself is not installed/],
  ['a wrong state', refusals.state, /in a state in which this is not possible/],
  ['a machine that is gone', refusals.gone, /does not have the machine any more/],
  ['a constrained language', { id: 'TsmLanguageMode', message: '' }, /constrained language/],
];

for (const [title, fault, expected] of known) {
  test(`failure: ${title}`, (t) => {
    const answer = parseAnswer(faultOf(fault).stdout);
    const error = faultError(answer?.fault ?? t.fail(), 'start');
    t.regex(error.message, expected);
    t.true(error.remedies.length > 0);
    t.true(error.facts['known']);
    t.true(fault.message === '' || (error.why ?? '').includes(fault.message.slice(0, 20)), error.why);
  });
}

test('failure: an unknown one is told as it is, in the words of Windows', (t) => {
  const fault = { id: 'Neu,Start-VM', message: 'Etwas Neues: 中文.\u001b[2J' };
  const answer = parseAnswer(faultOf(fault).stdout);
  const error = faultError(answer?.fault ?? t.fail(), 'start');
  t.like(error, { code: 'vm-start-failed', message: 'Hyper-V refused "start".' });
  t.is(error.why, 'Etwas Neues: 中文. (Neu,Start-VM)');
});

test('states are read by their numbers', (t) => {
  t.deepEqual([2, 3, 4, 6, 9, 10, 32773, 32784].map(powerOf), [
    'running',
    'stopped',
    'stopping',
    'saved',
    'paused',
    'starting',
    'stopping',
    'stopped',
  ]);
  for (const state of knownStates) {
    t.not(powerOf(state), 'error');
    t.is(detailOf(state) !== undefined, state >= 32_783, String(state));
  }
  t.is(powerOf(1), 'error');
  t.is(detailOf(1), 'Hyper-V says that the state is 1');
});

test('the switch: by name, else the default one by its id, else the first external one', (t) => {
  const [inner, lan, own] = [
    { id: 'a', name: 'inner', type: 1 },
    { id: 'b', name: 'LAN', type: 2 },
    { id: 'c08cb7b8-9b3c-408e-8e30-5e16a3aeb444', name: 'Commutateur par défaut', type: 1 },
  ];
  t.is(chooseSwitch([inner, lan, own], ''), own);
  t.is(chooseSwitch([inner, lan], ''), lan);
  t.is(chooseSwitch([inner, lan, own], 'inner'), inner);
  t.is(chooseSwitch([inner, lan, own], 'lan'), lan);
  t.is(chooseSwitch([inner, lan, own], 'B'), lan);
  t.throws(() => chooseSwitch([inner], ''), { message: /^no External vswitch found/ });
  t.throws(() => chooseSwitch([], 'x'), { message: 'vswitch "x" not found' });
});

test('addresses: IPv4 alone, and none of a link', (t) => {
  const addresses = [
    'fe80::1',
    '::ffff:1.2.3.4',
    '169.254.1.1',
    '224.0.0.1',
    '255.255.255.255',
    '0.0.0.0',
    'x',
  ];
  t.deepEqual(addresses.filter(isUsable), []);
  t.true(['10.0.0.1', '172.31.9.9', '192.168.1.1', '223.1.1.1'].every(isUsable));
});

test('a record of docker-machine is read', (t) => {
  const file = path.join(import.meta.dirname, '../../../../test/fixtures/records/v3-hyperv.json');
  const text = readFileSync(file, 'utf8');
  const raw = parseRecord(text, file).Driver;
  const config = readConfig(raw);
  t.like(config, {
    ...{ id: '', cpus: 1, memoryMiB: 1024, diskSizeMiB: 20_000, switchName: 'LAN', vlanId: 0 },
    ...{ macAddress: '00155D010203', isMemoryDynamic: false, secureBoot: true, lastAddress: '192.168.1.7' },
  });
  t.deepEqual(change({}, config), { CPU: 1, MemSize: 1024, DiskSize: 20_000 });
  const keys = [
    'Boot2DockerURL',
    'VSwitch',
    'DiskSize',
    'MemSize',
    'CPU',
    'MacAddr',
    'VLanID',
    'DisableDynamicMemory',
  ];
  t.deepEqual(Object.keys(configure({}).config).slice(0, 8), keys);
});

test('flags and records that cannot be', (t) => {
  const wrong: readonly FlagValues[] = [
    { 'hyperv-static-macaddress': '00:15:5d:01:02' },
    { 'hyperv-static-macaddress': '01:15:5d:01:02:03' },
    { 'hyperv-static-macaddress': '00:15-5d:01:02:03' },
    { 'hyperv-vlan-id': 4095 },
    { 'hyperv-virtual-switch': 'a\nb' },
    { 'hyperv-disk-size': 3_000_000 },
    { 'hyperv-memory': 10 },
  ];
  for (const values of wrong) {
    t.throws(() => configure(values), { code: 'flag-invalid' }, JSON.stringify(values));
  }
  for (const raw of [
    { VMId: "x'; exit" },
    { MacAddr: 'zz' },
    { VSwitch: 'a\u0000' },
    { IPAddress: '$(x)' },
  ]) {
    t.throws(() => readConfig(raw), { code: 'record-invalid' }, JSON.stringify(raw));
  }
  t.is(configure({ 'hyperv-static-macaddress': '00155d010203' }).config['MacAddr'], '00155d010203');
});

test('any output of PowerShell is an answer or none, and never an error', (t) => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.json().map((json) => `TSM:${json}`),
      ),
      (stdout) => {
        parseAnswer(stdout);
        return true;
      },
    ),
    { seed: 1, numRuns: 300 },
  );
  t.deepEqual(parseAnswer('noise\r\nTSM:{"ok":true,"value":{"a":"\\u4e2d"}}\r\n'), { value: { a: '中' } });
});

test('a console that is cut off is taken up again, and one that cannot be written holds nothing up', async (t) => {
  const { host, context } = openScene();
  let connections = 0;
  host.network.onConnect = () => {
    connections += 1;
    const [near, far] = createSocketPair();
    far.end(`part ${connections}\n`);
    return near;
  };
  const whole = copyConsole(context, '\\\\.\\pipe\\x', 'C:\\c.log');
  while (connections < 3) {
    await host.clock.sleep(1);
  }
  await whole.close();
  t.regex(host.files.text('C:\\c.log') ?? '', /^part 1\npart 2\n/);
  const before = connections;
  host.files.inject({ code: 'ENOSPC', operation: 'appendDurable', lasting: true });
  const full = copyConsole(context, '\\\\.\\pipe\\x', 'C:\\d.log');
  while (connections < before + 2) {
    await host.clock.sleep(1);
  }
  await full.close();
  t.is(host.files.text('C:\\d.log'), undefined);
});
