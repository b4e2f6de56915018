import { engineVersion } from '../engine/client.ts';
import { tlsMaterial } from './connection.ts';
import { probeMachine, requireEngineUrl } from './probe.ts';
import type { Session } from './session.ts';

const timeoutMs = 20_000;

/** Version of a machine's engine, e.g. `26.1.5+dfsg1`. @throws MachineError `machine-not-running`, `engine-unreachable`. */
export async function engineVersionOf(session: Session, name: string): Promise<string> {
  const probed = await probeMachine(session, name);
  const url = requireEngineUrl(probed);
  const material = await tlsMaterial(session, probed.directory);
  const { version } = await engineVersion(session.host, url, material, { timeoutMs, signal: session.signal });
  return version;
}
