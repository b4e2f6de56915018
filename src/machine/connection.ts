import { isMachineError, messageOf } from '../core/errors.ts';
import type { TlsMaterial } from '../host/types.ts';
import { probeMachine, recallMachine, requireEngineUrl, type ProbedMachine } from './probe.ts';
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

const oldAfterMs = 30 * 24 * 60 * 60 * 1000;

/** How much connectionOf does. */
export interface ConnectionOptions {
  /** Proves by one mutual-TLS handshake that the connection works. */
  readonly check: boolean;
  readonly timeoutMs: number;
  /**
   * With `check`: certificates that do not fit are renewed where that is possible, which takes some seconds then;
   * so is one that nears its end or misses a name, which is looked at always (`needed`) or only when its file is
   * weeks old (`old`), which costs nothing.
   */
  readonly renew?: 'needed' | 'old';
}

/**
 * How to reach a machine's engine.
 * @throws MachineError `machine-not-running`; with `check` also `engine-unreachable`, `tls-mismatch` … with
 *   the cause named.
 */
export async function connectionOf(
  session: Session,
  name: string,
  options: ConnectionOptions,
): Promise<Connection> {
  const probed = await recallMachine(session, name);
  const url = requireEngineUrl(probed);
  await completeClientFiles(session, probed);
  if (options.check) {
    await check(session, probed, { ...options, url }).catch((error: unknown) =>
      explainByState(session, name, error),
    );
  }
  return { name, url, certDirectory: probed.directory, address: probed.status.address ?? hostOf(url) };
}

/** What was recalled may be old: a machine that does not run has no engine to reach. */
async function explainByState(session: Session, name: string, error: unknown): Promise<never> {
  if (isMachineError(error) && error.code === 'engine-unreachable') {
    session.signal.throwIfAborted();
    requireEngineUrl(await probeMachine(session, name));
  }
  throw error;
}

async function check(
  session: Session,
  machine: ProbedMachine,
  options: ConnectionOptions & { readonly url: string },
): Promise<void> {
  const { timeoutMs, url } = options;
  const { pingEngine } = await import('../engine/client.ts');
  const ping = async (): Promise<void> => {
    const material = await tlsMaterial(session, machine.directory);
    await pingEngine(session.host, url, material, { timeoutMs, signal: session.signal });
  };
  try {
    await ping();
  } catch (error) {
    const mismatch = isMachineError(error) && error.code === 'tls-mismatch';
    if (!mismatch || options.renew === undefined || !(await renew(session, machine))) {
      throw error;
    }
    await ping();
    return;
  }
  if (options.renew === 'needed' || (options.renew === 'old' && (await isOld(session, machine)))) {
    const { renewalReason } = await import('./renewal.ts');
    if ((await renewalReason(session, machine)) !== undefined) {
      await renew(session, machine);
    }
  }
}

/** A certificate is due two thirds of 397 days after it was written, so one that is younger needs no look. */
async function isOld({ host }: Session, { directory }: ProbedMachine): Promise<boolean> {
  const stat = await host.files.stat(machinePaths(directory).serverCert);
  return stat !== undefined && Math.abs(host.clock.nowMs() - stat.modifiedMs) > oldAfterMs;
}

/** True when it was possible; what kept it from being so is a warning, as the user has asked for something else. */
async function renew(session: Session, { name }: ProbedMachine): Promise<boolean> {
  const { canRotate, rotateCertificates } = await import('./rotate.ts');
  if (!(await canRotate(session, name))) {
    return false;
  }
  try {
    await rotateCertificates(session, name, { force: false });
    return true;
  } catch (error) {
    session.signal.throwIfAborted();
    const message = `The certificates of "${name}" could not be renewed: ${messageOf(error)}`;
    session.emit({ type: 'warn', message, machine: name });
    return false;
  }
}

/**
 * The client's certificates as a machine's directory holds them. docker-machine makes no copies there for machines of
 * the driver none: then it is those of the store.
 */
export async function tlsMaterial(session: Session, directory: string): Promise<TlsMaterial> {
  const { host } = session;
  const files = machinePaths(directory);
  try {
    // One after the other: where the first is missing all are.
    const ca = await host.files.readText(files.ca);
    const cert = await host.files.readText(files.clientCert);
    return { ca, cert, key: await host.files.readText(files.clientKey) };
  } catch (error) {
    const { storeMaterial } = await import('./client-files.ts');
    return storeMaterial(session, error);
  }
}

/** Sees to it that the files are there whose directory `env` and `config` print. */
async function completeClientFiles(session: Session, { directory, record }: ProbedMachine): Promise<void> {
  const { ca, clientCert, clientKey } = machinePaths(directory);
  const stats = await Promise.all([ca, clientCert, clientKey].map((file) => session.host.files.stat(file)));
  if (stats.includes(undefined)) {
    const { copyMissingClientFiles } = await import('./client-files.ts');
    await copyMissingClientFiles(session, directory, record.HostOptions.AuthOptions);
  }
}

function hostOf(url: string): string {
  return URL.canParse(url) ? new URL(url).hostname : '';
}
