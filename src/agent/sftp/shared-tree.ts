import { systemCode } from '../../core/errors.ts';
import type { Host, RawFile, RawFiles, RawOpen, RawStat } from '../../host/types.ts';
import type { Attributes } from './packets.ts';

/** How long a directory counts as one that was looked at, in ms. Only this computer's own user changes it meanwhile. */
const trustMs = 1_000;

/** An error that the system has not made; its code is one of the system's. */
function refusal(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

/**
 * One shared directory, as a server of files sees it: paths begin at the directory, and nothing leads out of it. Symlinks
 * are for the client to follow, by the paths of its own system; here none is followed. One operation at a time: the check
 * of a path is true only as long as nobody else moves a symlink into it.
 */
export class SharedTree {
  readonly #files: RawFiles;
  readonly #host: Pick<Host, 'clock' | 'facts'>;
  readonly #root: Buffer;
  readonly #isReadOnly: boolean;
  readonly #seen = new Map<string, number>();

  private constructor(
    host: Pick<Host, 'clock' | 'facts'>,
    files: RawFiles,
    share: { readonly root: Uint8Array; readonly isReadOnly: boolean },
  ) {
    this.#files = files;
    this.#host = host;
    this.#root = Buffer.from(share.root);
    this.#isReadOnly = share.isReadOnly;
  }

  /** @throws the system's error for a directory that is not there. */
  static async open(
    host: Pick<Host, 'clock' | 'facts'>,
    files: RawFiles,
    share: { readonly path: string; readonly isReadOnly: boolean },
  ): Promise<SharedTree> {
    const root = await files.realPath(Buffer.from(share.path));
    return new SharedTree(host, files, { root, isReadOnly: share.isReadOnly });
  }

  /** A path as it is meant: absolute, without `.`, empty parts and a slash at its end. @throws EACCES for `..`. */
  normalize(path: Uint8Array): Buffer {
    return Buffer.from(`/${this.#parts(path).join('/')}`, 'latin1');
  }

  async lstat(path: Uint8Array): Promise<RawStat> {
    return this.#files.lstat(await this.#place(path));
  }

  /** Follows a symlink, if that leads to a place in the directory. */
  async stat(path: Uint8Array): Promise<RawStat> {
    const place = await this.#place(path);
    const stat = await this.#files.lstat(place);
    if (stat.kind !== 'symlink') {
      return stat;
    }
    const real = Buffer.from(await this.#files.realPath(place));
    if (!this.#isInside(real)) {
      throw refusal('ENOENT', 'it leads out of the shared directory');
    }
    return this.#files.lstat(real);
  }

  async readLink(path: Uint8Array): Promise<Uint8Array> {
    return this.#files.readLink(await this.#place(path));
  }

  /** Names in a directory, with what they are; what went away meanwhile is left out. */
  async list(path: Uint8Array): Promise<{ readonly name: Uint8Array; readonly stat: RawStat }[]> {
    const place = await this.#place(path);
    await this.#requireKind(place, 'directory', 'ENOTDIR');
    const entries = [];
    for (const name of await this.#files.list(place)) {
      const stat = await this.#files.lstat(joined(place, name)).catch(() => undefined);
      if (stat !== undefined) {
        entries.push({ name, stat });
      }
    }
    return entries;
  }

  /** Only files: whatever else lies there is refused. */
  async open(path: Uint8Array, how: RawOpen): Promise<RawFile> {
    if (how.write || how.create || how.truncate) {
      this.#requireWritable();
    }
    const place = await this.#place(path);
    const before = await this.#files.lstat(place).catch((error: unknown) => {
      if (systemCode(error) === 'ENOENT') {
        return undefined;
      }
      throw error;
    });
    if (before !== undefined && before.kind !== 'file') {
      throw refusal(before.kind === 'directory' ? 'EISDIR' : 'EACCES', 'it is no file');
    }
    return this.#files.open(place, how);
  }

  async makeDirectory(path: Uint8Array, mode: number): Promise<void> {
    await this.#files.makeDirectory(await this.#changed(path), mode);
  }

  async removeDirectory(path: Uint8Array): Promise<void> {
    await this.#files.removeDirectory(await this.#changed(path));
    this.#seen.clear();
  }

  async removeFile(path: Uint8Array): Promise<void> {
    await this.#files.removeFile(await this.#changed(path));
  }

  /** @param replaces whether what has the new name already makes way */
  async rename(
    from: Uint8Array,
    to: Uint8Array,
    { replaces }: { readonly replaces: boolean },
  ): Promise<void> {
    const [source, target] = [await this.#changed(from), await this.#changed(to)];
    if (!replaces && (await this.#files.lstat(target).catch(() => undefined)) !== undefined) {
      throw refusal('EEXIST', 'the new name is taken');
    }
    this.#seen.clear();
    await this.#files.rename(source, target);
  }

  async link(from: Uint8Array, to: Uint8Array): Promise<void> {
    const [source, target] = [await this.#changed(from), await this.#changed(to)];
    await this.#requireKind(source, 'file', 'EPERM');
    await this.#files.link(source, target);
  }

  /** The target is kept as it is. */
  async symlink(target: Uint8Array, path: Uint8Array): Promise<void> {
    const place = await this.#changed(path);
    this.#seen.clear();
    await this.#files.symlink(target, place);
  }

  /** Changes what is given. An owner that may not be given is passed over, as containers try it often without need. */
  async change(path: Uint8Array, { sizeBytes, owner, mode, times }: Attributes): Promise<void> {
    const place = await this.#changed(path);
    const { kind } = await this.#files.lstat(place);
    if (kind !== 'symlink' && sizeBytes !== undefined) {
      const file = await this.open(path, openForWriting);
      await file.truncate(sizeBytes).finally(async () => file.close());
    }
    if (owner !== undefined) {
      await passOver(['EPERM', 'ENOSYS'], async () => this.#files.chown(place, owner.uid, owner.gid));
    }
    if (kind !== 'symlink' && mode !== undefined) {
      await this.#files.chmod(place, mode);
    }
    if (times !== undefined) {
      const set = kind === 'symlink' ? 'setLinkTimes' : 'setTimes';
      await this.#files[set](place, times.accessedS, times.modifiedS);
    }
  }

  /** The same for a file that is open. */
  async changeOpen(file: RawFile, { sizeBytes, owner, mode, times }: Attributes): Promise<void> {
    this.#requireWritable();
    if (sizeBytes !== undefined) {
      await file.truncate(sizeBytes);
    }
    if (owner !== undefined) {
      await passOver(['EPERM', 'ENOSYS'], async () => file.chown(owner.uid, owner.gid));
    }
    if (mode !== undefined) {
      await file.chmod(mode);
    }
    if (times !== undefined) {
      await file.setTimes(times.accessedS, times.modifiedS);
    }
  }

  async space(): ReturnType<RawFiles['space']> {
    return this.#files.space(this.#root);
  }

  get isReadOnly(): boolean {
    return this.#isReadOnly;
  }

  /** The place of something that is about to be changed; never the directory itself. */
  async #changed(path: Uint8Array): Promise<Buffer> {
    this.#requireWritable();
    return this.#place(path);
  }

  #requireWritable(): void {
    if (this.#isReadOnly) {
      throw refusal('EROFS', 'the directory is shared for reading only');
    }
  }

  async #requireKind(place: Buffer, kind: RawStat['kind'], code: string): Promise<void> {
    if ((await this.#files.lstat(place)).kind !== kind) {
      throw refusal(code, `it is no ${kind}`);
    }
  }

  /** Where a path is on this computer; the directories on the way to it are ones, and no symlinks. */
  async #place(path: Uint8Array): Promise<Buffer> {
    const parts = this.#parts(path);
    const now = this.#host.clock.monotonicMs();
    let place = this.#root;
    for (const part of parts.slice(0, -1)) {
      place = joined(place, Buffer.from(part, 'latin1'));
      const key = place.toString('latin1');
      const seenMs = this.#seen.get(key);
      if (seenMs === undefined || now - seenMs > trustMs) {
        await this.#requireKind(place, 'directory', 'ENOTDIR');
        this.#remember(key, now);
      }
    }
    const last = parts.at(-1);
    return last === undefined ? place : joined(place, Buffer.from(last, 'latin1'));
  }

  #remember(key: string, now: number): void {
    if (this.#seen.size >= 10_000) {
      this.#seen.clear();
    }
    this.#seen.set(key, now);
  }

  /** The parts of a path, each byte a character. */
  #parts(path: Uint8Array): string[] {
    const text = Buffer.from(path).toString('latin1');
    const isWindows = this.#host.facts.platform === 'win32';
    const parts = text.split('/').filter((part) => part !== '' && part !== '.');
    if (text.includes('\0') || parts.includes('..')) {
      throw refusal('EACCES', 'the path leads elsewhere');
    }
    // Both would lead elsewhere: to another directory or drive, or to a hidden part of a file.
    if (isWindows && parts.some((part) => /[\\:]/.test(part))) {
      throw refusal('EINVAL', 'the name is none that Windows knows');
    }
    return parts;
  }

  #isInside(place: Buffer): boolean {
    const isRoot = place.equals(this.#root);
    const prefix = joined(this.#root, Buffer.alloc(0));
    return isRoot || place.subarray(0, prefix.length).equals(prefix);
  }
}

const openForWriting: RawOpen = {
  read: false,
  write: true,
  append: false,
  create: false,
  exclusive: false,
  truncate: false,
  mode: 0,
};

const slash = Buffer.from('/');

function joined(directory: Buffer, name: Uint8Array): Buffer {
  const isRoot = directory.length === 1 && directory[0] === slash[0];
  return Buffer.concat(isRoot ? [slash, name] : [directory, slash, name]);
}

async function passOver(codes: readonly string[], action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    if (!codes.includes(systemCode(error) ?? '')) {
      throw error;
    }
  }
}
