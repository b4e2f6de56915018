import type { ExecutionContext } from 'ava';
import { isMachineError, type MachineError } from '../../../src/core/errors.ts';
import { createHost } from '../../../src/host/real.ts';
import { openSsh } from '../../../src/ssh/connection.ts';
import type { SshConnection, SshOptions } from '../../../src/ssh/types.ts';
import {
  dropbearMissing,
  sshdMissing,
  startDropbear,
  startSshd,
  type ServerOptions,
  type SshServer,
} from './servers.ts';

export const host = createHost();

/** Runs a test with a server of the given kind, or says why not. */
export async function withServer(
  t: ExecutionContext,
  kind: 'sshd' | 'dropbear',
  body: (server: SshServer) => Promise<void>,
  options: ServerOptions = {},
): Promise<void> {
  const missing = kind === 'sshd' ? sshdMissing() : dropbearMissing();
  if (missing !== undefined) {
    t.log(`skipped: ${missing}`);
    t.pass();
    return;
  }
  const server = await (kind === 'sshd' ? startSshd(options) : startDropbear(options));
  try {
    await body(server);
  } finally {
    await server.stop();
  }
}

/** Options that fit a server; `changed` spoils them. */
export function optionsFor(server: SshServer, changed: Partial<SshOptions> = {}): SshOptions {
  return {
    endpoint: { host: '127.0.0.1', port: server.port },
    user: server.user,
    hostKey: { pinned: server.hostKey.publicLine },
    privateKeyPem: server.userKey.privatePem,
    timeoutMs: 20_000,
    ...changed,
  };
}

/** Runs a test with a connection and closes it. */
export async function withConnection<T>(
  server: SshServer,
  body: (connection: SshConnection) => Promise<T>,
  changed: Partial<SshOptions> = {},
): Promise<T> {
  const connection = await openSsh(host, optionsFor(server, changed));
  try {
    return await body(connection);
  } finally {
    await connection.close();
  }
}

/** The MachineError that `work` ends with. */
export async function errorOf(work: Promise<unknown>): Promise<MachineError> {
  try {
    await work;
  } catch (error) {
    if (isMachineError(error)) {
      return error;
    }
    throw error;
  }
  throw new Error('it should have failed');
}
