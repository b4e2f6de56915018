import { MachineError } from '../core/errors.ts';
import type { ProviderMaterial } from '../drivers/driver.ts';
import type { OpenMachine } from './open.ts';
import type { Host } from '../host/types.ts';
import { newUuid } from '../drivers/uuid.ts';
import { storeIdFile } from '../store/paths.ts';
import { withCertsLock } from './locks.ts';
import { machinePaths } from './machine-paths.ts';
import { ensureMachineId, loadDriverState, loadOwnData, saveDriverState, updateOwnData } from './own-data.ts';
import { readSecrets } from './secrets.ts';
import type { Session } from './session.ts';

const uuid = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** True for an id as machines and stores have them. */
export function isUuid(text: string): boolean {
  return uuid.test(text);
}

/** What a driver needs that makes its machines at a provider; everything is read, or made, when it is asked for. */
export function providerMaterial(
  session: Session,
  { name, directory, record }: Pick<OpenMachine, 'name' | 'directory' | 'record'>,
): ProviderMaterial {
  const { host } = session;
  return {
    ownership: async () => {
      const { expiresMs } = await loadOwnData(session, name);
      return {
        machineId: await ensureMachineId(session, name),
        storeId: await ensureStoreId(session),
        ...(expiresMs === undefined ? {} : { expiresMs }),
      };
    },
    userKey: async () => ensureUserKey(host, { name, directory }),
    hostKey: async () => ensureHostKey(host, { name, directory }),
    pinHostKey: async () => {
      const { publicLine } = await ensureHostKey(host, { name, directory });
      await updateOwnData(session, name, { sshHostKey: publicLine });
    },
    engineScript: async () => {
      const { firstBootScript } = await import('../provision/first-boot.ts');
      const { InstallURL = '', Env } = record.HostOptions.EngineOptions ?? {};
      return firstBootScript({ installUrl: InstallURL, env: Env ?? [] });
    },
    awaitEngine: async () => {
      await updateOwnData(session, name, { firstBoot: 'engine' });
    },
    secrets: async () => readSecrets(host, directory),
    state: async () => loadDriverState(session, name),
    saveState: async (part) => saveDriverState(session, name, part),
  };
}

/** The UUID of the store; undefined for one that has never made anything at a provider. */
export async function readStoreId({ host, storePath }: Session): Promise<string | undefined> {
  const text = (await host.files.readText(storeIdFile(storePath)).catch(() => '')).trim();
  return uuid.test(text) ? text : undefined;
}

/** The UUID of the store, made when it is first needed. @throws MachineError `record-locked`, `store-write-failed`. */
export async function ensureStoreId(session: Session): Promise<string> {
  const { host, storePath } = session;
  return (
    (await readStoreId(session)) ??
    withCertsLock(session, async () => {
      const present = await readStoreId(session);
      if (present !== undefined) {
        return present;
      }
      const id = newUuid(host);
      await host.files.writeAtomic(storeIdFile(storePath), `${id}\n`, 0o600);
      return id;
    })
  );
}

/**
 * The UUID by which machines at providers are those of this store.
 * @param given that of a store that is gone, for one that has made nothing yet
 * @throws MachineError `arguments-invalid` when there is none, or another one.
 */
export async function requireStoreId(session: Session, given: string | undefined): Promise<string> {
  if (given !== undefined && !uuid.test(given)) {
    throw new MachineError('flag-invalid', `invalid value ${JSON.stringify(given)} for flag -store-id`, {
      why: 'It takes a UUID: what the tag "tsmachine-owner" of the machine says.',
    });
  }
  const present = await readStoreId(session);
  if (present !== undefined && given !== undefined && given !== present) {
    throw new MachineError('arguments-invalid', `This store has an id of its own: ${present}`, {
      why: 'What machines have at their provider says whose they are, and a store has one id.',
      remedies: [
        `Give them a store of their own: tsmachine --storage-path DIRECTORY adopt --store-id ${given} …`,
      ],
    });
  }
  const id = present ?? given;
  if (id === undefined) {
    throw new MachineError('arguments-invalid', 'This store has never made anything at a provider.', {
      why: 'So nothing there is its own.',
      remedies: [
        'Is the store gone that made the machine? Name its id, the tag "tsmachine-owner" of the machine: --store-id UUID',
      ],
    });
  }
  return id;
}

/** Makes it the id of this store for good, unless it is. @throws MachineError `arguments-invalid`. */
export async function takeStoreId(session: Session, id: string): Promise<void> {
  const { host, storePath } = session;
  await withCertsLock(session, async () => {
    // Another command may have been quicker.
    await requireStoreId(session, id);
    if ((await readStoreId(session)) === undefined) {
      await host.files.writeAtomic(storeIdFile(storePath), `${id}\n`, 0o600);
    }
  });
}

async function ensureUserKey(
  host: Host,
  { name, directory }: { readonly name: string; readonly directory: string },
): Promise<string> {
  const files = machinePaths(directory);
  // The public half is written last, so where it is the private one is too.
  if ((await host.files.stat(files.sshPublicKey)) === undefined) {
    const { generateSshKeyPair } = await import('../ssh/keys.ts');
    const pair = generateSshKeyPair(host, `tsmachine-${name}`);
    await host.files.writeAtomic(files.sshKey, pair.privatePem, 0o600);
    await host.files.writeAtomic(files.sshPublicKey, `${pair.publicLine}\n`, 0o600);
  }
  return (await host.files.readText(files.sshPublicKey)).trim();
}

async function ensureHostKey(
  host: Host,
  { name, directory }: { readonly name: string; readonly directory: string },
): Promise<{ readonly privatePem: string; readonly publicLine: string }> {
  const files = machinePaths(directory);
  const { generateSshKeyPair, publicLineOf } = await import('../ssh/keys.ts');
  if ((await host.files.stat(files.sshHostKey)) === undefined) {
    const pair = generateSshKeyPair(host, name);
    await host.files.writeAtomic(files.sshHostKey, pair.privatePem, 0o600);
  }
  const privatePem = await host.files.readText(files.sshHostKey);
  return { privatePem, publicLine: publicLineOf(privatePem) };
}
