import { crc32 } from 'node:zlib';
import fc from 'fast-check';
import test from 'ava';
import type { DriverCache } from '../../../src/drivers/driver.ts';
import {
  enforceSizeBound,
  findTemplate,
  isIntact,
  listMaking,
  makingDirectory,
  noteFailure,
  openTemplate,
  pruneTemplates,
  recentFailure,
  removeTemplate,
  templateDirectory,
  touchTemplate,
  type Template,
} from '../../../src/drivers/qemu/template/cache.ts';
import { templateId, type TemplateKey } from '../../../src/drivers/qemu/template/key.ts';
import { createFakeHost, type FakeHost } from '../../fakes/host.ts';

const hour = 60 * 60 * 1000;
const key: TemplateKey = {
  image: 'd'.repeat(64),
  qemu: 'QEMU emulator version 7.2.22',
  accelerator: 'tcg',
  hostProcessor: '',
  arguments: 'a'.repeat(64),
  diskMiB: 20_000,
};
const cache: DriverCache = { directory: '/s/cache', exclusively: async (_, action) => action() };
const ram = new TextEncoder().encode('memory of a guest');
const disk = new TextEncoder().encode('disk of a guest');
const saved = (bytes: Uint8Array): unknown => ({ sizeBytes: bytes.length, crc32: crc32(bytes) });
const record = { schema: 1, key, ram: saved(ram), disk: saved(disk), made: '2026-01-02T03:04:05.000Z' };

/** Puts a template into the cache, with the record given or that of its files. */
function put(host: FakeHost, of: TemplateKey = key, text = JSON.stringify({ ...record, key: of })): string {
  const directory = templateDirectory(cache, of);
  host.files.put(`${directory}/ram`, ram);
  host.files.put(`${directory}/disk.qcow2`, disk);
  host.files.put(`${directory}/template.json`, text);
  return directory;
}

function shape(number: number): TemplateKey {
  return { ...key, diskMiB: number };
}

async function found(host: FakeHost, of: TemplateKey): Promise<Template> {
  const template = await findTemplate(host, cache, of);
  if (template === undefined) {
    throw new Error('There is no template.');
  }
  return template;
}

test('a template is found under its key, opened under its id, and gone when it is removed', async (t) => {
  const host = createFakeHost();
  t.is(await findTemplate(host, cache, key), undefined);
  const directory = put(host);
  const template = await found(host, key);
  t.deepEqual(template, {
    id: templateId(key),
    directory,
    ramPath: `${directory}/ram`,
    diskPath: `${directory}/disk.qcow2`,
    record: record as Template['record'],
  });
  t.deepEqual(await openTemplate(host, cache, template.id), template);
  t.is(await findTemplate(host, cache, shape(1)), undefined);
  await removeTemplate(host, directory);
  await removeTemplate(host, directory);
  t.is(await findTemplate(host, cache, key), undefined);
  t.is(await openTemplate(host, cache, template.id), undefined);
});

test('the record is the first to go, so that a removal that is cut off leaves no template', async (t) => {
  const host = createFakeHost();
  const directory = put(host);
  host.files.inject({ code: 'EIO', operation: 'remove', path: directory });
  await t.throwsAsync(removeTemplate(host, directory));
  t.is(await findTemplate(host, cache, key), undefined);
  t.is(await openTemplate(host, cache, templateId(key)), undefined);
});

test('a template with a file that is missing or of another length is no template, and is removed', async (t) => {
  for (const name of ['ram', 'disk.qcow2']) {
    for (const content of [undefined, new Uint8Array(), ram.slice(1), new Uint8Array([...ram, 0])]) {
      const host = createFakeHost();
      const path = `${put(host)}/${name}`;
      if (content === undefined) {
        await host.files.remove(path);
      } else {
        host.files.put(path, content);
      }
      t.is(await findTemplate(host, cache, key), undefined, `${name} ${String(content?.length)}`);
      t.deepEqual(
        [...host.files.nodes.keys()].filter((at) => at.startsWith('/s/cache/')),
        [],
      );
    }
  }
});

