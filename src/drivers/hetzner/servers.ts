import { unlessMissing } from '../../cloud/json-api.ts';
import { field } from '../../cloud/json-fields.ts';
import { ownerTags } from '../../cloud/ownership.ts';
import { actionOf, serverOf, type Action, type Server } from './api/answers.ts';
import type { Hetzner } from './api/hetzner.ts';
import { selector } from './labels.ts';
import type { HetznerContext, HetznerWorld } from './world.ts';

/** Servers by id and by label, and what Hetzner does to them. */

/** The server of an id; undefined when Hetzner does not know it. */
export async function findById(hetzner: Hetzner, id: number): Promise<Server | undefined> {
  return unlessMissing(() =>
    hetzner.ask({ method: 'GET', path: `/servers/${id}` }, (body) => serverOf(field(body, 'server'))),
  );
}

/** Every server that carries the id of the machine; more than one only after something went wrong. */
export async function findByLabel(hetzner: Hetzner, machineId: string): Promise<readonly Server[]> {
  return hetzner.list('/servers', { label_selector: selector(ownerTags.machine, machineId) }, serverOf);
}

/** Those of the machine: by the id of the record, and by label. */
export async function findOwn(
  { config }: HetznerContext,
  { hetzner, provider }: HetznerWorld,
): Promise<readonly Server[]> {
  const { machineId } = await provider.ownership();
  const byLabel = await findByLabel(hetzner, machineId);
  const isKnown = config.serverId === 0 || byLabel.some(({ id }) => id === config.serverId);
  const byId = isKnown ? undefined : await findById(hetzner, config.serverId);
  return [...byLabel, ...(byId === undefined ? [] : [byId])];
}

/** Does something to a server: `poweron`. @returns what to wait for. */
export async function act(hetzner: Hetzner, serverId: number, verb: string): Promise<Action> {
  return hetzner.ask(
    // Done twice it is done: a server that runs already is not started again.
    { method: 'POST', path: `/servers/${serverId}/actions/${verb}`, isRepeatable: true },
    (body) => actionOf(field(body, 'action')),
  );
}
