import { MachineError, messageOf } from '../core/errors.ts';
import { waitFor } from '../core/wait.ts';
import type { SshConnection } from '../ssh/types.ts';
import { hasOwnAddress, recordAddresses } from './addresses.ts';
import { refreshContexts, refreshMachineContext } from './contexts.ts';
import { refreshCertificates, renewStoreClient } from './credentials.ts';
import { requireFinished } from './finished.ts';
import { guestFilePath } from './guest-files.ts';
import { withMachineLock } from './locks.ts';
import { driverContext, openMachine, type OpenMachine } from './open.ts';
import { loadOwnData } from './own-data.ts';
import { connectSsh } from './remote.ts';
import { reportStep } from './report-step.ts';
import { fingerprint, requireServed, whatIsServed } from './served.ts';
import type { Session } from './session.ts';

/** What came of a rotation: the engine shows the new certificates, or will from the next start on. */
export type Rotation = 'served' | 'at-next-start';

/** How certificates are rotated. */
export interface RotationOptions {
  /** Issues a new server certificate also when the present one is good. */
  readonly force: boolean;
  /** How the machine is reached; for tests. */
  readonly connect?: (session: Session, machine: OpenMachine) => Promise<SshConnection>;
}

const lockTimeoutMs = 30_000;
const handOverTimeoutMs = 120_000;
const listenTimeoutMs = 60_000;
const listenIntervalMs = 500;

/** Part of the image, iso/rootfs. */
const renewProgram = '/usr/lib/tsmachine/renew-certificates';
const handedOver = ['ca.pem', 'server.pem', 'server-key.pem'] as const;

/** True for a machine of which the certificates can be changed from here without a restart of its engine. */
export async function canRotate(session: Session, name: string): Promise<boolean> {
  const machine = await openMachine(session, name);
  return isRotatable(machine) && machine.driver.manifest.capabilities.boots === 'image';
}

/**
 * Renews the certificates of a machine. A running one takes them over at once: its engine is not restarted,
 * containers and open connections go on, and at every moment a new connection is served with the old
 * certificate or the new one. A stopped one gets them when it starts. The engine of a host is restarted when its
 * certificate changes, with its containers going on.
 *
 * May be cut at any point: the files here are complete or are made again, the guest shows the old certificates until it
 * has changed to the new ones, and the next call or start compares the two and brings them together.
 * @throws MachineError `capability-missing`, `machine-incomplete`, `machine-state` while it starts or stops,
 *   `guest-failed` when the machine does not take them, `ssh-failed`, `tls-mismatch` when it goes on showing
 *   others, `record-locked`.
 */
export async function rotateCertificates(
  session: Session,
  name: string,
  options: RotationOptions,
): Promise<Rotation> {
  // Once without the lock, so that a wrong name does not leave a lock file behind.
  requireRotatable(await openMachine(session, name));
  return withMachineLock(session, name, { verb: 'regenerate-certs', timeoutMs: lockTimeoutMs }, async () =>
    rotateOpenMachine(session, await openMachine(session, name), options),
  );
}

/** Renews the store's client certificate, its copies in the machines' directories and in Docker contexts. */
export async function rotateClientCertificate(session: Session): Promise<void> {
  await renewStoreClient(session, 'ec');
  await refreshContexts(session);
}

/** See rotateCertificates; the caller holds the machine's lock. */
export async function rotateOpenMachine(
  session: Session,
  machine: OpenMachine,
  options: RotationOptions,
): Promise<Rotation> {
  const { name } = machine;
  const own = await requireFinished(session, name);
  if (machine.driver.manifest.capabilities.boots === 'host') {
    const { provisionOpenHost } = await import('./provision.ts');
    await provisionOpenHost(session, machine, { own, newCertificate: options.force });
    return 'served';
  }
  const { tlsKeyType } = own;
  const status = await machine.driver.inspect(driverContext(session, machine));
  const { power, engineUrl } = status;
  if (engineUrl === undefined && power !== 'stopped' && power !== 'absent') {
    throw new MachineError('machine-state', `The machine "${name}" is ${power}.`, {
      remedies: [`Wait until "tsmachine status ${name}" says Running or Stopped.`],
    });
  }
  if (engineUrl !== undefined && hasOwnAddress(machine)) {
    await recordAddresses(session, machine, status);
  }
  await reportStep(session, name, { step: 'certificates', summary: 'Issuing certificates' }, () =>
    refreshCertificates(session, { ...machine, tlsKeyType }, { force: options.force }),
  );
  if (engineUrl === undefined) {
    return 'at-next-start';
  }
  if ((await whatIsServed(session, machine, engineUrl)) !== (await fingerprint(session, machine))) {
    await reportStep(session, name, { step: 'hand-over', summary: 'Handing them to the machine' }, () =>
      handOver(session, machine, options.connect ?? connectLocked),
    );
    await reportStep(session, name, { step: 'verify', summary: 'Asking the engine over TLS' }, () =>
      requireServed(session, machine, engineUrl),
    );
  }
  await refreshMachineContext(session, machine);
  return 'served';
}

