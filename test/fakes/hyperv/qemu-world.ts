import { spawn } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, openSync, rmSync } from 'node:fs';
import { randomBytes, randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { isAlive, qmp } from '../qemu-process.ts';
import type { Machine, World } from './state.ts';

const pollMs = 50;
const polls = { start: 200, ask: 1200, off: 100 } as const;
const mebibyte = 1024 * 1024;

/**
 * The outside of the pretended Hyper-V on a real computer: machines are QEMU, their disks the VHDX files that the driver
 * wrote. Their address is one of this computer's own, 127.x.y.z, another one at every start as with the Default Switch;
 * their pipe is a socket of that name in the working directory.
 */
export function qemuWorld(stateDirectory: string): World {
  const socketOf = ({ id }: Machine): string => join(stateDirectory, `${id.slice(0, 8)}.qmp`);
  return {
    exists: async (path) => existsSync(path),
    makeDirectory: async (path) => {
      mkdirSync(path, { recursive: true });
    },
    join,
    newId: () => randomUUID(),
    start: async (machine) => start(stateDirectory, machine, socketOf(machine)),
    isRunning: async ({ pid }) => pid !== undefined && isAlive(pid),
    control: async (machine, action) => {
      const { pid = 0 } = machine;
      const command = { ask: 'system_powerdown', off: 'quit', resume: 'cont' }[action];
      await qmp(socketOf(machine), command).catch(() => undefined);
      const times = action === 'resume' ? 0 : polls[action];
      for (let waited = 0; waited < times && isAlive(pid); waited += 1) {
        await sleep(pollMs);
      }
      if (action === 'off' && isAlive(pid)) {
        process.kill(pid, 'SIGKILL');
      }
    },
  };
}

async function start(stateDirectory: string, machine: Machine, socket: string): Promise<void> {
  const [one = 1, two = 1, three = 1] = randomBytes(3);
  const address = `127.${1 + (one % 250)}.${two}.${1 + (three % 250)}`;
  rmSync(socket, { force: true });
  rmSync(machine.pipe, { force: true });
  const errors = openSync(join(stateDirectory, 'qemu.log'), 'a');
  const child = spawn('qemu-system-x86_64', argumentsOf(machine, socket, address), {
    detached: true,
    stdio: ['ignore', errors, errors],
  });
  closeSync(errors);
  child.unref();
  for (let waited = 0; !existsSync(socket); waited += 1) {
    if (waited > polls.start || child.exitCode !== null) {
      throw new Error('QEMU did not start');
    }
    await sleep(pollMs);
  }
  machine.pid = child.pid ?? 0;
  machine.addresses = ['fe80::215:5dff:fe01:203', address];
}

function argumentsOf(machine: Machine, socket: string, address: string): string[] {
  const forwards = [22, 2376].map((port) => `hostfwd=tcp:${address}:${port}-:${port}`);
  const drive = (id: string, format: string, path: string, more: string): string[] => {
    const file = path.replaceAll(',', ',,');
    return ['-drive', `if=none,id=${id},format=${format},file=${file},${more}`];
  };
  return [
    // Emulated processors that share a thread are slow, and more than one is no help.
    ...['-accel', 'tcg,thread=single', '-cpu', 'max', '-smp', '1'],
    ...['-m', String(machine.memoryBytes / mebibyte), '-M', 'pc,vmport=off', '-nodefaults', '-no-reboot'],
    ...['-display', 'none', '-monitor', 'none', '-qmp', `unix:${socket},server=on,wait=off`],
    ...['-chardev', `socket,id=com1,path=${machine.pipe},server=on,wait=off`, '-serial', 'chardev:com1'],
    ...['-device', 'ich9-ahci,id=ahci'],
    ...machine.inserted.flatMap((path, index) => [
      ...drive(`cd${index}`, 'raw', path, 'readonly=on'),
      ...['-device', `ide-cd,bus=ahci.${index},drive=cd${index}${index === 0 ? ',bootindex=0' : ''}`],
    ]),
    ...machine.disks.flatMap((path, index) => [
      ...drive(`disk${index}`, 'vhdx', path, 'cache=unsafe'),
      ...['-device', `ide-hd,bus=ahci.${4 + index},drive=disk${index}`],
    ]),
    ...['-netdev', ['user', 'id=nat1', ...forwards].join(',')],
    ...['-device', 'virtio-net-pci,netdev=nat1,romfile='],
  ];
}
