import { errorCodes, type CodeEntry, type ErrorCode } from './codes.ts';

const brand = Symbol.for('tsmachine.error');

/** What a thrower may add to the message. */
export interface MachineErrorOptions {
  /** Why it happened, when the cause chain does not say it. */
  readonly why?: string;
  /** What to do; replaces the default remedies of the code. */
  readonly remedies?: readonly string[];
  /** Machine-readable particulars. Never a secret. */
  readonly facts?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
  /** The exit code, where it differs from that of the fault (the remote status of `ssh`, 3 of a pre-create check). */
  readonly exitCode?: number;
}

/**
 * The one error class: a stable code, a sentence that says what happened, and what to do.
 * The command line shows it as what / why / try.
 */
export class MachineError extends Error {
  readonly code: ErrorCode;
  readonly why: string | undefined;
  readonly remedies: readonly string[];
  readonly facts: Readonly<Record<string, unknown>>;
  readonly exitCode: number;

  constructor(code: ErrorCode, what: string, options: MachineErrorOptions = {}) {
    super(what, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'MachineError';
    const entry: CodeEntry = errorCodes[code];
    this.code = code;
    this.why = options.why;
    this.remedies = options.remedies ?? entry.remedies;
    this.facts = options.facts ?? {};
    this.exitCode = options.exitCode ?? exitCodeOf(entry);
    Object.defineProperty(this, brand, { value: true });
  }
}

/** True for a MachineError, also one of another copy of this module. */
export function isMachineError(value: unknown): value is MachineError {
  return typeof value === 'object' && value !== null && brand in value;
}

/** The message of whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** The `code` of a system error (`ENOENT`, `EACCES` …), if it has one. */
export function systemCode(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) {
    return undefined;
  }
  return typeof error.code === 'string' ? error.code : undefined;
}

function exitCodeOf(entry: CodeEntry): number {
  if (entry.fault === 'usage') {
    return 2;
  }
  return entry.fault === 'interrupted' ? 130 : 1;
}
