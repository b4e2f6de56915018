import { isMachineError, messageOf } from '../../core/errors.ts';
import type { DriverStatus } from '../../drivers/driver.ts';
import { GuestPhaseParser, guestPhases } from '../../drivers/guest-phases.ts';
import type { EngineTrouble } from '../../engine/diagnose.ts';
import { connectionOf } from '../connection.ts';
import { driverContext, type OpenMachine } from '../open.ts';
import { openTarget } from '../remote.ts';
import type { Session } from '../session.ts';
import { sshTargetOf } from '../ssh-target.ts';
import { found, type Found } from './findings.ts';
import { foundError } from './found-error.ts';
import { insideScript, lacksMemory, lacksSpace, parseInside, type Inside } from './inside.ts';
import { brokenLayer, clockToleranceSeconds, type Evidence, type Layer } from './layers.ts';

const connectTimeoutMs = 10_000;
const scriptTimeoutMs = 15_000;
/** The marks of a start are in the last part of a console's log. */
const consoleTailBytes = 256 * 1024;

/** What was found in one place, and what that says of the layers. */
interface Seen {
  readonly findings: readonly Found[];
  readonly evidence: Evidence;
}

/** A running machine, layer by layer: console, SSH, engine, and over SSH its clock, disk and memory. */
export async function examineRunning(
  session: Session,
  machine: OpenMachine,
  { engineUrl, ssh }: DriverStatus,
): Promise<Found[]> {
  const nothing: Seen = { findings: [], evidence: {} };
  const [boot, shell, engine] = await Promise.all([
    seeBoot(session, machine),
    ssh === undefined ? nothing : seeInside(session, machine),
    engineUrl === undefined ? nothing : seeEngine(session, machine, engineUrl),
  ]);
  session.signal.throwIfAborted();
  const evidence = { ...boot.evidence, ...shell.evidence, ...engine.evidence };
  const layer = brokenLayer(evidence);
  return [
    ...engine.findings,
    ...shell.findings,
    ...(layer === undefined ? [] : [brokenFinding(layer, machine, evidence)]),
  ];
}

/** How far the last start came by the console, if the driver keeps one. */
async function seeBoot(session: Session, machine: OpenMachine): Promise<Seen> {
  const { files } = session.host;
  const console = machine.driver
    .logs?.(driverContext(session, machine))
    .find(({ name }) => name === 'console');
  const sizeBytes = console === undefined ? undefined : (await files.stat(console.path))?.sizeBytes;
  if (console === undefined || sizeBytes === undefined) {
    return { findings: [], evidence: {} };
  }
  const tail = await files.readRange(
    console.path,
    Math.max(0, sizeBytes - consoleTailBytes),
    consoleTailBytes,
  );
  const known: ReadonlySet<string> = new Set([...guestPhases, 'failed']);
  const last = new GuestPhaseParser()
    .feed(tail)
    .map(({ phase }) => phase)
    .findLast((phase) => known.has(phase));
  return { findings: [], evidence: last === undefined ? {} : { phase: last } };
}

async function seeEngine(session: Session, { name }: OpenMachine, url: string): Promise<Seen> {
  try {
    await connectionOf(session, name, { check: true, timeoutMs: connectTimeoutMs });
    return { findings: [found('machine-answers', { url })], evidence: {} };
  } catch (error) {
    return { findings: [foundError(error, name)], evidence: { engineError: engineErrorOf(error) } };
  }
}

function engineErrorOf(error: unknown): NonNullable<Evidence['engineError']> {
  const { trouble, isHandshakeDone } = isMachineError(error) ? error.facts : {};
  return {
    code: codeOf(error),
    ...(trouble === undefined ? {} : { trouble: trouble as EngineTrouble }),
    isConnected: isHandshakeDone === true && trouble === 'no-answer',
  };
}

/** Logs in, without pinning a host key that is not known yet: doctor changes nothing. */
async function seeInside(session: Session, machine: OpenMachine): Promise<Seen> {
  const { clock } = session.host;
  const { capture } = await import('../../ssh/exec.ts');
  try {
    const target = await sshTargetOf(session, machine);
    const connection = await openTarget(session, target, connectTimeoutMs);
    try {
      const sentMs = clock.nowMs();
      const { stdout } = await capture(connection, insideScript, {
        timeoutMs: scriptTimeoutMs,
        signal: session.signal,
      });
      const inside = parseInside(stdout);
      const { host, port } = target.endpoint;
      const logsIn = found('ssh-answers', { endpoint: `${target.user}@${host}:${port}` });
      return inside === undefined
        ? { findings: [logsIn], evidence: {} }
        : seen(machine.name, inside, [logsIn], (sentMs + clock.nowMs()) / 2000);
    } finally {
      await connection.close();
    }
  } catch (error) {
    return { findings: [foundError(error, machine.name)], evidence: { sshError: codeOf(error) } };
  }
}

function seen(name: string, inside: Inside, before: readonly Found[], nowSeconds: number): Seen {
  // It tells whole seconds.
  const clockAheadSeconds = Math.round(inside.epochSeconds + 0.5 - nowSeconds);
  const { data, memory } = inside;
  return {
    findings: [
      ...before,
      Math.abs(clockAheadSeconds) > clockToleranceSeconds
        ? found('clock-wrong', {
            name,
            seconds: Math.abs(clockAheadSeconds),
            way: clockAheadSeconds > 0 ? 'ahead of' : 'behind',
          })
        : found('clock-right', {}),
      ...(data === undefined
        ? []
        : [
            found(lacksSpace(inside) ? 'disk-full' : 'disk', {
              name,
              free: toGiB(data.freeBytes),
              total: toGiB(data.totalBytes),
            }),
          ]),
      ...(memory === undefined || !lacksMemory(inside)
        ? []
        : [
            found('memory-low', {
              name,
              free: toGiB(memory.availableBytes),
              total: toGiB(memory.totalBytes),
            }),
          ]),
      ...(inside.engineRuns ? [] : [found('engine-down', { name })]),
    ],
    evidence: { inside, clockAheadSeconds },
  };
}

function brokenFinding(layer: Layer, { name }: OpenMachine, { phase }: Evidence): Found {
  return layer === 'boot'
    ? found('layer-boot', { name, phase: phase === 'failed' ? 'a failure' : `the phase "${phase ?? ''}"` })
    : found('layer', { layer, advice: advice[layer].replaceAll('NAME', name) });
}

/** What helps against each, before anything that is said of the single findings. */
const advice: Readonly<Record<Exclude<Layer, 'boot'>, string>> = {
  net: 'Look for a VPN, a firewall, or a network that is not connected; then: tsmachine restart NAME',
  SSH: 'See what the SSH server of the machine says: tsmachine logs NAME',
  TLS: 'tsmachine regenerate-certs NAME',
  engine: 'tsmachine restart NAME',
  clock: 'tsmachine restart NAME',
  disk: 'docker system prune',
  memory: 'Stop containers, or give the machine more: tsmachine set NAME --memory MB',
};

function toGiB(bytes: number): string {
  return (bytes / 2 ** 30).toFixed(1);
}

function codeOf(error: unknown): string {
  return isMachineError(error) ? error.code : messageOf(error);
}
