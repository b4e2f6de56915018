import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { busyboxTar } from '../support/busybox.ts';
import { findProgram, machinesLeft, makeStore, projectRoot, run, type TestStore } from '../support/cli.ts';
import { readEnv } from '../support/docker-client.ts';

// Machines of the other architecture, and with another QEMU than the one on PATH.

const createTimeoutMs = 400_000;
/** Far below the minute after which a guest that does not listen to its power button is forced off. */
const stopMsMax = 30_000;

interface Machine {
  readonly name: string;
  readonly store: TestStore;
}

async function tsmachine(t: ExecutionContext, machine: Machine, args: readonly string[]): Promise<number> {
  const started = performance.now();
  const { code, stdout, stderr } = await machine.store.tsmachine(args, { timeoutMs: createTimeoutMs });
  const tookMs = performance.now() - started;
  t.is(code, 0, `${args.join(' ')}\n${stdout}\n${stderr}`);
  t.log(`${args[0] ?? ''}: ${(tookMs / 1000).toFixed(1)} s`);
  return tookMs;
}

async function docker(
  t: ExecutionContext,
  machine: Machine,
  args: readonly string[],
  input: string | Uint8Array = '',
): Promise<string> {
  const env = await readEnv(machine.store, machine.name);
  const { code, stdout, stderr } = await run('docker', args, { env, input });
  t.is(code, 0, `docker ${args.join(' ')}\n${stdout}\n${stderr}`);
  return stdout;
}

/** Stops the machine and makes sure that its guest powered off by itself: it says so on its console last. */
async function stop(t: ExecutionContext, machine: Machine): Promise<void> {
  const tookMs = await tsmachine(t, machine, ['stop', machine.name]);
  t.true(tookMs < stopMsMax, `stop took ${Math.round(tookMs)} ms`);
  const directory = path.join(machine.store.path, 'machines', machine.name);
  t.regex(await readFile(path.join(directory, 'console.log'), 'utf8'), /^TS [\d.]+ off\b/m);
}

async function remove(t: ExecutionContext, machine: Machine): Promise<void> {
  await tsmachine(t, machine, ['rm', '-y', machine.name]);
  t.deepEqual(await machinesLeft(machine.store), []);
}

const platform = ['version', '--format', '{{.Server.Os}}/{{.Server.Arch}}'];
const hello = ['run', '--rm', 'tiny', '/bin/busybox', 'uname', '-m'];

test.serial('a machine for arm64: create, version, run, stop by the power button, rm', async (t) => {
  const image = path.join(projectRoot, 'build', 'image', 'arm64');
  if (findProgram('qemu-system-aarch64') === undefined || !existsSync(path.join(image, 'manifest.json'))) {
    t.log('skipped: needs qemu-system-aarch64 and build/image/arm64 (npm run image -- --arch arm64)');
    t.pass();
    return;
  }
  t.timeout(2 * createTimeoutMs);
  const machine: Machine = { name: 'arm', store: await makeStore() };
  t.teardown(() => machine.store.dispose());
  await tsmachine(t, machine, ['create', '-d', 'qemu', '--image', image, machine.name]);
  t.is(await docker(t, machine, platform), 'linux/arm64\n');
  await docker(t, machine, ['import', '--platform', 'linux/arm64', '-', 'tiny'], await busyboxTar('arm64'));
  t.is(await docker(t, machine, hello), 'aarch64\n');
  await stop(t, machine);
  await remove(t, machine);
});

test.serial('a machine with another QEMU: create, version, run, stop, start, rm', async (t) => {
  const program = process.env['TSMACHINE_TEST_QEMU'] ?? '';
  if (program === '') {
    t.log('skipped: needs TSMACHINE_TEST_QEMU, the path of another qemu-system-x86_64');
    t.pass();
    return;
  }
  t.timeout(3 * createTimeoutMs);
  t.log((await run(program, ['--version'])).stdout.split('\n')[0] ?? '');
  const machine: Machine = { name: 'other', store: await makeStore() };
  t.teardown(() => machine.store.dispose());
  await tsmachine(t, machine, ['create', '-d', 'qemu', '--qemu-program', program, machine.name]);
  t.is(await docker(t, machine, platform), 'linux/amd64\n');
  await docker(t, machine, ['import', '--platform', 'linux/amd64', '-', 'tiny'], await busyboxTar('amd64'));
  t.is(await docker(t, machine, hello), 'x86_64\n');
  await stop(t, machine);
  await tsmachine(t, machine, ['start', machine.name]);
  t.is(await docker(t, machine, hello), 'x86_64\n', 'the image is still there');
  await stop(t, machine);
  await remove(t, machine);
});
