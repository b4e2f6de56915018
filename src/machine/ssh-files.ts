import { MachineError } from '../core/errors.ts';
import { callBlock, hostBlock, knownHostsText, type ClientHost } from '../ssh/client-config.ts';
import { machinePaths } from './machine-paths.ts';
import type { OpenMachine } from './open.ts';
import { loadOwnData } from './own-data.ts';
import type { Session } from './session.ts';
import { sshTargetOf, type SshTarget } from './ssh-target.ts';

/** What programs that speak SSH need to reach a machine. */
export interface SshFiles {
  /** What stands for the machine in command lines: its name. */
  readonly alias: string;
  /** The machine's own ssh_config(5). */
  readonly configPath: string;
  /** Its text. */
  readonly config: string;
  /** The same without what is right for calls by this program only: for the user's own file. */
  readonly userConfig: string;
}

/**
 * Writes the files with which `ssh`, `scp`, `rsync` and `sshfs` reach a running machine as this program does: with its key and
 * its pinned host key. They lie in the machine's directory, because sshfs connects again later; they hold no secret.
 * The first time that a machine is met of which no host key is known, one connection is made to pin it.
 * @throws MachineError `machine-not-running`, `ssh-key-rejected` for a key file that is missing or open to others,
 *   `record-invalid` for what cannot be told to these programs, and those of connectSsh.
 */
export async function prepareSshFiles(session: Session, machine: OpenMachine): Promise<SshFiles> {
  const { files, facts } = session.host;
  const target = await sshTargetOf(session, machine);
  await checkKeyFile(session, target.keyPath);
  const hostKey = target.hostKey ?? (await firstHostKey(session, machine));
  const paths = machinePaths(machine.directory);
  const client = clientHost(machine.name, target, paths.sshKnownHosts);
  const config = callBlock(client, facts.platform);
  const write = async (path: string, text: string): Promise<void> => {
    const present = await files.readText(path).catch(() => undefined);
    if (present !== text) {
      await files.writeAtomic(path, text, 0o600);
    }
  };
  const hostKeys = [hostKey, ...(target.nextHostKey === undefined ? [] : [target.nextHostKey])];
  await write(paths.sshKnownHosts, knownHostsText(machine.name, hostKeys));
  await write(paths.sshConfig, config);
  return {
    alias: machine.name,
    configPath: paths.sshConfig,
    config,
    userConfig: hostBlock(client, facts.platform),
  };
}

function clientHost(alias: string, target: SshTarget, knownHostsFile: string): ClientHost {
  return {
    alias,
    hostName: target.endpoint.host,
    port: target.endpoint.port,
    user: target.user,
    identityFile: target.keyPath,
    knownHostsFile,
  };
}

/** Pins the key that a machine shows at the first connection, as every other command does. */
async function firstHostKey(session: Session, machine: OpenMachine): Promise<string> {
  const { connectSsh } = await import('./remote.ts');
  const connection = await connectSsh(session, machine);
  await connection.close();
  return (await loadOwnData(session, machine.name)).sshHostKey ?? connection.hostKey;
}

/** The checks and texts of docker-machine. ssh itself would pass over such a key and fail for want of another. */
async function checkKeyFile(session: Session, path: string | undefined): Promise<void> {
  const { files, facts } = session.host;
  if (path === undefined) {
    return;
  }
  // ssh follows symlinks.
  const stat = await files.realPath(path).then(
    async (real) => files.stat(real),
    () => undefined,
  );
  if (stat === undefined) {
    throw new MachineError('ssh-key-rejected', `stat ${path}: no such file or directory`, {
      remedies: ['Restore the key, without which nobody gets into the machine.'],
    });
  }
  if (facts.platform === 'win32') {
    return;
  }
  if ((stat.mode & 0o400) === 0) {
    throw new MachineError('ssh-key-rejected', `'${path}' is not readable`, {
      remedies: [`Run: chmod 600 '${path}'`],
    });
  }
  if ((stat.mode & 0o077) !== 0) {
    const shown = `0${(stat.mode & 0o777).toString(8)}`;
    throw new MachineError('ssh-key-rejected', `permissions ${shown} for '${path}' are too open`, {
      remedies: [`Run: chmod 600 '${path}'`],
    });
  }
}
