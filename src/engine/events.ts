const types = ['container'];
const actions = ['create', 'start', 'die', 'rename', 'pause', 'unpause'];

/** Path of the stream that `EventReader` reads: what changes which ports are published and which directories are mounted. */
export const eventsPath = `/events?filters=${encodeURIComponent(JSON.stringify({ type: types, event: actions }))}`;

/** A line without an end is longer than this only when what sends it is no engine. */
const lineBytesMax = 1024 * 1024;

/** Something that happened to a container. */
export interface ContainerEvent {
  /** `start`, `die` … */
  readonly action: string;
  /** Id of the container. */
  readonly id: string;
}

/**
 * Reads the stream of `GET /events` (Docker Engine API, SystemEvents): JSON objects, each followed by a line end, cut
 * anywhere. What is not an event of a container is passed over.
 */
export class EventReader {
  readonly #decoder = new TextDecoder();
  #unread = '';

  /**
   * The events that are complete with this chunk.
   * @throws Error for a line that does not end.
   */
  feed(chunk: Uint8Array): ContainerEvent[] {
    const lines = (this.#unread + this.#decoder.decode(chunk, { stream: true })).split('\n');
    this.#unread = lines.pop() ?? '';
    if (this.#unread.length > lineBytesMax) {
      throw new Error('the stream of events is none');
    }
    return lines.map(toEvent).filter((event) => event !== undefined);
  }
}

function toEvent(line: string): ContainerEvent | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  const action = field(value, 'Action');
  const id = field(field(value, 'Actor'), 'ID');
  const isOne = field(value, 'Type') === 'container' && typeof action === 'string' && typeof id === 'string';
  return isOne ? { action, id } : undefined;
}

function field(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : undefined;
}
