import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { monitor } from '../fake-qemu.ts';
import type { FakeHost } from '../host.ts';

/** A libvirt on a host in memory. Its answers are those that libvirt 9.0 gave, see the test of this fake. */
export interface MemoryLibvirt {
  /** By UUID. */
  readonly domains: Map<string, MemoryDomain>;
  /** What a guest writes to its console when it is started. */
  lines: string[];
  ignoresButton: boolean;
  /** What `start` fails with, once. */
  startFault: string | undefined;
  /** What every command fails with: the daemon cannot be reached. */
  connectFault: string | undefined;
  /** What `domcapabilities` offers. */
  domainType: 'kvm' | 'qemu';
}

/** One domain. */
export interface MemoryDomain {
  readonly name: string;
  readonly uuid: string;
  xml: string;
  owner: string | undefined;
  state: string;
  /** False once it is undefined while it runs. */
  isPersistent: boolean;
  readonly forwards: Map<string, string>;
  readonly ownPorts: number[];
}

interface Result {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Installs virsh. Commands that stand in one argument are run one after the other, as virsh does. */
export function installMemoryLibvirt(host: FakeHost): MemoryLibvirt {
  const fake: MemoryLibvirt = {
    domains: new Map(),
    lines: ['TS 0.1 init', 'TS 0.2 ready 10.0.2.15'],
    ignoresButton: false,
    startFault: undefined,
    connectFault: undefined,
    domainType: 'qemu',
  };
  const virsh = new FakeVirsh(host, fake);
  host.processes.answer('virsh', ({ args }) => virsh.run(args));
  host.processes.answer('id', { stdout: '1000\n' });
  return fake;
}

class FakeVirsh {
  readonly #host: FakeHost;
  readonly #fake: MemoryLibvirt;
  #lastPort = 40_000;

  constructor(host: FakeHost, fake: MemoryLibvirt) {
    this.#host = host;
    this.#fake = fake;
  }

  run([flag, , ...args]: readonly string[]): Result {
    if (flag !== '-c') {
      return failed('unexpected arguments');
    }
    if (this.#fake.connectFault !== undefined) {
      return failed('failed to connect to the hypervisor', this.#fake.connectFault);
    }
    const [only = ''] = args;
    const commands = args.length === 1 && only.includes(' ') ? splitCommands(only) : [args];
    const results = commands.map((command) => this.#command(command));
    return {
      exitCode: results.at(-1)?.exitCode ?? 0,
      stdout: results.map(({ stdout }) => stdout).join(''),
      stderr: results.map(({ stderr }) => stderr).join(''),
    };
  }

  #command([verb = '', subject = '', ...rest]: readonly string[]): Result {
    const options = rest.join(' ');
    switch (`${verb} ${options}`.trim()) {
      case 'version':
        return done(
          'Compiled against library: libvirt 9.0.0\nUsing library: libvirt 9.0.0\nUsing API: QEMU 9.0.0\nRunning hypervisor: QEMU 7.2.22\n',
        );
      case 'define':
        return this.#define(subject);
    }
    if (verb === 'domcapabilities') {
      const path = '<path>/usr/bin/qemu-system-x86_64</path>';
      return done(
        `<domainCapabilities>\n  ${path}\n  <domain>${this.#fake.domainType}</domain>\n</domainCapabilities>\n`,
      );
    }
    const domain = this.#find(subject);
    if (domain === undefined) {
      return failed(`failed to get domain '${subject}'`);
    }
    return this.#onDomain(domain, `${verb} ${options}`.trim(), subject);
  }

  #onDomain(domain: MemoryDomain, command: string, subject: string): Result {
    const isOn = isActive(domain);
    const off = (verb: string): Result =>
      failed(
        `Failed to ${verb} domain '${subject}'`,
        'Requested operation is not valid: domain is not running',
      );
    switch (command) {
      case 'domstate --reason':
        return done(`${domain.state}\n`);
      case 'metadata --uri urn:tsmachine':
        return domain.owner === undefined
          ? failed('metadata not found: Requested metadata element is not present')
          : done(`<machine>${domain.owner}</machine>\n`);
      case 'start':
        return this.#start(domain, subject);
      case 'resume':
        domain.state = 'running (unpaused)';
        return done(`Domain '${subject}' resumed\n`);
      case 'suspend':
        domain.state = 'paused (user)';
        return done(`Domain '${subject}' suspended\n`);
      case 'shutdown --mode acpi':
        if (!isOn) {
          return off('shutdown');
        }
        if (!this.#fake.ignoresButton && domain.state.startsWith('running')) {
          this.#end(domain, 'shutdown');
        }
        return done(`Domain '${subject}' is being shutdown\n`);
      case 'destroy':
        if (!isOn) {
          return off('destroy');
        }
        this.#end(domain, 'destroyed');
        return done(`Domain '${subject}' destroyed\n`);
      case 'managedsave-remove':
        domain.state = 'shut off (unknown)';
        return done(`Removed managedsave image for domain '${subject}'\n`);
      case 'undefine --nvram --managed-save --snapshots-metadata':
        domain.isPersistent = false;
        if (!isOn) {
          this.#fake.domains.delete(domain.uuid);
        }
        return done(`Domain '${subject}' has been undefined\n`);
    }
    const [, line] = /^qemu-monitor-command --hmp (.*)$/.exec(command) ?? [];
    if (line !== undefined) {
      return isOn
        ? done(this.#monitor(domain, line))
        : failed('Requested operation is not valid: domain is not running');
    }
    return failed(`unknown command: '${command}'`);
  }

  #define(path: string): Result {
    const xml = this.#host.files.text(path);
    if (xml === undefined) {
      return failed(`Failed to open file '${path}': No such file or directory`);
    }
    const tag = (name: string): string => new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1] ?? '';
    const [name, uuid] = [tag('name'), tag('uuid')];
    const other = [...this.#fake.domains.values()].find((one) => one.name === name);
    if (other !== undefined && other.uuid !== uuid) {
      return failed(
        `Failed to define domain from ${path}`,
        `operation failed: domain '${name}' already exists with uuid ${other.uuid}`,
      );
    }
    const owner = /<tsmachine:machine [^>]*>([^<]*)</.exec(xml)?.[1];
    const present = this.#fake.domains.get(uuid);
    const fresh = {
      name,
      uuid,
      state: 'shut off (unknown)',
      forwards: new Map<string, string>(),
      ownPorts: [],
    };
    this.#fake.domains.set(uuid, { ...(present ?? fresh), xml, owner, isPersistent: true });
    return done(`Domain '${name}' defined from ${path}\n`);
  }

