import test from 'ava';
import {
  dropInPath,
  dropInText,
  execStartOf,
  isSocketActivated,
  parseUnitFiles,
  quoteUnitWord,
  withoutFlags,
} from '../../../src/provision/unit.ts';
import { units } from '../../fixtures/provision/systems.ts';

const taken = new Set(['host', 'tlsverify', 'tlscacert', 'tlscert', 'tlskey', 'label', 'storage-driver']);

function commandIn(unit: string, environmentFiles = new Map<string, string>()): string {
  const text = dropInText({ unit, environmentFiles, taken, args: [], env: [] });
  return /^ExecStart=(.+)$/m.exec(text)?.[1] ?? '';
}

test('the command of each system keeps its path and its flags, and loses its listener', (t) => {
  t.is(
    commandIn(units.debian),
    '/usr/sbin/dockerd --containerd=/run/containerd/containerd.sock $DOCKER_OPTS',
  );
  t.is(commandIn(units.dockerCe), '/usr/bin/dockerd --containerd=/run/containerd/containerd.sock');
  t.is(
    commandIn(units.fedora),
    '/usr/bin/dockerd --exec-opt native.cgroupdriver=systemd $OPTIONS $DOCKER_STORAGE_OPTIONS $DOCKER_NETWORK_OPTIONS',
  );
  t.is(
    commandIn(units.amazon),
    '/usr/bin/dockerd --containerd=/run/containerd/containerd.sock $OPTIONS $DOCKER_STORAGE_OPTIONS $DOCKER_ADD_RUNTIMES',
  );
  t.is(
    commandIn(units.opensuse),
    '/usr/bin/dockerd --add-runtime oci=/usr/sbin/runc $DOCKER_NETWORK_OPTIONS $DOCKER_OPTS',
  );
  t.true(commandIn(units.flatcar).startsWith('/usr/bin/dockerd --containerd='));
});

test("docker-machine's drop-in is replaced, not built upon", (t) => {
  t.is(commandIn(units.dockerMachine), '/usr/bin/dockerd --containerd=/run/containerd/containerd.sock');
});

test('a drop-in of ours gives itself again', (t) => {
  const given = { environmentFiles: new Map<string, string>(), taken, args: ['--debug'], env: ['A=b'] };
  const first = dropInText({ unit: units.debian, ...given });
  t.is(dropInText({ unit: `${units.debian}\n# ${dropInPath}\n${first}`, ...given }), first);
});

test('a foreign drop-in counts', (t) => {
  const foreign =
    '# /etc/systemd/system/docker.service.d/own.conf\n[Service]\nExecStart=\nExecStart=/opt/dockerd --x\n';
  t.is(commandIn(`${units.debian}\n${foreign}`), '/opt/dockerd --x');
});

test('a unit that starts nothing is an error that says of what it is made', (t) => {
  const error = t.throws(() => commandIn('# /lib/systemd/system/docker.service\n[Service]\nExecStart=\n'));
  t.like(error, { code: 'engine-conflict' });
});

test('flags in the files that set variables of the unit are taken out too', (t) => {
  const files = new Map([
    ['/etc/default/docker', 'DOCKER_OPTS="-H tcp://0.0.0.0:2375 --dns 192.0.2.1 --label=a=b"\n'],
  ]);
  t.is(
    commandIn(units.debian, files),
    '/usr/sbin/dockerd --containerd=/run/containerd/containerd.sock --dns 192.0.2.1',
  );
});

test('a variable without such flags stays a variable', (t) => {
  const files = new Map([['/etc/default/docker', 'DOCKER_OPTS="--dns 192.0.2.1"\n']]);
  t.regex(commandIn(units.debian, files), / \$DOCKER_OPTS$/);
});

test('values in words of their own go with their flags, switches have none', (t) => {
  const command = 'dockerd --tlsverify --tlscacert /a "--label=x=y z" -Hfd:// --tls=true --label a=b end';
  t.deepEqual(withoutFlags(command, taken, new Map()), ['dockerd', '--tls=true', 'end']);
});

test('socket activation is seen in all ways to write it', (t) => {
  t.true(isSocketActivated(units.debian));
  t.true(isSocketActivated(units.fedora));
  t.false(isSocketActivated(units.opensuse));
  t.false(isSocketActivated(''));
});

test('the last list of commands counts, comments do not', (t) => {
  const text =
    '# /x/docker.service\n[Service]\n#ExecStart=/no\nExecStart=/a\nExecStart=\nExecStart = /b \\\n  --c\n';
  t.is(execStartOf(parseUnitFiles(text)), '/b --c');
});

test('what systemd would expand is written so that it does not', (t) => {
  t.is(quoteUnitWord('--x=a "b" $c %d \\e', 'command'), '"--x=a \\"b\\" $$c %%d \\\\e"');
  t.is(quoteUnitWord('A=$b %c', 'environment'), '"A=$b %%c"');
});
