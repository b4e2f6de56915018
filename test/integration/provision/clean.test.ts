import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { cleanScript } from '../../../src/provision/clean.ts';

// What cleaning leaves of the files of a host.

const userKey = 'AAAAC3NzaC1lZDI1NTE5AAAAIKeyOfTheUserThatIsNowhereAfterwards';
const hostKey = 'AAAAC3NzaC1lZDI1NTE5AAAAIKeyOfTheHostThatIsNowhereAfterwards';

/** What goes. */
const gone = {
  'etc/docker/ca.pem': 'ca',
  'etc/docker/ca.pem.before-1': 'an older ca',
  'etc/docker/server.pem': 'server',
  'etc/docker/server-key.pem': 'PRIVATE KEY',
  'etc/docker/daemon.json': '{"hosts":["tcp://0.0.0.0:2376"]}',
  'etc/docker/key.json': '{"kty":"EC"}',
  'etc/docker/certs.d/registry/client.key': 'PRIVATE KEY',
  'etc/docker/tsmachine-ca/extra-ca.pem': 'ca',
  'etc/systemd/system/docker.service.d/10-machine.conf': '[Service]',
  'etc/systemd/system/tsmachine-expiry.timer': '[Timer]',
  'etc/systemd/system/tsmachine-expiry.service': '[Service]',
  'var/lib/systemd/timers/stamp-tsmachine-expiry.timer': '',
  'var/lib/systemd/random-seed': 'seed',
  'var/lib/docker/engine-id': '5f0f5c1e-0000-4000-8000-000000000000',
  'var/lib/docker/swarm/certificates/swarm-node.key': 'PRIVATE KEY',
  'etc/ssh/ssh_host_ed25519_key': 'PRIVATE KEY',
  'etc/ssh/ssh_host_ed25519_key.pub': `ssh-ed25519 ${hostKey} dev`,
  'root/.ssh/authorized_keys': `no-port-forwarding,command="echo no" ssh-ed25519 ${userKey} dev`,
  'root/.bash_history': 'secret=1',
  'root/.docker/config.json': '{"auths":{}}',
  'home/ubuntu/.ssh/authorized_keys': `ssh-ed25519 ${userKey} dev`,
  'home/ubuntu/.bash_history': 'secret=1',
  'srv/build er/.ssh/authorized_keys': `ssh-ed25519 ${userKey} dev`,
  'var/lib/cloud/instances/i-1/user-data.txt': 'ssh_keys: PRIVATE KEY',
  'var/lib/cloud/data/instance-id': 'i-1',
  'var/lib/waagent/ovf-env.xml': '<CustomData/>',
  'var/lib/waagent/TransportPrivate.pem': 'PRIVATE KEY',
  'var/lib/waagent/provisioned': '0F1E',
  'var/lib/dhclient/dhclient-eth0.leases': 'lease',
  'var/lib/apt/lists/mirror.example_debian': 'Package: x',
  'var/cache/apt/archives/docker.deb': 'x',
  'var/lib/dhcp/dhclient.eth0.leases': 'lease',
  'var/log/journal/0123/system.journal': `ssh-ed25519 ${userKey}`,
  'var/log/auth.log.1': 'old',
  'var/log/syslog.2.gz': 'old',
  'tmp/x/y': 'x',
} as const;

/** What stays, as it is. */
const kept = {
  'usr/bin/dockerd': 'program',
  'lib/systemd/system/docker.service': '[Service]',
  'etc/systemd/system/theirs.service': '[Service]',
  'etc/docker/certs.d/registry/ca.crt': 'ca of a registry',
  'var/lib/docker/overlay2/l/layer': 'a layer of an image that was pulled',
  'var/lib/cloud/seed/nocloud/meta-data': 'seed',
  'home/ubuntu/notes': 'mine',
  'etc/passwd':
    'root:x:0:0::/root:/bin/sh\nubuntu:x:1:1::/home/ubuntu:/bin/sh\nbuilder:x:2:2::/srv/build er:/bin/sh\nnobody:x:3:3::/:/bin/false\n',
} as const;

async function makeHost(t: ExecutionContext, files: Readonly<Record<string, string>>): Promise<string> {
  const root = await mkdtemp(path.join(tmpdir(), "tsm-cl'ean-"));
  t.teardown(() => rm(root, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    await mkdir(path.dirname(path.join(root, name)), { recursive: true });
    await writeFile(path.join(root, name), text);
  }
  return root;
}

function clean(
  root: string,
  forbidden: readonly string[] = [userKey, hostKey],
): { code: number | null; stderr: string } {
  const { status, stderr } = spawnSync('sh', ['-s'], {
    input: cleanScript({ forbidden, root }),
    encoding: 'utf8',
  });
  return { code: status, stderr };
}

async function filesIn(root: string): Promise<string[]> {
  const found = await readdir(root, { recursive: true, withFileTypes: true });
  return found
    .filter((entry) => !entry.isDirectory())
    .map((entry) => path.relative(root, path.join(entry.parentPath, entry.name)))
    .sort();
}

test('keys, identity and traces go; the engine and what it has pulled stay', async (t) => {
  const root = await makeHost(t, {
    ...gone,
    ...kept,
    'etc/machine-id': '0123456789abcdef\n',
    'etc/hostname': 'bake-ci\n',
    'etc/hosts': '127.0.0.1 localhost\n127.0.1.1 bake-ci\n',
    'var/log/auth.log': `Accepted publickey ${userKey}`,
    'var/lib/dbus/machine-id': '0123456789abcdef\n',
  });
  const wants = path.join(root, 'etc/systemd/system/timers.target.wants');
  await mkdir(wants);
  await symlink('/etc/systemd/system/tsmachine-expiry.timer', path.join(wants, 'tsmachine-expiry.timer'));
  for (const round of [1, 2]) {
    const { code, stderr } = clean(root);
    t.is(code, 0, `${round}: ${stderr}`);
    const changed = ['etc/hostname', 'etc/hosts', 'etc/machine-id', 'var/log/auth.log'];
    t.deepEqual(await filesIn(root), [...Object.keys(kept), ...changed].sort());
  }
  for (const [name, text] of Object.entries(kept)) {
    t.is(await readFile(path.join(root, name), 'utf8'), text, name);
  }
  t.is(await readFile(path.join(root, 'etc/machine-id'), 'utf8'), '');
  t.is(await readFile(path.join(root, 'var/log/auth.log'), 'utf8'), '');
  t.is(await readFile(path.join(root, 'etc/hosts'), 'utf8'), '127.0.0.1 localhost\n');
});

test('a key that is somewhere else is not overlooked', async (t) => {
  for (const file of ['etc/dropbear/authorized_keys', 'home/ubuntu/.config/keys', 'var/lib/systemd/copy']) {
    const root = await makeHost(t, { ...kept, [file]: `x ${userKey} x` });
    const { code, stderr } = clean(root);
    t.is(code, 1, file);
    t.true(stderr.includes(file) && stderr.includes('still'), stderr);
    t.is(clean(root, [hostKey]).code, 0);
  }
});

test('a host of which there is almost nothing is cleaned, too', async (t) => {
  const root = await makeHost(t, { 'etc/os-release': 'ID=tiny' });
  const { code, stderr } = clean(root);
  t.is(code, 0, stderr);
  t.deepEqual(await filesIn(root), ['etc/os-release']);
});
