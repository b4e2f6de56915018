/** Shown in place of a secret. */
export const redacted = '***';

/**
 * Text that is safe on a terminal and in a log of lines: control characters (also line ends and the escapes of
 * terminals) are written as `\n`, `\t` or `\x1b`, and characters that reorder a line as `\u202e`.
 */
export function printable(text: string): string {
  return text.replace(/[\p{Cc}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, (character) => {
    const code = character.codePointAt(0) ?? 0;
    if (character === '\n') {
      return '\\n';
    }
    if (character === '\t') {
      return '\\t';
    }
    return code < 0x100
      ? `\\x${code.toString(16).padStart(2, '0')}`
      : `\\u${code.toString(16).padStart(4, '0')}`;
  });
}

/** Like printable, but the text stays as many lines as it has. */
export function printableLines(text: string): string[] {
  return text.trimEnd().split(/\r?\n/).map(printable);
}

/**
 * Takes out what nobody should read: the given secrets (also URL-encoded and in base64), passwords in URLs and
 * private keys.
 */
export function redact(text: string, secrets: readonly string[]): string {
  let result = text;
  for (const secret of secrets) {
    for (const form of formsOf(secret)) {
      result = result.replaceAll(form, redacted);
    }
  }
  return result
    .replace(/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@"']*@/gi, `$1${redacted}@`)
    .replace(/-----BEGIN ([A-Z ]*PRIVATE KEY)-----[\s\S]*?(-----END \1-----|$)/g, redacted);
}

function formsOf(secret: string): string[] {
  const inJson = JSON.stringify(secret).slice(1, -1);
  const forms = [secret, inJson, encodeURIComponent(secret), Buffer.from(secret).toString('base64')];
  return forms.filter((form) => form !== '');
}

/** "850 ms", "12.3 s", "3 min 05 s". */
export function formatDuration(durationMs: number): string {
  if (durationMs < 1000) {
    return `${Math.round(durationMs)} ms`;
  }
  if (durationMs < 60_000) {
    return `${(durationMs / 1000).toFixed(1)} s`;
  }
  const seconds = Math.round(durationMs / 1000);
  return `${Math.floor(seconds / 60)} min ${String(seconds % 60).padStart(2, '0')} s`;
}

/** "3 %", or "42 of ?" things when nobody knows how many there are. */
export function formatProgress(done: number, total: number | undefined): string {
  if (total === undefined || total <= 0) {
    return String(done);
  }
  return `${Math.min(100, Math.floor((done / total) * 100))} %`;
}
