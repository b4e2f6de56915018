import test from 'ava';
import { hostOnlyFault, parseCidr } from '../../../src/drivers/virtualbox/address.ts';
import {
  addController,
  addDhcpServer,
  addForwarding,
  addHostOnlyCard,
  addPublished,
  attachMedia,
  captureConsole,
  createMachine,
  modifyMachine,
  removeForwarding,
  removePublished,
  setSizes,
  type Dialect,
} from '../../../src/drivers/virtualbox/commands.ts';
import { change, configure, readConfig } from '../../../src/drivers/virtualbox/config.ts';
import { newUuid } from '../../../src/drivers/uuid.ts';
import { dhcpRange, parseNetworksFile } from '../../../src/drivers/virtualbox/host-only.ts';
import { manifest } from '../../../src/drivers/virtualbox/manifest.ts';
import { createFakeHost } from '../../fakes/host.ts';
import { readOptions } from '../../fakes/vboxmanage/modify-options.ts';
import { profiles } from '../../fakes/vboxmanage/profile.ts';
import { recordedCalls, recordedUsage } from '../../fakes/vboxmanage/recorded.ts';

const uuid = 'c3e4c6a1-878b-422f-9b7c-70898d0e3a4b';
const config = readConfig(configure({}).config);

function dialect(major: number, minor: number, architecture: Dialect['architecture'] = 'x86'): Dialect {
  return { version: { text: '', major, minor, patch: 0 }, architecture };
}

/** Every argument list that the driver can make. */
function everything(how: Dialect): string[][] {
  const place = { interface: 'vboxnet0' };
  return [
    createMachine(how, { name: 'dev', uuid, baseFolder: '/m' }),
    modifyMachine(how, uuid, { config, cpus: 2 }),
    captureConsole(how, uuid, '/m/console.log'),
    addController(how, uuid),
    ...attachMedia(how, uuid, { iso: '/m/a.iso', disk: '/m/d.vdi', config: '/m/c.iso' }),
    addHostOnlyCard(how, uuid, { config, place }),
    removeForwarding(how, uuid, 'ssh'),
    addForwarding(how, uuid, { name: 'ssh', hostPort: 40_022, guestPort: 22 }),
    addDhcpServer('add', 'net', { server: 'a', netmask: 'b', lower: 'c', upper: 'd' }),
    addDhcpServer('modify', 'net', { server: 'a', netmask: 'b', lower: 'c', upper: 'd' }),
    ['hostonlyif', 'ipconfig', 'vboxnet0', '--ip', '192.168.56.1', '--netmask', '255.255.255.0'],
    addPublished(uuid, 'tsm-x', { protocol: 'udp', hostAddress: '0.0.0.0', hostPort: 53, guestPort: 53 }),
    removePublished(uuid, 'tsm-x'),
    setSizes(uuid, { cpus: 2, memoryMiB: 2048 }),
    ['startvm', uuid, '--type', 'headless'],
    ['unregistervm', uuid, '--delete'],
    ['modifymedium', 'disk', '/m/d.vdi', '--resize', '20000'],
    ['showvminfo', uuid, '--machinereadable'],
  ];
}

function flagsOf(args: readonly string[]): string[] {
  return args.filter((word) => word.startsWith('--'));
}

test('a machine of 7.2', (t) => {
  t.deepEqual(createMachine(dialect(7, 2), { name: 'dev', uuid, baseFolder: '/m/dev' }), [
    ...['createvm', '--name', 'dev', '--uuid', uuid, '--basefolder', '/m/dev', '--ostype', 'Debian_64'],
    ...['--platform-architecture', 'x86', '--register'],
  ]);
  const args = modifyMachine(dialect(7, 2), uuid, { config, cpus: 2 }).join(' ');
  t.regex(args, /^modifyvm \S+ --cpus 2 --memory 1024 /);
  t.regex(args, /--nic1 nat --nic-type1 82540EM --cable-connected1 on/);
  t.regex(args, /--nat-localhostreachable1 off/);
});

test('versions differ in names and in what they know', (t) => {
  const old = everything(dialect(6, 1)).flatMap(flagsOf);
  t.false(old.includes('--platform-architecture'));
  t.false(old.includes('--nat-localhostreachable1'));
  t.true(old.includes('--natpf1'));
  const seven = everything(dialect(7, 0)).flatMap(flagsOf);
  t.false(seven.includes('--platform-architecture'));
  t.false(seven.some((flag) => flag.startsWith('--x86-') || flag.startsWith('--firmware-')));
  t.true(seven.includes('--nat-pf1'));
  t.true(everything(dialect(7, 1)).flatMap(flagsOf).includes('--platform-architecture'));
});

