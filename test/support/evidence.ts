import path from 'node:path';
import process from 'node:process';
import { projectRoot, run } from './cli.ts';

const tailLines = 60;
const guestCommand = [
  `sudo tail -n ${tailLines} /var/lib/boot2docker/log/docker.log /var/lib/boot2docker/log/containerd.log`,
  `sudo tail -n ${tailLines} /var/lib/boot2docker/log/terminator.log`,
  `dmesg | tail -n ${tailLines}`,
  'ps; free; cat /proc/uptime; date',
].join('; ');

/**
 * What a machine says of itself when a client failed: the end of its console, and, where it still answers by SSH, of its
 * engine's and kernel's logs. Never throws.
 * @param env of the client; DOCKER_CERT_PATH leads to the machine and its store
 */
export async function machineEvidence(env: Readonly<Record<string, string>>): Promise<string> {
  const directory = env['DOCKER_CERT_PATH'];
  if (directory === undefined) {
    return '';
  }
  const name = path.basename(directory);
  const store = path.dirname(path.dirname(directory));
  const tsmachine = async (args: readonly string[]): Promise<string> => {
    try {
      const { stdout, stderr } = await run(
        process.execPath,
        [path.join(projectRoot, 'bin', 'tsmachine.js'), ...args],
        { env: { MACHINE_STORAGE_PATH: store }, timeoutMs: 30_000 },
      );
      return `${stdout}${stderr}`;
    } catch (error) {
      return String(error);
    }
  };
  const logs = await tsmachine(['logs', name]);
  const guest = await tsmachine(['ssh', name, guestCommand]);
  const end = logs.split('\n').slice(-2 * tailLines);
  return [`-- logs of ${name}`, ...end, `-- inside ${name}`, guest].join('\n');
}
