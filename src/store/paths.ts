import { posix, win32 } from 'node:path';
import { MachineError } from '../core/errors.ts';
import type { HostFacts } from '../host/types.ts';

/** Directories of the store; all are 0700. */
export const storeDirectories = {
  /** CA and client certificates, shared by all machines. */
  certs: 'certs',
  /** One directory for each machine; names with a leading dot are not machines. */
  machines: 'machines',
  /** Verified images and what else can be fetched again. */
  cache: 'cache',
  /** One file for each builder of buildx that is made of machines. */
  builders: 'builders',
} as const;

/** Files in `certs/`. The first four names are also those of the copies in a machine's directory. */
export const certFiles = {
  /** The CA's certificate, 0644. */
  ca: 'ca.pem',
  /** The client's certificate, 0644. */
  clientCert: 'cert.pem',
  /** The client's private key, 0600. */
  clientKey: 'key.pem',
  /** The CA's private key, 0600; never leaves `certs/`. */
  caKey: 'ca-key.pem',
} as const;

/** Files in `machines/NAME/`, 0600 unless said otherwise. */
export const machineFiles = {
  /** docker-machine's record, ConfigVersion 3. */
  config: 'config.json',
  /** Some earlier valid record; docker-machine writes the same name when it migrates. */
  configBackup: 'config.json.bak',
  /** What only tsmachine knows: sidecar.ts. */
  sidecar: 'tsmachine.json',
  /** Write-ahead journal of the steps, one JSON value a line. */
  journal: 'journal.jsonl',
  /** Secrets that were given on the command line and are needed again by `rm`. */
  secrets: 'secrets.json',
  /** Everything that happened while the machine was made. */
  createLog: 'create.log',
  /** Output of the background agent. */
  agentLog: 'agent.log',
  /** The output before, once it has grown long. */
  agentLogBefore: 'agent.log.1',
  /** What the background agent that runs has forwarded. */
  agentState: 'agent.json',
  /** Copy of the CA's certificate, 0644. */
  ca: certFiles.ca,
  /** Copy of the client's certificate, 0644. */
  clientCert: certFiles.clientCert,
  /** Copy of the client's private key. */
  clientKey: certFiles.clientKey,
  /** The engine's certificate, 0644. */
  serverCert: 'server.pem',
  /** The engine's private key. */
  serverKey: 'server-key.pem',
  /** Private SSH key of the user `docker` or its like, in OpenSSH's form. */
  sshKey: 'id_rsa',
  /** Its public half. */
  sshPublicKey: 'id_rsa.pub',
  /** The SSH host key with which a host at a provider boots first, its private half. */
  sshHostKey: 'ssh_host_ed25519_key',
  /** The guest's SSH host key, its public half: known before the first connection. */
  sshHostPublicKey: 'ssh_host_ed25519_key.pub',
  /** How programs that speak SSH reach the machine, as it ran last; made again whenever it is needed. */
  sshConfig: 'ssh_config',
  /** The pinned host key in the form of those programs; made like `sshConfig`. */
  sshKnownHosts: 'known_hosts',
  /** Directory of the files that are handed to the guest at boot, 0700. */
  guestFiles: 'guest',
} as const;

/**
 * Longest name of an existing machine. docker-machine has no limit; file systems have 255 bytes, of which
 * the names of locks and temporary files beside the machine's own need some.
 */
const EXISTING_NAME_MAX = 200;

