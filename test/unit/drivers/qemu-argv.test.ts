import test from 'ava';
import type { BootImage } from '../../../src/drivers/driver.ts';
import { escapeOption, probeArguments } from '../../../src/drivers/qemu-board.ts';
import { machineArguments, type MachineArguments } from '../../../src/drivers/qemu/argv.ts';

const image: BootImage = {
  digest: 'd',
  version: 'v',
  architecture: 'amd64',
  kernelPath: '/cache/vmlinux',
  initrdPath: '/cache/initrd',
  rootPath: '/cache/root.erofs',
};

const machine: MachineArguments = {
  name: 'dev',
  platform: 'linux',
  image,
  guestFiles: [
    { name: 'hostname', path: '/m/guest/hostname' },
    { name: 'server.pem', path: '/m/guest/server.pem' },
  ],
  shares: [],
  cpus: 2,
  memoryMiB: 2048,
  accelerator: 'tcg',
  diskPath: '/m/disk.qcow2',
  consolePath: '/m/console.log',
  pidPath: '/m/qemu.pid',
  controlPath: '/m/qmp.sock',
  observerPath: '/m/qmp-observer.sock',
  sshPort: 0,
  enginePort: 41000,
  macAddress: '52:54:00:01:02:03',
};

/** The value behind the first occurrence of an option. */
function valueOf(args: readonly string[], option: string): string | undefined {
  const index = args.indexOf(option);
  return index < 0 ? undefined : args[index + 1];
}

function valuesOf(args: readonly string[], option: string): string[] {
  return args.flatMap((arg, index) => (arg === option ? [args[index + 1] ?? ''] : []));
}

test('the arguments of an emulated machine on Linux, word for word', (t) => {
  t.deepEqual(machineArguments(machine), [
    ...['-name', 'guest=tsm-dev,process=tsm-dev'],
    ...['-nodefaults', '-no-user-config', '-no-reboot', '-display', 'none'],
    ...['-machine', 'q35,vmport=off,sata=off,i8042=off'],
    ...['-global', 'ICH9-LPC.disable_s3=1', '-global', 'ICH9-LPC.disable_s4=1'],
    ...[
      '-accel',
      'tcg,thread=single,tb-size=512',
      '-cpu',
      'EPYC-v1,-rdseed,-sha-ni,-fxsr-opt,-misalignsse,-3dnowprefetch,-osvw,-topoext,-nrip-save,-xsavec',
    ],
    ...['-smp', '2', '-m', '2048'],
    ...['-kernel', '/cache/vmlinux', '-initrd', '/cache/initrd'],
    '-append',
    'console=ttyS0 quiet panic=-1 ts.root=/dev/vdb ts.mods=virtio_blk,crc32c_generic,erofs ts.emulated',
    '-blockdev',
    '{"driver":"qcow2","node-name":"data","cache":{"direct":false,"no-flush":false},"discard":"unmap",' +
      '"detect-zeroes":"unmap","backing":null,' +
      '"file":{"driver":"file","filename":"/m/disk.qcow2","discard":"unmap"}}',
    ...['-device', 'virtio-blk-pci,drive=data,serial=tsm-data'],
    '-blockdev',
    '{"driver":"raw","node-name":"root","read-only":true,' +
      '"file":{"driver":"file","filename":"/cache/root.erofs","read-only":true}}',
    ...['-device', 'virtio-blk-pci,drive=root,serial=tsm-root'],
    ...['-netdev', 'user,id=net0,hostfwd=tcp:127.0.0.1:0-:22,hostfwd=tcp:127.0.0.1:41000-:2376'],
    ...['-device', 'virtio-net-pci,netdev=net0,mac=52:54:00:01:02:03,romfile='],
    ...['-device', 'virtio-rng-pci'],
    ...['-device', 'virtio-balloon-pci,free-page-reporting=on,deflate-on-oom=on'],
    ...['-device', 'vmgenid,guid=auto'],
    ...['-fw_cfg', 'name=opt/org.tsmachine/hostname,file=/m/guest/hostname'],
    ...['-fw_cfg', 'name=opt/org.tsmachine/server.pem,file=/m/guest/server.pem'],
    ...['-chardev', 'file,id=serial0,path=/m/console.log', '-serial', 'chardev:serial0'],
    ...[
      '-chardev',
      'socket,id=control,path=/m/qmp.sock,server=on,wait=off',
      '-mon',
      'chardev=control,mode=control',
    ],
    ...['-chardev', 'socket,id=observer,path=/m/qmp-observer.sock,server=on,wait=off'],
    ...['-mon', 'chardev=observer,mode=control'],
    ...['-pidfile', '/m/qemu.pid'],
  ]);
});

test('accelerated machines take the processor of the host, where the accelerator knows it', (t) => {
  const of = (accelerator: MachineArguments['accelerator']): (string | undefined)[] => {
    const args = machineArguments({ ...machine, accelerator });
    return [valueOf(args, '-accel'), valueOf(args, '-cpu')];
  };
  t.deepEqual(of('kvm'), ['kvm', 'host']);
  t.deepEqual(of('hvf'), ['hvf', 'host']);
  t.deepEqual(of('whpx'), ['whpx', 'qemu64']);
});

