import { isMachineError, systemCode } from '../../../core/errors.ts';
import type { DriverCache } from '../../driver.ts';
import type { Host } from '../../../host/types.ts';
import { templateId, type TemplateKey } from './key.ts';

/** A guest that was saved when it was ready, without keys or secrets, and the disk that belongs to it. */
export interface Template {
  readonly id: string;
  readonly directory: string;
  readonly ramPath: string;
  readonly diskPath: string;
  readonly record: TemplateRecord;
}

/** `template.json`, written last: a directory without it is not a template. */
export interface TemplateRecord {
  readonly schema: 1;
  readonly key: TemplateKey;
  readonly ram: SavedFile;
  readonly disk: SavedFile;
  /** ISO 8601 in UTC. */
  readonly made: string;
}

/** What a file was when it was saved. */
export interface SavedFile {
  readonly sizeBytes: number;
  readonly crc32: number;
}

/** Something that was taken out of the cache. */
export interface RemovedTemplate {
  readonly directory: string;
  readonly sizeBytes: number;
}

export const recordFile = 'template.json';
export const ramFile = 'ram';
export const diskFile = 'disk.qcow2';
const usedFile = 'used';
const failedPrefix = '.failed-';
const makingPrefix = '.making-';
const idPattern = /^[0-9a-f]{32}$/;

/** All templates together; the least recently used go first. One of a machine with the default sizes has 300 MB. */
const sizeMaxBytes = 3 * 1024 ** 3;
/** The date of the last use is this coarse, so that a create writes it rarely. */
const usedResolutionMs = 60 * 60 * 1000;
/** For so long a shape whose template could not be made is not tried again. */
const failureKeptMs = 24 * 60 * 60 * 1000;

/** Where the template for a key is, or would be. */
export function templateDirectory(cache: DriverCache, key: TemplateKey): string {
  return `${cache.directory}/${templateId(key)}`;
}

/** Directory in which a template is made; it names the process, so that the remains of a killed one are told apart. */
export function makingDirectory(cache: DriverCache, key: TemplateKey, pid: number): string {
  return `${cache.directory}/${makingPrefix}${pid}-${templateId(key)}`;
}

/** The template for a key, or undefined. One that is not whole is removed. */
export async function findTemplate(
  host: Host,
  cache: DriverCache,
  key: TemplateKey,
): Promise<Template | undefined> {
  const directory = templateDirectory(cache, key);
  const record = await readRecord(host, directory);
  if (record === undefined) {
    return undefined;
  }
  const template = templateIn(directory, key, record);
  if (JSON.stringify(record.key) === JSON.stringify(key) && (await hasRightSizes(host, template))) {
    return template;
  }
  await removeTemplate(host, directory);
  return undefined;
}

/** A template by its directory's name, for a machine that was promised it. */
export async function openTemplate(
  host: Host,
  cache: DriverCache,
  id: string,
): Promise<Template | undefined> {
  const directory = `${cache.directory}/${id}`;
  const record = idPattern.test(id) ? await readRecord(host, directory) : undefined;
  return record === undefined ? undefined : templateIn(directory, record.key, record);
}

/** True when a file is what it was when the template was made. */
export async function isIntact(host: Host, path: string, saved: SavedFile): Promise<boolean> {
  try {
    const stat = await host.files.stat(path);
    return stat?.sizeBytes === saved.sizeBytes && (await host.files.crc32(path)) === saved.crc32;
  } catch (error) {
    if (systemCode(error) !== undefined) {
      return false;
    }
    throw error;
  }
}

/**
 * Removes a template. A machine that is being resumed from it keeps the files that it has open. The record goes
 * first, so that what a kill leaves is not taken for a template.
 */
export async function removeTemplate(host: Host, directory: string): Promise<void> {
  await host.files.remove(`${directory}/${recordFile}`);
  await host.files.remove(directory);
}

/** Notes that a machine has been resumed from a template: for the size bound, and as a proof that it works. */
export async function touchTemplate(host: Host, template: Template): Promise<void> {
  const path = `${template.directory}/${usedFile}`;
  const stat = await host.files.stat(path);
  if (stat === undefined || host.clock.nowMs() - stat.modifiedMs > usedResolutionMs) {
    await host.files.writeAtomic(path, '', 0o600).catch((error: unknown) => {
      // The directory may have been removed meanwhile.
      if (!isMachineError(error)) {
        throw error;
      }
    });
  }
}

/** Keeps in mind that a template could not be made or never worked, and why. */
export async function noteFailure(
  host: Host,
  cache: DriverCache,
  failure: { readonly key: TemplateKey; readonly why: string },
): Promise<void> {
  await host.files.writeAtomic(failurePath(cache, failure.key), `${failure.why}\n`, 0o600);
}

/** Why this template failed lately; undefined when it is worth a try. */
export async function recentFailure(
  host: Host,
  cache: DriverCache,
  key: TemplateKey,
): Promise<string | undefined> {
  const path = failurePath(cache, key);
  const stat = await host.files.stat(path);
  if (stat === undefined || host.clock.nowMs() - stat.modifiedMs > failureKeptMs) {
    return undefined;
  }
  return (await host.files.readText(path)).trim();
}

