import { createServer, type Server } from 'node:http';
import test, { type ExecutionContext } from 'ava';
import { makeStore, type Outcome, type TestStore } from '../support/cli.ts';
import { linuxHostMissing, startLinuxHost, type LinuxHost } from '../support/linux-host.ts';
import { onHost } from '../support/on-host.ts';

// --engine-install-url: scripts that a server hands out, whole and broken, on a host that has curl, wget or neither. And the
// locks of apt. In the order of the tests.

const missing = linuxHostMissing();

interface World {
  readonly host: LinuxHost;
  readonly store: TestStore;
  readonly server: Server;
  /** What the server hands out, by path. */
  readonly scripts: Map<string, { readonly text: string; readonly cutAt?: number }>;
  /** User-Agents of those who asked. */
  readonly agents: string[];
  readonly url: string;
}

const world: Partial<World> = {};

function declare(title: string, body: (t: ExecutionContext, world: World) => Promise<void>): void {
  test.serial(title, async (t) => {
    t.timeout(600_000);
    if (missing !== undefined) {
      t.log(`skipped: ${missing}`);
      t.pass();
      return;
    }
    await body(t, world as World);
  });
}

test.before(async (t) => {
  t.timeout(400_000);
  if (missing !== undefined) {
    return;
  }
  const host = await startLinuxHost('bookworm');
  const scripts: World['scripts'] = new Map();
  const agents: string[] = [];
  const server = createServer((request, answer) => {
    agents.push(request.headers['user-agent'] ?? '');
    const script = scripts.get(request.url ?? '');
    const text = script?.text ?? '';
    answer.writeHead(script === undefined ? 404 : 200, { 'Content-Length': String(Buffer.byteLength(text)) });
    if (script?.cutAt === undefined) {
      answer.end(text);
    } else {
      answer.write(text.slice(0, script.cutAt));
      setTimeout(() => answer.destroy(), 100);
    }
  });
  const near = host.address.replace(/\.2$/, '.1');
  await new Promise<void>((resolve) => server.listen(0, near, resolve));
  const bound = server.address();
  const port = typeof bound === 'object' && bound !== null ? bound.port : 0;
  const store = await makeStore();
  Object.assign(world, { host, store, server, scripts, agents, url: `http://${near}:${port}` });
});

test.after.always(async () => {
  world.server?.closeAllConnections();
  world.server?.close();
  await world.store?.dispose();
  await world.host?.stop();
});

function create({ host, store, url }: World, path: string | undefined): Promise<Outcome> {
  const where = ['--generic-ip-address', host.address, '--generic-ssh-key', host.keyPath];
  const proxy = [
    '--engine-env',
    `http_proxy=${host.proxyUrl}`,
    '--engine-env',
    `no_proxy=${new URL(url).hostname}`,
  ];
  const install = path === undefined ? [] : ['--engine-install-url', `${url}${path}`];
  return store.tsmachine(['create', '-d', 'generic', ...where, ...proxy, ...install, 'host'], {
    timeoutMs: 500_000,
  });
}

async function forget(t: ExecutionContext, { store }: World): Promise<void> {
  t.is((await store.tsmachine(['rm', '-y', 'host'])).code, 0);
}

/** Keeps dpkg's lock until the file /tmp/free is there. */
const holdLock = `rm -f /tmp/free /tmp/held
cat >/tmp/hold.pl <<'END'
use Fcntl;
open(my $lock, '>', '/var/lib/dpkg/lock-frontend') or die;
my $how = pack('s s x4 q q i x4', F_WRLCK, 0, 0, 0, 0);
fcntl($lock, F_SETLK, $how) or die "no lock: $!";
open(my $held, '>', '/tmp/held'); close($held);
sleep 1 until -e '/tmp/free';
END
(setsid perl /tmp/hold.pl >/dev/null 2>&1 &)
while [ ! -e /tmp/held ]; do sleep 0.1; done`;

