import { MachineError } from '../core/errors.ts';
import { joinPath } from '../store/paths.ts';
import { requireProgram, runOrFail } from './external.ts';
import { isPlainPath, locationArgument, parseLocation, type Location } from './location.ts';
import type { Session } from './session.ts';
import { prepareSshFiles, type SshFiles } from './ssh-files.ts';
import { openForSsh } from './ssh-program.ts';

/** What is to be copied where: `[[user@]machine:]path`. */
export interface CopyRequest {
  readonly source: string;
  readonly target: string;
  readonly recursive: boolean;
  /** With rsync: only what has changed. */
  readonly delta: boolean;
  /** No progress. */
  readonly quiet: boolean;
  /** With the client that is built in, even where there is scp. */
  readonly native?: boolean;
}

/** A copy whose locations have been read. */
interface CopyPlan extends Pick<CopyRequest, 'recursive' | 'quiet'> {
  readonly source: Location;
  readonly target: Location;
  /** The ssh_config(5) that knows the machines; undefined when there is none. */
  readonly configPath: string | undefined;
  readonly platform: NodeJS.Platform;
}

/**
 * Copies files to, from or between machines with scp or rsync, which say what they do; without scp by SFTP.
 * @returns 0, or 130 when interrupted.
 * @throws MachineError `arguments-invalid`; `program-missing`; `program-failed`; those of openForSsh and prepareSshFiles.
 */
export async function copyFiles(session: Session, request: CopyRequest): Promise<number> {
  const { platform } = session.host.facts;
  const program = await programFor(session, request);
  const source = parseLocation(request.source, platform);
  const target = parseLocation(request.target, platform);
  const ends = [source, target].filter((end) => end.kind === 'remote');
  if (request.delta && ends.length === 2) {
    throw new MachineError('arguments-invalid', 'rsync copies nothing from one machine to another.', {
      remedies: [
        'Run the command without --delta.',
        'Or copy by way of this computer: scp -d ONE:PATH DIRECTORY, then scp -d DIRECTORY OTHER:PATH',
      ],
    });
  }
  if (program === undefined) {
    const { copyNatively } = await import('./copy-natively.ts');
    await copyNatively(session, { source, target, recursive: request.recursive });
    return 0;
  }
  const names = [...new Set(ends.map(({ machine }) => machine))];
  const machines = await Promise.all(names.map(async (name) => openForSsh(session, name)));
  const files = await Promise.all(machines.map(async (machine) => prepareSshFiles(session, machine)));
  return withConfig(session, files, async (configPath) => {
    const plan = { ...request, source, target, configPath, platform };
    return runOrFail(session, program, request.delta ? rsyncArguments(plan) : scpArguments(plan));
  });
}

/** Undefined where the client that is built in does it. */
async function programFor(session: Session, request: CopyRequest): Promise<string | undefined> {
  if (request.delta) {
    const sentence = 'You must have a copy of the rsync binary locally to use the --delta option';
    return requireProgram(session, ['rsync'], sentence);
  }
  const isNative = request.native === true || (await session.host.processes.find('scp')) === undefined;
  return isNative ? undefined : 'scp';
}

/** Arguments of scp. What it passes through a shell on the machine in its old protocol must be plain, else the new one is asked for. */
export function scpArguments(plan: CopyPlan): string[] {
  const { source, target, configPath, platform } = plan;
  return [
    ...(configPath === undefined ? [] : ['-F', configPath]),
    ...(source.kind === 'remote' && target.kind === 'remote' ? ['-3'] : []),
    ...(plan.recursive ? ['-r'] : []),
    ...(plan.quiet ? ['-q'] : []),
    ...(isPlain(plan) ? [] : ['-s']),
    '--',
    locationArgument(source, platform),
    locationArgument(target, platform),
  ];
}

/** Arguments of rsync. With -s a path does not go through a shell on the machine. */
export function rsyncArguments(plan: CopyPlan): string[] {
  const { source, target, configPath, platform } = plan;
  return [
    ...(configPath === undefined ? [] : ['-e', `ssh -F ${rsyncWord(configPath)}`]),
    ...(plan.quiet ? [] : ['--progress']),
    ...(plan.recursive ? ['-r'] : []),
    ...(isPlain(plan) ? [] : ['-s']),
    '--',
    locationArgument(source, platform),
    locationArgument(target, platform),
  ];
}

function isPlain({ source, target }: CopyPlan): boolean {
  return [source, target].every((end) => end.kind === 'local' || isPlainPath(end.path));
}

/** A word of the command behind rsync's -e: rsync splits it itself, and a quote in quotes is written twice. */
function rsyncWord(word: string): string {
  return /^[\w./:@%+-]+$/.test(word) ? word : `'${word.replaceAll("'", "''")}'`;
}

/** Gives the machines' configuration to an action; of two machines it is one file, which lasts as long as the action. */
async function withConfig<T>(
  { host }: Session,
  machines: readonly SshFiles[],
  action: (configPath: string | undefined) => Promise<T>,
): Promise<T> {
  if (machines.length < 2) {
    return action(machines[0]?.configPath);
  }
  const token = Buffer.from(host.randomBytes(12)).toString('hex');
  const directory = joinPath(host.facts.tempDirectory, `tsmachine-scp-${token}`);
  await host.files.makeDirectory(directory, 0o700);
  try {
    const path = joinPath(directory, 'ssh_config');
    await host.files.writeNew(path, machines.map(({ config }) => config).join('\n'), 0o600);
    return await action(path);
  } finally {
    await host.files.remove(directory);
  }
}
