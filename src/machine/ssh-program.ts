import { openMachine, requireCapability, type OpenMachine } from './open.ts';
import type { Session } from './session.ts';
import { prepareSshFiles, type SshFiles } from './ssh-files.ts';

/**
 * Opens a machine that is to be reached by SSH.
 * @throws MachineError those of openMachine; `capability-missing`.
 */
export async function openForSsh(session: Session, name: string): Promise<OpenMachine> {
  const machine = await openMachine(session, name);
  requireCapability(machine, 'ssh', 'reached by SSH');
  return machine;
}

/**
 * Runs the ssh program in place of this one.
 * @param args options, `--` and command as typed behind the machine's name
 * @returns the remote exit status, or 255 when there was no connection.
 * @throws MachineError those of openForSsh and prepareSshFiles; `program-missing`.
 */
export async function runSshProgram(
  session: Session,
  machine: OpenMachine,
  args: readonly string[],
): Promise<number> {
  const files = await prepareSshFiles(session, machine);
  return session.host.processes.runAttached('ssh', sshArguments(files, args));
}

function sshArguments(files: SshFiles, args: readonly string[]): readonly string[] {
  // ssh reads options also behind the host.
  return ['-F', files.configPath, files.alias, ...args];
}
