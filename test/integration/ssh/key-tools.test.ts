import { execFileSync, spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import {
  dropbearHostKey,
  fingerprintOf,
  generateSshKeyPair,
  parsePublicLine,
} from '../../../src/ssh/keys.ts';
import { quoteArgv } from '../../../src/ssh/quote.ts';
import fc from 'fast-check';

function isMissing(t: ExecutionContext, program: string, args: readonly string[]): boolean {
  const missing = spawnSync(program, args).error !== undefined;
  if (missing) {
    t.log(`skipped: needs ${program}`);
    t.pass();
  }
  return missing;
}

function temporaryDirectory(t: ExecutionContext): string {
  const directory = mkdtempSync(join(tmpdir(), 'tsmachine-keys-'));
  t.teardown(() => {
    rmSync(directory, { recursive: true, force: true });
  });
  return directory;
}

test('ssh-keygen reads our private keys and agrees on public key and fingerprint', (t) => {
  if (isMissing(t, 'ssh-keygen', ['-?'])) {
    return;
  }
  const path = join(temporaryDirectory(t), 'id');
  for (const comment of ['', 'a', 'user@host with blanks', 'grüße', 'x'.repeat(200)]) {
    const pair = generateSshKeyPair({ randomBytes }, comment);
    writeFileSync(path, pair.privatePem, { mode: 0o600 });
    t.is(execFileSync('ssh-keygen', ['-y', '-f', path], { encoding: 'utf8' }).trimEnd(), pair.publicLine);
    t.is(execFileSync('ssh-keygen', ['-lf', path], { encoding: 'utf8' }).split(' ')[1], pair.fingerprint);
  }
});

test('dropbearkey reads our host key files and agrees on the public key', (t) => {
  if (isMissing(t, 'dropbearkey', ['-h'])) {
    return;
  }
  const path = join(temporaryDirectory(t), 'host_key');
  for (let round = 0; round < 5; round += 1) {
    const pair = generateSshKeyPair({ randomBytes }, '');
    writeFileSync(path, dropbearHostKey(pair), { mode: 0o600 });
    const said = execFileSync('dropbearkey', ['-y', '-f', path], { encoding: 'utf8' });
    t.true(said.includes(`${pair.publicLine} `), said);
    t.is(fingerprintOf(parsePublicLine(pair.publicLine).blob), pair.fingerprint);
  }
});

// csh cannot hold a line break in quotes; the two others take every character.
for (const [shell, taken] of [
  ['sh', /^[^\0]*$/s],
  ['bash', /^[^\0]*$/s],
  ['fish', /^[^\0]*$/s],
  ['csh', /^[^\0\n]*$/s],
] as const) {
  test(`${shell} reads back quoted arguments byte for byte`, (t) => {
    if (isMissing(t, shell, ['-c', 'true'])) {
      return;
    }
    const shellish = fc.string({
      unit: fc.constantFrom(...Array.from(`'"\\$\`!;&|<>(){}[]*?~#=^%@ \t\r\nab-`)),
    });
    const anything = fc.string({ unit: 'binary' });
    const argument = fc.oneof(shellish, anything).filter((text) => taken.test(text));
    const lists = fc.sample(fc.array(argument, { minLength: 30, maxLength: 30 }), { numRuns: 8, seed: 11 });
    for (const list of lists) {
      const command = quoteArgv(['printf', '%s\\0', ...list]);
      const said = execFileSync(shell, ['-c', command], {
        encoding: 'buffer',
        stdio: ['ignore', 'pipe', 'inherit'],
        env: { PATH: process.env['PATH'], LC_ALL: 'C.UTF-8', HOME: '/nonexistent' },
      });
      t.deepEqual(said.toString('utf8').split('\0').slice(0, -1), list);
    }
  });
}
