import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { busyboxTar } from '../support/busybox.ts';
import { isGone, run } from '../support/cli.ts';
import { readEnv } from '../support/docker-client.ts';
import {
  create,
  docker,
  isBooted,
  isResumed,
  ok,
  removeAll,
  restoreTemplate,
  setUp,
  shell,
  store,
  tearDown,
  templates,
  theTemplate,
  tsmachine,
} from './template-world.ts';

// Machines that are resumed from a template are machines of their own. The tests run in their order.

/** Everything that makes a machine itself, as a client of its own sees it. */
async function identityOf(t: ExecutionContext, name: string): Promise<Record<string, string>> {
  const text = await shell(
    t,
    name,
    'cat /etc/machine-id /proc/sys/kernel/random/boot_id; hostname; head -c 16 /dev/urandom | xxd -p; ' +
      'sudo cat /var/lib/boot2docker/server.pem | sha256sum; sudo cat /var/lib/docker/engine-id; echo',
  );
  const [machineId = '', bootId = '', hostName = '', random = '', certificate = '', savedEngineId = ''] =
    text.split('\n');
  const hostKey = path.join(store().path, 'machines', name, 'ssh_host_ed25519_key.pub');
  return {
    machineId,
    bootId,
    hostName,
    random,
    certificate,
    engineId: await docker(t, name, 'info', '-f', '{{.ID}}'),
    savedEngineId,
    // The connection above was made with this key alone, so the guest serves it.
    hostKey: (await readFile(hostKey, 'utf8')).split(' ')[1] ?? '',
  };
}

/** Sorted: an engine that has read its configuration again tells them in any order. */
async function labelsOf(t: ExecutionContext, name: string): Promise<string[]> {
  return (await docker(t, name, 'info', '-f', '{{join .Labels " "}}')).split(' ').sort();
}

test.before(async (t) => {
  t.timeout(400_000);
  const first = await setUp(t);
  t.regex(first.stderr, /The first machine of its kind/);
  t.regex(first.stderr, / template after /);
  t.regex(first.stderr, / resumed after /);
});

test.after.always(tearDown);

test.serial('a template holds no key, no certificate and no name', async (t) => {
  const directory = await theTemplate();
  t.deepEqual((await readdir(directory)).sort(), ['disk.qcow2', 'ram', 'template.json', 'used']);
  const machine = path.join(store().path, 'machines', 'first');
  const secrets = [
    (await readFile(path.join(machine, 'id_rsa.pub'), 'utf8')).split(' ')[1] ?? '',
    (await readFile(path.join(machine, 'server-key.pem'), 'utf8')).split('\n')[1] ?? '',
    (await readFile(path.join(machine, 'ca.pem'), 'utf8')).split('\n')[1] ?? '',
    (await readFile(path.join(machine, 'guest', 'machine-id'), 'utf8')).trim(),
  ];
  for (const file of ['ram', 'disk.qcow2']) {
    const content = await readFile(path.join(directory, file));
    for (const secret of secrets) {
      t.true(secret.length > 20);
      t.false(content.includes(secret), `${file} holds ${secret}`);
    }
  }
});

test.serial('ten at once differ in everything that makes a machine itself, and all work', async (t) => {
  t.timeout(400_000);
  const names = Array.from({ length: 10 }, (_, index) => `ten-${index}`);
  const created = await Promise.all(names.map(async (name) => tsmachine(t, ...create, name)));
  t.true(created.every(isResumed), created.find((outcome) => !isResumed(outcome))?.stderr);

  const identities: Record<string, string>[] = [];
  for (const name of names) {
    const identity = await identityOf(t, name);
    t.is(identity['hostName'], name);
    t.is(await docker(t, name, 'info', '-f', '{{.Name}}'), name);
    t.is(identity['engineId'], identity['savedEngineId'], 'the engine has the same id after its next start');
    // Measured inside, where a slow connection does not count: the hypervisor's clock goes by whole seconds.
    const offset = Number(
      await shell(t, name, 'echo $(($(date +%s) - $(cat /sys/class/rtc/rtc0/since_epoch)))'),
    );
    t.true(Math.abs(offset) <= 1, `the clock of ${name} is off by ${offset} s`);
    identities.push(identity);
  }
  for (const key of Object.keys(identities[0] ?? {})) {
    const values = identities.map((identity) => identity[key] ?? '');
    t.true(values.every((value) => value.length >= 5));
    t.is(new Set(values).size, names.length, `${key}: ${values.join(' ')}`);
  }

  const archive = await busyboxTar();
  for (const name of names) {
    await ok(
      t,
      run('docker', ['import', '-', 'tiny'], { input: archive, env: await readEnv(store(), name) }),
    );
    t.is(await docker(t, name, 'run', '--rm', 'tiny', '/bin/busybox', 'echo', name), name);
  }
  const pids = await Promise.all(
    names.map(async (name) => readFile(path.join(store().path, 'machines', name, 'qemu.pid'), 'utf8')),
  );
  await removeAll(t);
  t.deepEqual(
    await Promise.all(pids.map(async (pid) => isGone(pid.trim()))),
    pids.map(() => true),
  );
});

