import type { ExecutionContext } from 'ava';
import { run, type TestStore } from './cli.ts';
import { readEnv } from './docker-client.ts';
import type { LinuxHost } from './linux-host.ts';

/**
 * Runs a script, or several lines as one, as root on a host, not through the machine that it has become; what it prints,
 * without the line end. It must succeed.
 */
export async function onHost(
  t: ExecutionContext,
  host: LinuxHost,
  lines: string | readonly string[],
): Promise<string> {
  const script = typeof lines === 'string' ? lines : lines.join('\n');
  const options = ['StrictHostKeyChecking=no', 'UserKnownHostsFile=/dev/null', 'LogLevel=ERROR'];
  const args = ['-i', host.keyPath, ...options.flatMap((option) => ['-o', option]), `root@${host.address}`];
  const { code, stdout, stderr } = await run('ssh', [...args, script]);
  t.is(code, 0, `${script}\n${stdout}\n${stderr}`);
  return stdout.trim();
}

/** Runs a docker client against the machine `host` of a store; what it prints. It must succeed. */
export async function dockerOnHost(
  t: ExecutionContext,
  { store, client }: { readonly store: TestStore; readonly client: string },
  args: readonly string[],
  input?: Uint8Array,
): Promise<string> {
  const env = await readEnv(store, 'host');
  const { code, stdout, stderr } = await run(client, args, {
    env,
    ...(input === undefined ? {} : { input }),
  });
  t.is(code, 0, `${args.join(' ')}\n${stderr}`);
  return stdout;
}
