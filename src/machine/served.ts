import { X509Certificate } from 'node:crypto';
import { messageOf } from '../core/errors.ts';
import { waitFor } from '../core/wait.ts';
import { parseEngineUrl } from '../engine/address.ts';
import { tlsMaterial } from './connection.ts';
import { machinePaths } from './machine-paths.ts';
import type { OpenMachine } from './open.ts';
import type { Session } from './session.ts';

const handshakeTimeoutMs = 10_000;
const servedTimeoutMs = 20_000;
const servedIntervalMs = 200;

/**
 * Waits until the engine shows the certificate that lies in the machine's directory, and asks it for a sign of life.
 * @throws MachineError `tls-mismatch` when it goes on showing another, `engine-unreachable`.
 */
export async function requireServed(session: Session, machine: OpenMachine, url: string): Promise<void> {
  const expected = await fingerprint(session, machine);
  let shown = '';
  await waitFor(
    async () => {
      shown = await whatIsServed(session, machine, url);
      return shown === expected ? true : undefined;
    },
    {
      clock: session.host.clock,
      timeoutMs: servedTimeoutMs,
      intervalMs: servedIntervalMs,
      signal: session.signal,
      code: 'tls-mismatch',
      what: `the engine of "${machine.name}" to show its new certificate`,
      hint: () => `Seen last: ${shown}`,
    },
  );
  const { pingEngine } = await import('../engine/client.ts');
  const material = await tlsMaterial(session, machine.directory);
  await pingEngine(session.host, url, material, { timeoutMs: servedTimeoutMs, signal: session.signal });
}

/** SHA-256 of the certificate that the engine shows, or why clients would not accept what it shows. */
export async function whatIsServed(session: Session, machine: OpenMachine, url: string): Promise<string> {
  const address = parseEngineUrl(url);
  if (address.kind !== 'tcp') {
    return url;
  }
  try {
    const socket = await session.host.network.connectTls(
      { host: address.host, port: address.port },
      await tlsMaterial(session, machine.directory),
      { timeoutMs: handshakeTimeoutMs, signal: session.signal },
    );
    // With TLS 1.3 the server's refusal may still come.
    socket.on('error', () => undefined);
    const shown = socket.getPeerX509Certificate()?.fingerprint256;
    socket.destroy();
    return shown ?? 'no certificate';
  } catch (error) {
    session.signal.throwIfAborted();
    return messageOf(error);
  }
}

/** SHA-256 of the server certificate in the machine's directory. */
export async function fingerprint(session: Session, machine: OpenMachine): Promise<string> {
  const pem = await session.host.files.readText(machinePaths(machine.directory).serverCert);
  return new X509Certificate(pem).fingerprint256;
}
