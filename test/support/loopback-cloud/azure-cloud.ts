import { armCheck, armMissing } from '../api-check/arm.ts';
import type { CheckRequest } from '../api-check/described.ts';
import { azureError, azureSubscription, azureTenant, createAccount } from './azure-account.ts';
import { startFaultServer, type CloudRequest, type Fault, type FaultServer } from './fault-server.ts';
import type { Rests } from './fault-suite.ts';

// The resource manager and the login of Azure: resources by id, operations that take some requests, references that must be
// there, and what is used cannot be removed. Every request is held to Microsoft's description where that is there.

export { azureError, azureSecret, azureSubscription, azureTenant } from './azure-account.ts';

type Json = Readonly<Record<string, unknown>>;

/** What a virtual machine boots with. */
export interface AzureLaunch {
  readonly userKey: string;
  readonly userData: string;
}

/** An account of Azure on this computer. Settings may be changed at any time. */
export interface AzureCloud extends FaultServer {
  readonly subscriptionId: string;
  readonly tenantId: string;
  /** So many requests pass before an operation has ended. */
  operationRequests: number;
  /** Seconds after which it is to be asked again, 0 for tests that have a real clock; undefined: it does not say. */
  operationPauseS: number | undefined;
  /** Operations that make a machine end with this error. */
  launchError: { readonly code: string; readonly message: string } | undefined;
  /** Starts end with this error, and leave the machine as one that failed. */
  startError: { readonly code: string; readonly message: string } | undefined;
  /** So many requests more pass before an image is made. */
  creatingAnswers: number;
  /** The making of images ends with this error. */
  imageError: { readonly code: string; readonly message: string } | undefined;
  /** So often is said that a network interface is still reserved. */
  reservedAnswers: number;
  /** Tokens that were given so far count no more. */
  expireTokens(): void;
  /** Called when a machine is made; its address replaces that of its public one. */
  onLaunch: (id: string, launch: AzureLaunch) => Promise<string | undefined>;
  onTerminate: (id: string) => Promise<void>;
  /** Ids by kind. */
  rests(): Rests;
  /** What was sent for a resource last, by the end of its id. */
  sent(idEnd: string): Json | undefined;
  /** Puts something there that nobody asked for. */
  put(path: string, body: Json): void;
  /** Takes something away behind everybody's back. */
  take(path: string): void;
}

/** Starts one. `close` throws when a request was not as Microsoft describes it. */
export async function startAzureCloud(): Promise<AzureCloud> {
  const findings: string[] = [];
  const check: CheckRequest = armMissing() === undefined ? sharedCheck() : () => [];
  const account = createAccount();
  const server = await startFaultServer(
    (request) => request,
    async (request) => {
      if (isLogin(request)) {
        return account.login(request);
      }
      const isTenantQuestion = request.headers.authorization === undefined;
      findings.push(...(isTenantQuestion ? [] : check({ ...request, path: decodeURI(request.path) })));
      return account.answer(request, cloud);
    },
  );
  const close = server.close.bind(server);
  const cloud: AzureCloud = Object.assign(server, {
    subscriptionId: azureSubscription,
    tenantId: azureTenant,
    operationRequests: 1,
    operationPauseS: 0,
    launchError: undefined,
    startError: undefined,
    creatingAnswers: 0,
    imageError: undefined,
    reservedAnswers: 0,
    onLaunch: async () => undefined,
    onTerminate: async () => undefined,
    expireTokens: account.expireTokens,
    rests: account.rests,
    sent: (idEnd: string) => {
      const puts = server.requests.filter(
        ({ method, path }) => method === 'PUT' && decodeURI(path).endsWith(idEnd),
      );
      const last = puts.at(-1);
      return last === undefined ? undefined : (JSON.parse(last.body) as Json);
    },
    put: account.put,
    take: account.take,
    close: async () => {
      await close();
      if (findings.length > 0) {
        throw new Error(`requests that Azure does not know:\n${[...new Set(findings)].join('\n')}`);
      }
    },
  });
  return cloud;
}

let compiled: CheckRequest | undefined;

function sharedCheck(): CheckRequest {
  compiled ??= armCheck();
  return compiled;
}

function isLogin({ method, path }: CloudRequest): boolean {
  return method === 'POST' && path.endsWith('/oauth2/v2.0/token');
}

/** Faults are made of answers. */
export function azureFault(status: number, headers: Readonly<Record<string, string>> = {}): Fault {
  const code =
    status === 401 ? 'ExpiredAuthenticationToken' : status === 429 ? 'TooManyRequests' : 'InternalError';
  return azureError(status, code, headers);
}
