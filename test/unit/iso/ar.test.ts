import test from 'ava';
import { readAr } from '../../../iso/formats/ar.ts';
import { makeAr } from './make-deb.ts';

const sample = makeAr([
  ['debian-binary', Buffer.from('2.0\n')],
  ['odd', Buffer.from('abc')],
  ['last/', Buffer.from('x')],
]);

test('members come with their names and data, also behind a padding', (t) => {
  const members = readAr(sample, 'a.deb').map(({ name, data }) => [name, Buffer.from(data).toString()]);
  t.deepEqual(members, [
    ['debian-binary', '2.0\n'],
    ['odd', 'abc'],
    ['last', 'x'],
  ]);
});

test('what is no ar archive is refused, and the file is named', (t) => {
  const error = t.throws(() => readAr(Buffer.from('<html>not found</html>'), 'pool/a.deb'), {
    code: 'image-build-failed',
  });
  t.regex(error.message, /pool\/a\.deb/);
});

test('an archive that is cut off anywhere is refused, except between members', (t) => {
  const whole = readAr(sample, 'a.deb').length;
  for (let length = 0; length < sample.length - 1; length += 1) {
    try {
      t.true(readAr(sample.subarray(0, length), 'a.deb').length < whole);
    } catch (error) {
      t.is((error as { code?: string }).code, 'image-build-failed');
    }
  }
});

test('a size that is no number, and one beyond the end, are refused', (t) => {
  for (const size of ['abc       ', '-1        ', '99999     ', '          ']) {
    const damaged = Buffer.from(sample);
    damaged.write(size, 8 + 48, 'latin1');
    t.throws(() => readAr(damaged, 'a.deb'), { code: 'image-build-failed' }, size);
  }
});

test('thousands of members are refused', (t) => {
  const many = makeAr(Array.from({ length: 100 }, (_, index) => [`m${index}`, Buffer.from('')] as const));
  t.throws(() => readAr(many, 'a.deb'), { code: 'image-build-failed' });
});