  #start(domain: MemoryDomain, subject: string): Result {
    if (isActive(domain)) {
      return failed('Domain is already active');
    }
    const { network, files } = this.#host;
    const rules = [...domain.xml.matchAll(/hostfwd=(tcp:127\.0\.0\.1:(\d+)-:\d+)/g)];
    const taken = rules.find(([, , port]) => network.takenPorts.has(Number(port)));
    const fault =
      this.#fake.startFault ??
      (taken === undefined ? undefined : `Could not set up host forwarding rule '${taken[1] ?? ''}'`);
    this.#fake.startFault = undefined;
    if (fault !== undefined) {
      return failed(
        `Failed to start domain '${subject}'`,
        `internal error: process exited while connecting to monitor: 2026-01-02T03:04:05.678901Z qemu-system-x86_64: ${fault}`,
      );
    }
    domain.ownPorts.splice(0);
    for (const [, , port] of rules) {
      this.#lastPort += 1;
      const own = Number(port) === 0 ? this.#lastPort : Number(port);
      domain.ownPorts.push(own);
      network.takenPorts.add(own);
    }
    const console = /<serial type='file'><source path='([^']*)'/.exec(domain.xml)?.[1] ?? '/console';
    files.put(console, this.#fake.lines.map((line) => `${line}\r\n`).join(''));
    domain.state = 'running (booted)';
    return done(`Domain '${subject}' started\n`);
  }

  #monitor(domain: MemoryDomain, line: string): string {
    if (line !== 'info usernet') {
      return `${monitor(domain.forwards, line).replaceAll('\r\n', '\n')}\n`;
    }
    const [ssh = 0, engine = 0] = domain.ownPorts;
    const own = [
      [ssh, 22],
      [engine, 2376],
    ].map(
      ([host = 0, guest = 0]) =>
        `  TCP[HOST_FORWARD]  11       127.0.0.1 ${host}       10.0.2.15  ${guest}     0     0\n`,
    );
    const published = [...domain.forwards.values()].map((row) => row.replace('\r\n', '\n'));
    return `${[usernetHead, ...published, ...own].join('')}\n`;
  }

  #end(domain: MemoryDomain, reason: string): void {
    domain.state = `shut off (${reason})`;
    domain.forwards.clear();
    for (const port of domain.ownPorts) {
      this.#host.network.takenPorts.delete(port);
    }
    if (!domain.isPersistent) {
      this.#fake.domains.delete(domain.uuid);
    }
  }

  #find(subject: string): MemoryDomain | undefined {
    return [...this.#fake.domains.values()].find(({ uuid, name }) => uuid === subject || name === subject);
  }
}

const usernetHead =
  'Hub -1 (net0):\n  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\n';

function isActive({ state }: MemoryDomain): boolean {
  return !state.startsWith('shut off');
}

/** `a b; c 'd e'` to words. */
function splitCommands(line: string): string[][] {
  return line
    .split(';')
    .map((command) =>
      [...command.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? ''),
    );
}

function done(text: string): Result {
  return { exitCode: 0, stdout: `${text}\n`, stderr: '' };
}

function failed(...lines: readonly string[]): Result {
  return { exitCode: 1, stdout: '\n', stderr: lines.map((line) => `error: ${line}\n`).join('') };
}

/** One recorded call of virsh. */
export interface RecordedVirsh {
  readonly argv: readonly string[];
  readonly rc: number;
  readonly stdout: string;
  readonly stderr: string;
}

const samples = fileURLToPath(new URL('../../../../../shared/data/libvirt-samples/', import.meta.url));

/** Recorded calls by their label, in order; empty where the records are not installed. */
export function recordedVirsh(): ReadonlyMap<string, RecordedVirsh> {
  const files = existsSync(samples) ? readdirSync(samples).filter((name) => name.endsWith('.json')) : [];
  return new Map(
    files
      .sort()
      .map((name) => [
        name.replace(/^(.)\d+-/, '$1-').replace('.json', ''),
        JSON.parse(readFileSync(`${samples}${name}`, 'utf8')) as RecordedVirsh,
      ]),
  );
}
