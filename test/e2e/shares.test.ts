import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readFile, realpath, rm, stat, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { busyboxTar } from '../support/busybox.ts';
import { makeStore, type TestStore } from '../support/cli.ts';
import { readEnv } from '../support/docker-client.ts';
import { dockerBytes, startDocker, type DockerStream } from '../support/docker-stream.ts';
import { inotifyProgram } from '../support/inotify-program.ts';

// Directories of this computer in a machine, seen through the docker client. One machine for all, in the order of the tests.

interface World {
  readonly store: TestStore;
  readonly home: string;
  readonly fixed: string;
  env: Record<string, string>;
}

const world: Partial<World> = {};
const busybox = '/bin/busybox';

function here(): World {
  return world as World;
}

async function ok(t: ExecutionContext, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await here().store.tsmachine(args, { env: { HOME: here().home } });
  t.is(code, 0, `${args.join(' ')}\n${stdout}\n${stderr}`);
  return stdout;
}

/** Runs busybox in a container that has a directory of this computer. */
async function inContainer(t: ExecutionContext, mount: string, script: string): Promise<string> {
  const args = ['run', '--rm', '-v', mount, 'tiny', busybox, 'sh', '-c', script];
  return (await dockerBytes(t, here().env, args)).toString();
}

test.before(async (t) => {
  t.timeout(400_000);
  const root = await realpath(await mkdtemp(path.join(tmpdir(), 'tsm-shares-')));
  const home = path.join(root, 'home of ann');
  const fixed = path.join(root, 'fixed');
  await mkdir(path.join(home, 'site'), { recursive: true });
  await mkdir(fixed);
  await writeFile(path.join(home, 'site', 'index.html'), 'first\n');
  await writeFile(path.join(fixed, 'read-me'), 'only read\n');
  const store = await makeStore({ sharesTemplates: 'usual' });
  Object.assign(world, { store, home, fixed });
  await ok(t, ['create', '-d', 'qemu', 'default']);
  here().env = await readEnv(store);
  await dockerBytes(t, here().env, ['import', '-', 'tiny'], await busyboxTar());
});

test.after.always(async () => {
  await here().store.dispose();
  await rm(path.dirname(here().home), { recursive: true, force: true });
});

test.serial(
  'the home directory is there at its path, and each side sees what the other writes',
  async (t) => {
    const site = path.join(here().home, 'site');
    const mount = `${site}:/www`;
    t.is(await inContainer(t, mount, 'cat /www/index.html'), 'first\n');
    await writeFile(path.join(site, 'index.html'), 'second, which is longer\n');
    t.is(await inContainer(t, mount, 'cat /www/index.html'), 'second, which is longer\n');
    await inContainer(t, mount, 'echo made inside >/www/made && chmod 0600 /www/made && mkdir -p /www/a/b');
    t.is(await readFile(path.join(site, 'made'), 'utf8'), 'made inside\n');
    t.is((await stat(path.join(site, 'made'))).mode & 0o777, 0o600);
    t.true((await stat(path.join(site, 'a', 'b'))).isDirectory());
    await inContainer(t, mount, 'rm -r /www/a && ln -s index.html /www/link && mv /www/made /www/moved');
    t.is(await readFile(path.join(site, 'link'), 'utf8'), 'second, which is longer\n');
    t.is(await readFile(path.join(site, 'moved'), 'utf8'), 'made inside\n');
  },
);

