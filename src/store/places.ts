import { MachineError, systemCode } from '../core/errors.ts';
import type { Host } from '../host/types.ts';
import { parseJsonObject } from './go-json.ts';
import { placesFile } from './paths.ts';

/** Values of a driver's flags. */
type Values = Readonly<Record<string, string | number | boolean | readonly string[]>>;

/** Where at a provider something was made. Never a secret. */
export interface StoredPlace {
  readonly driver: string;
  /** What leads there, as flags of the driver. */
  readonly flags: Values;
}

const SCHEMA = 1;

/**
 * All places in which this store has ever made something.
 * @throws MachineError `record-invalid` when the file cannot be used: then nobody knows them all.
 */
export async function readPlaces(host: Host, storePath: string): Promise<readonly StoredPlace[]> {
  const path = placesFile(storePath);
  let text: string;
  try {
    text = await host.files.readText(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') {
      return [];
    }
    throw error;
  }
  const { schema, places } = parseJsonObject(text, path);
  if (typeof schema === 'number' && schema > SCHEMA) {
    throw new MachineError('record-from-future', `${path} was written by a newer version.`);
  }
  if (schema !== SCHEMA || !Array.isArray(places) || !places.every(isPlace)) {
    throw new MachineError('record-invalid', `${path} is not what it should be.`, {
      remedies: [`Mend or remove it; then "tsmachine gc" looks only where machines are: ${path}`],
    });
  }
  return places;
}

/** Writes the file: durable when it resolves. The caller holds the lock of the store. */
export async function writePlaces(
  host: Host,
  storePath: string,
  places: readonly StoredPlace[],
): Promise<void> {
  const text = JSON.stringify({ schema: SCHEMA, places }, undefined, 2);
  await host.files.writeAtomic(placesFile(storePath), `${text}\n`, 0o600);
}

/** Equal for equal places. */
export function placeKey({ driver, flags }: StoredPlace): string {
  return JSON.stringify([driver, Object.entries(flags).sort(([a], [b]) => (a < b ? -1 : 1))]);
}

function isPlace(value: unknown): value is StoredPlace {
  const place = value as Partial<StoredPlace> | null;
  return (
    typeof place === 'object' &&
    typeof place?.driver === 'string' &&
    typeof place.flags === 'object' &&
    (place.flags as unknown) !== null &&
    Object.values(place.flags).every(isFlagValue)
  );
}

function isFlagValue(value: unknown): boolean {
  return Array.isArray(value)
    ? value.every((each) => typeof each === 'string')
    : ['string', 'number', 'boolean'].includes(typeof value);
}
