import { existsSync } from 'node:fs';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { homedir, tmpdir } from 'node:os';
import path from 'node:path';
import type { ExecutionContext } from 'ava';
import { run, type Outcome, type TestStore } from './cli.ts';

/** What `env` prints, as the environment that a shell has after it evaluated it. */
export async function readEnv(store: TestStore, machine = 'default'): Promise<Record<string, string>> {
  const { stdout } = await store.tsmachine(['env', '--shell', 'bash', machine]);
  return Object.fromEntries(
    [...stdout.matchAll(/^export (\w+)="(.*)"$/gm)].map((match) => [match[1] ?? '', match[2] ?? '']),
  );
}

/** Debian's docker client: as TSMACHINE_TEST_DOCKER names it, where ./check puts it, or as installed. */
export function findDebianClient(): string | undefined {
  const cache = process.env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache');
  return [
    process.env['TSMACHINE_TEST_DOCKER'],
    path.join(cache, 'tsmachine', 'docker-client', 'usr', 'bin', 'docker'),
    '/usr/bin/docker',
  ].find((file) => file !== undefined && file !== '' && existsSync(file));
}

/** The plugin buildx of a docker client: where ./check puts it, or as installed. */
export function findBuildx(): string | undefined {
  const cache = process.env['XDG_CACHE_HOME'] ?? path.join(homedir(), '.cache');
  const plugin = path.join('libexec', 'docker', 'cli-plugins', 'docker-buildx');
  return [path.join(cache, 'tsmachine', 'buildx', 'usr', plugin), path.join('/usr', plugin)].find((file) =>
    existsSync(file),
  );
}

/** What tryClient works with. */
export interface ClientWorld {
  /** Path of the docker client. */
  readonly client: string;
  /** How it reaches the engine. */
  readonly env: Readonly<Record<string, string>>;
  /** An image with busybox as its only program. */
  readonly image: string;
  /** A container of it that runs. */
  readonly container: string;
}

/** Uses an engine through a docker client: version, run, run -i with piped input, exec, build. */
export async function tryClient(t: ExecutionContext, world: ClientWorld): Promise<void> {
  const docker = (args: readonly string[], input?: string): Promise<Outcome> =>
    run(world.client, args, { env: world.env, ...(input === undefined ? {} : { input }) });
  const ok = async (args: readonly string[], input?: string): Promise<string> => {
    const { code, stdout, stderr } = await docker(args, input);
    t.is(code, 0, `${args.join(' ')}\n${stdout}\n${stderr}`);
    return stdout;
  };

  const version = await ok(['version', '--format', '{{.Client.Version}} {{.Server.Version}}']);
  t.regex(version, /^\d\S* \d\S*\n$/);
  const [client, server] = version.trim().split(' ');
  t.log(`client ${client ?? '?'}, engine ${server ?? '?'}`);

  const busybox = '/bin/busybox';
  t.is(await ok(['run', '--rm', world.image, busybox, 'echo', 'hello']), 'hello\n');
  const sent = `${'piped line\n'.repeat(2000)}end`;
  t.is(await ok(['run', '-i', '--rm', world.image, busybox, 'cat'], sent), sent);
  t.is(await ok(['exec', world.container, busybox, 'echo', 'inside']), 'inside\n');
  t.is((await docker(['exec', world.container, busybox, 'sh', '-c', 'exit 7'])).code, 7);

  const folder = await mkdtemp(path.join(tmpdir(), 'tsm-build-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  await writeFile(path.join(folder, 'message'), 'from the folder\n');
  const lines = [
    `FROM ${world.image}`,
    'COPY message /message',
    `RUN ["${busybox}", "cp", "/message", "/copy"]`,
    `CMD ["${busybox}", "cat", "/copy"]`,
  ];
  await writeFile(path.join(folder, 'Dockerfile'), `${lines.join('\n')}\n`);
  await ok(['build', '-t', 'of-client', folder]);
  t.is(await ok(['run', '--rm', 'of-client']), 'from the folder\n');
}