test.serial('a container that runs sees a change of the host at once', async (t) => {
  const site = path.join(here().home, 'site');
  const running = startDocker(here().env, [
    ...['run', '--rm', '-i', '-v', `${site}:/www`, 'tiny', busybox, 'sh', '-c'],
    'while read -r line; do cat /www/live; done',
  ]);
  const { child, ended } = running;
  const seen = (): string => running.seen().toString();
  const sees = async (text: string): Promise<void> => {
    await writeFile(path.join(site, 'live'), text);
    child.stdin.write('look\n');
    for (let tries = 0; tries < 300 && !seen().endsWith(text); tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    t.true(seen().endsWith(text));
  };
  await sees('one\n');
  await sees('two, longer\n');
  await sees('3\n');
  child.stdin.end();
  t.is((await ended).code, 0);
});

test.serial(
  'a bind mount of what the machine does not see is told, by doctor and in the log of the agent',
  async (t) => {
    const { fixed } = here();
    const start = ['run', '-d', '--name', 'blind', '-v', `${fixed}:/data`, '-v', '/var/log:/log', 'tiny'];
    await dockerBytes(t, here().env, [...start, busybox, 'sleep', '3600']);
    const said = await ok(t, ['doctor', 'default', '--json']);
    const codes = (JSON.parse(said) as { readonly code: string; readonly message: string }[])
      .filter(({ code }) => code === 'bind-outside-shares')
      .map(({ message }) => message);
    t.is(codes.length, 1, said);
    t.true(codes[0]?.includes(`"blind" mounts ${fixed}`), said);
    let log = '';
    for (let tries = 0; tries < 300 && !log.includes('"blind"'); tries += 1) {
      log = await ok(t, ['logs', 'default', '--log', 'agent']);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    t.regex(log, /The container "blind" mounts .*, which the machine does not see/);
    await dockerBytes(t, here().env, ['rm', '-f', 'blind']);
  },
);

test.serial('programs in containers that wait with inotify are woken by changes of the host', async (t) => {
  await wakes(t, path.join(here().home, 'site'));
});

/** Changes a directory and one in it until programs that wait for them in a container have seen it. */
async function wakes(t: ExecutionContext, site: string): Promise<void> {
  if (process.arch !== 'x64') {
    t.log('skipped: needs a guest of x86-64');
    t.pass();
    return;
  }
  const deep = path.join(site, 'sub', 'deep');
  await mkdir(deep, { recursive: true });
  await writeFile(path.join(site, 'wait'), inotifyProgram(), { mode: 0o755 });
  const name = ['--name', 'waits'];
  const outer = startDocker(here().env, [
    'run',
    '--rm',
    ...name,
    '-v',
    `${site}:/www`,
    'tiny',
    '/www/wait',
    '/www',
  ]);
  try {
    await until(outer, 'ready\n');
    // The agent may not have seen yet that the container runs.
    await sees(t, outer, '1 page', (tries) => writeFile(path.join(site, 'page'), `${tries}\n`));
    const inner = startDocker(here().env, ['exec', 'waits', '/www/wait', '/www/sub/deep', '/www']);
    await until(inner, 'ready\n');
    await sees(t, inner, '1 page', (tries) => writeFile(path.join(deep, 'page'), `${tries}\n`));
    await sees(t, inner, '1 new', () => writeFile(path.join(deep, 'new'), ''));
    await sees(t, inner, '1 ', () => unlink(path.join(deep, 'new')));
    await sees(t, inner, '2 made', () => mkdir(path.join(site, 'made'), { recursive: true }));
    await sees(t, inner, '2 ', () => rm(path.join(site, 'made'), { recursive: true }));
  } finally {
    await dockerBytes(t, here().env, ['rm', '-f', 'waits']);
  }
}

async function until(stream: DockerStream, text: string): Promise<void> {
  for (let tries = 0; tries < 600 && !stream.seen().toString().includes(text); tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** A change, made again now and then, has a program say a line that it did not say before. */
async function sees(
  t: ExecutionContext,
  stream: DockerStream,
  line: string,
  change: (tries: number) => Promise<unknown>,
): Promise<void> {
  const before = stream.seen().length;
  const isThere = (): boolean => stream.seen().subarray(before).toString().split('\n').includes(line);
  for (let tries = 0; tries < 300 && !isThere(); tries += 1) {
    if (tries % 20 === 0) {
      await change(tries).catch(() => undefined);
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  t.true(isThere(), `"${line}" in ${stream.seen().subarray(before).toString()}`);
}

test.serial('what a container writes arrives whole, whoever looks at it meanwhile', async (t) => {
  const site = path.join(here().home, 'site');
  const mount = `${site}:/www`;
  // Somebody in the machine asks for sizes all the time, and the host has something to tell all the time.
  const asks = startDocker(here().env, [
    ...['run', '--rm', '--name', 'asks', '-v', mount, 'tiny', busybox, 'sh', '-c'],
    'while :; do stat /www/* >/dev/null 2>&1; ls -lR /www >/dev/null; done',
  ]);
  const over = new AbortController();
  const touching = (async () => {
    for (let count = 0; !over.signal.aborted; count += 1) {
      await writeFile(path.join(site, 'page'), `${count}\n`);
      await new Promise((resolve) => setTimeout(resolve, 150));
    }
  })();
  const script = `
    say() { echo "$1 $(sha256sum </tmp/source | cut -c1-64) $(sha256sum <"/www/$1" | cut -c1-64)"; }
    for size in 2 7 20; do
      head -c $((size * 1000003)) /dev/urandom >/tmp/source
      cp /tmp/source /www/copied$size && say copied$size
      dd if=/tmp/source of=/www/dd$size bs=100k 2>/dev/null && say dd$size
    done
    head -c 3000017 /dev/urandom >/tmp/source
    : >/www/appended
    for part in 0 1 2 3 4 5; do
      dd if=/tmp/source bs=500003 skip=$part count=1 2>/dev/null >>/www/appended
      sleep 1
    done
    say appended`;
  const said = await inContainer(t, mount, script);
  over.abort();
  await touching;
  asks.child.kill();
  await dockerBytes(t, here().env, ['rm', '-f', 'asks']);
  const lines = said.trim().split('\n');
  t.is(lines.length, 7, said);
  for (const line of lines) {
    const [name = '', written, readBack] = line.split(' ');
    const found = createHash('sha256').update(await readFile(path.join(site, name)));
    t.deepEqual([readBack, found.digest('hex')], [written, written], name);
    await unlink(path.join(site, name));
  }
});

test.serial('two megabytes come through both ways unchanged', async (t) => {
  const site = path.join(here().home, 'site');
  const data = Buffer.alloc(2 * 1024 * 1024 + 17, 0);
  for (let index = 0; index < data.length; index += 1) {
    data[index] = (index * 31 + (index >> 8)) & 0xff;
  }
  await writeFile(path.join(site, 'data'), data);
  await inContainer(t, `${site}:/www`, 'cp /www/data /www/copy && sync');
  t.deepEqual(await readFile(path.join(site, 'copy')), data);
});

test.serial('after stop and start it is there before the containers are', async (t) => {
  const site = path.join(here().home, 'site');
  const start = ['run', '-d', '--restart', 'always', '--name', 'restarted', '-v', `${site}:/www`, 'tiny'];
  await dockerBytes(t, here().env, [
    ...start,
    ...[busybox, 'sh', '-c', `cat /www/index.html; exec ${busybox} sleep 3600`],
  ]);
  await ok(t, ['stop', 'default']);
  await ok(t, ['start', 'default']);
  here().env = await readEnv(here().store);
  const logs = (await dockerBytes(t, here().env, ['logs', 'restarted'])).toString();
  t.is(logs, 'second, which is longer\n'.repeat(2));
  await dockerBytes(t, here().env, ['rm', '-f', 'restarted']);
});

test.serial(
  'directories that are named, one of them read-only; the home directory is not there then',
  async (t) => {
    const { home, fixed } = here();
    const site = path.join(home, 'site');
    await ok(t, ['create', '-d', 'qemu', '--share', site, '--share', `${fixed}:ro`, 'named']);
    const seen = await ok(t, ['ssh', 'named', `cat '${fixed}/read-me' '${site}/index.html'; ls '${home}'`]);
    t.is(seen, 'only read\nsecond, which is longer\nsite\n');
    const written = await here().store.tsmachine(['ssh', 'named', `sudo touch '${fixed}/no'`]);
    t.not(written.code, 0);
    t.regex(written.stderr, /Read-only file system/);
    await ok(t, ['rm', '-y', 'named']);
    t.is(await readFile(path.join(fixed, 'read-me'), 'utf8'), 'only read\n');
  },
);

test.serial('by SFTP: each side sees the other, and again when the agent was killed', async (t) => {
  const { home, fixed } = here();
  const site = path.join(home, 'site');
  const shares = ['--share', site, '--share', `${fixed}:ro`, '--share-type', 'sftp'];
  await writeFile(path.join(site, 'index.html'), 'by SFTP\n');
  await ok(t, ['create', '-d', 'qemu', ...shares, 'served']);
  const env = { ...here().env };
  here().env = await readEnv(here().store, 'served');
  await dockerBytes(t, here().env, ['import', '-', 'tiny'], await busyboxTar());
  t.is(await inContainer(t, `${site}:/www`, 'cat /www/index.html; echo inside >/www/by-sftp'), 'by SFTP\n');
  t.is(await readFile(path.join(site, 'by-sftp'), 'utf8'), 'inside\n');
  await writeFile(path.join(site, 'by-sftp'), 'from here\n');
  t.is(await ok(t, ['ssh', 'served', `cat '${site}/by-sftp' '${fixed}/read-me'`]), 'from here\nonly read\n');
  const written = await here().store.tsmachine(['ssh', 'served', `sudo touch '${fixed}/no'`]);
  t.regex(written.stderr, /Read-only file system/);
  await wakes(t, site);
  const lock = path.join(here().store.path, 'machines', '.served.agent-lock');
  const { pid } = JSON.parse(await readFile(lock, 'utf8')) as { readonly pid: number };
  process.kill(pid, 'SIGKILL');
  let again = '';
  for (let tries = 0; tries < 100 && again !== 'from here\n'; tries += 1) {
    // Any command brings the agent back, and that its directories.
    again = (await here().store.tsmachine(['ssh', 'served', `cat '${site}/by-sftp'`])).stdout;
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  t.is(again, 'from here\n');
  await ok(t, ['rm', '-y', 'served']);
  t.is(await readFile(path.join(site, 'by-sftp'), 'utf8'), 'from here\n');
  here().env = env;
});

test.serial('--share none: the machine sees nothing of this computer', async (t) => {
  await ok(t, ['create', '-d', 'qemu', '--share', 'none', 'alone']);
  t.is(await ok(t, ['ssh', 'alone', 'grep -c 9p /proc/mounts; true']), '0\n');
  await ok(t, ['rm', '-y', 'alone']);
});

test.serial(
  'set: another size and other shares hold from the next start on, and what is on the disk stays',
  async (t) => {
    const { fixed } = here();
    const sizes = ['--cpus', '1', '--memory', '1500', '--disk', '24g', '--share', `${fixed}:ro`];
    const told = await ok(t, ['set', 'default', ...sizes]);
    t.is(told, '');
    await ok(t, ['restart', 'default']);
    here().env = await readEnv(here().store);
    const info = (
      await dockerBytes(t, here().env, ['info', '-f', '{{.NCPU}} {{.MemTotal}} {{.Images}}'])
    ).toString();
    const [cpus, memory, images] = info.trim().split(' ').map(Number);
    t.is(cpus, 1);
    t.true((memory ?? 0) > 1300 * 1024 ** 2 && (memory ?? 0) < 1500 * 1024 ** 2, info);
    t.is(images, 1);
    const free = await ok(t, ['ssh', 'default', "df -m /var/lib/docker | tail -n 1 | awk '{ print $2 }'"]);
    t.true(Number(free) > 22_500, free);
    t.is(
      await ok(t, ['ssh', 'default', `cat '${fixed}/read-me'; grep -c 9p /proc/mounts`]),
      'only read\n1\n',
    );
  },
);
