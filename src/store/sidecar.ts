import { MachineError, systemCode } from '../core/errors.ts';
import type { Host } from '../host/types.ts';
import { isJsonObject, parseJsonObject, recordProblem, type JsonObject } from './go-json.ts';
import { machineFile } from './paths.ts';

/** The schema of tsmachine.json that this version writes. */
export const SIDECAR_SCHEMA = 1;

/** How far the machine is: `creating` until the last step of create is done, `removing` from the first of rm. */
export type Phase = 'creating' | 'ready' | 'removing';

/** tsmachine.json: what docker-machine's record has no place for. Never a secret, nothing volatile. */
export interface Sidecar {
  readonly schema: typeof SIDECAR_SCHEMA;
  readonly phase: Phase;
  /** When create began, ISO 8601 in UTC. */
  readonly created: string;
  /** SHA-256 over the files of the image that the machine boots. */
  readonly imageDigest?: string;
  /** Directory of that image. */
  readonly imagePath?: string;
  /** The image that it booted before its last upgrade, to go back to. */
  readonly previousImageDigest?: string | undefined;
  /** UUID by which a provider knows the machine. */
  readonly machineId?: string;
  /** From then on nobody wants the machine any more, ISO 8601 in UTC. */
  readonly expires?: string | undefined;
  /** Private state of the driver. */
  readonly driver: JsonObject;
  /** The pinned public key of the machine's SSH server, one line of OpenSSH's form. */
  readonly sshHostKey?: string;
  /** Another one, while the server changes to it. */
  readonly nextSshHostKey?: string | undefined;
  /** What the machine was told to do by itself when it boots first, besides what every one does: `engine`. */
  readonly firstBoot?: string;
  readonly tls?: {
    readonly keyType: string;
    /** End of the server's certificate, ISO 8601 in UTC. */
    readonly serverNotAfter: string;
  };
  /** Options of create that config.json has no key for. */
  readonly options: JsonObject;
}

const SIZE_MAX_BYTES = 1024 * 1024;
const PHASES: readonly unknown[] = ['creating', 'ready', 'removing'] satisfies Phase[];
const ISO_TIME = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?Z$/;
const DIGEST = /^[0-9a-f]{64}$/;
/** Type and base64 blob; a comment may follow. */
const PUBLIC_KEY = /^[a-z0-9@.-]{1,64} [A-Za-z0-9+/]{16,8192}={0,2}(?: [^\p{Cc}]{0,200})?$/u;
const FILE_PATH = /^(?!-)[^\p{Cc}]{1,4096}$/u;
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;
const WORD = /^[a-z0-9-]{1,32}$/;

/** The sidecar of a machine, or undefined when it has none: docker-machine made it. */
export async function loadSidecar(host: Host, storePath: string, name: string): Promise<Sidecar | undefined> {
  const path = machineFile(storePath, name, 'sidecar');
  let bytes: Uint8Array;
  try {
    bytes = await host.files.readRange(path, 0, SIZE_MAX_BYTES + 1);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') {
      return undefined;
    }
    throw recordProblem('syntax', path, 'it cannot be read', { cause: error });
  }
  if (bytes.length > SIZE_MAX_BYTES) {
    throw recordProblem('syntax', path, `it is larger than ${SIZE_MAX_BYTES} bytes`);
  }
  return parseSidecar(new TextDecoder().decode(bytes), path);
}

/** Writes the sidecar: whole or not at all, 0600. */
export async function saveSidecar(
  host: Host,
  storePath: string,
  name: string,
  sidecar: Sidecar,
): Promise<void> {
  const path = machineFile(storePath, name, 'sidecar');
  const text = formatSidecar(sidecar);
  // Nothing is written that could not be read again.
  parseSidecar(text, path);
  await host.files.writeAtomic(path, text, 0o600);
}

/**
 * Parses tsmachine.json; keys that are not known are kept.
 * @throws MachineError `record-from-future` for a newer schema, `record-invalid`.
 */
export function parseSidecar(text: string, path: string): Sidecar {
  const root = parseJsonObject(text, path);
  const { schema } = root;
  if (typeof schema === 'number' && schema > SIDECAR_SCHEMA) {
    throw new MachineError('record-from-future', `${path} has schema ${schema}.`, {
      why: `This version knows schemas up to ${SIDECAR_SCHEMA}.`,
      facts: { path, schema },
    });
  }
  const fields = fieldReader(root, path, '');
  fields.require('schema', schema === SIDECAR_SCHEMA);
  fields.require('phase', PHASES.includes(root.phase));
  fields.text('created', ISO_TIME);
  fields.require('driver', isJsonObject(root.driver));
  fields.require('options', isJsonObject(root.options));
  fields.optionalText('machineId', UUID);
  fields.optionalText('expires', ISO_TIME);
  fields.optionalText('imageDigest', DIGEST);
  fields.optionalText('previousImageDigest', DIGEST);
  fields.optionalText('imagePath', FILE_PATH);
  fields.optionalText('sshHostKey', PUBLIC_KEY);
  fields.optionalText('nextSshHostKey', PUBLIC_KEY);
  fields.optionalText('firstBoot', WORD);
  if (root.tls !== undefined) {
    fields.require('tls', isJsonObject(root.tls));
    const tls = fieldReader(root.tls as JsonObject, path, 'tls.');
    tls.text('keyType', WORD);
    tls.text('serverNotAfter', ISO_TIME);
  }
  return root as unknown as Sidecar;
}

/** The text of tsmachine.json. */
export function formatSidecar(sidecar: Sidecar): string {
  return `${JSON.stringify(sidecar, null, 2)}\n`;
}

interface FieldReader {
  require(field: string, isRight: boolean): void;
  text(field: string, pattern: RegExp): void;
  optionalText(field: string, pattern: RegExp): void;
}

function fieldReader(object: JsonObject, path: string, prefix: string): FieldReader {
  const require = (field: string, isRight: boolean): void => {
    if (!isRight) {
      const name = prefix + field;
      const shown = object[field] === undefined ? 'missing' : 'not what it should be';
      throw recordProblem('field', path, `${name} is ${shown}`, { field: name });
    }
  };
  const text = (field: string, pattern: RegExp): void => {
    const value = object[field];
    require(field, typeof value === 'string' && pattern.test(value));
  };
  return {
    require,
    text,
    optionalText: (field, pattern) => {
      if (object[field] !== undefined) {
        text(field, pattern);
      }
    },
  };
}