/** A host name that every system takes is not longer. */
const NEW_NAME = /^[a-zA-Z0-9][a-zA-Z0-9.-]{0,62}$/;
const EXISTING_NAME = /^[a-zA-Z0-9][a-zA-Z0-9.-]*$/;
/** Windows gives these names to devices, with any ending and in every directory. */
const DEVICE_NAME = /^(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?$/i;

/**
 * Absolute path of the store: the option, else MACHINE_STORAGE_PATH, else `~/.docker/machine`.
 * Empty values count as not given; a relative path starts at the current directory.
 * @throws MachineError `arguments-invalid` when the path holds a NUL.
 */
export function resolveStorePath(facts: HostFacts, option?: string): string {
  const paths = facts.platform === 'win32' ? win32 : posix;
  const given = [option, facts.env.MACHINE_STORAGE_PATH].find((value) => value !== undefined && value !== '');
  if (given?.includes('\0') === true) {
    throw new MachineError('arguments-invalid', 'The storage path holds a NUL character.');
  }
  return given === undefined
    ? paths.join(facts.homeDirectory, '.docker', 'machine')
    : paths.resolve(facts.currentDirectory, given);
}

/**
 * Checks the name of a machine that is to be created.
 * @throws MachineError `name-invalid`.
 */
export function requireNewName(name: string): void {
  if (!NEW_NAME.test(name)) {
    throw invalidName(
      name,
      'New names are letters, digits, "-" and ".", beginning with a letter or digit, at most 63 characters.',
    );
  }
  requireSafeName(name);
}

/**
 * Absolute directory of a machine. This is the one function that makes a path of a machine's name; every
 * command comes through it before it touches a file. Names of existing machines follow docker-machine's
 * own pattern, new ones are shorter: see requireNewName.
 * @throws MachineError `name-invalid`.
 */
export function machineDirectory(storePath: string, name: string): string {
  requireSafeName(name);
  return joinPath(storePath, storeDirectories.machines, name);
}

/** Absolute path of one of a machine's files. */
export function machineFile(storePath: string, name: string, file: keyof typeof machineFiles): string {
  return joinPath(machineDirectory(storePath, name), machineFiles[file]);
}

/** Absolute path of one of the store's shared certificates or keys. */
export function certFile(storePath: string, file: keyof typeof certFiles): string {
  return joinPath(storePath, storeDirectories.certs, certFiles[file]);
}

/** Absolute path of the record of a builder. */
export function builderFile(storePath: string, name: string): string {
  return joinPath(storePath, storeDirectories.builders, `${name}.json`);
}

/** Absolute path of the lock of all builders. */
export function buildersLockPath(storePath: string): string {
  return joinPath(storePath, storeDirectories.builders, '.lock');
}

/** Lock of one machine. Beside its directory, so that it can be held while the directory is removed. */
export function machineLockPath(storePath: string, name: string): string {
  return hiddenSibling(storePath, name, 'lock');
}

/** Held by a machine's background agent for as long as it runs; so it also tells who that is. */
export function agentLockPath(storePath: string, name: string): string {
  return hiddenSibling(storePath, name, 'agent-lock');
}

/** Where a machine's directory is filled before it is renamed into place; left over only by a crash. */
export function draftDirectory(storePath: string, name: string): string {
  return hiddenSibling(storePath, name, 'new');
}

/** Where a machine's directory goes for the moment in which it is deleted; left over only by a crash. */
export function removedDirectory(storePath: string, name: string): string {
  return hiddenSibling(storePath, name, 'removed');
}

/** Lock of the CA and the client certificates. */
export function certsLockPath(storePath: string): string {
  return joinPath(storePath, '.certs.lock');
}

/** Notes about machines that were removed here by force, and perhaps not at their provider. */
export function tombstonesDirectory(storePath: string): string {
  return joinPath(storePath, 'tombstones');
}

/** What a driver keeps for all machines of the store and can make again. */
export function driverCacheDirectory(storePath: string, driverName: string): string {
  return joinPath(storePath, storeDirectories.cache, 'drivers', driverName);
}

/** How often providers were asked a moment ago, for all processes of the store. */
export function ratesDirectory(storePath: string): string {
  return joinPath(storePath, storeDirectories.cache, 'rates');
}

/** The UUID by which providers know the store, one line. */
export function storeIdFile(storePath: string): string {
  return joinPath(storePath, '.store-id');
}

/** Where at providers this store has ever made something: places.ts. */
export function placesFile(storePath: string): string {
  return joinPath(storePath, '.places.json');
}

/** Lock of the cache. */
export function cacheLockPath(storePath: string): string {
  return joinPath(storePath, '.cache.lock');
}

/** Joins in the manner of the absolute path `base`, so that Windows' paths are right on every platform. */
export function joinPath(base: string, ...parts: readonly string[]): string {
  return (isWindowsPath(base) ? win32 : posix).join(base, ...parts);
}

/**
 * True when `path` is `directory` or lies below it, by segments. Both are absolute; symlinks are not
 * resolved here. Windows' paths are compared without regard to case.
 */
export function isInside(directory: string, path: string): boolean {
  const paths = isWindowsPath(directory) ? win32 : posix;
  const relative = paths.relative(directory, path);
  return relative !== '..' && !relative.startsWith(`..${paths.sep}`) && !paths.isAbsolute(relative);
}

/** A name among `names` that differs from `name` only in case: the two are one directory on macOS and Windows. */
export function findCaseTwin(names: readonly string[], name: string): string | undefined {
  return names.find((other) => other !== name && other.toLowerCase() === name.toLowerCase());
}

function hiddenSibling(storePath: string, name: string, ending: string): string {
  requireSafeName(name);
  // docker-machine lists every directory here as a machine, except those with a leading dot.
  return joinPath(storePath, storeDirectories.machines, `.${name}.${ending}`);
}

function requireSafeName(name: string): void {
  if (!EXISTING_NAME.test(name)) {
    throw invalidName(name, 'A name has letters, digits, "-" and "." and begins with a letter or digit.');
  }
  if (name.length > EXISTING_NAME_MAX) {
    throw invalidName(name, `It has ${name.length} characters; at most ${EXISTING_NAME_MAX} can be used.`);
  }
  if (name.endsWith('.')) {
    throw invalidName(name, 'Windows drops a dot at the end, so this would be another name there.');
  }
  if (DEVICE_NAME.test(name)) {
    throw invalidName(name, 'Windows has a device of this name.');
  }
}

function invalidName(name: string, why: string): MachineError {
  const shown = name.length > 80 ? `${name.slice(0, 80)}…` : name;
  return new MachineError('name-invalid', `${JSON.stringify(shown)} cannot be the name of a machine.`, {
    why,
    facts: { name: shown },
  });
}

function isWindowsPath(path: string): boolean {
  return /^(?:[A-Za-z]:|\\\\)/.test(path);
}