test('arm64 guests: board, console, no vmgenid; pointer signatures are cheap under emulation', (t) => {
  const args = machineArguments({ ...machine, image: { ...image, architecture: 'arm64' } });
  t.is(valueOf(args, '-machine'), 'virt,gic-version=max');
  t.is(valueOf(args, '-cpu'), 'max,pauth-impdef=on');
  t.regex(valueOf(args, '-append') ?? '', /^console=ttyAMA0 /);
  t.false(args.some((arg) => arg.startsWith('vmgenid') || arg.startsWith('ICH9')));
});

test('an emulated x86 guest runs on one thread, however many processors it has; one of ARM on several', (t) => {
  t.is(valueOf(machineArguments({ ...machine, cpus: 4 }), '-accel'), 'tcg,thread=single,tb-size=512');
  const image = { ...machine.image, architecture: 'arm64' } as const;
  t.is(valueOf(machineArguments({ ...machine, image }), '-accel'), 'tcg,thread=multi,tb-size=512');
});

test('the process is renamed only on Linux; elsewhere QEMU would refuse to start', (t) => {
  t.is(valueOf(machineArguments({ ...machine, platform: 'darwin' }), '-name'), 'guest=tsm-dev');
});

test('on Windows the monitors are pipes', (t) => {
  const pipes = {
    controlPath: '\\\\.\\pipe\\tsmachine-1',
    observerPath: '\\\\.\\pipe\\tsmachine-1-observer',
  };
  const args = machineArguments({ ...machine, platform: 'win32', ...pipes });
  t.deepEqual(valuesOf(args, '-chardev').slice(1), [
    'pipe,id=control,path=tsmachine-1',
    'pipe,id=observer,path=tsmachine-1-observer',
  ]);
});

test('nothing listens but on 127.0.0.1, and no disk is opened by guessing its format', (t) => {
  const args = machineArguments(machine);
  const forwards =
    valueOf(args, '-netdev')
      ?.split(',')
      .filter((part) => part.startsWith('hostfwd')) ?? [];
  t.true(forwards.length === 2 && forwards.every((forward) => forward.startsWith('hostfwd=tcp:127.0.0.1:')));
  t.false(args.includes('-drive'));
  t.true(valuesOf(args, '-blockdev').every((text) => 'driver' in (JSON.parse(text) as object)));
});

test('hostile paths: commas are doubled in options, JSON carries the disks', (t) => {
  const path = '/m/a,b =c"d\\,id=x/f';
  const args = machineArguments({
    ...machine,
    diskPath: path,
    consolePath: path,
    guestFiles: [{ name: 'hostname', path }],
  });
  t.is(escapeOption(path), '/m/a,,b =c"d\\,,id=x/f');
  t.is(valueOf(args, '-fw_cfg'), `name=opt/org.tsmachine/hostname,file=${escapeOption(path)}`);
  t.is(valueOf(args, '-chardev'), `file,id=serial0,path=${escapeOption(path)}`);
  t.like(JSON.parse(valueOf(args, '-blockdev') ?? ''), { file: { filename: path } });
});

test('the probe boots the same kernel without disks and network', (t) => {
  const args = probeArguments(image, {
    accelerator: 'kvm',
    architecture: 'amd64',
  });
  t.deepEqual(
    [valueOf(args, '-kernel'), valueOf(args, '-accel'), valueOf(args, '-serial')],
    ['/cache/vmlinux', 'kvm', 'stdio'],
  );
  t.regex(valueOf(args, '-append') ?? '', / ts\.probe$/);
  t.false(args.some((arg) => ['-netdev', '-blockdev', '-fw_cfg'].includes(arg)));
});

test('a share that virtiofsd serves is a device on its socket, and the memory is one for both', (t) => {
  const socketPath = '/m/tsm0.sock';
  const served = { path: '/home/ann', isReadOnly: false, tag: 'tsm0', way: 'virtiofs', socketPath } as const;
  const args = machineArguments({ ...machine, shares: [served] });
  t.true(valuesOf(args, '-chardev').includes('socket,id=tsm0,path=/m/tsm0.sock'));
  t.true(valuesOf(args, '-device').includes('vhost-user-fs-pci,chardev=tsm0,tag=tsm0,queue-size=1024'));
  t.deepEqual(valuesOf(args, '-object'), [
    `memory-backend-memfd,id=memory,size=${String(machine.memoryMiB)}M,share=on`,
  ]);
  t.true(valuesOf(args, '-machine').includes('memory-backend=memory'));
  t.false(args.includes('-fsdev'));
});

test('a share is a 9p device with its tag; a comma in its path is written twice', (t) => {
  const args = machineArguments({
    ...machine,
    shares: [
      { path: '/home/ann, her files', isReadOnly: false, tag: 'tsm0', way: '9p' },
      { path: '/data', isReadOnly: true, tag: 'tsm1', way: '9p' },
    ],
  });
  t.deepEqual(valuesOf(args, '-fsdev'), [
    'local,id=tsm0,path=/home/ann,, her files,security_model=none,multidevs=remap',
    'local,id=tsm1,path=/data,security_model=none,multidevs=remap,readonly=on',
  ]);
  t.deepEqual(
    valuesOf(args, '-device').filter((value) => value.startsWith('virtio-9p')),
    ['virtio-9p-pci,fsdev=tsm0,mount_tag=tsm0', 'virtio-9p-pci,fsdev=tsm1,mount_tag=tsm1'],
  );
});
