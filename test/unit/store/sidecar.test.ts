import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { MachineError } from '../../../src/core/errors.ts';
import { formatSidecar, loadSidecar, parseSidecar, saveSidecar } from '../../../src/store/sidecar.ts';
import { createFakeHost } from '../../fakes/host.ts';

const file = path.join(import.meta.dirname, '../../../../test/fixtures/records/sidecar-v1.json');
const text = readFileSync(file, 'utf8');
const valid = JSON.parse(text) as Record<string, unknown>;
const store = '/home/ann/.docker/machine';
const target = `${store}/machines/dev/tsmachine.json`;

test('schema 1 is read and written back as it was, unknown keys included', (t) => {
  t.is(formatSidecar(parseSidecar(text, 'x')), text);
  const more = { ...valid, later: { x: 1 } };
  t.deepEqual(JSON.parse(formatSidecar(parseSidecar(JSON.stringify(more), 'x'))), more);
});

const wrong: readonly [string, Record<string, unknown>][] = [
  ['schema', { schema: '1' }],
  ['schema', { schema: 0 }],
  ['phase', { phase: 'running' }],
  ['created', { created: 'yesterday' }],
  ['driver', { driver: [] }],
  ['options', { options: undefined }],
  ['imageDigest', { imageDigest: '../x' }],
  ['imagePath', { imagePath: '-x' }],
  ['sshHostKey', { sshHostKey: 'ssh-ed25519 AAAA\nmalicious' }],
  ['tls', { tls: 'p256' }],
  ['tls.serverNotAfter', { tls: { keyType: 'p256', serverNotAfter: 5 } }],
];

for (const [field, change] of wrong) {
  test(`a wrong field is named: ${field} ${JSON.stringify(change)}`, (t) => {
    const error = t.throws(() => parseSidecar(JSON.stringify({ ...valid, ...change }), '/m/tsmachine.json'), {
      instanceOf: MachineError,
    });
    t.is(error.code, 'record-invalid');
    t.is(error.facts.field, field);
    t.true(error.message.startsWith('/m/tsmachine.json'));
  });
}

test('a schema of the future is refused', (t) => {
  const error = t.throws(() => parseSidecar('{"schema":2}', 'x'), { instanceOf: MachineError });
  t.is(error.code, 'record-from-future');
});

test('any JSON is read or refused', (t) => {
  const mutants = fc.dictionary(fc.constantFrom(...Object.keys(valid)), fc.jsonValue());
  fc.assert(
    fc.property(mutants, (change) => {
      try {
        parseSidecar(JSON.stringify({ ...valid, ...change }), 'x');
      } catch (error) {
        if (!(error instanceof MachineError)) {
          throw error;
        }
      }
    }),
    { numRuns: 1000 },
  );
  t.pass();
});

test('loading and saving', async (t) => {
  const host = createFakeHost();
  t.is(await loadSidecar(host, store, 'dev'), undefined);
  host.files.putDirectory(`${store}/machines/dev`);
  await saveSidecar(host, store, 'dev', parseSidecar(text, 'x'));
  t.is(host.files.text(target), text);
  t.is(host.files.nodes.get(target)?.mode, 0o600);
  t.deepEqual(await loadSidecar(host, store, 'dev'), parseSidecar(text, 'x'));
});

test('what could not be read again is not written', async (t) => {
  const host = createFakeHost({ tree: { [target]: text } });
  const bad = { ...parseSidecar(text, 'x'), created: 'now' };
  await t.throwsAsync(saveSidecar(host, store, 'dev', bad), { instanceOf: MachineError });
  t.is(host.files.text(target), text);
});

test('a file that cannot be read or is far too large is refused', async (t) => {
  const host = createFakeHost({ tree: { [target]: ' '.repeat(2 * 1024 * 1024) } });
  await t.throwsAsync(loadSidecar(host, store, 'dev'), { message: /larger than/ });
  host.files.inject({ operation: 'readRange', code: 'EACCES' });
  const error = await t.throwsAsync(loadSidecar(host, store, 'dev'), { instanceOf: MachineError });
  t.is(error.code, 'record-invalid');
});