/** Directories of templates in the making, with the process that makes them. */
export async function listMaking(
  host: Host,
  cache: DriverCache,
): Promise<{ readonly directory: string; readonly pid: number }[]> {
  const names = (await listIfThere(host, cache.directory)).map(({ name }) => name);
  return names
    .filter((name) => name.startsWith(makingPrefix))
    .map((name) => ({
      directory: `${cache.directory}/${name}`,
      pid: Number.parseInt(name.slice(makingPrefix.length), 10),
    }));
}

/** One that was never used counts from the time when it was made. */
async function lastUseMs(host: Host, directory: string): Promise<number> {
  const used = await host.files.stat(`${directory}/${usedFile}`);
  return (used ?? (await host.files.stat(`${directory}/${recordFile}`)))?.modifiedMs ?? 0;
}

/** True for a template from which a machine has been resumed on this computer. */
export async function isProven(host: Host, template: Template): Promise<boolean> {
  return (await host.files.stat(`${template.directory}/${usedFile}`)) !== undefined;
}

/** Removes the least recently used templates until the rest is small enough; `keep` stays in any case. */
export async function enforceSizeBound(host: Host, cache: DriverCache, keep: Template): Promise<void> {
  const found = await Promise.all(
    (await listTemplates(host, cache)).map(async (directory) => ({
      directory,
      sizeBytes: await sizeOf(host, directory),
      usedMs: await lastUseMs(host, directory),
    })),
  );
  let totalBytes = found.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  for (const { directory, sizeBytes } of found.sort((a, b) => a.usedMs - b.usedMs)) {
    if (totalBytes > sizeMaxBytes && directory !== keep.directory) {
      await removeTemplate(host, directory);
      totalBytes -= sizeBytes;
    }
  }
}

/**
 * Removes templates of images that are not kept, all notes of failures and, with an empty set, everything.
 * @returns what is gone.
 */
export async function pruneTemplates(
  host: Host,
  cache: DriverCache,
  keepImages: ReadonlySet<string>,
): Promise<RemovedTemplate[]> {
  const removed: RemovedTemplate[] = [];
  for (const directory of await listTemplates(host, cache)) {
    const record = await readRecord(host, directory);
    if (record === undefined || !keepImages.has(record.key.image)) {
      const sizeBytes = await sizeOf(host, directory);
      await removeTemplate(host, directory);
      removed.push({ directory, sizeBytes });
    }
  }
  for (const { name } of await listIfThere(host, cache.directory)) {
    if (name.startsWith(failedPrefix)) {
      await host.files.remove(`${cache.directory}/${name}`);
    }
  }
  return removed;
}

function failurePath(cache: DriverCache, key: TemplateKey): string {
  return `${cache.directory}/${failedPrefix}${templateId(key)}`;
}

function templateIn(directory: string, key: TemplateKey, record: TemplateRecord): Template {
  return {
    id: templateId(key),
    directory,
    ramPath: `${directory}/${ramFile}`,
    diskPath: `${directory}/${diskFile}`,
    record,
  };
}

async function hasRightSizes(host: Host, { ramPath, diskPath, record }: Template): Promise<boolean> {
  const ram = await host.files.stat(ramPath);
  const disk = await host.files.stat(diskPath);
  return ram?.sizeBytes === record.ram.sizeBytes && disk?.sizeBytes === record.disk.sizeBytes;
}

async function listTemplates(host: Host, cache: DriverCache): Promise<string[]> {
  const entries = await listIfThere(host, cache.directory);
  return entries.filter(({ name }) => idPattern.test(name)).map(({ name }) => `${cache.directory}/${name}`);
}

async function listIfThere(host: Host, directory: string): Promise<{ readonly name: string }[]> {
  try {
    return await host.files.list(directory);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') {
      return [];
    }
    throw error;
  }
}

async function sizeOf(host: Host, directory: string): Promise<number> {
  let sizeBytes = 0;
  for (const { name } of await listIfThere(host, directory)) {
    sizeBytes += (await host.files.stat(`${directory}/${name}`))?.sizeBytes ?? 0;
  }
  return sizeBytes;
}

async function readRecord(host: Host, directory: string): Promise<TemplateRecord | undefined> {
  try {
    const value: unknown = JSON.parse(await host.files.readText(`${directory}/${recordFile}`));
    return isRecord(value) ? value : undefined;
  } catch (error) {
    // Whatever stands in the way of reading it stands in the way of a template.
    if (systemCode(error) !== undefined || error instanceof SyntaxError) {
      return undefined;
    }
    throw error;
  }
}

function isRecord(value: unknown): value is TemplateRecord {
  if (typeof value !== 'object' || value === null) {
    return false;
  }
  const record = value as Record<string, unknown>;
  const isFile = (file: unknown): boolean =>
    typeof file === 'object' &&
    file !== null &&
    ['sizeBytes', 'crc32'].every((name) => Number.isSafeInteger((file as Record<string, unknown>)[name]));
  return (
    record['schema'] === 1 &&
    typeof record['key'] === 'object' &&
    record['key'] !== null &&
    isFile(record['ram']) &&
    isFile(record['disk'])
  );
}
