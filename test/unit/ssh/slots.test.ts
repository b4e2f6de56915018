import test from 'ava';
import { makeSlots } from '../../../src/ssh/slots.ts';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('no more than the limit are taken, in the order of asking', async (t) => {
  const slots = makeSlots(2);
  const order: number[] = [];
  for (let index = 0; index < 5; index += 1) {
    void slots.acquire().then(() => order.push(index));
  }
  await turn();
  t.deepEqual(order, [0, 1]);
  slots.release();
  await turn();
  t.deepEqual(order, [0, 1, 2]);
  slots.release();
  slots.release();
  await turn();
  t.deepEqual(order, [0, 1, 2, 3, 4]);
});

test('who gives up does not take a slot', async (t) => {
  const slots = makeSlots(1);
  await slots.acquire();
  const abort = new AbortController();
  const given = slots.acquire(abort.signal);
  const next = slots.acquire();
  abort.abort(new Error('enough'));
  await t.throwsAsync(given, { message: 'enough' });
  slots.release();
  await t.notThrowsAsync(next);
  await t.throwsAsync(slots.acquire(AbortSignal.abort(new Error('before'))), { message: 'before' });
});

test('a refusal lowers the limit to what is open; the last one is told', async (t) => {
  const slots = makeSlots(8);
  await Promise.all([slots.acquire(), slots.acquire(), slots.acquire()]);
  t.true(slots.lower());
  slots.release();
  let taken = false;
  void slots.acquire().then(() => (taken = true));
  await turn();
  t.false(taken);
  slots.release();
  await turn();
  t.true(taken);
  slots.release();
  t.false(slots.lower());
});