test('a record of another key is not taken, wherever it lies', async (t) => {
  for (const other of [shape(1), { ...key, image: 'e' }, { ...key, hostProcessor: 'x' }]) {
    const host = createFakeHost();
    put(host, key, JSON.stringify({ ...record, key: other }));
    t.is(await findTemplate(host, cache, key), undefined);
  }
});

test('no mutation of a record throws or makes a half template whole', async (t) => {
  const good = JSON.stringify(record);
  const values = fc.oneof(fc.jsonValue(), fc.constantFrom(-1, 0.5, 2 ** 60, 'x', '', null, [], {}));
  const paths = [
    'schema',
    'key',
    'ram',
    'disk',
    'made',
    'ram.sizeBytes',
    'ram.crc32',
    'disk.sizeBytes',
    'disk.crc32',
  ];
  const changed = fc.tuple(fc.constantFrom(...paths), values).map(([path, value]) => {
    const copy = JSON.parse(good) as Record<string, unknown>;
    const [first = '', second] = path.split('.');
    if (second === undefined) {
      copy[first] = value;
    } else {
      copy[first] = { ...(copy[first] as object), [second]: value };
    }
    return JSON.stringify(copy);
  });
  const cut = fc.nat(good.length).map((length) => good.slice(0, length));
  const flipped = fc
    .tuple(fc.nat(good.length - 1), fc.integer({ min: 32, max: 126 }))
    .map(([at, code]) => good.slice(0, at) + String.fromCharCode(code) + good.slice(at + 1));
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(changed, cut, flipped, fc.json(), fc.string({ unit: 'binary' })),
      async (text) => {
        const host = createFakeHost();
        put(host, key, text);
        const opened = await openTemplate(host, cache, templateId(key));
        const template = await findTemplate(host, cache, key);
        for (const one of [opened, template].filter((each) => each !== undefined)) {
          t.true(one.ramPath.startsWith('/s/cache/') && !one.ramPath.includes('..'));
          t.true(
            Number.isSafeInteger(one.record.ram.sizeBytes) && Number.isSafeInteger(one.record.disk.crc32),
          );
        }
        if (template !== undefined) {
          t.deepEqual(template.record.key, key);
          t.deepEqual(
            [template.record.ram.sizeBytes, template.record.disk.sizeBytes],
            [ram.length, disk.length],
          );
        }
      },
    ),
    { numRuns: 300 },
  );
});

test('names that are no ids open nothing and touch no file', async (t) => {
  const host = createFakeHost();
  host.files.put('/s/template.json', JSON.stringify(record));
  for (const id of [
    '..',
    '../s',
    '',
    '.',
    `${templateId(key)}/..`,
    templateId(key).toUpperCase(),
    'x'.repeat(32),
  ]) {
    host.files.inject({ code: 'EIO', operation: 'readText' });
    t.is(await openTemplate(host, cache, id), undefined, id);
    host.files.heal();
  }
});

test('a file is intact only when every bit is as it was', async (t) => {
  const host = createFakeHost();
  host.files.put('/f', ram);
  const expected = { sizeBytes: ram.length, crc32: crc32(ram) };
  t.true(await isIntact(host, '/f', expected));
  for (let bit = 0; bit < ram.length * 8; bit += 1) {
    const copy = ram.slice();
    copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    host.files.put('/f', copy);
    t.false(await isIntact(host, '/f', expected), `bit ${bit}`);
  }
  t.false(await isIntact(host, '/none', expected));
  host.files.put('/f', ram);
  host.files.inject({ code: 'EIO', operation: 'crc32' });
  t.false(await isIntact(host, '/f', expected), 'a file that cannot be read is not intact');
});

