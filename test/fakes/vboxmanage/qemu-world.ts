import { spawn } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, qmp } from '../qemu-process.ts';
import type { Machine, State, World } from './state.ts';

/**
 * The outside of the pretended VirtualBox on a real computer: machines are QEMU with the hardware that VirtualBox would
 * emulate, disks are raw files behind a name that says VDI.
 */
export function qemuWorld(stateDirectory: string): World {
  return {
    exists: async (path) => existsSync(path),
    write: async (path, text) => {
      mkdirSync(dirname(path), { recursive: true });
      writeFileSync(path, text);
    },
    remove: async (path) => {
      rmSync(path, { recursive: true, force: true });
    },
    makeDisk: async (path, sizeMiB, rawPath) => {
      writeFileSync(path, rawPath === undefined ? '' : readFileSync(rawPath), { flag: 'wx' });
      truncateSync(path, sizeMiB * 1024 * 1024);
    },
    sizeBytes: async (path) => statSync(path).size,
    resizeDisk: async (path, sizeMiB) => {
      truncateSync(path, sizeMiB * 1024 * 1024);
    },
    newUuid: () => randomUUID(),
    start: async (machine, state) => start(stateDirectory, machine, state),
    forward: async (action, machine, rule) => {
      const [, protocol = '', hostIp = '', hostPort = '', , guestPort = ''] = rule.split(',');
      const host = `${protocol}:${hostIp}:${hostPort}`;
      const line =
        action === 'add' ? `hostfwd_add nat1 ${host}-:${guestPort}` : `hostfwd_remove nat1 ${host}`;
      await qmp(socketOf(stateDirectory, machine), 'human-monitor-command', { 'command-line': line });
    },
    isRunning: async (machine) => machine.pid !== undefined && isAlive(machine.pid),
    control: async (machine, action) => {
      const commands = { button: 'system_powerdown', off: 'quit', pause: 'stop', resume: 'cont' } as const;
      await qmp(socketOf(stateDirectory, machine), commands[action]).catch(() => undefined);
      for (let waited = 0; action === 'off' && waited < 100 && isAlive(machine.pid ?? 0); waited += 1) {
        await sleep(50);
      }
      if (action === 'off' && machine.pid !== undefined && isAlive(machine.pid)) {
        process.kill(machine.pid, 'SIGKILL');
      }
    },
  };
}

async function start(stateDirectory: string, machine: Machine, state: State): Promise<void> {
  const logFolder = join(machine.folder, 'Logs');
  mkdirSync(logFolder, { recursive: true });
  const log: string[] = ['00:00:00.000001 VirtualBox VM (pretended)'];
  const rules: string[] = [];
  for (const { name, rule } of machine.forwardings) {
    const [, protocol = '', hostIp = '', hostPort = '', guestIp = '', guestPort = ''] = rule.split(',');
    if (await canListen(Number(hostPort), hostIp)) {
      rules.push(`hostfwd=${protocol}:${hostIp}:${hostPort}-${guestIp}:${guestPort}`);
    } else {
      log.push(`00:00:00.100000 NAT#0: failed to set up redirection of ${hostPort} (${name})`);
    }
  }
  writeFileSync(join(logFolder, 'VBox.log'), `${log.join('\n')}\n`);
  const errors = openSync(join(logFolder, 'qemu.log'), 'w');
  const child = spawn('qemu-system-x86_64', argumentsOf(stateDirectory, machine, state, rules), {
    detached: true,
    stdio: ['ignore', errors, errors],
  });
  closeSync(errors);
  child.unref();
  machine.pid = child.pid ?? 0;
  for (let waited = 0; !existsSync(socketOf(stateDirectory, machine)); waited += 1) {
    if (waited > 200 || child.exitCode !== null) {
      throw new Error(`The virtual machine '${machine.name}' has terminated unexpectedly during startup`);
    }
    await sleep(50);
  }
}

function argumentsOf(
  stateDirectory: string,
  machine: Machine,
  state: State,
  rules: readonly string[],
): string[] {
  const { settings } = machine;
  const console = (settings['uart-mode1'] ?? '').split(',')[1] ?? '/dev/null';
  const card = settings['nic-type1'] === 'virtio' ? 'virtio-net-pci' : 'e1000';
  const socket = socketOf(stateDirectory, machine);
  rmSync(socket, { force: true });
  return [
    // Emulated processors that share a thread are slow, and more than one is no help.
    ...['-accel', 'tcg,thread=single', '-cpu', 'max', '-smp', '1', '-m', settings['memory'] ?? '1024'],
    ...['-M', 'pc,vmport=off', '-nodefaults', '-no-reboot', '-display', 'none', '-monitor', 'none'],
    ...['-qmp', `unix:${socket},server=on,wait=off`, '-serial', `file:${console}`],
    ...machine.controllers.flatMap(({ media }, index) => [
      ...['-device', `ich9-ahci,id=ahci${index}`],
      ...Object.entries(media).flatMap(([port, uuid]) => driveArguments(state, `ahci${index}`, port, uuid)),
    ]),
    ...['-netdev', ['user', 'id=nat1', ...rules].join(','), '-device', `${card},netdev=nat1,romfile=`],
  ];
}

function driveArguments(state: State, bus: string, place: string, uuid: string): string[] {
  const medium = state.media.find((one) => one.uuid === uuid);
  const [port = '0'] = place.split('-');
  const id = `${bus}-${port}`;
  const file = (medium?.location ?? '').replaceAll(',', ',,');
  const isDvd = medium?.kind === 'dvd';
  return [
    ...['-drive', `if=none,id=${id},format=raw,file=${file},${isDvd ? 'readonly=on' : 'cache=unsafe'}`],
    ...[
      '-device',
      `${isDvd ? 'ide-cd' : 'ide-hd'},bus=${bus}.${port},drive=${id}${port === '0' ? ',bootindex=0' : ''}`,
    ],
  ];
}

/** A path of a socket may have about 100 characters. */
function socketOf(stateDirectory: string, { uuid }: Machine): string {
  return join(stateDirectory, `${createHash('sha256').update(uuid).digest('hex').slice(0, 8)}.qmp`);
}

function canListen(port: number, host: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => {
      resolve(false);
    });
    server.listen({ port, host, exclusive: true }, () => {
      server.close(() => {
        resolve(true);
      });
    });
  });
}
