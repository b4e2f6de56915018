import { spawn, type ChildProcess } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { makeStore, projectRoot } from '../../support/cli.ts';
import { startEc2Proxy } from '../../support/loopback-cloud/ec2-proxy.ts';
import { nothing, restsOf } from '../../support/loopback-cloud/ec2-rests.ts';
import { motoMissing, startMoto } from '../../support/loopback-cloud/moto.ts';

// `create` of a machine of EC2, killed with SIGKILL at every request, when EC2 has done it and before the answer
// comes. `rm` then leaves nothing, whatever the record says.

const missing = motoMissing();
/** A create asks so often before it waits for SSH, and not oftener. */
const requestsMax = 40;
/** The first ones only look, each time at the same. */
const firstRequest = 8;

test.serial(
  'killed at every request from the first that makes something on: rm leaves nothing',
  async (t) => {
    t.timeout(900_000);
    if (missing !== undefined) {
      t.log(`skipped: ${missing}`);
      t.pass();
      return;
    }
    const moto = await startMoto();
    const proxy = await startEc2Proxy(moto.url);
    const store = await makeStore();
    const env = { AWS_ACCESS_KEY_ID: 'test', AWS_SECRET_ACCESS_KEY: 'test' };
    const args = [
      'create',
      '-d',
      'amazonec2',
      '--amazonec2-endpoint',
      proxy.endpoint,
      '--amazonec2-insecure-transport',
    ];
    args.push('--amazonec2-open-to', '198.18.0.0/15', 'victim');
    const asked: string[] = [];
    let instances = 0;
    const seen = { waiting: false };
    try {
      for (let at = firstRequest; at <= requestsMax && !seen.waiting; at += 1) {
        const first = proxy.requests.length;
        const child = spawn(process.execPath, [path.join(projectRoot, 'bin', 'tsmachine.js'), ...args], {
          env: { ...process.env, ...env, MACHINE_STORAGE_PATH: store.path },
          stdio: ['ignore', 'ignore', 'pipe'],
        });
        let said = '';
        child.stderr.on('data', (chunk: Buffer) => {
          said += chunk.toString();
          // There is no SSH server: here the create of an instance ends and that of a host begins.
          if (said.includes('Waiting for SSH')) {
            seen.waiting = true;
            child.kill('SIGKILL');
          }
        });
        proxy.onDone = ({ index, action }) => {
          if (index - first === at) {
            asked.push(action);
            child.kill('SIGKILL');
          }
        };
        const signal = await ended(child);
        t.is(signal, 'SIGKILL', said);
        proxy.onDone = () => undefined;
        instances += (await restsOf(moto.url)).instances.length;
        if ((await store.tsmachine(['ls', '-q'])).stdout.trim() !== '') {
          const removed = await store.tsmachine(['rm', '-y', 'victim'], { env });
          t.is(removed.code, 0, `${at}: ${removed.stderr}`);
        }
        t.deepEqual(await restsOf(moto.url), nothing, `${at}: ${asked.at(-1) ?? ''}`);
      }
      t.log(`killed at ${asked.length} requests: ${asked.join(', ')}`);
      t.true(seen.waiting);
      t.true(instances > 2, `${instances} instances were there`);
      t.true(asked.includes('RunInstances'));
      const left = (await readdir(path.join(store.path, 'machines'))).filter((name) => !name.startsWith('.'));
      t.deepEqual(left, []);
    } finally {
      await store.dispose();
      await proxy.close();
      await moto.stop();
    }
  },
);

async function ended(child: ChildProcess): Promise<NodeJS.Signals | null> {
  return new Promise((resolve) => {
    child.once('close', (_, signal) => {
      resolve(signal);
    });
  });
}
