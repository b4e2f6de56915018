import { mkdir, readFile, readdir, writeFile, chown } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { busyboxTar } from '../support/busybox.ts';
import { findProgram, type Outcome } from '../support/cli.ts';
import { eventually, ok } from '../support/expect.ts';
import { makeOrdinaryUser, type OrdinaryUser } from '../support/ordinary-user.ts';
import { exists, imageDirectory } from './iso-boot-bench.ts';

// One machine of the real libvirt through a whole life, as a user without privileges. In the order of the tests.

const programs = ['virsh', 'libvirtd', 'qemu-system-x86_64', 'docker'];
const virsh = ['-c', 'qemu:///session'];
/** Answers each connection with what it is sent. */
const tcpEcho = ['/bin/busybox', 'nc', '-ll', '-p', '80', '-e', '/bin/busybox', 'cat'];
/** The network is the user's own, so every port is free. */
const publishedPort = 18_080;

let user: OrdinaryUser | undefined;
let missing = '';
let engine: Record<string, string> = {};

test.before(async (t) => {
  t.timeout(120_000);
  const program = programs.find((one) => findProgram(one, `/usr/sbin/${one}`) === undefined);
  if (program !== undefined) {
    missing = program;
  } else if (process.arch !== 'x64' || !(await exists(path.join(imageDirectory('amd64'), 'manifest.json')))) {
    missing = 'a built image for amd64, and a computer of that kind';
  } else {
    const made = await makeOrdinaryUser();
    [user, missing] = typeof made === 'string' ? [undefined, made] : [made, ''];
  }
});

test.after.always(async () => {
  await user?.dispose();
});

function life(title: string, action: (t: ExecutionContext, user: OrdinaryUser) => Promise<void>): void {
  test.serial(title, async (t) => {
    t.timeout(900_000);
    if (user === undefined) {
      t.log(`skipped: needs ${missing}`);
      t.pass();
      return;
    }
    await action(t, user);
  });
}

const tsmachine = (...args: string[]): Promise<Outcome> =>
  (user as OrdinaryUser).tsmachine(args, { timeoutMs: 600_000 });
const docker = (args: readonly string[], input?: Uint8Array): Promise<Outcome> =>
  (user as OrdinaryUser).run('docker', args, { env: engine, ...(input === undefined ? {} : { input }) });

async function readEngine(t: ExecutionContext): Promise<Record<string, string>> {
  const stdout = await ok(t, tsmachine('env', '--shell', 'bash'));
  return Object.fromEntries(
    [...stdout.matchAll(/^export (\w+)="(.*)"$/gm)].map((match) => [match[1] ?? '', match[2] ?? '']),
  );
}

/** What a port of the user's network answers to "through". */
async function askPort(port: number): Promise<string> {
  const script = `const s = require('net').connect(${port}, '127.0.0.1', () => s.end('through'));
    s.on('data', (piece) => process.stdout.write(piece)); s.on('error', () => undefined); s.setTimeout(5000, () => s.destroy());`;
  return (await (user as OrdinaryUser).run(process.execPath, ['-e', script])).stdout;
}

async function domains(t: ExecutionContext): Promise<string[]> {
  const stdout = await ok(t, (user as OrdinaryUser).run('virsh', [...virsh, 'list', '--all', '--name']));
  return stdout.split('\n').filter((name) => name !== '');
}

life('create makes, boots and proves a machine', async (t, { home }) => {
  await mkdir(path.join(home, 'site'));
  await chown(path.join(home, 'site'), 65_534, 65_534);
  await writeFile(path.join(home, 'site', 'index.html'), 'of the host\n');
  const image = imageDirectory('amd64');
  await ok(t, tsmachine('create', '-d', 'libvirt', '--image', image, '--memory', '1024', 'default'));
  engine = await readEngine(t);
  t.regex(engine['DOCKER_HOST'] ?? '', /^tcp:\/\/127\.0\.0\.1:\d+$/);
  const [name = '', ...others] = await domains(t);
  t.regex(name, /^tsm-default-[0-9a-f]{8}$/);
  t.deepEqual(others, []);
});

life('the definition is one that libvirt calls valid', async (t, { home, run }) => {
  const definition = path.join(home, 'store', 'machines', 'default', 'domain.xml');
  if (findProgram('xmllint') === undefined) {
    t.log('skipped: needs xmllint');
    t.pass();
    return;
  }
  await ok(t, run('virt-xml-validate', [definition, 'domain']));
});

life('the docker client works, and a container sees the home directory', async (t, { home }) => {
  await ok(t, docker(['import', '-', 'tiny'], await busyboxTar()));
  t.is(await ok(t, docker(['run', '--rm', 'tiny', '/bin/busybox', 'echo', 'hello'])), 'hello\n');
  const mount = ['run', '--rm', '-v', `${home}/site:/www`, 'tiny', '/bin/busybox', 'sh', '-c'];
  t.is(await ok(t, docker([...mount, 'cat /www/index.html; echo inside >/www/made'])), 'of the host\n');
  t.is(await readFile(path.join(home, 'site', 'made'), 'utf8'), 'inside\n');
});

life('docker run -p: the port is found on 127.0.0.1, and gone with the container', async (t) => {
  await ok(t, docker(['run', '-d', '--name', 'web', '-p', `${publishedPort}:80`, 'tiny', ...tcpEcho]));
  t.true(await eventually(async () => (await askPort(publishedPort)) === 'through'));
  await ok(t, docker(['rm', '-f', 'web']));
  t.true(await eventually(async () => (await ok(t, tsmachine('ports', '--json'))).trim() === '[]'));
  t.is(await askPort(publishedPort), '');
});

life(
  'stop asks the guest, which powers off; set and start: the ports, the data and the identity stay',
  async (t) => {
    await ok(t, tsmachine('stop'));
    t.is(await ok(t, tsmachine('status')), 'Stopped\n');
    await ok(t, tsmachine('set', 'default', '--memory', '1200', '--disk', '24g'));
    await ok(t, tsmachine('start'));
    t.deepEqual(await readEngine(t), engine);
    t.is(await ok(t, docker(['run', '--rm', 'tiny', '/bin/busybox', 'echo', 'again'])), 'again\n');
    const memory = Number(await ok(t, docker(['info', '-f', '{{.MemTotal}}'])));
    t.true(memory > 1024 * 1024 ** 2 && memory < 1200 * 1024 ** 2, String(memory));
    t.is(await ok(t, tsmachine('ssh', 'default', 'hostname')), 'default\n');
  },
);

life('what the user suspends in libvirt is paused, and start lets it go on', async (t, { run }) => {
  const [name = ''] = await domains(t);
  await ok(t, run('virsh', [...virsh, 'suspend', name]));
  t.is(await ok(t, tsmachine('status')), 'Paused\n');
  await ok(t, tsmachine('start'));
  t.is(await ok(t, tsmachine('status')), 'Running\n');
});

life('rm of a running machine leaves nothing: no domain, no process, no file', async (t, { home, run }) => {
  await ok(t, tsmachine('rm', '-y', 'default'));
  t.deepEqual(await domains(t), []);
  t.deepEqual(await readdir(path.join(home, 'store', 'machines')), []);
  t.notRegex((await run('ps', ['-A', '-o', 'comm='])).stdout, /qemu/);
});
