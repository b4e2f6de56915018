import { MachineError, systemCode } from '../core/errors.ts';
import type { StepFacts } from '../drivers/driver.ts';
import type { Host } from '../host/types.ts';

/** What can happen to a step. `adopted`: begun earlier, found finished when asked. */
export type JournalEvent = 'begin' | 'done' | 'adopted' | 'failed' | 'undone';

/** In the journal of a machine that was not made here, but found at its provider. */
export const adoptStep = 'adopt';

/** In which an image is made of a machine. */
export const bakeStep = 'bake-image';

/** One line of journal.jsonl. */
export interface JournalEntry {
  /** ISO 8601, UTC. */
  readonly at: string;
  readonly step: string;
  readonly event: JournalEvent;
  readonly facts?: StepFacts;
  readonly message?: string;
}

/** The write-ahead journal of one machine: what was begun is on the disk before it happens. */
export interface Journal {
  readonly path: string;
  /** Everything so far, this process' entries included. */
  readonly entries: readonly JournalEntry[];
  /** Durable when it resolves. */
  append(entry: Omit<JournalEntry, 'at'>): Promise<void>;
}

/**
 * Opens a journal for writing. A last line that was cut by a crash is dropped: its effect cannot have begun,
 * because an effect begins after its line is on the disk.
 * @throws MachineError `journal-invalid` when a line in the middle cannot be read.
 */
export async function openJournal(host: Host, path: string): Promise<Journal> {
  const { entries, torn } = await load(host, path);
  if (torn) {
    await host.files.writeAtomic(path, entries.map(formatEntry).join(''), 0o600);
  }
  return {
    path,
    entries,
    async append(entry) {
      const complete: JournalEntry = { at: new Date(host.clock.nowMs()).toISOString(), ...entry };
      await host.files.appendDurable(path, formatEntry(complete));
      entries.push(complete);
    },
  };
}

/** Reads a journal without touching it; empty when there is none. */
export async function readJournal(host: Host, path: string): Promise<readonly JournalEntry[]> {
  return (await load(host, path)).entries;
}

/** The last event of a step, or undefined when it never began. */
export function lastEvent(entries: readonly JournalEntry[], step: string): JournalEvent | undefined {
  return entries.findLast((entry) => entry.step === step)?.event;
}

function formatEntry(entry: JournalEntry): string {
  return `${JSON.stringify(entry)}\n`;
}

async function load(host: Host, path: string): Promise<{ entries: JournalEntry[]; torn: boolean }> {
  let text: string;
  try {
    text = await host.files.readText(path);
  } catch (error) {
    if (systemCode(error) === 'ENOENT') {
      return { entries: [], torn: false };
    }
    throw error;
  }
  const lines = text.split('\n');
  // A complete file ends with a line end, so the last piece is empty.
  const torn = lines.pop() !== '';
  return { entries: lines.map((line, index) => parseEntry(line, `${path}:${index + 1}`)), torn };
}

const events: ReadonlySet<string> = new Set(['begin', 'done', 'adopted', 'failed', 'undone']);

function parseEntry(line: string, where: string): JournalEntry {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch (cause) {
    throw new MachineError('journal-invalid', `The journal line ${where} is not JSON.`, { cause });
  }
  const entry = value as Partial<JournalEntry> | null;
  if (
    typeof entry !== 'object' ||
    typeof entry?.step !== 'string' ||
    typeof entry.at !== 'string' ||
    !events.has(String(entry.event))
  ) {
    throw new MachineError('journal-invalid', `The journal line ${where} is not an entry of a journal.`);
  }
  return entry as JournalEntry;
}
