/** A line longer than this is handed on in pieces. */
const LINE_MAX_CHARS = 16 * 1024 * 1024;

/**
 * Hands on every line of a stream of UTF-8, without its end, until the stream ends. Never rejects: pipes of a process
 * that is killed may end with an error.
 */
export async function readLines(
  chunks: AsyncIterable<Uint8Array>,
  onLine: (line: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  // In pieces, so that a long line is not copied again with every chunk of it.
  let parts: string[] = [];
  let lengthChars = 0;
  const flush = (): void => {
    onLine(parts.join('').replace(/\r$/, ''));
    parts = [];
    lengthChars = 0;
  };
  const take = (text: string): void => {
    const [head = '', ...rest] = text.split('\n');
    parts.push(head);
    lengthChars += head.length;
    for (const next of rest) {
      flush();
      parts.push(next);
      lengthChars = next.length;
    }
    if (lengthChars > LINE_MAX_CHARS) {
      flush();
    }
  };
  try {
    for await (const chunk of chunks) {
      take(decoder.decode(chunk, { stream: true }));
    }
  } catch {
    // What was read so far is all there is.
  }
  take(decoder.decode());
  if (lengthChars > 0) {
    flush();
  }
}
