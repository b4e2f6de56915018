import type { EngineOptions } from '../../store/record.ts';
import { engineArguments, engineEnvironment } from '../engine-options.ts';
import type { GuestFileName } from '../guest-files.ts';
import type { OpenMachine } from '../open.ts';
import type { OwnData } from '../own-data.ts';
import type { Session } from '../session.ts';
import { hostProxies, type HostProxies } from './proxies.ts';
import { withHostRegistries } from './registries.ts';
import { proxyVariables } from './system-proxies.ts';

/** How the engine of a machine is started, with what it takes over from this computer now. */
export interface FollowedEngine {
  /** The options of the record, with mirrors and insecure registries of this computer. */
  readonly options: EngineOptions | null;
  readonly proxies: HostProxies;
  /** What was taken over and what was not, in sentences. */
  readonly notes: readonly string[];
}

/** What the engine of a machine of our image takes over from this computer; the others follow nothing. */
export async function followedEngine(
  session: Session,
  { record, driver }: OpenMachine,
  own: OwnData,
): Promise<FollowedEngine> {
  const { boots, hostAddress } = driver.manifest.capabilities;
  const present = record.HostOptions.EngineOptions;
  const follows = (kind: OwnData['ignores'][number]): boolean =>
    boots === 'image' && !own.ignores.includes(kind);
  const proxies: HostProxies = follows('proxies')
    ? hostProxies(await proxyVariables(session), hostAddress, present?.Env ?? [])
    : { env: [], unreachable: [] };
  const { options, notes } = follows('registries')
    ? await withHostRegistries(session.host, present, hostAddress)
    : { options: present, notes: [] };
  return { options, proxies, notes: [...proxyNotes(proxies), ...notes] };
}

/** Which variables are taken over, never their values. */
function proxyNotes({ env, unreachable }: HostProxies): string[] {
  const names = env.map((assignment) => assignment.split('=', 1)[0]).join(', ');
  return [
    ...(names === '' ? [] : [`The engine uses the proxies of this computer: ${names}.`]),
    ...unreachable.map(
      (name) => `The engine does not use the proxy in ${name}: it listens on this computer alone.`,
    ),
  ];
}

/**
 * The guest files with arguments and environment of the engine: what the record has, and what this computer has now. Says
 * what is taken over.
 */
export async function engineFiles(
  session: Session,
  machine: OpenMachine,
  own: OwnData,
): Promise<Partial<Record<GuestFileName, string>>> {
  const { options, proxies, notes } = await followedEngine(session, machine, own);
  for (const message of notes) {
    session.emit({ type: 'note', machine: machine.name, message });
  }
  return {
    'engine-args': lines(engineArguments(options, machine.record.DriverName)),
    'engine-env': lines([...engineEnvironment(options), ...proxies.env]),
  };
}

function lines(words: readonly string[]): string {
  return words.map((word) => `${word}\n`).join('');
}
