import { engineEnvironment } from './engine-options.ts';
import { hostProxies, type HostProxies } from './host-proxies.ts';
import type { OpenMachine } from './open.ts';
import type { OwnData } from './own-data.ts';
import type { Session } from './session.ts';

/** The proxies of this computer that the engine of a machine is given; none for one that does not follow them. */
export function followedProxies({ host }: Session, machine: OpenMachine, own: OwnData): HostProxies {
  const { record, driver } = machine;
  return own.followsProxies && driver.manifest.capabilities.boots === 'image'
    ? hostProxies(
        host.facts.env,
        driver.manifest.capabilities.hostAddress,
        record.HostOptions.EngineOptions?.Env ?? [],
      )
    : { env: [], unreachable: [] };
}

/**
 * The guest file with the environment of the engine: what the record has, and the proxies of this computer as they are
 * now. Says which variables were taken over, never their values.
 */
export function engineEnvironmentFile(session: Session, machine: OpenMachine, own: OwnData): string {
  const { env, unreachable } = followedProxies(session, machine, own);
  const note = (message: string): void => {
    session.emit({ type: 'note', machine: machine.name, message });
  };
  if (env.length > 0) {
    const names = env.map((assignment) => assignment.split('=', 1)[0]).join(', ');
    note(`The engine uses the proxies of this computer: ${names}.`);
  }
  for (const name of unreachable) {
    note(`The engine does not use the proxy in ${name}: it listens on this computer alone.`);
  }
  return [...engineEnvironment(machine.record.HostOptions.EngineOptions), ...env]
    .map((line) => `${line}\n`)
    .join('');
}
