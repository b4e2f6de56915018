import { spawn, type ChildProcess } from 'node:child_process';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { makeStore, projectRoot } from '../cli.ts';
import type { CloudRequest, FaultServer } from './fault-server.ts';
import { restsIn, type Rests } from './fault-suite.ts';

// `create` of a machine of a cloud, killed with SIGKILL at every request, when the cloud has carried it out and before the
// answer comes. `rm` then leaves nothing, whatever the record says.

/** What is killed, and where. */
export interface KillOptions<Request extends CloudRequest> {
  readonly server: FaultServer<Request>;
  readonly rests: () => Promise<Rests>;
  /** Kind under which machines themselves stand in the rests. */
  readonly instances: string;
  /** Behind `create`, without a name. */
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** True for a request that makes something: those before the first of them only look. */
  readonly makes: (request: Request) => boolean;
  readonly nameOf: (request: Request) => string;
}

/** More requests than any create has before it waits for SSH. */
const requestsMax = 60;

/** @returns the requests at which it was killed, by name. */
export async function killAtEveryRequest<Request extends CloudRequest>(
  t: ExecutionContext,
  { server, rests, instances, args, env, makes, nameOf }: KillOptions<Request>,
): Promise<readonly string[]> {
  const store = await makeStore();
  const asked: string[] = [];
  let made = 0;
  const seen = { waiting: false };
  /** Of the last kill, counted from the first request of its create. */
  let at = -1;
  try {
    while (at < requestsMax && !seen.waiting) {
      const before = at;
      const first = server.requests.length;
      const command = [path.join(projectRoot, 'bin', 'tsmachine.js'), 'create', ...args, 'victim'];
      const child = spawn(process.execPath, command, {
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
      server.onDone = (request) => {
        const isNext = before < 0 ? makes(request) : request.index - first === before + 1;
        if (isNext && at === before) {
          at = request.index - first;
          asked.push(nameOf(request));
          child.kill('SIGKILL');
        }
      };
      t.is(await ended(child), 'SIGKILL', said);
      server.onDone = () => undefined;
      made += (await restsIn({ rests }))[instances]?.length ?? 0;
      if ((await store.tsmachine(['ls', '-q'])).stdout.trim() !== '') {
        const removed = await store.tsmachine(['rm', '-y', 'victim'], { env });
        t.is(removed.code, 0, `${at}: ${removed.stderr}`);
      }
      t.deepEqual(await restsIn({ rests }), {}, `${at}: ${asked.at(-1) ?? ''}`);
    }
    t.log(`killed at ${asked.length} requests: ${asked.join(', ')}`);
    t.true(seen.waiting);
    t.true(made > 1, `${made} machines were there`);
    const left = (await readdir(path.join(store.path, 'machines'))).filter((name) => !name.startsWith('.'));
    t.deepEqual(left, []);
    return asked;
  } finally {
    await store.dispose();
  }
}

async function ended(child: ChildProcess): Promise<NodeJS.Signals | null> {
  return new Promise((resolve) => {
    child.once('close', (_, signal) => {
      resolve(signal);
    });
  });
}
