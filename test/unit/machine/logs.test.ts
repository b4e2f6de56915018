import test from 'ava';
import { createMachine } from '../../../src/machine/create.ts';
import { readLogs } from '../../../src/machine/logs.ts';
import { noneRequest, openTestSession, storePath } from './support.ts';

test('what a guest wrote cannot act on the terminal', async (t) => {
  const session = openTestSession();
  await createMachine(session, noneRequest('m'));
  const journal = `${storePath}/machines/m/journal.jsonl`;
  session.host.files.put(
    journal,
    '\u001b[2J\u001b]0;title\u0007red\u001b[31m\u009b1m text\tkept\nnext\r\u0000',
  );
  const [log] = await readLogs(session, 'm', 'journal');
  t.is(log?.text, ']0;titlered1m text\tkept\nnext');
});

test('a log that is not there is an error that names those that are', async (t) => {
  const session = openTestSession();
  await createMachine(session, noneRequest('m'));
  const error = await t.throwsAsync(readLogs(session, 'm', 'console'), { code: 'arguments-invalid' });
  t.regex(String((error as unknown as { remedies: string[] }).remedies), /journal/);
});
