import { readFileSync, readdirSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { errorCodes, type CodeEntry } from '../../../src/core/codes.ts';
import { errorsDocument } from '../../../src/core/errors-document.ts';
import { isMachineError, MachineError, messageOf, systemCode } from '../../../src/core/errors.ts';

const root = path.join(import.meta.dirname, '..', '..', '..', '..');

test('docs/errors.md is what npm run docs writes', (t) => {
  const squeeze = (text: string): string => text.replace(/[ -]+/g, ' ');
  t.is(squeeze(readFileSync(path.join(root, 'docs', 'errors.md'), 'utf8')), squeeze(errorsDocument()));
});

test('every code is thrown somewhere, and every code but that of an interrupt says what to do', (t) => {
  const texts = ['src', 'iso']
    .flatMap((directory) =>
      readdirSync(path.join(root, directory), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && entry.name.endsWith('.ts') && entry.name !== 'codes.ts')
        .map((entry) => readFileSync(path.join(entry.parentPath, entry.name), 'utf8')),
    )
    .join('\n');
  for (const [code, entry] of Object.entries<CodeEntry>(errorCodes)) {
    t.true(texts.includes(`'${code}'`), `${code} is never thrown`);
    t.true(entry.remedies.length > 0 || code === 'interrupted', code);
  }
});

test('exit codes follow the fault, unless the thrower knows better', (t) => {
  t.is(new MachineError('flag-unknown', 'x').exitCode, 2);
  t.is(new MachineError('machine-not-found', 'x').exitCode, 1);
  t.is(new MachineError('interrupted', 'x').exitCode, 130);
  t.is(new MachineError('host-not-ready', 'x', { exitCode: 3 }).exitCode, 3);
});

test('the brand holds for errors of another copy of the module', (t) => {
  t.true(isMachineError(new MachineError('bug', 'x')));
  const foreign = Object.defineProperty({}, Symbol.for('tsmachine.error'), { value: true });
  t.true(isMachineError(foreign));
  t.false(isMachineError(new Error('x')));
  t.false(isMachineError(undefined));
});

test('messages and system codes of whatever was thrown', (t) => {
  t.is(messageOf(new Error('text')), 'text');
  t.is(messageOf('text'), 'text');
  t.is(systemCode(Object.assign(new Error('x'), { code: 'ENOENT' })), 'ENOENT');
  t.is(systemCode({ code: 5 }), undefined);
  t.is(systemCode(null), undefined);
});
