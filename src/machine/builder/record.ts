import { MachineError, systemCode } from '../../core/errors.ts';
import type { Host } from '../../host/types.ts';
import { builderFile, joinPath, storeDirectories } from '../../store/paths.ts';

/** What is known of a builder: `builders/NAME.json` in the store. It is written before anything is made. */
export interface BuilderRecord {
  readonly name: string;
  /** Its machines, with the platforms for which each builds: `linux/arm64`. */
  readonly nodes: readonly BuilderNode[];
  /** Machines that were made for it and go with it. */
  readonly made: readonly string[];
}

export interface BuilderNode {
  readonly machine: string;
  readonly platforms: readonly string[];
}

type Store = { readonly host: Pick<Host, 'files'>; readonly storePath: string };

const nameForm = /^[a-zA-Z][a-zA-Z0-9._-]{0,62}$/;

/** Names as buildx takes them (its util/store, ValidateName). @throws MachineError `name-invalid`. */
export function requireBuilderName(name: string): void {
  if (!nameForm.test(name)) {
    throw new MachineError('name-invalid', `A builder cannot be called ${JSON.stringify(name)}.`, {
      why: 'Its name begins with a letter; letters, digits, ".", "_" and "-" follow, 63 characters at most.',
    });
  }
}

/** The record of a builder; undefined when there is none. @throws MachineError `record-invalid`. */
export async function readBuilder(
  { host, storePath }: Store,
  name: string,
): Promise<BuilderRecord | undefined> {
  const path = builderFile(storePath, name);
  let text: string;
  try {
    text = await host.files.readText(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') {
      return undefined;
    }
    throw error;
  }
  const record = parse(text);
  if (record?.name !== name) {
    throw new MachineError('record-invalid', `${path} cannot be used.`, {
      why: 'It is not the record of a builder.',
      remedies: [`Remove it, and what it is about: docker buildx rm ${name}`],
    });
  }
  return record;
}

/** Durable when it resolves. */
export async function writeBuilder({ host, storePath }: Store, record: BuilderRecord): Promise<void> {
  await host.files.makeDirectory(joinPath(storePath, storeDirectories.builders), 0o700);
  await host.files.writeAtomic(
    builderFile(storePath, record.name),
    `${JSON.stringify(record, undefined, 2)}\n`,
    0o600,
  );
}

export async function forgetBuilder({ host, storePath }: Store, name: string): Promise<void> {
  await host.files.remove(builderFile(storePath, name));
}

/** Names of the builders of a store, sorted. */
export async function builderNames({ host, storePath }: Store): Promise<readonly string[]> {
  const directory = joinPath(storePath, storeDirectories.builders);
  const entries = (await host.files.stat(directory)) === undefined ? [] : await host.files.list(directory);
  return entries
    .map((entry) => entry.name)
    .flatMap((file) =>
      file.endsWith('.json') && nameForm.test(file.slice(0, -5)) ? [file.slice(0, -5)] : [],
    )
    .sort();
}

function parse(text: string): BuilderRecord | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is BuilderRecord {
  const { name, made, nodes } = (value ?? {}) as Readonly<Record<string, unknown>>;
  return typeof name === 'string' && areTexts(made) && Array.isArray(nodes) && nodes.every(isNode);
}

function isNode(value: unknown): value is BuilderNode {
  const { machine, platforms } = (value ?? {}) as Readonly<Record<string, unknown>>;
  return typeof machine === 'string' && areTexts(platforms);
}

function areTexts(list: unknown): list is readonly string[] {
  return Array.isArray(list) && list.every((each) => typeof each === 'string');
}
