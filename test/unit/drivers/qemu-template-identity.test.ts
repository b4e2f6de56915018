import fc from 'fast-check';
import test from 'ava';
import { tarArchive } from '../../../src/drivers/tar.ts';
import { identityMessage } from '../../../src/drivers/qemu/template/identity.ts';
import { readPending, removePending, writePending } from '../../../src/drivers/qemu/template/pending.ts';
import { createFakeHost } from '../../fakes/host.ts';
import { readTar } from '../../fakes/tar-reader.ts';

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

/** The line and the files of a message. */
async function messageOf(files: Readonly<Record<string, Uint8Array>>): Promise<{
  readonly words: readonly string[];
  readonly entries: ReturnType<typeof readTar>;
}> {
  const host = createFakeHost({ startMs: 1_767_323_045_678 });
  const guestFiles = Object.entries(files).map(([name, content]) => {
    host.files.put(`/m/${name}`, content);
    return { name, path: `/m/${name}` };
  });
  const bytes = await identityMessage(host, {
    guestFiles,
    engineConfig: '{"labels":["ü"]}\n',
    diskBytes: 2 ** 40,
  });
  const end = bytes.indexOf(10);
  return {
    words: new TextDecoder().decode(bytes.subarray(0, end)).split(' '),
    entries: readTar(bytes.subarray(end + 1)),
  };
}

test('one line with time, size and engine id, then the files', async (t) => {
  const { words, entries } = await messageOf({ hostname: new TextEncoder().encode('dev\n') });
  t.is(words.length, 4);
  t.deepEqual(words.slice(0, 3), ['resume', '1767323046', String(2 ** 40)]);
  t.regex(words[3] ?? '', uuid);
  t.deepEqual(
    entries.map(({ name, mode, content }) => [name, mode, new TextDecoder().decode(content)]),
    [
      ['hostname', 0o600, 'dev\n'],
      ['engine.json', 0o600, '{"labels":["ü"]}\n'],
    ],
  );
});

test('files of any content and length come through', async (t) => {
  const content = fc.uint8Array({ maxLength: 2000 });
  await fc.assert(
    fc.asyncProperty(fc.dictionary(fc.stringMatching(/^[a-z][a-z.-]{0,30}$/), content), async (files) => {
      const { entries } = await messageOf(files);
      const expected = Object.entries(files).map(([name, bytes]) => [name, [...bytes]]);
      t.deepEqual(
        entries.slice(0, -1).map((entry) => [entry.name, [...entry.content]]),
        expected,
      );
    }),
    { numRuns: 40 },
  );
});

test('every machine gets an engine id of its own, of the form of version 4', async (t) => {
  const host = createFakeHost();
  const ids = new Set<string>();
  for (let count = 0; count < 50; count += 1) {
    const bytes = await identityMessage(host, { guestFiles: [], engineConfig: '{}', diskBytes: 1 });
    const id = new TextDecoder().decode(bytes.subarray(0, bytes.indexOf(10))).split(' ')[3] ?? '';
    t.regex(id, uuid);
    ids.add(id);
  }
  t.is(ids.size, 50);
});

test('an archive is a multiple of its block and ends with two empty ones', (t) => {
  for (const length of [0, 1, 511, 512, 513]) {
    const archive = tarArchive([{ name: 'f', mode: 0o600, content: new Uint8Array(length).fill(65) }]);
    t.is(archive.length, 512 * (1 + Math.ceil(length / 512) + 2));
    t.true(archive.subarray(-1024).every((byte) => byte === 0));
  }
});

test('resume.json: written, read, removed', async (t) => {
  const host = createFakeHost({ tree: { '/m/x': '' } });
  t.is(await readPending(host, '/m'), undefined);
  for (const state of ['prepared', 'resumed'] as const) {
    await writePending(host, '/m', { state, template: 'abc' });
    t.is((await readPending(host, '/m'))?.state, state);
    t.is((await host.files.stat('/m/resume.json'))?.mode, 0o600);
  }
  await writePending(host, '/m', { state: 'prepared', template: 'abc' });
  t.deepEqual(await readPending(host, '/m'), { state: 'prepared', template: 'abc' });
  await removePending(host, '/m');
  await removePending(host, '/m');
  t.is(await readPending(host, '/m'), undefined);
});

test('a resume.json of any other content is the harmless state: an ordinary start', async (t) => {
  const odd = [
    '',
    '{',
    'null',
    '[]',
    '"prepared"',
    '1',
    '{"state":"prepared"}',
    '{"state":"Prepared","template":"x"}',
  ];
  const texts = fc.oneof(fc.constantFrom(...odd), fc.string({ unit: 'binary' }), fc.json());
  await fc.assert(
    fc.asyncProperty(texts, async (text) => {
      const host = createFakeHost({ tree: { '/m/resume.json': text } });
      t.is((await readPending(host, '/m'))?.state, 'resumed', text);
    }),
  );
});

test('a resume.json that cannot be read is an error, not a machine without one', async (t) => {
  const host = createFakeHost({ tree: { '/m/resume.json': '{"state":"prepared","template":"x"}' } });
  host.files.inject({ code: 'EIO', operation: 'readText' });
  await t.throwsAsync(readPending(host, '/m'), { message: /EIO/ });
});
