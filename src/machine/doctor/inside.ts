/** What a machine says of itself over SSH. */
export interface Inside {
  /** Its wall clock, in whole seconds since 1970. */
  readonly epochSeconds: number;
  readonly engineRuns: boolean;
  /** Of the file system that has the engine's data; undefined when it cannot be seen. */
  readonly data?: {
    readonly totalBytes: number;
    readonly freeBytes: number;
    readonly freeFilesShare: number;
  };
  readonly memory?: { readonly totalBytes: number; readonly availableBytes: number };
}

/** For a POSIX shell, with busybox' tools or others; reads and changes nothing. `stat -f`: GNU coreutils and busybox. */
export const insideScript = `
echo "clock $(date +%s)"
if pidof dockerd >/dev/null 2>&1; then echo 'engine yes'; else echo 'engine no'; fi
directory=/var/lib/docker
[ -d "$directory" ] || directory=/
echo "data $(stat -f -c '%S %b %a %c %d' "$directory" 2>/dev/null)"
sed -n 's/^\\(MemTotal\\|MemAvailable\\): *\\([0-9]*\\) kB$/\\1 \\2/p' /proc/meminfo
`;

const spaceShareMin = 0.03;
const filesShareMin = 0.02;
const memoryShareMin = 0.04;

/** Reads the answer to insideScript; undefined when it is none. */
export function parseInside(text: string): Inside | undefined {
  const words = new Map(
    text.split('\n').map((line) => {
      const [key = '', ...rest] = line.trim().split(/\s+/);
      return [key, rest];
    }),
  );
  const number = (key: string, at = 0): number => Number(words.get(key)?.[at] ?? Number.NaN);
  const epochSeconds = number('clock');
  if (!Number.isFinite(epochSeconds)) {
    return undefined;
  }
  const [block = Number.NaN, blocks = 0, free = 0, files = 0, freeFiles = 0] = (words.get('data') ?? []).map(
    Number,
  );
  const total = number('MemTotal') * 1024;
  const available = number('MemAvailable') * 1024;
  return {
    epochSeconds,
    engineRuns: words.get('engine')?.[0] === 'yes',
    ...(Number.isFinite(block * blocks * free)
      ? {
          data: {
            totalBytes: block * blocks,
            freeBytes: block * free,
            // Some file systems make room for files as they are needed, and say 0.
            freeFilesShare: files > 0 ? freeFiles / files : 1,
          },
        }
      : {}),
    ...(Number.isFinite(total + available)
      ? { memory: { totalBytes: total, availableBytes: available } }
      : {}),
  };
}

/** True when the disk of the engine is full, or so nearly that things fail. */
export function lacksSpace({ data }: Inside): boolean {
  return (
    data !== undefined &&
    (data.freeBytes < data.totalBytes * spaceShareMin || data.freeFilesShare < filesShareMin)
  );
}

/** True when programs will be ended for want of memory. */
export function lacksMemory({ memory }: Inside): boolean {
  return memory !== undefined && memory.availableBytes < memory.totalBytes * memoryShareMin;
}
