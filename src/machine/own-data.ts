import { loadSidecar, saveSidecar, type Sidecar } from '../store/sidecar.ts';
import type { TlsKeyType } from '../tls/types.ts';
import { publishModes, type PublishMode } from './publish-mode.ts';
import type { CreateRequest } from './request.ts';
import type { Session } from './session.ts';

/** What tsmachine knows of a machine beyond docker-machine's record. */
export interface OwnData {
  readonly phase: Sidecar['phase'];
  readonly imageDigest?: string;
  /** The image that was asked for at create; absent for the one on this computer. */
  readonly imageSource?: string;
  /** The pinned host key, a public line. */
  readonly sshHostKey?: string;
  readonly tlsKeyType: TlsKeyType;
  /** The machine is to be booted when it is created, not resumed. */
  readonly cold: boolean;
  readonly publish: PublishMode;
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
      ...(request.publish === undefined ? {} : { publish: request.publish }),
    },
  };
}

/** Reads what a sidecar says; a machine without one was made by docker-machine and is complete. */
export function ownDataOf(sidecar: Sidecar | undefined): OwnData {
  const { imageSource, tlsKeyType, publish } = sidecar?.options ?? {};
  return {
    phase: sidecar?.phase ?? 'ready',
    tlsKeyType: tlsKeyType === 'rsa' ? 'rsa' : 'ec',
    cold: sidecar?.options['cold'] === true,
    publish: publishModes.find((mode) => mode === publish) ?? 'loopback',
    ...(sidecar?.imageDigest === undefined ? {} : { imageDigest: sidecar.imageDigest }),
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
  { publish, ...change }: Pick<Partial<OwnData>, 'phase' | 'imageDigest' | 'sshHostKey' | 'publish'>,
): Promise<void> {
  const present = await loadSidecar(session.host, session.storePath, name);
  const base: Sidecar = present ?? {
    schema: 1,
    phase: 'ready',
    created: new Date(session.host.clock.nowMs()).toISOString(),
    driver: {},
    options: {},
  };
  const options = publish === undefined ? base.options : { ...base.options, publish };
  await saveSidecar(session.host, session.storePath, name, { ...base, ...change, options });
}
