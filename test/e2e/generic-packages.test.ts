import { copyFile, mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { systems, units } from '../fixtures/provision/systems.ts';
import { busyboxTar } from '../support/busybox.ts';
import { makeStore, projectRoot, type TestStore } from '../support/cli.ts';
import { findDebianClient } from '../support/docker-client.ts';
import { linuxHostMissing, startLinuxHost, type LinuxHost } from '../support/linux-host.ts';
import { dockerOnHost, onHost } from '../support/on-host.ts';

// Hosts of other systems, as far as their package managers go: dnf, zypper and pacman are the real ones, on a Debian that
// calls itself by another name. Packages and repositories are made with the tools of each family.

const client = findDebianClient();
const missing = linuxHostMissing() ?? (client === undefined ? 'needs a docker client' : undefined);
const busybox = '/bin/busybox';

interface World {
  readonly host: LinuxHost;
  readonly store: TestStore;
}

const world: Partial<World> = {};

/** One system: how its packages are made and where they come from. */
interface System {
  /** NAME of its os-release, as the fixtures have it. */
  readonly name: string;
  readonly form: 'rpm' | 'arch';
  readonly unit: string;
  /** Packages and the programs in them. */
  readonly packages: readonly string[];
  /** Names the repository to the package manager. */
  readonly repository: string;
  /** Prints the release of the package that has dockerd. */
  readonly release: string;
}

const runtime = 'containerd,containerd-shim-runc-v2,ctr';
const daemon = 'dockerd,docker-proxy,docker-init';
const whole = `${daemon},docker,${runtime},runc`;
const dnfRepository = `mkdir -p /etc/yum.repos.d
printf '%s\\n' '[tests]' name=tests baseurl=file:///srv/packages/rpm enabled=1 gpgcheck=0 >/etc/yum.repos.d/tests.repo`;
const withoutContainerd = (unit: string): string => unit.replace(/ --containerd=\S+/, '');

const list: readonly System[] = [
  {
    name: 'Fedora Linux',
    form: 'rpm',
    unit: units.fedora,
    packages: [`moby-engine=${daemon},${runtime},runc`, 'docker-cli=docker'],
    repository: dnfRepository,
    release: "rpm -q --qf '%{RELEASE}' moby-engine",
  },
  {
    name: 'Rocky Linux',
    form: 'rpm',
    unit: units.dockerCe,
    packages: [`docker-ce=${daemon}`, 'docker-ce-cli=docker', `containerd.io=${runtime},runc`],
    // Docker's repository is named already, and cannot be reached.
    repository: `${dnfRepository}
printf '%s\\n' '[docker-ce-stable]' name=docker baseurl=https://download.docker.com/linux/centos/9/x86_64/stable enabled=0 >/etc/yum.repos.d/docker-ce.repo`,
    release: "rpm -q --qf '%{RELEASE}' docker-ce",
  },
  {
    name: 'Amazon Linux',
    form: 'rpm',
    unit: withoutContainerd(units.amazon).replace(/^ExecStartPre=.*setup-runtimes.*\n/m, ''),
    packages: [`docker=${whole}`],
    repository: dnfRepository,
    release: "rpm -q --qf '%{RELEASE}' docker",
  },
  {
    name: 'openSUSE Leap',
    form: 'rpm',
    unit: units.opensuse.replace('/usr/sbin/runc', '/usr/bin/runc'),
    packages: [
      `docker=${daemon},docker,docker-init`,
      `containerd=${runtime}`,
      'runc=runc',
      'ca-certificates=',
    ],
    repository: `zypper --non-interactive --quiet removerepo tests >/dev/null 2>&1 || true
zypper --non-interactive --quiet addrepo --no-gpgcheck file:///srv/packages/rpm tests`,
    release: "rpm -q --qf '%{RELEASE}' docker",
  },
  {
    name: 'Arch Linux',
    form: 'arch',
    unit: units.dockerCe,
    packages: [`docker=${daemon},docker`, `containerd=${runtime}`, 'runc=runc'],
    repository: `grep -q tests /etc/pacman.conf ||
printf '%s\\n' '[tests]' 'SigLevel = Never' 'Server = file:///srv/packages/arch' >>/etc/pacman.conf`,
    release: "pacman -Q docker | sed 's/.*-//'",
  },
];

test.before(async (t) => {
  t.timeout(900_000);
  if (missing === undefined) {
    Object.assign(world, { host: await startLinuxHost('bookworm', 'packagers'), store: await makeStore() });
    const script = path.join(projectRoot, 'test', 'fixtures', 'provision', 'publish-packages.sh');
    const { root } = (world as World).host;
    await copyFile(script, path.join(root, 'srv', 'publish-packages.sh'));
    // Debian's rpm has its database in the home directory, where zypper does not look.
    await mkdir(path.join(root, 'etc', 'rpm'), { recursive: true });
    await writeFile(path.join(root, 'etc', 'rpm', 'macros'), '%_dbpath /var/lib/rpm\n');
  }
});

test.after.always(async () => {
  await world.store?.dispose();
  await world.host?.stop();
});

for (const system of list) {
  test.serial(`${system.name}: its package manager installs and upgrades the engine`, async (t) => {
    t.timeout(600_000);
    if (missing !== undefined) {
      t.log(`skipped: ${missing}`);
      t.pass();
      return;
    }
    await become(t, system);
    await tsmachine(t, create('host'));
    t.is(await inside(t, system.release), '1');
    await docker(t, ['import', '-', 'tiny'], await busyboxTar());
    await docker(t, ['run', '-d', '--name', 'steady', 'tiny', busybox, 'sleep', '100000']);
    const before = await docker(t, ['inspect', '-f', '{{.State.Pid}}', 'steady']);
    t.regex(await tsmachine(t, ['provision', 'host']), /nothing was written, nothing was restarted/);

    await publish(t, system, 2);
    const engine = await inside(t, 'pidof dockerd');
    await tsmachine(t, ['upgrade', 'host']);
    t.is(await inside(t, system.release), '2', 'a package that has just come to the repository is seen');
    t.not(await inside(t, 'pidof dockerd'), engine, 'the package has restarted the engine');
    t.is(await docker(t, ['inspect', '-f', '{{.State.Pid}}', 'steady']), before, 'the container went on');
    await docker(t, ['rm', '-f', 'steady']);
  });
}

/** What the host is at the moment. */
let present: System | undefined;

/** Makes the host one of this system, without an engine. */
async function become(t: ExecutionContext, system: System): Promise<void> {
  const text = systems.find((each) => each.text.includes(`NAME="${system.name}"`))?.text ?? '';
  const { host, store } = world as World;
  await store.tsmachine(['rm', '-f', '-y', 'host']);
  if (present !== undefined) {
    await inside(t, cleaning(present));
  }
  present = system;
  await writeFile(path.join(host.root, 'usr', 'lib', 'os-release'), text);
  await writeFile(path.join(host.root, 'srv', 'docker.service'), completeUnit(system.unit));
  await inside(t, 'rm -rf /srv/packages');
  await publish(t, system, 1);
  await inside(t, system.repository);
}

/** The fixtures are shortened: what a unit needs to be started with, that it can be enabled, and what a stop leaves alone. */
function completeUnit(unit: string): string {
  const needed = [
    ...(/fd:\/\//.test(unit) ? ['docker.socket'] : []),
    ...(unit.includes('--containerd=') ? ['containerd.service'] : []),
  ];
  const needs = needed.length === 0 ? '' : `Requires=${needed.join(' ')}\nAfter=${needed.join(' ')}\n`;
  return `${unit}\n[Unit]\n${needs}[Service]\nDelegate=yes\nKillMode=process\n[Install]\nWantedBy=multi-user.target\n`;
}

async function publish(t: ExecutionContext, { form, packages }: System, release: number): Promise<void> {
  await inside(t, `/srv/publish-packages.sh ${form} ${release} ${packages.join(' ')}`);
}

/** A script that makes the host what it was before. */
function cleaning({ form, packages }: System): string {
  const names = [...packages.map((each) => each.replace(/=.*/, '')), 'system-release'];
  const remove = form === 'rpm' ? 'rpm -e --nodeps' : 'pacman -Rdd --noconfirm';
  return `systemctl stop docker.socket docker.service containerd.service 2>/dev/null || true
for name in ${names.join(' ')}; do ${remove} $name >/dev/null 2>&1 || true; done
rm -rf /etc/docker /etc/systemd/system/docker.service.d /etc/yum.repos.d
systemctl daemon-reload
if systemctl cat docker.service 2>/dev/null || command -v dockerd; then rpm -qa; pacman -Q; exit 1; fi`;
}

function create(name: string): readonly string[] {
  const { host } = world as World;
  return [
    'create',
    ...['-d', 'generic', '--generic-ip-address', host.address, '--generic-ssh-key', host.keyPath],
    name,
  ];
}

async function tsmachine(t: ExecutionContext, args: readonly string[]): Promise<string> {
  const { code, stderr } = await (world as World).store.tsmachine(args, { timeoutMs: 500_000 });
  t.is(code, 0, stderr);
  return stderr;
}

const inside = (t: ExecutionContext, script: string): Promise<string> =>
  onHost(t, (world as World).host, script);

const docker = (t: ExecutionContext, args: readonly string[], input?: Uint8Array): Promise<string> =>
  dockerOnHost(t, { store: (world as World).store, client: client ?? '' }, args, input);
