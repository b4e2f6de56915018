import test from 'ava';
import { askOnce, askTogether } from '../../../src/cloud/ask-together.ts';
import { createFakeHost, type FakeHost } from '../../fakes/host.ts';

/** A cloud that answers when it is told to. */
function cloudOf(host: FakeHost) {
  const batches: (readonly string[])[] = [];
  const release: (() => void)[] = [];
  const refused = new Set<string>();
  const ask = async (id: string, topic = 'instances'): Promise<string | undefined> =>
    askTogether(host, {
      topic,
      id,
      ask: async (ids) => {
        batches.push(ids);
        await new Promise<void>((resolve) => release.push(resolve));
        if (ids.some((each) => refused.has(each))) {
          throw new Error('refused');
        }
        return new Map(ids.filter((each) => each !== 'none').map((each) => [each, `it is ${each}`]));
      },
    });
  const answer = async (): Promise<void> => {
    release.shift()?.();
    for (let count = 0; count < 20; count += 1) {
      await Promise.resolve();
    }
  };
  return { batches, ask, answer, refused };
}

test('the first question goes at once, those that come meanwhile together after it', async (t) => {
  const { batches, ask, answer } = cloudOf(createFakeHost());
  const all = Promise.all([ask('a'), ask('b'), ask('c'), ask('b'), ask('none')]);
  await answer();
  await answer();
  t.deepEqual(await all, ['it is a', 'it is b', 'it is c', 'it is b', undefined]);
  t.deepEqual(batches, [['a'], ['b', 'c', 'none']]);
  const later = ask('a');
  await answer();
  t.is(await later, 'it is a');
  t.is(batches.length, 3);
});

test('topics do not wait for each other', async (t) => {
  const { batches, ask, answer } = cloudOf(createFakeHost());
  const both = Promise.all([ask('a', 'one'), ask('b', 'two')]);
  t.deepEqual(batches, [['a'], ['b']]);
  await answer();
  await answer();
  t.deepEqual(await both, ['it is a', 'it is b']);
});

test('what fails together is asked for one by one', async (t) => {
  const { batches, ask, answer, refused } = cloudOf(createFakeHost());
  refused.add('c');
  const all = Promise.allSettled([ask('a'), ask('b'), ask('c')]);
  for (let count = 0; count < 4; count += 1) {
    await answer();
  }
  t.deepEqual(
    (await all).map(({ status }) => status),
    ['fulfilled', 'fulfilled', 'rejected'],
  );
  t.deepEqual(batches, [['a'], ['b', 'c'], ['b'], ['c']]);
});

test('what is offered is asked for once a minute, and again after an error', async (t) => {
  const host = createFakeHost();
  let count = 0;
  let isBroken = true;
  const ask = async (): Promise<number> =>
    askOnce(host, {
      topic: 'images',
      ask: async () => {
        count += 1;
        if (isBroken) {
          throw new Error('broken');
        }
        return count;
      },
    });
  await t.throwsAsync(ask(), { message: 'broken' });
  isBroken = false;
  t.deepEqual(await Promise.all([ask(), ask(), ask()]), [2, 2, 2]);
  host.clock.advance(61_000);
  t.is(await ask(), 3);
});
