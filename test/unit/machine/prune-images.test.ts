import test from 'ava';
import { pruneImages } from '../../../src/machine/prune-images.ts';
import { createMachine } from '../../../src/machine/create.ts';
import { updateOwnData } from '../../../src/machine/own-data.ts';
import { noneRequest, openTestSession, storePath, type TestSession } from './support.ts';

const cachePath = `${storePath}/cache/drivers/qemu`;
const [used, unused] = ['a'.repeat(64), 'b'.repeat(64)];

/** A store with a machine that uses one of two images, of both of which there are templates. */
async function makeStore(): Promise<TestSession> {
  const session = openTestSession();
  await createMachine(session, noneRequest('m'));
  await updateOwnData(session, 'm', { imageDigest: used });
  for (const [index, image] of [used, unused].entries()) {
    const directory = `${cachePath}/${String(index).repeat(32)}`;
    const saved = { sizeBytes: 6, crc32: 0 };
    const record = { schema: 1, key: { image }, ram: saved, disk: saved, made: '' };
    session.host.files.put(`${directory}/template.json`, JSON.stringify(record));
    session.host.files.put(`${directory}/ram`, 'memory');
  }
  return session;
}

async function templates({ host }: TestSession): Promise<string[]> {
  return (await host.files.list(cachePath)).map(({ name }) => name.slice(0, 1));
}

test('templates of images that no machine uses are removed with them', async (t) => {
  const session = await makeStore();
  const removed = await pruneImages(session);
  t.deepEqual(
    removed.map(({ directory }) => directory),
    [`${cachePath}/${'1'.repeat(32)}`],
  );
  t.true((removed[0]?.sizeBytes ?? 0) > 6);
  t.deepEqual(await templates(session), ['0']);
});

test('with all every template goes', async (t) => {
  const session = await makeStore();
  t.is((await pruneImages(session, { all: true })).length, 2);
  t.deepEqual(await templates(session), []);
  t.deepEqual(await pruneImages(session, { all: true }), []);
});

test('a template of a machine that is being made, whose image is not known yet, stays', async (t) => {
  const session = await makeStore();
  const sidecar = `${storePath}/machines/m/tsmachine.json`;
  const text = session.host.files.text(sidecar) ?? '';
  const { imageDigest, ...own } = JSON.parse(text) as Record<string, unknown>;
  t.is(imageDigest, used);
  session.host.files.put(sidecar, JSON.stringify({ ...own, phase: 'creating' }));
  await t.throwsAsync(pruneImages(session, { all: true }), { code: 'machine-incomplete' });
  t.deepEqual(await templates(session), ['0', '1']);
});
