/** What /etc/os-release says of a system, as far as it matters here. */
export interface OsRelease {
  /** Lower case: `debian`, `opensuse-leap`. Empty when there is no ID. */
  readonly id: string;
  /** Systems that this one is like, closest first. */
  readonly idLike: readonly string[];
  readonly versionId: string;
  /** `coreos` of Fedora CoreOS, `server` and the like. */
  readonly variantId: string;
  /** For people: `Debian GNU/Linux 12 (bookworm)`. */
  readonly prettyName: string;
}

/**
 * Parses os-release: assignments in the syntax of a shell, without expansion. Later lines win; what is no assignment is
 * passed over. Format: https://www.freedesktop.org/software/systemd/man/latest/os-release.html
 */
export function parseOsRelease(text: string): OsRelease {
  const values = parseAssignments(text);
  const of = (name: string): string => values.get(name) ?? '';
  const id = of('ID').toLowerCase();
  return {
    id,
    idLike: of('ID_LIKE')
      .toLowerCase()
      .split(/\s+/)
      .filter((word) => word !== ''),
    versionId: of('VERSION_ID'),
    variantId: of('VARIANT_ID').toLowerCase(),
    prettyName: of('PRETTY_NAME') || of('NAME') || id,
  };
}

/** `NAME=VALUE` lines of a file that a shell could read, or systemd as an EnvironmentFile. */
export function parseAssignments(text: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const line of text.split(/\r?\n/)) {
    const match = /^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*?)\s*$/.exec(line);
    if (match !== null) {
      values.set(match[1] ?? '', unquote(match[2] ?? ''));
    }
  }
  return values;
}

function unquote(text: string): string {
  const quoted = /^"((?:[^"\\]|\\.)*)"|^'([^']*)'/.exec(text);
  if (quoted === null) {
    return text.replace(/\\(.)/g, '$1');
  }
  return quoted[2] ?? (quoted[1] ?? '').replace(/\\(["\\$`])/g, '$1');
}
