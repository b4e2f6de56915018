import { descriptionMissing, readDescription } from '../api-check/described.ts';
import { openApiChecks } from '../api-check/openapi.ts';
import { startFaultServer, type CloudAnswer, type CloudRequest, type FaultServer } from './fault-server.ts';
import type { Rests } from './fault-suite.ts';
import { createProject, type HetznerProject } from './hetzner-project.ts';
import { routeRequest } from './hetzner-routes.ts';
import { hetznerError } from './hetzner-things.ts';

// A stand-in for the API of Hetzner, whose every request and answer is checked against the description of the API.

const file = 'hetzner.openapi.json.gz';

/** Why requests are not checked here; undefined when they are. */
export const hetznerDescriptionMissing = descriptionMissing(file);

const checks =
  hetznerDescriptionMissing === undefined ? openApiChecks(readDescription(file), '/v1') : undefined;

/** The stand-in. Settings are those of its project; tests change them as they go. */
export interface HetznerCloud extends FaultServer {
  /** Base of the API. */
  readonly baseUrl: string;
  /** That of the tokens `test` and `rotated`. */
  readonly project: HetznerProject;
  /** What is in it that was not there from the beginning. */
  readonly rests: () => Promise<Rests>;
  /** What is wrong with requests and answers by the description. */
  readonly problems: readonly string[];
}

/** Starts it on loopback. */
export async function startHetznerCloud(): Promise<HetznerCloud> {
  const project = createProject();
  const projects = new Map([
    ['test', project],
    ['rotated', project],
    ['elsewhere', createProject()],
  ]);
  const problems: string[] = [];
  const carryOut = async (request: CloudRequest): Promise<CloudAnswer> => {
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? '')?.[1] ?? '';
    const asked = projects.get(token);
    if (asked === undefined) {
      return hetznerError(401, 'unauthorized');
    }
    problems.push(...(checks?.request(request) ?? []));
    const answer = await routeRequest(asked, request);
    problems.push(...(checks?.answer(request, answer) ?? []));
    return { ...answer, headers: { ...rateHeaders, ...answer.headers } };
  };
  const server = await startFaultServer((request) => request, carryOut);
  // The server is handed on itself: its settings are changed in place.
  return Object.assign(server, {
    baseUrl: `${server.url}/v1`,
    project,
    problems,
    rests: async () => project.rests(),
  });
}

const rateHeaders = { 'ratelimit-limit': '3600', 'ratelimit-remaining': '3599', 'ratelimit-reset': '1' };

/** True for the request that makes a server. */
export function isServerCreate({ method, path }: CloudRequest): boolean {
  return method === 'POST' && path === '/v1/servers';
}

/** True for the request that removes one. */
export function isServerRemoval({ method, path }: CloudRequest): boolean {
  return method === 'DELETE' && path.startsWith('/v1/servers/');
}