/**
 * After a start: sees to it that the engine shows a certificate for the address at which the machine is now, which is in
 * its record. A machine that does not take it is left to whoever asks its engine next. The caller holds its lock.
 * @throws MachineError `engine-unreachable` when nothing listens.
 */
export async function certifyAddress(
  session: Session,
  machine: OpenMachine,
  engineUrl: string,
  connect = connectLocked,
): Promise<void> {
  const { tlsKeyType } = await loadOwnData(session, machine.name);
  await refreshCertificates(session, { ...machine, tlsKeyType });
  await untilListening(session, engineUrl);
  if ((await whatIsServed(session, machine, engineUrl)) === (await fingerprint(session, machine))) {
    return;
  }
  try {
    await handOver(session, machine, connect);
    await requireServed(session, machine, engineUrl);
  } catch (error) {
    session.signal.throwIfAborted();
    const message = `The certificate of "${machine.name}" does not name its new address: ${messageOf(error)}`;
    session.emit({ type: 'warn', machine: machine.name, message });
  }
}

async function untilListening({ host, signal }: Session, engineUrl: string): Promise<void> {
  const { hostname, port } = new URL(engineUrl);
  await waitFor(
    async () => {
      try {
        const address = { host: hostname, port: Number(port) };
        const socket = await host.network.connect(address, { timeoutMs: listenIntervalMs * 4, signal });
        socket.destroy();
        return true;
      } catch {
        return undefined;
      }
    },
    {
      clock: host.clock,
      timeoutMs: listenTimeoutMs,
      intervalMs: listenIntervalMs,
      signal,
      code: 'engine-unreachable',
      what: `${engineUrl} to answer`,
      hint: () => 'A firewall, a VPN or the network of the machine may be in the way.',
    },
  );
}

function connectLocked(session: Session, machine: OpenMachine): Promise<SshConnection> {
  return connectSsh(session, machine, { holdsLock: true });
}

/** What the guest reads: a line "file NAME" before each file, and "end" behind the last. */
async function handOver(
  session: Session,
  machine: OpenMachine,
  connect: (session: Session, machine: OpenMachine) => Promise<SshConnection>,
): Promise<void> {
  const { capture } = await import('../ssh/exec.ts');
  const parts = await Promise.all(
    handedOver.map(async (name) => {
      const text = await session.host.files.readText(guestFilePath(machine.directory, name));
      return `file ${name}\n${text.trimEnd()}\n`;
    }),
  );
  const connection = await connect(session, machine);
  try {
    const command = `test -x ${renewProgram} || exit 127; exec sudo -n ${renewProgram}`;
    const end = await capture(connection, command, {
      stdin: `${parts.join('')}end\n`,
      label: 'handing over certificates',
      timeoutMs: handOverTimeoutMs,
      signal: session.signal,
    });
    if (end.exitCode !== 0) {
      throw refusal(machine.name, end);
    }
  } finally {
    await connection.close();
  }
}

function refusal(
  name: string,
  end: { readonly exitCode: number | undefined; readonly stderr: string },
): MachineError {
  const said = end.stderr
    .replace(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, 300);
  return new MachineError('guest-failed', `The machine "${name}" does not take new certificates.`, {
    why:
      end.exitCode === 127
        ? 'Its image is older than this program and can change them only when it starts.'
        : said || `Exit code ${String(end.exitCode)}.`,
    remedies: [`tsmachine restart ${name}`],
  });
}

function isRotatable({ driver }: OpenMachine): boolean {
  const { boots, ssh } = driver.manifest.capabilities;
  return boots !== 'nothing' && ssh;
}

function requireRotatable(machine: OpenMachine): void {
  if (!isRotatable(machine)) {
    throw new MachineError(
      'capability-missing',
      `The machine "${machine.name}" cannot be given certificates.`,
      {
        why: `machines of the driver "${machine.driver.manifest.name}" have no host that tsmachine controls`,
      },
    );
  }
}
