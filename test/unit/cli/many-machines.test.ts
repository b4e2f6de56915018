import test from 'ava';
import { run } from '../../../src/cli/main.ts';
import { togetherByReason } from '../../../src/cli/failed-machines.ts';
import { createManyMachines, someOf } from '../../../src/cli/render/many-machines.ts';
import { createRenderer } from '../../../src/cli/render/renderer.ts';
import { MachineError } from '../../../src/core/errors.ts';
import type { MachineEvent } from '../../../src/core/events.ts';
import { createFakeHost } from '../../fakes/host.ts';
import { createFakeIo, TextOutput } from '../../fakes/io.ts';

const names = ['a-1', 'a-2', 'a-3', 'a-4'];

function open(isDrawn: boolean) {
  const { clock } = createFakeHost();
  const lines: string[] = [];
  const view = createManyMachines({ names, clock, isDrawn, line: (text) => lines.push(text) });
  const step = (machine: string, name: string): MachineEvent => ({
    type: 'step-begin',
    machine,
    step: name,
    summary: name,
  });
  return { clock, lines, view, step };
}

function play({ clock, view, step }: ReturnType<typeof open>): void {
  for (const name of names.slice(0, 3)) {
    view.begin(name);
    view.show(name, step(name, 'ec2-instance'));
    view.show(name, { type: 'warn', machine: name, message: `The tag of ${name} has no value.` });
  }
  for (const name of ['a-1', 'a-2']) {
    view.show(name, step(name, 'start'));
    view.show(name, step(name, 'reach'));
    // Never back.
    view.show(name, step(name, 'certificates'));
    view.show(name, { type: 'note', machine: name, message: 'Docker is there already.' });
  }
  clock.advance(75_000);
  view.done('a-1');
  view.failed('a-3', 'no address');
}

test('elsewhere than on a terminal: a short line for each part of the way', (t) => {
  const scene = open(false);
  play(scene);
  t.deepEqual(scene.lines, [
    'a-1: making',
    'a-1: warning: The tag of a-1 has no value.',
    'a-2: making',
    'a-3: making',
    'a-1: starting',
    'a-1: setting up',
    'a-2: starting',
    'a-2: setting up',
    'a-1: ready after 1 min 15 s (1 of 4 ready)',
    'a-3: failed: no address',
  ]);
});

test('on a terminal: counts, what is slow, what has failed; only trouble stays', (t) => {
  const scene = open(true);
  play(scene);
  t.deepEqual(scene.lines, ['a-1: warning: The tag of a-1 has no value.', 'a-3: failed: no address']);
  t.deepEqual(scene.view.lines(), [
    '1 of 4 ready, 1 setting up, 1 waiting, 1 failed; 1 min 15 s',
    '  slow: a-2 (setting up, 1 min 15 s)',
    '  failed: a-3',
  ]);
  scene.view.done('a-2');
  scene.view.begin('a-4');
  t.deepEqual(scene.view.lines(), ['2 of 4 ready, 1 making, 1 failed; 1 min 15 s', '  failed: a-3']);
});

test('of very many names the first', (t) => {
  t.is(someOf(['1', '2', '3', '4', '5', '6', '7', '8']), '1, 2, 3, 4, 5, 6 and 2 more');
  t.is(someOf(['1', '2']), '1, 2');
});

test('what is drawn below on a terminal is redrawn, and ends', async (t) => {
  const host = createFakeHost({ env: { TERM: 'xterm', NO_COLOR: '1' } });
  host.clock.mode = 'manual';
  const stream = new TextOutput(true);
  const renderer = await createRenderer({ stream, host, secrets: ['hush'], json: false });
  renderer.drawBelow?.(() => ['3 of 40 ready', '  failed: hush']);
  t.regex(stream.text, /3 of 40 ready/);
  t.false(stream.text.includes('hush'));
  renderer.drawBelow?.();
  const { length } = stream.text;
  host.clock.advance(1000);
  renderer.line('end');
  t.false(stream.text.slice(length).includes('3 of 40'));
  renderer.close();
  const plain = await createRenderer({ stream: new TextOutput(), host, secrets: [], json: false });
  t.false('drawBelow' in plain);
});

test('each reason is told once, with the names and what can be done for all', (t) => {
  const failure = (name: string, why: string): { name: string; error: MachineError } => ({
    name,
    error: new MachineError('cloud-refused', `Error creating machine: no room for ${name}`, {
      why,
      remedies: [`go on: tsmachine create --resume ${name}`, `clean up: tsmachine rm ${name}`],
    }),
  });
  const [together, alone, ...more] = togetherByReason([
    failure('a-1', 'zone a'),
    failure('a-2', 'zone b'),
    failure('a-3', 'zone a'),
  ]) as MachineError[];
  t.is(more.length, 0);
  t.is(together?.message, '2 machines (a-1, a-3): Error creating machine: no room for NAME');
  t.deepEqual(together?.remedies, [
    'go on: tsmachine create --resume NAME',
    'clean up: tsmachine rm a-1 a-3',
  ]);
  t.is(alone?.message, 'Error creating machine: no room for a-2');
  const other = new Error('no machine error');
  t.deepEqual(togetherByReason([{ name: 'a', error: other }]), [other]);
});

test('many that fail alike are one error', async (t) => {
  const host = createFakeHost({ tree: { '/opt/tsmachine/package.json': '{"version":"1.2.3"}' } });
  const create = ['create', '-d', 'none', '--url', 'tcp://127.0.0.1:1'];
  t.is(await run([...create, 'x-{1..2}'], createFakeIo(host)), 0);
  const io = createFakeIo(host);
  t.is(await run([...create, 'x-{1..3}'], io), 1);
  t.is(io.stderr.text.match(/^error: /gm)?.length, 1, io.stderr.text);
  t.regex(io.stderr.text, /^error: 2 machines \(x-1, x-2\): Docker machine "NAME" already exists/m);
  t.regex(io.stderr.text, /^x-3: ready after /m);
});
