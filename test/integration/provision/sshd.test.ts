import { userInfo } from 'node:os';
import test from 'ava';
import { gatherFacts } from '../../../src/provision/host.ts';
import { createRootShell } from '../../../src/provision/root-shell.ts';
import { withConnection, withServer } from '../ssh/with-server.ts';

const token = '0123456789abcdef';

test('a host is asked everything in one go', async (t) => {
  await withServer(t, 'sshd', async (server) => {
    await withConnection(server, async (connection) => {
      const facts = await gatherFacts({ shell: createRootShell(connection), token });
      t.is(facts.isRoot, userInfo().uid === 0);
      t.not(facts.os.id, '');
      t.not(facts.hostName, '');
      t.true(facts.files.has('/etc/hosts'));
    });
  });
});

test('a script does not stand in a command line, and a failing one is shown with what it said', async (t) => {
  await withServer(t, 'sshd', async (server) => {
    await withConnection(server, async (connection) => {
      const shell = createRootShell(connection);
      const secret = `secret-${token}`;
      const script = `x='${secret}'
all=$(cat /proc/[0-9]*/cmdline 2>/dev/null | tr '\\0' ' ')
case $all in *"$x"*) echo seen ;; *) echo unseen ;; esac`;
      const looked = await shell.require(script, { label: 'looking', timeoutMs: 20_000 });
      t.is(looked.stdout, 'unseen\n');
      const error = await t.throwsAsync(
        shell.require('echo what went wrong >&2; exit 9', { label: 'failing', timeoutMs: 20_000 }),
      );
      t.like(error, { code: 'provision-failed', why: 'It ended with exit code 9. what went wrong' });
      const reads = await shell.require('cat; echo end', { label: 'reading', timeoutMs: 20_000 });
      t.is(reads.stdout, 'end\n', 'a program does not read the rest of the script');
    });
  });
});
