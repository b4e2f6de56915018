import { Duplex } from 'node:stream';
import type { Socket } from 'node:net';
import { createSocketPair, type FakeHost } from './host.ts';
import { systemError } from './memory-tree.ts';
import { usernet } from './fake-qemu.ts';
import { bodyOf, diskFile, resized, sizeBytesOf } from './template-disk.ts';
import {
  guestOf,
  type Guest,
  type GuestKind,
  type Reply,
  type Request,
  type StartOptions,
  type TemplateQemu,
} from './template-guest.ts';

/** Installs the programs on a host in memory. */
export function installTemplateQemu(host: FakeHost): TemplateQemu {
  return new QemuPrograms(host);
}

class QemuPrograms implements TemplateQemu {
  version = 'QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)';
  readonly lines: Record<GuestKind, string[]> = {
    boot: ['TS 0.1 init', 'TS 8 ready 10.0.2.15'],
    template: ['TS 0.1 init', 'TS 7 engine', 'TS 9 template'],
    resumed: ['TS 10 resumed', 'TS 10.2 identity', 'TS 10.7 ready 10.0.2.15'],
  };
  readonly guests: Guest[] = [];
  readonly mismatches: string[] = [];
  migration: Readonly<Record<string, unknown>> = { status: 'completed' };
  refuses: TemplateQemu['refuses'] = () => undefined;
  dies: TemplateQemu['dies'] = () => false;
  isDeaf: TemplateQemu['isDeaf'] = () => false;
  takesIdentity = true;
  onCommand: TemplateQemu['onCommand'] = () => undefined;
  readonly #host: FakeHost;

  constructor(host: FakeHost) {
    this.#host = host;
    host.files.put('/usr/bin/qemu-system-x86_64', '', 0o755);
    host.processes.answer('qemu-system-x86_64', ({ args, detached, ...call }) => {
      if (detached) {
        this.#start(call.pid ?? 0, args, call.options);
      }
      return { stdout: args.includes('--version') ? `${this.version}\nCopyright\n` : '' };
    });
    host.processes.answer('qemu-img', ({ args }) => {
      this.#changeDisk(args);
      return {};
    });
    host.network.onConnect = (address) => this.#connect('path' in address ? address.path : '');
    const signal = host.processes.signal.bind(host.processes);
    host.processes.signal = async (process, name) => {
      const isSent = await signal(process, name);
      this.#closeDead();
      return isSent;
    };
  }

  running(): Guest[] {
    return this.guests.filter((guest) => this.#host.processes.running.has(guest.pid));
  }

  started = (kind: GuestKind): Guest[] => this.guests.filter((guest) => guest.kind === kind);

  #changeDisk(args: readonly string[]): void {
    const path = (args[0] === 'convert' ? args.at(-1) : args.at(-2)) ?? '';
    const sizeBytes = args[0] === 'resize' ? Number.parseInt(args.at(-1) ?? '', 10) * 1024 ** 2 : 4096;
    const present = args[0] === 'resize' ? this.#data(path) : diskFile(4096, '');
    this.#host.files.put(path, resized(present, sizeBytes), 0o600);
  }

  #start(pid: number, args: readonly string[], options: StartOptions): void {
    const guest = guestOf(pid, args, options);
    const { files } = this.#host;
    const memory = options.stdinPath === undefined ? undefined : files.text(options.stdinPath);
    if (options.stdinPath !== undefined && memory === undefined) {
      // As the real host says it: the file is opened before the program is started.
      throw systemError('ENOENT', 'open', options.stdinPath);
    }
    const disk = files.nodes.get(guest.diskPath);
    const started = { ...guest, memory, diskAtStart: disk?.kind === 'file' ? bodyOf(disk.data) : '' };
    this.guests.push(started);
    const complaint = disk === undefined ? `Could not open '${guest.diskPath}'` : this.refuses(started);
    files.put(guest.logPath, complaint === undefined ? '' : `qemu-system-x86_64: ${complaint}\n`);
    files.put(guest.consolePath, 'SeaBIOS\r\n');
    for (const path of [...guest.paths, guest.identityPath].filter((name) => name !== undefined)) {
      files.put(path, '');
    }
    const pidPath = args[args.indexOf('-pidfile') + 1] ?? '';
    files.put(pidPath, `${pid}\n`);
    if (complaint !== undefined) {
      started.isRefused = true;
      // Its number is given to the caller first; then it is gone.
      setImmediate(() => this.#host.processes.running.delete(pid));
      return;
    }
    if (guest.kind !== 'resumed') {
      const what = guest.kind === 'template' ? 'formatted' : 'booted';
      this.#writeDisk(started, `${started.diskAtStart} ${what} by ${pid};`);
      this.#say(started, this.lines[guest.kind]);
    }
  }

  #connect(path: string): Socket {
    const guest = this.running().find((one) => one.paths.includes(path) || one.identityPath === path);
    if (guest === undefined || guest.isRefused || this.isDeaf(guest, path)) {
      throw systemError(this.#host.files.nodes.has(path) ? 'ECONNREFUSED' : 'ENOENT', 'connect', path);
    }
    return guest.identityPath === path ? this.#identitySocket(guest) : this.#monitor(guest, path);
  }

