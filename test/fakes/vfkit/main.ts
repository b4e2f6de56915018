import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { qmp } from '../qemu-process.ts';
import { parseVfkit, type VfkitMachine } from './grammar.ts';

// vfkit as a program: its machine is QEMU, which lives as long as this process. The address of the machine is one of this
// computer's own, 127.x.y.z, another one at every start; the console tells it in the place of QEMU's. Shares are not made.

const args = process.argv.slice(2);
if (args[0] === '--version') {
  process.stdout.write('vfkit version: v0.6.1\n');
} else {
  run(parseVfkit(args));
}

function run(machine: VfkitMachine): void {
  const [one = 1, two = 1, three = 1] = randomBytes(3);
  const address = `127.${1 + (one % 250)}.${two}.${1 + (three % 250)}`;
  const monitor = `${machine.socket}.qmp`;
  const child = spawn('qemu-system-x86_64', argumentsOf(machine, monitor, address), {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  // With its end in a line, so that an address is never cut.
  let rest = '';
  child.stdout.setEncoding('utf8');
  child.stdout.on('data', (piece: string) => {
    const lines = (rest + piece).split('\n');
    rest = lines.pop() ?? '';
    appendFileSync(
      machine.consoleLog,
      lines.map((line) => `${line.replaceAll('10.0.2.15', address)}\n`).join(''),
    );
  });
  child.once('close', () => process.exit());
  const server = createServer((request, response) => {
    let body = '';
    request.on('data', (piece: Buffer) => {
      body += piece.toString();
    });
    request.once('end', () => {
      if (request.method === 'POST') {
        const { state } = JSON.parse(body) as { readonly state: string };
        const commands: Readonly<Record<string, string>> = {
          Stop: 'system_powerdown',
          HardStop: 'quit',
          Pause: 'stop',
          Resume: 'cont',
        };
        const command = commands[state];
        response.writeHead(command === undefined ? 400 : 202).end();
        void qmp(monitor, command ?? 'query-status').catch(() => undefined);
        return;
      }
      const answer = { state: 'VirtualMachineStateRunning', canStop: true, canHardStop: true };
      response.writeHead(request.url === '/vm/state' ? 200 : 404).end(JSON.stringify(answer));
    });
  });
  server.listen(machine.socket);
}

function argumentsOf(machine: VfkitMachine, monitor: string, address: string): string[] {
  const forwards = [22, 2376].map((port) => `hostfwd=tcp:${address}:${port}-:${port}`);
  return [
    // Emulated processors that share a thread are slow, and more than one is no help.
    ...['-accel', 'tcg,thread=single', '-cpu', 'max', '-smp', '1', '-m', String(machine.memoryMiB)],
    ...['-M', 'q35,vmport=off', '-nodefaults', '-no-reboot', '-display', 'none', '-monitor', 'none'],
    ...['-qmp', `unix:${monitor},server=on,wait=off`],
    ...['-kernel', machine.kernel, '-initrd', machine.initrd, '-append', machine.cmdline],
    ...machine.disks.flatMap((path, index) => [
      '-drive',
      `if=none,id=disk${index},format=raw,file=${path},${index === 0 ? 'cache=unsafe' : 'readonly=on'}`,
      ...['-device', `virtio-blk-pci,drive=disk${index}`],
    ]),
    ...['-chardev', 'stdio,id=console,signal=off', '-device', 'virtio-serial-pci'],
    ...['-device', 'virtconsole,chardev=console', '-device', 'virtio-rng-pci'],
    ...['-netdev', ['user', 'id=nat1', ...forwards].join(',')],
    ...['-device', `virtio-net-pci,netdev=nat1,mac=${machine.macAddress},romfile=`],
  ];
}
