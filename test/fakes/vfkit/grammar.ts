// The command line of vfkit, as its doc/usage.md has it, as far as a machine of ours needs it.

/** A command line that was understood. */
export interface VfkitMachine {
  readonly cpus: number;
  readonly memoryMiB: number;
  /** Path of the socket that answers about the machine. */
  readonly socket: string;
  readonly kernel: string;
  readonly initrd: string;
  readonly cmdline: string;
  /** Raw disks, in order. */
  readonly disks: readonly string[];
  readonly macAddress: string;
  readonly consoleLog: string;
  /** Tag of the directory with Rosetta; undefined without it. */
  readonly rosettaTag?: string;
  readonly shares: readonly { readonly path: string; readonly tag: string }[];
}

const devices: Readonly<Record<string, readonly string[]>> = {
  'virtio-blk': ['path', 'deviceId'],
  'virtio-net': ['nat', 'mac', 'unixSocketPath', 'fd'],
  'virtio-serial': ['logFilePath', 'stdio', 'pty'],
  'virtio-fs': ['sharedDir', 'mountTag'],
  rosetta: ['mountTag', 'install', 'ignoreIfMissing'],
  'virtio-rng': [],
  'virtio-balloon': [],
};

/** @throws Error for what vfkit would not take. */
export function parseVfkit(args: readonly string[]): VfkitMachine {
  const flags = new Map<string, string[]>();
  for (let at = 0; at < args.length; at += 2) {
    const [flag = '', value] = args.slice(at, at + 2);
    if (!['--cpus', '--memory', '--restful-uri', '--bootloader', '--device'].includes(flag)) {
      throw new Error(`unknown flag: ${flag}`);
    }
    if (value === undefined) {
      throw new Error(`flag needs an argument: ${flag}`);
    }
    flags.set(flag, [...(flags.get(flag) ?? []), value]);
  }
  const one = (flag: string): string => {
    const [value, ...more] = flags.get(flag) ?? [];
    if (value === undefined || more.length > 0) {
      throw new Error(`${flag} is given ${value === undefined ? 'not at all' : 'twice'}`);
    }
    return value;
  };
  const boot = parseBootloader(one('--bootloader'));
  const given = (flags.get('--device') ?? []).map(parseDevice);
  const of = (kind: string): ReadonlyMap<string, string>[] =>
    given.filter((device) => device.kind === kind).map(({ options }) => options);
  return {
    cpus: positive(one('--cpus')),
    memoryMiB: positive(one('--memory')),
    socket: match(one('--restful-uri'), /^unix:\/\/(\/.+)$/),
    ...boot,
    disks: of('virtio-blk').map((options) => need(options, 'path')),
    macAddress: match(need(of('virtio-net')[0], 'mac'), /^((?:[0-9a-f]{2}:){5}[0-9a-f]{2})$/),
    consoleLog: need(of('virtio-serial')[0], 'logFilePath'),
    ...(of('rosetta').length === 0 ? {} : { rosettaTag: need(of('rosetta')[0], 'mountTag') }),
    shares: of('virtio-fs').map((options) => ({
      path: need(options, 'sharedDir'),
      tag: need(options, 'mountTag'),
    })),
  };
}

/** Commas inside quotes do not split here, unlike in devices. */
function parseBootloader(value: string): Pick<VfkitMachine, 'kernel' | 'initrd' | 'cmdline'> {
  const [kind, ...words] = value.match(/(?:[^,"]|"[^"]*")+/g) ?? [];
  if (kind !== 'linux') {
    throw new Error(`unknown bootloader type: ${kind ?? ''}`);
  }
  const options = new Map(words.map(splitOption));
  return {
    kernel: need(options, 'kernel'),
    initrd: need(options, 'initrd'),
    cmdline: need(options, 'cmdline').replace(/^"(.*)"$/, '$1'),
  };
}

function parseDevice(value: string): {
  readonly kind: string;
  readonly options: ReadonlyMap<string, string>;
} {
  const [kind = '', ...words] = value.split(',');
  const known = devices[kind];
  if (known === undefined) {
    throw new Error(`unknown device type: ${kind}`);
  }
  const options = new Map(words.map(splitOption));
  for (const key of options.keys()) {
    if (!known.includes(key)) {
      throw new Error(`unknown option for ${kind} devices: ${key}`);
    }
  }
  return { kind, options };
}

function splitOption(word: string): [string, string] {
  const at = word.indexOf('=');
  return at < 0 ? [word, ''] : [word.slice(0, at), word.slice(at + 1)];
}

function need(options: ReadonlyMap<string, string> | undefined, key: string): string {
  const value = options?.get(key);
  if (value === undefined || value === '') {
    throw new Error(`missing mandatory "${key}" option`);
  }
  return value;
}

function positive(text: string): number {
  return Number(match(text, /^([1-9]\d*)$/));
}

function match(text: string, pattern: RegExp): string {
  const found = pattern.exec(text)?.[1];
  if (found === undefined) {
    throw new Error(`invalid argument "${text}"`);
  }
  return found;
}
