import type { TlsMaterial } from '../host/types.ts';
import { probeMachine, requireEngineUrl } from './probe.ts';
import type { Session } from './session.ts';
import { machinePaths } from './machine-paths.ts';

/** What a Docker client needs to reach a machine's engine. */
export interface Connection {
  readonly name: string;
  /** DOCKER_HOST. */
  readonly url: string;
  /** DOCKER_CERT_PATH: holds ca.pem, cert.pem and key.pem. */
  readonly certDirectory: string;
  /** Address without port, for NO_PROXY. */
  readonly address: string;
}

/**
 * How to reach a machine's engine. With `check`, one mutual-TLS handshake proves that it works.
 * @throws MachineError `machine-not-running`; with `check` also `engine-unreachable`, `tls-mismatch` … with
 *   the cause named.
 */
export async function connectionOf(
  session: Session,
  name: string,
  options: { readonly check: boolean; readonly timeoutMs: number },
): Promise<Connection> {
  const probed = await probeMachine(session, name);
  const url = requireEngineUrl(probed);
  const connection = {
    name,
    url,
    certDirectory: probed.directory,
    address: probed.status.address ?? hostOf(url),
  };
  if (options.check) {
    const { pingEngine } = await import('../engine/client.ts');
    await pingEngine(session.host, url, await tlsMaterial(session, probed.directory), {
      timeoutMs: options.timeoutMs,
      signal: session.signal,
    });
  }
  return connection;
}

/** The client's certificates as a machine's directory holds them. */
export async function tlsMaterial(session: Session, directory: string): Promise<TlsMaterial> {
  const files = machinePaths(directory);
  const [ca, cert, key] = await Promise.all(
    [files.ca, files.clientCert, files.clientKey].map((file) => session.host.files.readText(file)),
  );
  return { ca: ca ?? '', cert: cert ?? '', key: key ?? '' };
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : '';
}
