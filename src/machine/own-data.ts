import { loadSidecar, saveSidecar, type Sidecar } from '../store/sidecar.ts';
import type { TlsKeyType } from '../tls/types.ts';
import type { CreateRequest } from './request.ts';
import type { Session } from './session.ts';

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
  readonly tlsKeyType: TlsKeyType;
  /** The machine is to be booted when it is created, not resumed. */
  readonly cold: boolean;
}

/** The sidecar of a machine that does not exist yet. */
export function newSidecar(session: Session, request: CreateRequest, imageSource?: string): Sidecar {
  return {
    schema: 1,
    phase: 'creating',
    created: new Date(session.host.clock.nowMs()).toISOString(),
    driver: {},
    options: {
      tlsKeyType: request.tlsKeyType,
      ...(imageSource === undefined ? {} : { imageSource }),
      ...(request.cold === true ? { cold: true } : {}),
    },
  };
}

/** Reads what a sidecar says; a machine without one was made by docker-machine and is complete. */
export function ownDataOf(sidecar: Sidecar | undefined): OwnData {
  const { imageSource, tlsKeyType } = sidecar?.options ?? {};
  return {
    phase: sidecar?.phase ?? 'ready',
    tlsKeyType: tlsKeyType === 'rsa' ? 'rsa' : 'ec',
    cold: sidecar?.options['cold'] === true,
    ...(sidecar?.imageDigest === undefined ? {} : { imageDigest: sidecar.imageDigest }),
    ...(sidecar?.previousImageDigest === undefined
      ? {}
      : { previousImageDigest: sidecar.previousImageDigest }),
    ...(sidecar?.sshHostKey === undefined ? {} : { sshHostKey: sidecar.sshHostKey }),
    ...(typeof imageSource === 'string' ? { imageSource } : {}),
  };
}

/** Our own data of a machine of the store. @throws MachineError `record-invalid`, `record-from-future`. */
export async function loadOwnData(session: Session, name: string): Promise<OwnData> {
  return ownDataOf(await loadSidecar(session.host, session.storePath, name));
}

/** Changes some of it; the caller holds the machine's lock. */
export async function updateOwnData(
  session: Session,
  name: string,
  change: Pick<Partial<OwnData>, 'phase' | 'imageDigest' | 'previousImageDigest' | 'sshHostKey'>,
): Promise<void> {
  const present = await loadSidecar(session.host, session.storePath, name);
  const base: Sidecar = present ?? {
    schema: 1,
    phase: 'ready',
    created: new Date(session.host.clock.nowMs()).toISOString(),
    driver: {},
    options: {},
  };
  await saveSidecar(session.host, session.storePath, name, { ...base, ...change });
}
