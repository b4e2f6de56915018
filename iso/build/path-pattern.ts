/** Tests paths against the patterns of a package list; remembers which patterns found nothing. */
export class PathPatterns {
  readonly #patterns: readonly { readonly text: string; readonly test: RegExp }[];
  readonly #used = new Set<string>();

  /** `{triplet}` in a pattern stands for the library directory, `*` for any characters but a slash. */
  constructor(patterns: readonly string[], triplet: string) {
    this.#patterns = patterns.map((pattern) => {
      const text = pattern.replaceAll('{triplet}', triplet);
      return { text, test: new RegExp(`^${text.split('*').map(escape).join('[^/]*')}$`) };
    });
  }

  matches(path: string): boolean {
    // Every pattern is asked, so that one that is covered by another does not count as unused.
    const found = this.#patterns.filter(({ test }) => test.test(path));
    for (const { text } of found) {
      this.#used.add(text);
    }
    return found.length > 0;
  }

  /** The patterns that no path has matched so far. */
  unused(): readonly string[] {
    return this.#patterns.map(({ text }) => text).filter((text) => !this.#used.has(text));
  }
}

function escape(text: string): string {
  return text.replaceAll(/[.+?^${}()|[\]\\]/g, '\\$&');
}
