import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import type { ExecutionContext } from 'ava';
import { machineEvidence } from './evidence.ts';

/** What a docker client said, byte for byte. */
export interface Streamed {
  readonly code: number | null;
  readonly stdout: Buffer;
  readonly stderr: string;
}

/** A docker client that runs. */
export interface DockerStream {
  readonly child: ChildProcessWithoutNullStreams;
  readonly ended: Promise<Streamed>;
  /** What came on stdout so far. */
  seen(): Buffer;
}

/** Starts the docker client; its input stays open. `env` says which engine it talks to. */
export function startDocker(env: Readonly<Record<string, string>>, args: readonly string[]): DockerStream {
  const child = spawn('docker', args, { env: { ...process.env, ...env } });
  const out: Buffer[] = [];
  let stderr = '';
  child.stdin.on('error', () => undefined);
  child.stdout.on('data', (chunk: Buffer) => out.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const ended = new Promise<Streamed>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code) => {
      resolve({ code, stdout: Buffer.concat(out), stderr });
    });
  });
  return { child, ended, seen: () => Buffer.concat(out) };
}

/** Runs docker with all of its input at once, so that stdin may end long before the output does. */
export async function dockerBytes(
  t: ExecutionContext,
  env: Readonly<Record<string, string>>,
  args: readonly string[],
  input: string | Uint8Array = '',
): Promise<Buffer> {
  const { child, ended } = startDocker(env, args);
  child.stdin.end(input);
  const { code, stdout, stderr } = await ended;
  if (code !== 0) {
    t.log(await machineEvidence(env));
  }
  t.is(code, 0, `docker ${args.join(' ')}\n${stderr}`);
  return stdout;
}