declare(
  'a host with neither curl nor wget gets curl first; who holds the lock of dpkg meanwhile is said',
  async (t, here) => {
    here.scripts.set('/failing', { text: 'echo one\necho the last words >&2\nexit 42\n' });
    t.is(await onHost(t, here.host, 'command -v curl wget || true'), '');
    await onHost(t, here.host, holdLock);
    const creating = create(here, '/failing');
    // Nothing but the wait for the lock keeps the command from asking for the script.
    const said = await Promise.race([creating.then(() => 'ended'), waitForWaiter(t, here)]);
    t.is(said, 'waits');
    t.deepEqual(here.agents, []);
    await onHost(t, here.host, 'touch /tmp/free');
    const { code, stderr } = await creating;
    t.regex(stderr, /\(host\) Waiting for the lock of apt or dpkg, which process \d+ \(perl\) holds\.\n/);
    t.is(code, 1);
    t.regex(here.agents.join(), /curl/);
    t.regex(stderr, /This failed on the host: installing the engine as --engine-install-url says/);
    t.regex(stderr, /It ended with exit code 42\. .*the last words/);
  },
);

/** Until apt was tried again while the lock is held. */
async function waitForWaiter(t: ExecutionContext, here: World): Promise<string> {
  await onHost(
    t,
    here.host,
    'until pgrep -x sleep >/dev/null 2>&1 || ls /proc/[0-9]*/comm | xargs grep -lx sleep >/dev/null 2>&1; do sleep 0.2; done',
  );
  return 'waits';
}

declare('a script that is cut on its way is not run, not even its first line', async (t, here) => {
  await forget(t, here);
  here.scripts.set('/cut', { text: `touch /tmp/was-run\n${'# filling\n'.repeat(200)}exit 0\n`, cutAt: 300 });
  const { code, stderr } = await create(here, '/cut');
  t.is(code, 1);
  t.regex(stderr, /exit code (18|56|1)\./);
  t.is(await onHost(t, here.host, 'ls /tmp/was-run 2>/dev/null || echo no'), 'no');
});

declare('a script that ends in the middle of a command is not run either', async (t, here) => {
  await forget(t, here);
  here.scripts.set('/half', { text: 'touch /tmp/was-run\nif true; then\n  echo half' });
  const { code } = await create(here, '/half');
  t.is(code, 1);
  t.is(await onHost(t, here.host, 'ls /tmp/was-run 2>/dev/null || echo no'), 'no');
});

declare('what is not there is an error that says so', async (t, here) => {
  await forget(t, here);
  const { code, stderr } = await create(here, '/nowhere');
  t.is(code, 1);
  t.regex(stderr, /404/);
});

declare(
  'without curl it is wget that fetches; the script installs the engine, and the machine works',
  async (t, here) => {
    await forget(t, here);
    await onHost(
      t,
      here.host,
      `export http_proxy=${here.host.proxyUrl} DEBIAN_FRONTEND=noninteractive
apt-get install -y -qq --no-install-recommends wget >/dev/null 2>&1
mv /usr/bin/curl /usr/bin/curl.away`,
    );
    const packages = 'docker.io ca-certificates iptables apparmor';
    here.scripts.set('/good', {
      text: `set -e\nexport DEBIAN_FRONTEND=noninteractive\napt-get install -y -qq --no-install-recommends ${packages}\necho "$0" >/tmp/installed-by\n`,
    });
    here.agents.length = 0;
    const { code, stderr } = await create(here, '/good');
    t.is(code, 0, stderr);
    t.regex(here.agents.join(), /Wget/i);
    t.regex(stderr, /Docker is up and running!/);
    t.regex(await onHost(t, here.host, 'cat /tmp/installed-by'), /install\.sh$/);
    t.is(
      await onHost(t, here.host, 'ls -d /tmp/tmp.* 2>/dev/null || echo none'),
      'none',
      'nothing is left there',
    );
  },
);

declare('an engine that is there is not installed again, whatever the URL', async (t, here) => {
  await forget(t, here);
  here.agents.length = 0;
  const { code, stderr } = await create(here, '/failing');
  t.is(code, 0, stderr);
  t.deepEqual(here.agents, []);
});
