import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { projectRoot } from '../../support/cli.ts';
import { buildGoProgram } from '../../support/go-programs.ts';

test('the recorded streams are what Go writes', (t) => {
  const program = buildGoProgram(t, 'goplugin');
  if (program !== undefined) {
    const recorded = readFileSync(path.join(projectRoot, 'test/fixtures/goplugin/vectors.json'), 'utf8');
    // Maps come in any order and type ids depend on what was met before: titles and lengths tell whether they are of today.
    const shape = (text: string): [string, number][] =>
      Object.entries(JSON.parse(text) as Record<string, string>).map(([title, hex]) => [title, hex.length]);
    t.deepEqual(shape(spawnSync(program, ['vectors'], { encoding: 'utf8' }).stdout), shape(recorded));
  }
});
