import { execFile } from 'node:child_process';
import path from 'node:path';
import process from 'node:process';
import { promisify } from 'node:util';
import test from 'ava';
import { projectRoot } from '../../support/cli.ts';
import { addMachine, makeClientWorld, type ClientWorld } from './machine-with-engine.ts';

// The npm package docker-machine finds the program on its PATH and reads what it prints.

/** Calls a static method of the package in a process of its own, with the environment that its users have. */
async function callPackage({ store }: ClientWorld, method: string, ...args: unknown[]): Promise<unknown> {
  const script = `
    const Machine = require('docker-machine');
    const [method, ...args] = ${JSON.stringify([method, ...args])};
    Machine[method](...args, (error, value) => {
      process.stdout.write(JSON.stringify(error ? { error: error.message } : { value }));
    });`;
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', script], {
    cwd: projectRoot,
    env: { ...process.env, ...store.env },
  });
  const { error, value } = JSON.parse(stdout) as { error?: string; value?: unknown };
  if (error !== undefined) {
    throw new Error(error);
  }
  return value;
}

test('create, status, env and inspect, as the npm package docker-machine reads them', async (t) => {
  const world = await makeClientWorld(t);
  const { store, engine } = world;
  await callPackage(world, 'create', 'dev', 'none', { url: engine.url });
  t.is(await callPackage(world, 'status', 'dev'), 'running');
  t.is(await callPackage(world, 'isRunning', 'dev'), true);
  t.deepEqual(await callPackage(world, 'env', 'dev', { parse: true }), {
    DOCKER_TLS_VERIFY: '1',
    DOCKER_HOST: engine.url,
    DOCKER_CERT_PATH: path.join(store.path, 'machines', 'dev'),
    DOCKER_MACHINE_NAME: 'dev',
  });
  t.like(await callPackage(world, 'inspect', 'dev'), { name: 'dev', driverName: 'none' });
  await t.throwsAsync(callPackage(world, 'status', 'nope'));
});

test('list with its template and its details, as the npm package docker-machine reads them', async (t) => {
  const world = await makeClientWorld(t);
  await addMachine(t, world, 'dev');
  const dead = await world.store.dockerMachine([
    'create',
    '-d',
    'none',
    '--url',
    'tcp://127.0.0.1:1',
    'dead',
  ]);
  t.is(dead.code, 0);
  const machines = (await callPackage(world, 'list', { inspect: true, timeout: 5 })) as Record<
    string,
    unknown
  >[];
  const [gone, dev] = machines;
  t.is(machines.length, 2);
  t.like(dev, {
    name: 'dev',
    active: '-',
    activeHost: false,
    activeSwarm: false,
    driverName: 'none',
    state: 'running',
    url: world.engine.url,
    swarm: null,
    error: null,
    dockerVersion: 'v27.5.1',
  });
  t.true((dev?.['responseTime'] as number) > 0, 'milliseconds');
  t.like(gone, { name: 'dead', dockerVersion: null });
  t.is(typeof gone?.['error'], 'string');
});