test('over the bound the least recently used templates go, and the one in use stays', async (t) => {
  const host = createFakeHost();
  // Lengths beyond what a test should hold in memory.
  const stat = host.files.stat.bind(host.files);
  host.files.stat = async (path) => {
    const real = await stat(path);
    return real === undefined || !path.endsWith('/ram') ? real : { ...real, sizeBytes: 1024 ** 3 - 1000 };
  };
  const large = { ...record, ram: { sizeBytes: 1024 ** 3 - 1000, crc32: 0 } };
  for (const number of [1, 2, 3, 4]) {
    put(host, shape(number), JSON.stringify({ ...large, key: shape(number) }));
  }
  for (const number of [3, 1, 4, 2]) {
    await touchTemplate(host, await found(host, shape(number)));
    host.clock.advance(2 * hour);
  }
  const left = async (): Promise<number[]> => {
    const ids = (await host.files.list('/s/cache')).map(({ name }) => name);
    return [1, 2, 3, 4].filter((number) => ids.includes(templateId(shape(number))));
  };
  await enforceSizeBound(host, cache, await found(host, shape(2)));
  t.deepEqual(await left(), [1, 2, 4]);
  await enforceSizeBound(host, cache, await found(host, shape(2)));
  t.deepEqual(await left(), [1, 2, 4], 'within the bound nothing goes');
  put(host, shape(3), JSON.stringify({ ...large, key: shape(3) }));
  await enforceSizeBound(host, cache, await found(host, shape(3)));
  t.deepEqual(await left(), [2, 3, 4], 'never used yet, but in use now');
});

test('a use is noted at most once an hour, and a template that is gone meanwhile does not matter', async (t) => {
  const host = createFakeHost();
  put(host);
  const template = await found(host, key);
  const uses = (): number => host.files.writes.filter((write) => write.endsWith('/used')).length;
  await touchTemplate(host, template);
  host.clock.advance(hour - 1);
  await touchTemplate(host, template);
  t.is(uses(), 1);
  host.clock.advance(2);
  await touchTemplate(host, template);
  t.is(uses(), 2);
  host.clock.advance(2 * hour);
  await removeTemplate(host, template.directory);
  await t.notThrowsAsync(touchTemplate(host, template));
});

test('a failure is remembered for a day, for its key alone', async (t) => {
  const host = createFakeHost();
  host.files.putDirectory('/s/cache');
  await noteFailure(host, cache, { key, why: 'No luck.' });
  t.is(await recentFailure(host, cache, key), 'No luck.');
  t.is(await recentFailure(host, cache, shape(1)), undefined);
  host.clock.advance(24 * hour);
  t.is(await recentFailure(host, cache, key), 'No luck.');
  host.clock.advance(1);
  t.is(await recentFailure(host, cache, key), undefined);
});

test('what is in the making is listed with its process; other names are not', async (t) => {
  const host = createFakeHost();
  t.deepEqual(await listMaking(host, cache), []);
  host.files.putDirectory(makingDirectory(cache, key, 4711));
  host.files.putDirectory('/s/cache/.failed-x');
  put(host);
  t.deepEqual(await listMaking(host, cache), [{ directory: makingDirectory(cache, key, 4711), pid: 4711 }]);
});

test('prune: templates of other images, those without a record, and notes of failures', async (t) => {
  const host = createFakeHost();
  const kept = put(host);
  const other = put(host, { ...key, image: 'e' });
  const broken = put(host, shape(7), '{');
  await noteFailure(host, cache, { key, why: 'x' });
  const removed = await pruneTemplates(host, cache, new Set([key.image]));
  t.deepEqual(removed.map(({ directory }) => directory).sort(), [broken, other].sort());
  t.true(removed.every(({ sizeBytes }) => sizeBytes > ram.length + disk.length));
  t.deepEqual(
    (await host.files.list('/s/cache')).map(({ name }) => `/s/cache/${name}`),
    [kept],
  );
  t.deepEqual(
    (await pruneTemplates(host, cache, new Set())).map(({ directory }) => directory),
    [kept],
  );
  t.deepEqual(await pruneTemplates(createFakeHost(), cache, new Set()), []);
});
