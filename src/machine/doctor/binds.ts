import { engineGet } from '../../engine/client.ts';
import { containersPath, readContainers } from '../../engine/containers.ts';
import { tlsMaterial } from '../connection.ts';
import type { OpenMachine } from '../open.ts';
import { bindsOutside, meantForHere } from '../outside-binds.ts';
import { loadOwnData } from '../own-data.ts';
import type { Session } from '../session.ts';
import { found, type Found } from './findings.ts';

const timeoutMs = 10_000;

/** Containers of a machine of ours that mount directories of this computer which it does not see. */
export async function examineBinds(session: Session, machine: OpenMachine, url: string): Promise<Found[]> {
  const { host, signal } = session;
  const { name, driver, directory } = machine;
  if (driver.manifest.capabilities.boots !== 'image') {
    return [];
  }
  const engine = { url, material: await tlsMaterial(session, directory) };
  const { body } = await engineGet(host, engine, containersPath, { timeoutMs, signal });
  const { shares } = await loadOwnData(session, name);
  const outside = await meantForHere(host, bindsOutside(readContainers(body), shares));
  return outside.map(({ container, path }) => found('bind-outside-shares', { name, container, path }));
}
