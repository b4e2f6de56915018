import { newUuid } from '../drivers/uuid.ts';
import type { ShareWay } from '../drivers/driver.ts';
import { loadSidecar, saveSidecar, type Sidecar } from '../store/sidecar.ts';
import type { TlsKeyType } from '../tls/types.ts';
import { ignoredKinds, ignoredOptions, type FollowKind } from './follow/kinds.ts';
import { publishModes, type PublishMode } from './publish-mode.ts';
import type { CreateRequest } from './request.ts';
import type { Session } from './session.ts';
import { shareWays, sharesOf, type MachineShare, type SharePlan } from './shares.ts';

/** What tsmachine knows of a machine beyond docker-machine's record. */
export interface OwnData {
  readonly phase: Sidecar['phase'];
  readonly imageDigest?: string;
  /** The image that it booted before its last upgrade; undefined when it was never upgraded. */
  readonly previousImageDigest?: string | undefined;
  /** The image that was asked for at create; absent for the one on this computer. */
  readonly imageSource?: string;
  /** The pinned host key, a public line. */
  readonly sshHostKey?: string;
  /** Another one that is accepted too, while the machine changes to it. */
  readonly nextSshHostKey?: string | undefined;
  /** `engine`: it was told to install the engine by itself when it boots first. */
  readonly firstBoot?: string;
  readonly tlsKeyType: TlsKeyType;
  /** The machine is to be booted when it is created, not resumed. */
  readonly cold: boolean;
  readonly shares: readonly MachineShare[];
  /** How it sees them; undefined for what its driver does best. */
  readonly shareWay?: ShareWay;
  readonly publish: PublishMode;
  /** What its engine does not take over from this computer. */
  readonly ignores: readonly FollowKind[];
  /** Addresses of DNS servers that it asks instead of those of its network. */
  readonly dnsServers: readonly string[];
  /** Absolute paths of files with CAs that it was told to trust. */
  readonly extraAuthorities: readonly string[];
  /** From then on nobody wants it any more, in milliseconds since the epoch. */
  readonly expiresMs?: number;
}

/** The sidecar of a machine that does not exist yet. */
export function newSidecar(
  session: Session,
  request: CreateRequest,
  {
    imageSource,
    sharing,
    state = {},
  }: {
    readonly imageSource?: string | undefined;
    readonly sharing: SharePlan;
    readonly state?: Readonly<Record<string, unknown>>;
  },
): Sidecar {
  const nowMs = session.host.clock.nowMs();
  return {
    schema: 1,
    phase: 'creating',
    created: new Date(nowMs).toISOString(),
    ...(request.ttlMs === undefined ? {} : { expires: new Date(nowMs + request.ttlMs).toISOString() }),
    driver: { ...state },
    options: {
      tlsKeyType: request.tlsKeyType,
      ...(imageSource === undefined ? {} : { imageSource }),
      ...(request.cold === true ? { cold: true } : {}),
      ...(sharing.shares.length === 0 ? {} : shareOptions(sharing)),
      ...(request.publish === undefined ? {} : { publish: request.publish }),
      ...(request.dnsServers === undefined ? {} : { dnsServers: [...request.dnsServers] }),
      ...ignoredOptions(request.ignores ?? []),
      ...(request.extraAuthorities === undefined ? {} : { extraAuthorities: [...request.extraAuthorities] }),
    },
  };
}

/** Reads what a sidecar says; a machine without one was made by docker-machine and is complete. */
export function ownDataOf(sidecar: Sidecar | undefined): OwnData {
  const { imageSource, tlsKeyType, publish, shares, shareType } = sidecar?.options ?? {};
  const shareWay = shareWays.find((way) => way === shareType);
  return {
    phase: sidecar?.phase ?? 'ready',
    tlsKeyType: tlsKeyType === 'rsa' ? 'rsa' : 'ec',
    cold: sidecar?.options['cold'] === true,
    shares: sharesOf(shares, shareType),
    ...(shareWay === undefined ? {} : { shareWay }),
    publish: publishModes.find((mode) => mode === publish) ?? 'loopback',
    ignores: ignoredKinds(sidecar?.options),
    dnsServers: textsOf(sidecar?.options['dnsServers']),
    extraAuthorities: textsOf(sidecar?.options['extraAuthorities']),
    ...(sidecar?.imageDigest === undefined ? {} : { imageDigest: sidecar.imageDigest }),
    ...(sidecar?.previousImageDigest === undefined
      ? {}
      : { previousImageDigest: sidecar.previousImageDigest }),
    ...(sidecar?.sshHostKey === undefined ? {} : { sshHostKey: sidecar.sshHostKey }),
    ...(sidecar?.nextSshHostKey === undefined ? {} : { nextSshHostKey: sidecar.nextSshHostKey }),
    ...(sidecar?.firstBoot === undefined ? {} : { firstBoot: sidecar.firstBoot }),
    ...(typeof imageSource === 'string' ? { imageSource } : {}),
    ...(sidecar?.expires === undefined ? {} : { expiresMs: Date.parse(sidecar.expires) }),
  };
}

