import type { Rests } from './fault-suite.ts';
import {
  networks,
  ownFirewall,
  primaryIps,
  serverAnswer,
  volumes,
  type Owned,
  type ServerThing,
  type SnapshotThing,
  type Thing,
} from './hetzner-things.ts';

// One project at the stand-in for Hetzner: its things, and what is being done to them.

/** Something that is being done; it is done after some more requests. */
interface ActionThing {
  readonly id: number;
  readonly command: string;
  readonly serverId: number;
  left: number;
  readonly error: string | undefined;
  readonly onDone: () => void | Promise<void>;
  isDone: boolean;
}

/** How slow things are, in requests of anybody. */
export interface HetznerSettings {
  actionRequests: number;
  /** Between a shutdown and the state off. */
  shutdownRequests: number;
  /** So often a server that was made is not known. */
  unknownAnswers: number;
  /** A server that is gone holds its firewall for so many requests. */
  heldRequests: number;
  /** So often an image that was made is not ready. */
  creatingAnswers: number;
  /** The making of servers ends with this error. */
  createError: string | undefined;
  /** Boots a machine for a server, and tells its address. */
  onLaunch: ((server: ServerThing, userKey: string) => Promise<string>) | undefined;
  onEnd: ((server: ServerThing) => Promise<void>) | undefined;
}

/** A project. */
export interface HetznerProject extends HetznerSettings {
  readonly servers: Map<number, ServerThing>;
  readonly keys: Map<number, Owned>;
  readonly firewalls: Map<number, Owned>;
  readonly groups: Map<number, Owned>;
  /** Those that were made of servers. */
  readonly snapshots: Map<number, SnapshotThing>;
  readonly networks: ReadonlyMap<number, Owned>;
  readonly volumes: ReadonlyMap<number, Owned>;
  readonly primaryIps: ReadonlyMap<number, Owned>;
  nextId(): number;
  /** Time goes on by one request. */
  tick(): Promise<void>;
  begin(
    command: string,
    serverId: number,
    how: {
      readonly requests?: number;
      readonly error?: string | undefined;
      readonly onDone?: () => void | Promise<void>;
    },
  ): Thing;
  /** Undefined for one that there is not. */
  actionAnswer(id: number): Thing | undefined;
  isLocked(serverId: number): boolean;
  /** Servers that use a firewall, those that are gone a moment ago among them. */
  usersOf(firewallId: number): readonly number[];
  membersOf(groupId: number): readonly number[];
  removeServer(server: ServerThing): Promise<void>;
  show(server: ServerThing): Thing;
  rests(): Rests;
}

const started = '2016-01-30T23:55:00+00:00';

export function createProject(): HetznerProject {
  let lastId = 1000;
  const actions = new Map<number, ActionThing>();
  const held: { firewallId: number; serverId: number; left: number }[] = [];
  const byId = <T extends Owned>(things: readonly T[]): Map<number, T> =>
    new Map(things.map((thing) => [thing.id, thing]));
  const project: HetznerProject = {
    actionRequests: 1,
    shutdownRequests: 2,
    unknownAnswers: 0,
    heldRequests: 0,
    creatingAnswers: 0,
    createError: undefined,
    onLaunch: undefined,
    onEnd: undefined,
    servers: new Map(),
    keys: new Map(),
    firewalls: byId([ownFirewall]),
    groups: new Map(),
    snapshots: new Map(),
    networks: byId(networks),
    volumes: byId(volumes),
    primaryIps: byId(primaryIps),
    // Ids of addresses are those of their server and the two behind it.
    nextId: () => (lastId += 10),
    tick: async () => {
      for (const holder of held) {
        holder.left -= 1;
      }
      for (const action of [...actions.values()].filter(({ isDone }) => !isDone)) {
        action.left -= 1;
        if (action.left <= 0) {
          action.isDone = true;
          if (action.error === undefined) {
            await action.onDone();
          }
        }
      }
    },
    begin: (command, serverId, { requests = project.actionRequests, error, onDone = () => undefined }) => {
      const id = project.nextId();
      actions.set(id, { id, command, serverId, left: requests, error, onDone, isDone: false });
      return project.actionAnswer(id) ?? {};
    },
    actionAnswer: (id) => {
      const action = actions.get(id);
      return action === undefined ? undefined : actionAnswer(action);
    },
    isLocked: (serverId) =>
      [...actions.values()].some((action) => action.serverId === serverId && !action.isDone),
    usersOf: (firewallId) => [
      ...[...project.servers.values()].flatMap(({ id, firewallIds }) =>
        firewallIds.includes(firewallId) ? [id] : [],
      ),
      ...held.flatMap((holder) =>
        holder.firewallId === firewallId && holder.left > 0 ? [holder.serverId] : [],
      ),
    ],
    membersOf: (groupId) =>
      [...project.servers.values()].flatMap((server) => (server.groupId === groupId ? [server.id] : [])),
    removeServer: async (server) => {
      project.servers.delete(server.id);
      for (const firewallId of server.firewallIds) {
        held.push({ firewallId, serverId: server.id, left: project.heldRequests });
      }
      await project.onEnd?.(server);
    },
    show: (server) => {
      const group = project.groups.get(server.groupId);
      const members = project.membersOf(server.groupId);
      return serverAnswer(server, group === undefined ? undefined : { ...group, servers: members });
    },
    rests: () => ({
      servers: namesOf(project.servers),
      keys: namesOf(project.keys),
      firewalls: namesOf(project.firewalls).filter((name) => name !== ownFirewall.name),
      placementGroups: namesOf(project.groups),
      images: [...project.snapshots.keys()].map(String),
    }),
  };
  return project;
}

function actionAnswer({ id, command, serverId, isDone, error }: ActionThing): Thing {
  const hasFailed = isDone && error !== undefined;
  return {
    id,
    command,
    status: isDone ? (hasFailed ? 'error' : 'success') : 'running',
    progress: isDone ? 100 : 0,
    started,
    finished: isDone ? started : null,
    resources: [{ id: serverId, type: 'server' }],
    error: hasFailed ? { code: error, message: 'Action failed' } : null,
  };
}

function namesOf(things: ReadonlyMap<number, Owned>): readonly string[] {
  return [...things.values()].map(({ name }) => name);
}