test('a machine of ARM gets nothing that only x86 has', (t) => {
  const args = everything(dialect(7, 1, 'arm'));
  const flags = args.flatMap(flagsOf);
  t.false(flags.some((flag) => flag.startsWith('--x86-')));
  t.true(args.flat().includes('virtio-scsi'));
  t.true(args.flat().includes('Debian_arm64'));
});

test('every pretended version takes every option that is made for it', (t) => {
  for (const [name, profile] of Object.entries(profiles)) {
    const how = dialect(profile.major, profile.minor, profile.architecture);
    for (const [command, , ...args] of everything(how).filter((one) => one[0] === 'modifyvm')) {
      t.not(typeof readOptions(profile, profile.architecture, args), 'string', `${name} ${command ?? ''}`);
    }
  }
});

test('grammar: every option for 7.2 is in the usage texts, or was accepted when it was tried', (t) => {
  const usage = recordedUsage();
  const calls = (['a', 'b'] as const).flatMap((run) => recordedCalls(run) ?? []);
  if (usage === undefined) {
    t.log('skipped: needs the recorded usage texts of VirtualBox 7.2.22');
    t.pass();
    return;
  }
  const accepted = new Set(
    calls
      .filter(({ rc }) => rc === 0)
      .flatMap(({ argv }) => flagsOf(argv).map((flag) => `${argv[0] ?? ''} ${flag}`)),
  );
  for (const how of [dialect(7, 2), dialect(7, 2, 'arm')]) {
    for (const args of everything(how)) {
      const [command = ''] = args;
      for (const flag of flagsOf(args)) {
        const text = usage.get(command) ?? '';
        const numbered = flag.replace(/\d$/, '');
        const isNamed = [
          `${flag}=`,
          `${flag} `,
          `${flag}]`,
          `${flag}>`,
          `${flag}\n`,
          `${numbered}N`,
          `${numbered}<N>`,
        ].some((form) => text.includes(form));
        t.true(isNamed || accepted.has(`${command} ${flag}`), `${command} ${flag}`);
      }
    }
  }
});

test('grammar: every option for 6.1 that 7.2 knows under another name was accepted there, too', (t) => {
  const calls = (['a', 'b'] as const).flatMap((run) => recordedCalls(run) ?? []);
  if (calls.length === 0) {
    t.log('skipped: needs the recorded calls of VirtualBox 7.2.22');
    t.pass();
    return;
  }
  const usage = recordedUsage();
  const accepted = new Set(calls.filter(({ rc }) => rc === 0).flatMap(({ argv }) => flagsOf(argv)));
  // The second card's was not tried; the first card's name for it has the same form.
  const untried = new Set(['--nicpromisc2']);
  for (const args of everything(dialect(6, 1))) {
    for (const flag of flagsOf(args).filter((one) => !untried.has(one))) {
      t.true(
        accepted.has(flag) || (usage?.get(args[0] ?? '') ?? '').includes(flag),
        `${args[0] ?? ''} ${flag}`,
      );
    }
  }
});

test("docker-machine's flags, types and variables are all there", (t) => {
  const rows = manifest.flags.map(({ name, env }) => `${name} ${env}`).sort();
  t.deepEqual(rows, [
    'virtualbox-boot2docker-url VIRTUALBOX_BOOT2DOCKER_URL',
    'virtualbox-cpu-count VIRTUALBOX_CPU_COUNT',
    'virtualbox-disk-size VIRTUALBOX_DISK_SIZE',
    'virtualbox-host-dns-resolver VIRTUALBOX_HOST_DNS_RESOLVER',
    'virtualbox-hostonly-cidr VIRTUALBOX_HOSTONLY_CIDR',
    'virtualbox-hostonly-nicpromisc VIRTUALBOX_HOSTONLY_NIC_PROMISC',
    'virtualbox-hostonly-nictype VIRTUALBOX_HOSTONLY_NIC_TYPE',
    'virtualbox-hostonly-no-dhcp VIRTUALBOX_HOSTONLY_NO_DHCP',
    'virtualbox-import-boot2docker-vm VIRTUALBOX_BOOT2DOCKER_IMPORT_VM',
    'virtualbox-memory VIRTUALBOX_MEMORY_SIZE',
    'virtualbox-nat-nictype VIRTUALBOX_NAT_NICTYPE',
    'virtualbox-no-dns-proxy VIRTUALBOX_NO_DNS_PROXY',
    'virtualbox-no-share VIRTUALBOX_NO_SHARE',
    'virtualbox-no-vtx-check VIRTUALBOX_NO_VTX_CHECK',
    'virtualbox-share-folder VIRTUALBOX_SHARE_FOLDER',
    'virtualbox-ui-type VIRTUALBOX_UI_TYPE',
  ]);
});

