import test from 'ava';
import { run } from '../../../src/cli/main.ts';
import type { ProgramName } from '../../../src/cli/io.ts';
import { createMachine } from '../../../src/machine/create.ts';
import type { FakeHost } from '../../fakes/host.ts';
import { createFakeIo } from '../../fakes/io.ts';
import { noneRequest, openTestSession, storePath } from '../machine/support.ts';

const question = 'Regenerate TLS machine certs?  Warning: this is irreversible. (y/n): ';

interface Outcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
  readonly host: FakeHost;
  /** Whether the client certificate of the store is another one. */
  readonly isClientNew: boolean;
}

/** Runs the command on a store with the machine "m", of the driver none. */
async function regenerate(
  args: readonly string[],
  options: { readonly input?: string; readonly program?: ProgramName } = {},
): Promise<Outcome> {
  const session = openTestSession();
  const { host } = session;
  host.files.put('/opt/tsmachine/package.json', '{"version":"1.2.3"}');
  await createMachine(session, noneRequest('m'));
  const client = (): string | undefined => host.files.text(`${storePath}/certs/cert.pem`);
  const before = client();
  const io = createFakeIo(host, options);
  const code = await run(['--storage-path', storePath, 'regenerate-certs', ...args], io);
  return { code, out: io.stdout.text, err: io.stderr.text, host, isClientNew: client() !== before };
}

test('it asks; n changes nothing and is no error, y goes on', async (t) => {
  const no = await regenerate(['m'], { input: 'n\n' });
  t.is(no.code, 0);
  t.is(no.err, question);
  const yes = await regenerate(['m'], { input: 'Yes\n' });
  t.true(yes.err.startsWith(`${question}Regenerating TLS certificates\n`), yes.err);
  t.is(yes.out, '');
});

test('without anybody to answer nothing is changed, and the exit code says so', async (t) => {
  const { code, err, isClientNew } = await regenerate(['--client-certs', 'm']);
  t.is(code, 1);
  t.regex(err, /\nEOF: nothing was changed\. Use -f/);
  t.false(isClientNew);
});

test('called as docker-machine the words are on stdout, as they were', async (t) => {
  const { code, out, err } = await regenerate(['-f', 'nope'], { program: 'docker-machine' });
  t.is(code, 1);
  t.is(out, 'Regenerating TLS certificates\n');
  t.regex(err, /Docker machine "nope" does not exist/);
});

test('a wrong name among several: nothing is done, also not for the clients', async (t) => {
  const { code, isClientNew } = await regenerate(['-f', '--client-certs', 'm', 'nope']);
  t.is(code, 1);
  t.false(isClientNew);
});

test('--client-certs; a machine without a host of ours cannot be given a server certificate', async (t) => {
  const { code, err, isClientNew, host } = await regenerate(['--force', '--client-certs', 'm']);
  t.is(code, 1);
  t.regex(err, /Regenerating local certificates/);
  t.regex(err, /"m" cannot be given certificates.*\[capability-missing\]/s);
  t.true(isClientNew);
  t.is(host.files.text(`${storePath}/machines/m/cert.pem`), host.files.text(`${storePath}/certs/cert.pem`));
});
