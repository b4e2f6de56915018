import { spawn } from 'node:child_process';
import { copyFile, rm } from 'node:fs/promises';
import path from 'node:path';
import test from 'ava';
import { makeStore, projectRoot } from '../../support/cli.ts';
import { startDigitalOcean } from '../../support/loopback-cloud/digitalocean-cloud.ts';
import { nameOf } from '../../support/loopback-cloud/fault-server.ts';
import { restsIn } from '../../support/loopback-cloud/fault-suite.ts';
import { createUntilSsh } from '../../support/loopback-cloud/half-made.ts';

// `adopt`, killed with SIGKILL at every request: the machine is as lost as before, or in the store. It is never removed, and
// whoever says it again goes on.

/** More requests than an adopt has before it connects. */
const requestsMax = 40;

test.serial(
  'killed at every request: the machine is lost as before, or in the store, and rm leaves nothing',
  async (t) => {
    t.timeout(600_000);
    const cloud = await startDigitalOcean();
    const store = await makeStore();
    const env = { DIGITALOCEAN_ACCESS_TOKEN: 'test' };
    const directory = path.join(store.path, 'machines', 'dev');
    const key = path.join(path.dirname(store.path), 'key');
    const place = ['-d', 'digitalocean', '--digitalocean-endpoint', cloud.url];
    try {
      await createUntilSsh(store, [...place, '--digitalocean-open-to', '198.18.0.0/15', 'dev'], env);
      await copyFile(path.join(directory, 'id_rsa'), key);
      await rm(directory, { recursive: true });
      const there = await restsIn({ rests: async () => cloud.rests() });
      const asked: string[] = [];
      const states = new Set<string>();
      const seen = { waiting: false };
      for (let at = 1; at <= requestsMax && !seen.waiting; at += 1) {
        const first = cloud.requests.length;
        const command = [path.join(projectRoot, 'bin', 'tsmachine.js'), 'adopt', 'dev', '--ssh-key', key];
        const child = spawn(process.execPath, command, {
          env: { ...process.env, ...env, MACHINE_STORAGE_PATH: store.path },
          stdio: ['ignore', 'ignore', 'pipe'],
        });
        let said = '';
        child.stderr.on('data', (chunk: Buffer) => {
          said += chunk.toString();
          if (said.includes('Waiting for SSH')) {
            seen.waiting = true;
            child.kill('SIGKILL');
          }
        });
        cloud.onDone = (request) => {
          if (request.index - first === at) {
            asked.push(nameOf(request));
            child.kill('SIGKILL');
          }
        };
        const signal = await new Promise((resolve) => {
          child.once('close', (_, how) => {
            resolve(how);
          });
        });
        t.is(signal, 'SIGKILL', said);
        cloud.onDone = () => undefined;
        const isHere = (await store.tsmachine(['ls', '-q'], { env })).stdout === 'dev\n';
        states.add(isHere ? 'in the store' : 'lost');
        t.deepEqual(await restsIn({ rests: async () => cloud.rests() }), there, asked.at(-1) ?? '');
        // Every second time from the beginning; else the next one goes on with what is there.
        if (isHere && at % 2 === 0 && asked.length === at) {
          await rm(directory, { recursive: true });
        }
      }
      t.log(`killed at ${asked.length} requests: ${asked.join(', ')}`);
      t.true(seen.waiting);
      t.deepEqual([...states].sort(), ['in the store', 'lost']);
      const removed = await store.tsmachine(['rm', '-y', 'dev'], { env });
      t.is(removed.code, 0, removed.stderr);
      t.deepEqual(await restsIn({ rests: async () => cloud.rests() }), {});
      t.deepEqual(cloud.findings, []);
    } finally {
      await rm(path.join(store.path, 'machines'), { recursive: true, force: true });
      await store.dispose();
      await cloud.close();
    }
  },
);
