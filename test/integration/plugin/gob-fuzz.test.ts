import { spawnSync } from 'node:child_process';
import test from 'ava';
import { createByteSource } from '../../../src/drivers/plugin/gob/byte-source.ts';
import { createGobDecoder } from '../../../src/drivers/plugin/gob/decoder.ts';
import { createGobEncoder } from '../../../src/drivers/plugin/gob/encoder.ts';
import { buildGoProgram } from '../../support/go-programs.ts';

const valuesPerSeed = '500';

for (const seed of ['1', '2', '3', '4']) {
  test(`random values of Go survive the way through our codec and back, seed ${seed}`, async (t) => {
    const gofuzz = buildGoProgram(t, 'gofuzz');
    if (gofuzz === undefined) {
      return;
    }
    const emitted = spawnSync(gofuzz, ['emit', seed, valuesPerSeed], { maxBuffer: 2 ** 30 });
    t.is(emitted.status, 0, emitted.stderr.toString());
    const pieces = (async function* () {
      yield await Promise.resolve(new Uint8Array(emitted.stdout));
    })();
    const decoder = createGobDecoder(createByteSource(pieces));
    const encoder = createGobEncoder();
    const again: Uint8Array[] = [];
    for (let next = await decoder.next(); next !== undefined; next = await decoder.next()) {
      again.push(encoder.encode(next.type, next.value));
    }
    const checked = spawnSync(gofuzz, ['check', seed, valuesPerSeed], { input: Buffer.concat(again) });
    t.is(checked.stderr.toString(), '');
    t.is(checked.stdout.toString(), `${valuesPerSeed} values are the same\n`);
  });
}