function textsOf(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((one): one is string => typeof one === 'string') : [];
}

/** Our own data of a machine of the store. @throws MachineError `record-invalid`, `record-from-future`. */
export async function loadOwnData(session: Session, name: string): Promise<OwnData> {
  return ownDataOf(await loadSidecar(session.host, session.storePath, name));
}

function shareOptions({ shares, way }: SharePlan): Pick<Sidecar['options'], string> {
  return {
    shares: shares.map(({ path, readOnly, guestPaths }) => ({
      path,
      readOnly,
      ...(guestPaths === undefined ? {} : { guestPaths: [...guestPaths] }),
    })),
    ...(way === undefined ? {} : { shareType: way }),
  };
}

/** Keeps what a machine sees of this computer from its next start on; the caller holds the machine's lock. */
export async function saveShares(session: Session, name: string, sharing: SharePlan): Promise<void> {
  const base = await sidecarOf(session, name);
  const options = { ...base.options, ...shareOptions(sharing) };
  await saveSidecar(session.host, session.storePath, name, { ...base, options });
}

/** Changes some of it; the caller holds the machine's lock. */
export async function updateOwnData(
  session: Session,
  name: string,
  {
    publish,
    ...change
  }: Pick<
    Partial<OwnData>,
    | 'phase'
    | 'imageDigest'
    | 'previousImageDigest'
    | 'sshHostKey'
    | 'nextSshHostKey'
    | 'firstBoot'
    | 'publish'
  >,
): Promise<void> {
  const base = await sidecarOf(session, name);
  const options = publish === undefined ? base.options : { ...base.options, publish };
  await saveSidecar(session.host, session.storePath, name, { ...base, ...change, options });
}

/** Keeps until when the machine is wanted, undefined for ever; the caller holds the machine's lock. */
export async function saveExpiry(
  session: Session,
  name: string,
  expiresMs: number | undefined,
): Promise<void> {
  const expires = expiresMs === undefined ? undefined : new Date(expiresMs).toISOString();
  const base = await sidecarOf(session, name);
  await saveSidecar(session.host, session.storePath, name, { ...base, expires });
}

/** The UUID by which a provider knows the machine; the caller holds the machine's lock where it may be missing. */
export async function ensureMachineId(session: Session, name: string): Promise<string> {
  const base = await sidecarOf(session, name);
  if (base.machineId !== undefined) {
    return base.machineId;
  }
  const machineId = newUuid(session.host);
  await saveSidecar(session.host, session.storePath, name, { ...base, machineId });
  return machineId;
}

/** Private state of the machine's driver. */
export async function loadDriverState(
  session: Session,
  name: string,
): Promise<Readonly<Record<string, unknown>>> {
  return (await sidecarOf(session, name)).driver;
}

/** Puts keys into it; the caller holds the machine's lock. */
export async function saveDriverState(
  session: Session,
  name: string,
  part: Readonly<Record<string, unknown>>,
): Promise<void> {
  const base = await sidecarOf(session, name);
  const driver = { ...base.driver, ...part } as Sidecar['driver'];
  await saveSidecar(session.host, session.storePath, name, { ...base, driver });
}

async function sidecarOf(session: Session, name: string): Promise<Sidecar> {
  const present = await loadSidecar(session.host, session.storePath, name);
  return (
    present ?? {
      schema: 1,
      phase: 'ready',
      created: new Date(session.host.clock.nowMs()).toISOString(),
      driver: {},
      options: {},
    }
  );
}
