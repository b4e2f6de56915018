import { randomUUID } from 'node:crypto';
import type { CloudAccount, CloudDroplet, Json } from './digitalocean-account.ts';
import {
  jsonAnswer,
  type CloudAnswer,
  type CloudRequest,
  type Fault,
  type FaultServer,
} from './fault-server.ts';
import type { Rests } from './fault-suite.ts';

// What is asked of the stand-in for DigitalOcean, and the forms that all its answers share.

/** Settings of a cloud; tests change them as they go. */
export interface DigitalOceanCloud extends FaultServer {
  /** Of the token `test`. */
  readonly account: CloudAccount;
  /** Accounts by token; any other token is refused. */
  readonly accounts: Map<string, CloudAccount>;
  /** What was wrong with requests, answers, and with what was made. */
  readonly findings: string[];
  /** So many requests about a droplet until an action is done. */
  actionAnswers: number;
  /** The same for a snapshot, also one that was begun; then its image is pending as often as it is looked at. */
  snapshotAnswers: number;
  pendingAnswers: number;
  /** So many times nobody knows a droplet that was made, by its id and by its tags. */
  unknownAnswers: number;
  untaggedAnswers: number;
  /** Entries of a page, whatever was asked for. */
  pageSizeMax: number;
  /** Types of actions that end with an error, and those that end well and do nothing. */
  readonly failing: Set<string>;
  readonly futile: Set<string>;
  /** A tag that is there already is an error. */
  refusesKnownTags: boolean;
  /** Makes the host of a droplet and gives its address; until then the droplet is new. */
  onLaunch: ((droplet: CloudDroplet) => Promise<string>) | undefined;
  onDelete: ((droplet: CloudDroplet) => Promise<void>) | undefined;
  rests(): Rests;
}

/** An error as DigitalOcean writes it. */
export function digitalOceanError(
  status: number,
  id: string,
  message = 'a fault of the test',
  headers: Readonly<Record<string, string>> = {},
): Fault & { readonly kind: 'answer' } {
  return { kind: 'answer', ...jsonAnswer(status, { id, message, request_id: randomUUID() }, headers) };
}

/** A refusal that ends the handling of a request. */
export class Refusal extends Error {
  readonly answer: CloudAnswer;
  constructor(status: number, id: string, message: string) {
    super(message);
    this.answer = digitalOceanError(status, id, message);
  }
}

export const notFound = (): Refusal =>
  new Refusal(404, 'not_found', 'The resource you were accessing could not be found.');
export const unprocessable = (message: string): Refusal => new Refusal(422, 'unprocessable_entity', message);
/** A request on its way. */
export interface Asked {
  readonly cloud: DigitalOceanCloud;
  readonly account: CloudAccount;
  readonly request: CloudRequest;
  readonly body: Json;
  /** What stands in the path's holes. */
  readonly parts: readonly string[];
}

/** A page of a list, as it was asked for. */
export function page({ cloud, request }: Asked, key: string, all: readonly Json[]): CloudAnswer {
  const size = Math.min(Number(request.query.get('per_page') ?? 20), cloud.pageSizeMax);
  const at = Number(request.query.get('page') ?? 1);
  const next = `${cloud.url}${request.path}?page=${at + 1}&per_page=${size}`;
  const isLast = at * size >= all.length;
  return jsonAnswer(200, {
    [key]: all.slice((at - 1) * size, at * size),
    links: isLast ? {} : { pages: { next, last: next } },
    meta: { total: all.length },
  });
}

let lastId = 1000;

export function newId(): number {
  lastId += 1;
  return lastId;
}
