import { PassThrough } from 'node:stream';
import test from 'ava';
import { attachRemote, type AttachOptions } from '../../../src/ssh/interactive.ts';
import { errorOf, withConnection, withServer } from './with-server.ts';

class Terminal extends PassThrough {
  readonly isTTY = true;
  isRaw = false;
  columns = 101;
  rows = 33;
  readonly modes: boolean[] = [];

  setRawMode(raw: boolean): void {
    this.isRaw = raw;
    this.modes.push(raw);
  }
}

interface Local extends AttachOptions {
  readonly stdin: Terminal | PassThrough;
  readonly stdout: Terminal | PassThrough;
  readonly stderr: PassThrough;
  /** Everything that came out so far. */
  text(): string;
}

function localSide(kind: 'terminal' | 'pipe'): Local {
  const make = (): Terminal | PassThrough => (kind === 'terminal' ? new Terminal() : new PassThrough());
  const [stdin, stdout, stderr] = [make(), make(), new PassThrough()];
  let text = '';
  stdout.on('data', (chunk: Buffer) => (text += chunk.toString()));
  stderr.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return { stdin, stdout, stderr, terminalType: 'xterm-256color', text: () => text };
}

async function until(condition: () => boolean): Promise<void> {
  for (let attempt = 0; attempt < 500 && !condition(); attempt += 1) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test('a shell gets a terminal of the right kind and size, follows its changes, and returns its status', async (t) => {
  await withServer(t, 'sshd', async (server) => {
    await withConnection(server, async (connection) => {
      const local = localSide('terminal');
      const ended = attachRemote(connection, undefined, local);
      local.stdin.write('PS1=; stty size; echo "term $TERM"\n');
      await until(() => /33 101[^]*term xterm-256color/.test(local.text()));
      t.regex(local.text(), /33 101[^]*term xterm-256color/);
      Object.assign(local.stdout, { columns: 60, rows: 20 });
      local.stdout.emit('resize');
      local.stdin.write('stty size\n');
      await until(() => local.text().includes('20 60'));
      t.true(local.text().includes('20 60'));
      local.stdin.write('exit 9\n');
      t.is(await ended, 9);
      t.deepEqual((local.stdin as Terminal).modes, [true, false]);
      t.is(local.stdout.listenerCount('resize'), 0);
      t.true(local.stdin.isPaused());
    });
  });
});

test('a command has pipes, its status comes back, death by signal as a shell shows it', async (t) => {
  await withServer(t, 'sshd', async (server) => {
    await withConnection(server, async (connection) => {
      const local = localSide('pipe');
      local.stdin.end('some input\n');
      t.is(await attachRemote(connection, 'cat; tty; echo err >&2; exit 42', local), 42);
      t.regex(local.text(), /some input\n/);
      t.regex(local.text(), /not a tty/);
      t.regex(local.text(), /err\n/);
      t.is(await attachRemote(connection, 'kill -TERM $$', localSide('pipe')), 143);
      const terminal = localSide('terminal');
      t.is(await attachRemote(connection, 'tty', { ...terminal, terminal: true }), 0);
      t.regex(terminal.text(), /\/dev\/pts\//);
    });
  });
});

test('the terminal is restored when the connection is cut and when the user interrupts', async (t) => {
  await withServer(t, 'sshd', async (server) => {
    await withConnection(server, async (connection) => {
      const interrupted = localSide('terminal');
      const abort = new AbortController();
      const ended = attachRemote(connection, undefined, { ...interrupted, signal: abort.signal });
      await until(() => (interrupted.stdin as Terminal).isRaw);
      abort.abort(new Error('Ctrl-C'));
      await t.throwsAsync(ended, { message: 'Ctrl-C' });
      t.deepEqual((interrupted.stdin as Terminal).modes, [true, false]);

      const cut = localSide('terminal');
      const lost = attachRemote(connection, undefined, cut);
      await until(() => (cut.stdin as Terminal).isRaw);
      server.cut();
      t.is((await errorOf(lost)).code, 'ssh-failed');
      t.deepEqual((cut.stdin as Terminal).modes, [true, false]);
    });
  });
});

test('a local reader that goes away ends the remote command', async (t) => {
  await withServer(t, 'sshd', async (server) => {
    await withConnection(server, async (connection) => {
      const local = localSide('pipe');
      const ended = attachRemote(connection, 'yes', local);
      await until(() => local.text().length > 1000);
      local.stdout.destroy(new Error('EPIPE'));
      t.not(await ended, 0);
    });
  });
});
