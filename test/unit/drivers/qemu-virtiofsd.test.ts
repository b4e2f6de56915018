import test from 'ava';
import type { Share } from '../../../src/drivers/driver.ts';
import {
  endServers,
  findVirtiofsd,
  shareSocket,
  virtiofsdArguments,
} from '../../../src/drivers/qemu/virtiofsd.ts';
import { createFakeHost, type FakeHost, type FakeHostOptions } from '../../fakes/host.ts';

const { signal } = new AbortController();
const rust = '/usr/libexec/virtiofsd';
const old = '/usr/lib/qemu/virtiofsd';
const share: Share = { path: '/home/ann, b', isReadOnly: false, tag: 'tsm0', way: 'virtiofs' };

/** A computer that has this program, which says this of itself. */
function hostWith(program: string, says: string, options: FakeHostOptions = {}): FakeHost {
  const host = createFakeHost({
    ...options,
    tree: { [program]: 'elf', '/proc/self/x': '', ...options.tree },
  });
  host.processes.answer(program, { stdout: says });
  return host;
}

test('virtiofsd is found where it describes itself, or where it usually is', async (t) => {
  const tree = {
    '/usr/share/qemu/vhost-user/50-virtiofsd.json': '{"type": "fs", "binary": "/opt/virtiofsd"}',
    '/usr/share/qemu/vhost-user/50-gpu.json': '{"type": "gpu", "binary": "/opt/gpu"}',
    '/usr/share/qemu/vhost-user/broken.json': '{',
  };
  const described = hostWith('/opt/virtiofsd', 'virtiofsd 1.13.2\n', { tree });
  t.deepEqual(await findVirtiofsd(described, signal), {
    program: '/opt/virtiofsd',
    isRust: true,
    canBeReadOnly: true,
  });
  t.like(await findVirtiofsd(hostWith(rust, 'virtiofsd 1.7.0\n'), signal), {
    program: rust,
    isRust: true,
    canBeReadOnly: false,
  });
  t.is(await findVirtiofsd(createFakeHost(), signal), undefined);
});

test('the one of QEMU 7 serves only root; on other systems there is none', async (t) => {
  const says = 'virtiofsd version 7.2.22 (Debian)\nusing FUSE kernel interface version 7.36\n';
  // The files of the fake belong to somebody else.
  t.is(await findVirtiofsd(hostWith(old, says), signal), undefined);
  t.is(await findVirtiofsd(hostWith(rust, 'virtiofsd 1.13.2\n', { platform: 'darwin' }), signal), undefined);
});

test('arguments: of both kinds, for reading only, and a path with a comma', (t) => {
  const place = { socketPath: '/run/tsm0.sock', isPrivileged: false };
  t.deepEqual(virtiofsdArguments({ isRust: true }, { ...share, isReadOnly: true }, place), [
    ...['--socket-path', '/run/tsm0.sock', '--shared-dir', '/home/ann, b', '--cache', 'auto'],
    ...['--sandbox', 'none', '--readonly'],
  ]);
  t.deepEqual(virtiofsdArguments({ isRust: false }, share, { ...place, isPrivileged: true }), [
    ...['-f', '--socket-path=/run/tsm0.sock', '-o', 'source=/home/ann\\, b', '-o', 'cache=auto'],
  ]);
  t.is(shareSocket('/m/dev/qmp-control.sock', 'tsm0'), '/m/dev/tsm0.sock');
});

test('servers that a start has left are ended, by exactly their processes', async (t) => {
  const directory = '/m';
  for (const [text, signals] of [
    ['[{"pid":7,"startTime":"boot/x"}]', 1],
    ['[{"pid":"7"},null,3]', 0],
    ['{', 0],
  ] as const) {
    const host = createFakeHost({ tree: { '/m/virtiofsd.json': text } });
    host.processes.running.set(7, 'boot/x');
    await endServers({ host, directory });
    t.is(host.processes.signals.length, signals, text);
    t.is(await host.files.stat('/m/virtiofsd.json'), undefined);
  }
});
