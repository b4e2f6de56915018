/**
 * The shell function `section NAME`: begins a part of a script's output. The token is random, so that nothing that
 * is printed between can be taken for the begin of another part.
 */
export function sectionFunction(token: string): string {
  return `section() { printf '\\n%s %s\\n' '${token}' "$1"; }`;
}

/** The parts of such an output, byte for byte, by name. */
export function parseSections(output: string, token: string): Map<string, string> {
  const sections = new Map<string, string>();
  for (const part of output.split(`\n${token} `).slice(1)) {
    const end = part.indexOf('\n');
    sections.set(part.slice(0, end), part.slice(end + 1));
  }
  return sections;
}
