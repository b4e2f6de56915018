import type { DriverContext } from '../driver.ts';

const timeoutMs = 10_000;

/** True for the connection to a daemon that is root. */
export function isSystem(uri: string): boolean {
  return uri.includes(':///system');
}

/** The owner of the machine's files, who is the one that runs this program, and his group. */
export async function ownerOf({
  host,
  directory,
  signal,
}: Pick<DriverContext<unknown>, 'host' | 'directory' | 'signal'>): Promise<{
  readonly uid: number;
  readonly gid: number;
}> {
  const { stdout } = await host.processes.run('id', ['-g'], { timeoutMs, signal });
  const stat = await host.files.stat(directory);
  return { uid: stat?.uid ?? 0, gid: Number(stdout.trim()) };
}
