import test from 'ava';
import { lastEvent, openJournal, readJournal } from '../../../src/machine/journal.ts';
import { createFakeHost } from '../../fakes/host.ts';

const path = '/tmp/journal.jsonl';

test('what is appended is read again, in order', async (t) => {
  const host = createFakeHost();
  const journal = await openJournal(host, path);
  await journal.append({ step: 'disk', event: 'begin', facts: { sizeMiB: 10 } });
  await journal.append({ step: 'disk', event: 'done' });
  const entries = await readJournal(host, path);
  t.deepEqual(
    entries.map(({ step, event }) => `${step} ${event}`),
    ['disk begin', 'disk done'],
  );
  t.is(entries[0]?.at, new Date(host.clock.nowMs()).toISOString());
  t.is(lastEvent(entries, 'disk'), 'done');
  t.is(lastEvent(entries, 'boot'), undefined);
});

test('a last line that a crash cut is dropped, and the next line stands by itself', async (t) => {
  const host = createFakeHost({
    tree: { [path]: '{"at":"2026-01-01T00:00:00Z","step":"a","event":"begin"}\n{"at":"2026-' },
  });
  t.is((await readJournal(host, path)).length, 1);
  const journal = await openJournal(host, path);
  await journal.append({ step: 'b', event: 'begin' });
  t.deepEqual(
    (await readJournal(host, path)).map(({ step }) => step),
    ['a', 'b'],
  );
});

for (const [title, line] of [
  ['no JSON', 'nonsense'],
  ['another shape', '{"step":1}'],
  ['an event that nobody knows', '{"at":"x","step":"a","event":"exploded"}'],
  ['null', 'null'],
] as const) {
  test(`a line in the middle that is ${title} is an error that names it`, async (t) => {
    const host = createFakeHost({
      tree: { [path]: `${line}\n{"at":"2026-01-01T00:00:00Z","step":"a","event":"done"}\n` },
    });
    await t.throwsAsync(openJournal(host, path), { code: 'journal-invalid', message: /journal\.jsonl:1/ });
  });
}