test.serial('engine options, labels and a larger disk are as asked', async (t) => {
  const options = ['--engine-label', 'color=blue', '--engine-registry-mirror', 'https://mirror.example'];
  const registry = ['--engine-insecure-registry', 'registry.example:5000'];
  const outcome = await tsmachine(t, ...create, ...options, ...registry, '--disk', '30000', 'asked');
  t.true(isResumed(outcome), outcome.stderr);
  t.deepEqual(await labelsOf(t, 'asked'), ['color=blue', 'provider=qemu']);
  const config = JSON.parse(await docker(t, 'asked', 'info', '-f', '{{json .RegistryConfig}}')) as {
    readonly Mirrors: string[];
    readonly IndexConfigs: Record<string, { readonly Secure: boolean }>;
  };
  t.deepEqual(config.Mirrors, ['https://mirror.example/']);
  t.false(config.IndexConfigs['registry.example:5000']?.Secure);
  const kilobytes = Number((await shell(t, 'asked', 'df -k /var/lib/docker')).split(/\s+/).at(-5));
  t.true(kilobytes > 28_000_000, `the file system has ${kilobytes} kB`);
  t.true((await shell(t, 'asked', 'sudo dmesg')).includes('crng reseeded due to virtual machine fork'));
});

test.serial('stop and start are an ordinary boot that keeps identity, options and data', async (t) => {
  const env = await readEnv(store(), 'asked');
  await ok(t, run('docker', ['import', '-', 'kept'], { input: await busyboxTar(), env }));
  await docker(t, 'asked', 'volume', 'create', 'volume');
  const before = await identityOf(t, 'asked');
  await tsmachine(t, 'stop', 'asked');
  const started = await tsmachine(t, 'start', 'asked');
  t.true(isBooted(started), started.stderr);
  const after = await identityOf(t, 'asked');
  for (const key of ['machineId', 'hostName', 'engineId', 'hostKey']) {
    t.is(after[key], before[key], key);
  }
  t.not(after['bootId'], before['bootId']);
  t.deepEqual(await labelsOf(t, 'asked'), ['color=blue', 'provider=qemu']);
  t.is(await docker(t, 'asked', 'volume', 'ls', '-q'), 'volume');
  t.is(await docker(t, 'asked', 'run', '--rm', 'kept', '/bin/busybox', 'echo', 'x'), 'x');
  await removeAll(t);
});

test.serial('what a running engine does not take over is booted, and so is --cold', async (t) => {
  const environment = await tsmachine(t, ...create, '--engine-env', 'HTTP_PROXY=http://proxy.example', 'env');
  t.true(isBooted(environment), environment.stderr);
  t.regex(environment.stderr, /booted, not resumed from a template: .*--engine-env/);
  t.is(await docker(t, 'env', 'info', '-f', '{{.HTTPProxy}}'), 'http://proxy.example');
  const cold = await tsmachine(t, ...create, '--cold', 'cold');
  t.true(isBooted(cold), cold.stderr);
  await removeAll(t);
});

test.serial('another QEMU makes a template of its own, and leaves the other alone', async (t) => {
  const program = process.env['TSMACHINE_TEST_QEMU'] ?? '';
  if (program === '') {
    t.log('skipped: needs another QEMU, named by TSMACHINE_TEST_QEMU');
    t.pass();
    return;
  }
  await restoreTemplate();
  const other = await tsmachine(t, ...create, '--qemu-program', program, 'other');
  t.regex(other.stderr, /The first machine of its kind/);
  t.is((await templates()).length, 2);
  t.true(isResumed(await tsmachine(t, ...create, '--qemu-program', program, 'again')));
  t.true(isResumed(await tsmachine(t, ...create, 'usual')));
  await removeAll(t);
});

test.serial('image prune --all removes templates', async (t) => {
  await restoreTemplate();
  const pruned = await tsmachine(t, 'image', 'prune', '--all');
  t.regex(pruned.stdout, /drivers\/qemu\/[0-9a-f]{32}/);
  t.deepEqual(await templates(), []);
});