test("the record has docker-machine's keys, in its order, and ours behind them", (t) => {
  t.deepEqual(Object.keys(configure({}).config), [
    ...['VBoxManager', 'HostInterfaces', 'CPU', 'Memory', 'DiskSize', 'NatNicType', 'Boot2DockerURL'],
    ...['Boot2DockerImportVM', 'HostDNSResolver', 'HostOnlyCIDR', 'HostOnlyNicType', 'HostOnlyPromiscMode'],
    ...['UIType', 'HostOnlyNoDHCP', 'NoShare', 'DNSProxy', 'NoVTXCheck', 'ShareFolder', 'VMUUID'],
  ]);
  t.like(configure({ 'virtualbox-cpu-count': -1 }).config, { CPU: 0 });
  t.like(configure({ 'virtualbox-cpu-count': 99 }).config, { CPU: 32 });
  t.like(configure({ 'virtualbox-nat-nictype': 'VIRTIO' }).config, { NatNicType: 'virtio' });
});

test('values that cannot be are refused, with the reason', (t) => {
  const refused = (values: Parameters<typeof configure>[0]): unknown => t.throws(() => configure(values));
  t.like(refused({ 'virtualbox-ui-type': 'vnc' }), { code: 'flag-invalid' });
  t.like(refused({ 'virtualbox-memory': 1 }), { code: 'flag-invalid' });
  t.like(refused({ 'virtualbox-share-folder': '/home:home' }), { code: 'capability-missing', exitCode: 2 });
  t.like(refused({ 'virtualbox-hostonly-cidr': '192.168.56.0/24' }), {
    why: 'host-only cidr must be specified with a host address, not a network address',
  });
  t.throws(() => readConfig({ VMUUID: '../x' }), { code: 'record-invalid' });
  t.throws(() => readConfig({ UIType: '--help' }), { code: 'record-invalid' });
});

test('sizes can be changed, but a disk is never made smaller', (t) => {
  t.deepEqual(change({ 'virtualbox-memory': 4096 }, config), { CPU: 1, Memory: 4096, DiskSize: 20_000 });
  t.throws(() => change({ 'virtualbox-disk-size': 10_000 }, config), { code: 'flag-invalid' });
});

test('addresses of host-only networks', (t) => {
  t.like(parseCidr('192.168.56.1/21'), { netmask: '255.255.248.0', prefix: 21 });
  for (const text of [
    '',
    '1.2.3/24',
    '1.2.3.4',
    '1.2.3.4/33',
    '01.2.3.4/8',
    '1.2.3.256/8',
    '::1/64',
    '1.2.3.4/24/1',
  ]) {
    t.is(parseCidr(text), undefined, text);
  }
  t.is(hostOnlyFault('192.168.56.1/24'), undefined);
  t.truthy(hostOnlyFault('192.168.56.255/24'));
  t.truthy(hostOnlyFault('10.0.0.1/30'));
  t.deepEqual(
    parseNetworksFile('# mine\n* 10.0.0.0/8 192.168.0.0/16 # and\n* 2001::/64\nx\n').map(
      ({ prefix }) => prefix,
    ),
    [8, 16],
  );
});

test('a DHCP server hands out nothing that is taken', (t) => {
  const range = (cidr: string): ReturnType<typeof dhcpRange> => {
    const parsed = parseCidr(cidr);
    return dhcpRange(parsed ?? t.fail());
  };
  t.deepEqual(range('192.168.56.1/24'), {
    server: '192.168.56.99',
    netmask: '255.255.255.0',
    lower: '192.168.56.100',
    upper: '192.168.56.254',
  });
  t.is(range('192.168.56.99/24').server, '192.168.56.98');
  t.is(range('192.168.56.100/24').lower, '192.168.56.101');
  t.is(range('192.168.56.254/24').upper, '192.168.56.253');
  const small = range('10.0.0.1/29');
  t.deepEqual(new Set([small.server, small.lower, small.upper, '10.0.0.1']).size, 4);
});

test('UUIDs are of version 4', (t) => {
  const host = createFakeHost();
  t.regex(newUuid(host), /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  t.not(newUuid(host), newUuid(host));
});