  #identitySocket(guest: Guest): Socket {
    guest.isIdentityOpen = true;
    if (!this.takesIdentity) {
      const full = new Duplex({ read: () => undefined, write: () => undefined });
      // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment -- the part of Socket that is a Duplex is all that is used
      return full as Socket;
    }
    const [near, far] = createSocketPair();
    far.on('data', (bytes: Buffer) => {
      guest.identity = Buffer.concat([guest.identity, bytes]);
    });
    const onEnd = (): void => {
      this.#receive(guest);
    };
    far.on('end', onEnd);
    near.on('close', onEnd);
    guest.sockets.push({ path: guest.identityPath ?? '', socket: near });
    return near;
  }

  /** QMP. A second client of one socket is left without a greeting as long as the first is there. */
  #monitor(guest: Guest, path: string): Socket {
    const [near, far] = createSocketPair();
    far.setEncoding('utf8');
    far.on('data', (text: string) => {
      for (const line of text.trim().split('\r\n')) {
        this.#answer(guest, JSON.parse(line) as Request, { near, far });
      }
    });
    if (!guest.sockets.some((other) => other.path === path && !other.socket.destroyed)) {
      far.write('{"QMP": {}}\r\n');
    }
    guest.sockets.push({ path, socket: near });
    return near;
  }

  #answer(guest: Guest, request: Request, sockets: { readonly near: Socket; readonly far: Socket }): void {
    this.onCommand(guest, request.execute);
    guest.commands.push(request.execute);
    guest.requests.push(request);
    if (this.dies(guest, request.execute)) {
      this.#end(guest);
    }
    const reply = this.#isAlive(guest) ? this.#obey(guest, request) : undefined;
    if (reply !== undefined && !sockets.near.destroyed) {
      sockets.far.write(`${JSON.stringify({ ...reply, id: request.id })}\r\n`);
    }
  }

  #obey(guest: Guest, request: Request): Reply {
    const given = request.arguments ?? {};
    switch (request.execute) {
      case 'query-name':
        return { return: { name: guest.name } };
      case 'human-monitor-command':
        return { return: given['command-line'] === 'info usernet' ? usernet : '' };
      case 'query-status':
        return { return: { status: this.#look(guest) } };
      case 'query-migrate':
        guest.looks += 1;
        return { return: guest.looks > 1 ? this.migration : { status: 'active' } };
      case 'stop':
        guest.status = 'paused';
        return { return: {} };
      case 'cont':
        this.#cont(guest);
        return { return: {} };
      case 'migrate':
        return this.#migrate(guest, typeof given['uri'] === 'string' ? given['uri'] : '');
      case 'block_resize':
        this.#host.files.put(guest.diskPath, resized(this.#data(guest.diskPath), Number(given['size'])));
        return { return: {} };
      case 'quit':
      case 'system_powerdown':
        this.#end(guest, true);
        return undefined;
      default:
        return { return: {} };
    }
  }

  #look(guest: Guest): string {
    guest.looks += guest.memory === undefined ? 0 : 1;
    if (guest.status === 'inmigrate' && guest.looks > 2) {
      guest.status = 'paused';
    }
    return guest.status;
  }

  #migrate(guest: Guest, uri: string): Reply {
    const path = /^exec:cat > (.*)$/.exec(uri)?.[1];
    if (path === undefined) {
      return { error: { class: 'GenericError', desc: `unknown migration protocol: ${uri}` } };
    }
    const absolute = path.startsWith('/') ? path : `${guest.cwd}/${path}`;
    if (this.migration['status'] === 'completed') {
      const present = this.#host.files.nodes.get(absolute);
      const mode = present?.mode ?? 0o644;
      this.#host.files.put(absolute, `memory with a disk ${bodyOf(this.#data(guest.diskPath))}`, mode);
    }
    return { return: {} };
  }

  #cont(guest: Guest): void {
    if (guest.kind !== 'resumed' || guest.status === 'running') {
      guest.status = 'running';
      return;
    }
    guest.status = 'running';
    const disk = bodyOf(this.#data(guest.diskPath));
    if (guest.memory !== `memory with a disk ${disk}`) {
      this.mismatches.push(`${String(guest.memory)} went on with ${disk}`);
    }
    this.#writeDisk(guest, `${disk} gone on by ${guest.pid};`);
    if (!guest.isIdentityOpen) {
      this.#receive(guest);
    }
  }

  #receive(guest: Guest): void {
    guest.isIdentityOpen = false;
    if (guest.status !== 'running' || guest.isAwake || !this.#isAlive(guest)) {
      return;
    }
    guest.isAwake = true;
    const isIdentity = guest.identity.subarray(0, 7).toString() === 'resume ';
    const nothing = ['TS 10 resumed', 'TS 10 failed template: the host has sent something else'];
    this.#say(guest, isIdentity ? this.lines.resumed : nothing);
  }

  #say(guest: Guest, lines: readonly string[]): void {
    const before = this.#host.files.text(guest.consolePath) ?? '';
    this.#host.files.put(guest.consolePath, before + lines.map((line) => `${line}\r\n`).join(''));
  }

  #data(path: string): Uint8Array {
    const node = this.#host.files.nodes.get(path);
    return node?.kind === 'file' ? node.data : new Uint8Array();
  }

  #writeDisk(guest: Guest, body: string): void {
    const present = this.#data(guest.diskPath);
    this.#host.files.put(guest.diskPath, diskFile(sizeBytesOf(present), body), 0o600);
  }

  #isAlive(guest: Guest): boolean {
    return this.#host.processes.running.has(guest.pid);
  }

  /** In good order QEMU removes its sockets and its pid file. */
  #end(guest: Guest, inOrder = false): void {
    this.#host.processes.running.delete(guest.pid);
    if (inOrder) {
      const pidPath = guest.args[guest.args.indexOf('-pidfile') + 1] ?? '';
      for (const path of [...guest.paths, guest.identityPath ?? '', pidPath]) {
        this.#host.files.nodes.delete(path);
      }
    }
    this.#closeDead();
  }

  #closeDead(): void {
    for (const guest of this.guests.filter((one) => !this.#isAlive(one))) {
      for (const { socket } of guest.sockets) {
        socket.destroy();
      }
    }
  }
}
