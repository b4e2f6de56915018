import type { Client, ConnectConfig } from 'ssh2';
import { MachineError, messageOf } from '../core/errors.ts';
import type { Host } from '../host/types.ts';
import { offeredAlgorithms } from './algorithms.ts';
import { abortReason } from './abort.ts';
import { channelOpener, type ChannelContext } from './channels.ts';
import { dialThrough } from './dial.ts';
import { runToEnd } from './exec.ts';
import { connectFailure, type SshAttempt } from './failure.ts';
import { hostKeyChecks, type HostKeyCheck } from './host-key.ts';
import { privateKeyForSsh2 } from './keys.ts';
import { loadSsh2 } from './load-ssh2.ts';
import { cutError } from './remote-process.ts';
import type { SshConnection, SshOptions } from './types.ts';
import { uploadFile } from './upload.ts';

/** The slice of Host that SSH uses. */
export type SshHost = Pick<Host, 'network' | 'clock' | 'randomBytes'>;

// Every channel listens to the end of the connection.
const channelListenersMax = 64;
const keepaliveDefault = { intervalMs: 15_000, countMax: 3 };
// After this long a polite end has not been answered.
const closeTimeoutMs = 2_000;

/**
 * Connects and authenticates with a key. The host key is compared before anything is authenticated.
 * This is the only place that calls ssh2's connect.
 * @throws MachineError `ssh-failed` (cause in `facts.trouble`), `ssh-host-key-changed`, `ssh-key-rejected`,
 *   `certificate-invalid` for a pinned line that is no key; the signal's reason when aborted.
 */
export async function openSsh(host: SshHost, options: SshOptions): Promise<SshConnection> {
  const checks = hostKeyChecks(options.hostKey);
  const privateKey =
    options.privateKeyPem === undefined ? undefined : privateKeyForSsh2(options.privateKeyPem);
  const ssh2 = await loadSsh2();
  checkKey(ssh2.utils.parseKey, privateKey);
  let refused: MachineError | undefined;
  for (const check of checks) {
    try {
      return await connectOnce(host, new ssh2.Client(), options, { check, privateKey });
    } catch (error) {
      options.signal?.throwIfAborted();
      const failure = connectFailure(error, attemptOf(options, check));
      // Of several keys the first that was shown says most about the server.
      refused ??= failure.code === 'ssh-host-key-changed' ? failure : undefined;
      if (failure.code === 'ssh-failed' && refused !== undefined) {
        throw refused;
      }
      if (failure.code !== 'ssh-host-key-changed') {
        throw failure;
      }
    }
  }
  throw refused ?? new MachineError('bug', 'There was no host key to compare with.');
}

interface Prepared {
  readonly check: HostKeyCheck;
  readonly privateKey: string | undefined;
}

async function connectOnce(
  host: SshHost,
  client: Client,
  options: SshOptions,
  { check, privateKey }: Prepared,
): Promise<SshConnection> {
  const { agentSocket, signal, timeoutMs } = options;
  const keepalive = options.keepalive ?? keepaliveDefault;
  const socket = await host.network.connect(options.endpoint, { timeoutMs, signal });
  socket.setNoDelay(true);
  const lost = watch(client, signal);
  try {
    await ready(client, {
      sock: socket,
      username: options.user,
      ...(privateKey === undefined ? {} : { privateKey }),
      ...(agentSocket === undefined ? {} : { agent: agentSocket }),
      authHandler: [
        ...(privateKey === undefined ? [] : (['publickey'] as const)),
        ...(agentSocket === undefined ? [] : (['agent'] as const)),
      ],
      hostVerifier: (blob: Buffer): boolean => check.verify(blob),
      algorithms: offeredAlgorithms(check.type),
      readyTimeout: timeoutMs,
      keepaliveInterval: keepalive.intervalMs,
      keepaliveCountMax: keepalive.countMax,
    });
  } catch (error) {
    socket.destroy();
    throw error;
  }
  return connectionOf(host, client, { clock: host.clock, lost }, check.shown() ?? '');
}

function attemptOf(options: SshOptions, check: HostKeyCheck): SshAttempt {
  const { endpoint, hostKey: trust, timeoutMs, user } = options;
  const address = 'path' in endpoint ? endpoint.path : `${endpoint.host}:${endpoint.port}`;
  return { address, user, timeoutMs, trust, check };
}

function checkKey(parseKey: (data: string) => unknown, pem: string | undefined): void {
  const parsed = pem === undefined ? undefined : parseKey(pem);
  if (parsed instanceof Error) {
    throw new MachineError('ssh-key-rejected', 'The SSH key cannot be read.', {
      why: messageOf(parsed),
      remedies: ['Give a private key in OpenSSH or PEM format, without passphrase.'],
    });
  }
}

/**
 * Remembers why a connection ended, as the error for whatever was going on. Without a listener the client's
 * errors would end the program.
 */
function watch(client: Client, signal: AbortSignal | undefined): () => Error | undefined {
  let cause: unknown;
  let lost: Error | undefined;
  const onAbort = (): void => {
    client.destroy();
  };
  client.setMaxListeners(channelListenersMax);
  client.on('error', (error) => {
    cause ??= error;
  });
  client.once('close', () => {
    signal?.removeEventListener('abort', onAbort);
    lost = signal?.aborted === true ? abortReason(signal) : cutError(cause);
  });
  signal?.addEventListener('abort', onAbort, { once: true });
  return () => lost;
}

function ready(client: Client, config: ConnectConfig): Promise<void> {
  return new Promise((resolve, reject) => {
    client.once('ready', resolve);
    client.once('error', reject);
    client.once('close', () => {
      reject(new Error('Connection lost before handshake'));
    });
    client.connect(config);
  });
}

function connectionOf(
  host: SshHost,
  client: Client,
  context: ChannelContext,
  hostKey: string,
): SshConnection {
  const start = channelOpener(client, context);
  const connection: SshConnection = {
    hostKey,
    closed: new Promise((resolve) => client.once('close', resolve)),
    start,
    dial: (targetHost, port) => dialThrough(client, context.lost, { host: targetHost, port }),
    exec: (command, options = {}) => runToEnd(host.clock, connection, command, options),
    upload: (data, remotePath, mode, options = {}) =>
      uploadFile(connection, { data, remotePath, mode, token: host.randomBytes(6) }, options),
    files: async () => (await import('./sftp.ts')).openSftp(client, context.lost),
    close: async () => {
      const closed = new Promise<void>((resolve) => client.once('close', resolve));
      const waited = new AbortController();
      client.end();
      await Promise.race([closed, host.clock.sleep(closeTimeoutMs, waited.signal)]);
      waited.abort();
      client.destroy();
    },
  };
  return connection;
}
