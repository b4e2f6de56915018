import { checkOpenStackRequest } from '../api-check/openstack.ts';
import {
  startFaultServer,
  type CloudAnswer,
  type CloudRequest,
  type Fault,
  type FaultServer,
} from './fault-server.ts';
import type { Rests } from './fault-suite.ts';
import { compute, liveServers } from './openstack-compute.ts';
import { issueToken } from './openstack-identity.ts';
import { images, snapshots } from './openstack-images.ts';
import { network, volumes } from './openstack-network.ts';
import { given, keystoneError, novaError, OpenStackState } from './openstack-state.ts';

// An OpenStack on this computer. Every request is checked by schemas of what its services document.

export interface OpenStackCloud {
  readonly server: FaultServer;
  readonly state: OpenStackState;
  /** URL of Keystone. */
  readonly authUrl: string;
  /** What was wrong with requests. */
  readonly findings: string[];
  rests(): Promise<Rests>;
  close(): Promise<void>;
}

export async function startOpenStackCloud(): Promise<OpenStackCloud> {
  const state = new OpenStackState();
  const findings: string[] = [];
  const server: FaultServer = await startFaultServer(
    (request) => request,
    async (request) => {
      findings.push(...checkOpenStackRequest(request));
      return answer(state, request, server.url);
    },
  );
  return {
    server,
    state,
    findings,
    authUrl: `${server.url}/identity`,
    rests: async () => restsOf(state),
    close: async () => server.close(),
  };
}

async function answer(state: OpenStackState, request: CloudRequest, url: string): Promise<CloudAnswer> {
  const [service = '', , ...rest] = request.path.split('/').slice(1);
  if (request.path === '/identity/v3/auth/tokens' && request.method === 'POST') {
    return issueToken(state, request.body, url);
  }
  if (!state.tokens.has(String(request.headers['x-auth-token']))) {
    return keystoneError(401, 'The request you have made requires authentication.', 'Unauthorized');
  }
  switch (service) {
    case 'compute':
      return compute(state, request, rest);
    case 'network':
      return network(state, request, rest);
    case 'image':
      return images(state, request, rest[1]);
    case 'volume':
      return rest[1] === 'snapshots'
        ? snapshots(state, request, rest[2])
        : volumes(state, request, rest[2], rest[3]);
    default:
      return novaError(404, 'The resource could not be found.');
  }
}

function restsOf(state: OpenStackState): Rests {
  const isNew = (known: readonly { readonly id: string }[], id: string): boolean =>
    known.every((each) => each.id !== id);
  return {
    // Those that are on their way out go without anybody's help.
    servers: liveServers(state)
      .filter(({ task }) => task !== 'deleting')
      .map(({ name }) => name),
    keyPairs: [...state.keyPairs.keys()].filter((name) => given.keyPairs.every((pair) => pair.name !== name)),
    groups: [...state.groups.values()].filter(({ id }) => isNew(given.groups, id)).map(({ name }) => name),
    floatingIps: [...state.floatingIps.values()].map(({ address }) => address),
    volumes: [...state.volumes.values()]
      .filter(({ id, status }) => isNew(given.volumes, id) && status !== 'deleting')
      .map(({ id }) => id),
    images: [...state.images.keys()],
    snapshots: [...state.snapshots.values()]
      .filter(({ status }) => status !== 'deleting')
      .map(({ name }) => name),
  };
}

/** An error of that status in the form of Nova. */
export function openStackError(status: number, headers: Readonly<Record<string, string>> = {}): Fault {
  return { kind: 'answer', ...novaError(status, `Something is wrong: ${status}`, headers) };
}
