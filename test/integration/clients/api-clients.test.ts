import { execFile } from 'node:child_process';
import process from 'node:process';
import { promisify } from 'node:util';
import test, { type ExecutionContext } from 'ava';
import { findProgram, projectRoot, run } from '../../support/cli.ts';
import { readEnv } from '../../support/docker-client.ts';
import { addMachine, makeClientWorld } from './machine-with-engine.ts';

// Libraries that know of the machine only what `env` prints.

async function environment(t: ExecutionContext): Promise<Record<string, string>> {
  const world = await makeClientWorld(t);
  await addMachine(t, world, 'default');
  return readEnv(world.store);
}

test('dockerode reads the environment and reaches the engine', async (t) => {
  const env = await environment(t);
  const script = `
    const Docker = require('dockerode');
    const docker = new Docker();
    Promise.all([docker.ping(), docker.version()]).then(([ping, { Version }]) => {
      process.stdout.write(ping + ' ' + Version);
    });`;
  const { stdout } = await promisify(execFile)(process.execPath, ['-e', script], {
    cwd: projectRoot,
    env: { ...process.env, ...env },
  });
  t.is(stdout, 'OK 27.5.1');
});

test('docker-py reads the environment and reaches the engine', async (t) => {
  const python = findProgram('/usr/bin/python3');
  if (python === undefined || (await run(python, ['-c', 'import docker'])).code !== 0) {
    t.log('skipped: needs python3-docker');
    t.pass();
    return;
  }
  const script = 'import docker; c = docker.from_env(); print(c.ping(), c.version()["Version"])';
  // Its HTTP library would verify with these instead of the machine's CA.
  const env = { ...(await environment(t)), REQUESTS_CA_BUNDLE: '', CURL_CA_BUNDLE: '' };
  const { code, stdout, stderr } = await run(python, ['-c', script], { env });
  t.is(code, 0, stderr);
  t.is(stdout, 'True 27.5.1\n');
});
