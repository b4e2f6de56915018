import test from 'ava';
import { askHostKeys, consoleHostKeys } from '../../../src/cloud/console-keys.ts';

const ed25519 = `ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI${'A'.repeat(43)}`;
const ecdsa = `ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBB${'B'.repeat(80)}=`;

function block(...lines: readonly string[]): string {
  return [
    'ci-info: no authorized SSH keys fingerprints found for user ubuntu.',
    '-----BEGIN SSH HOST KEY KEYS-----',
    ...lines,
    '-----END SSH HOST KEY KEYS-----',
    '',
  ].join('\r\n');
}

test('keys of the last complete block, with whatever stands in front of a line or behind it', (t) => {
  const old = block(`${ed25519.replace(/A+$/, (all) => 'C'.repeat(all.length))} root@old`);
  const now = block(`<14>Nov 27 02:00:00 cloud-init: ${ed25519} root@ip-10-0-0-1`, `[  12.1] ${ecdsa}`);
  t.deepEqual(consoleHostKeys(`${old}login: ${now}`), [ed25519, ecdsa]);
  t.deepEqual(consoleHostKeys(`${old}-----BEGIN SSH HOST KEY KEYS-----\n${ecdsa}`), consoleHostKeys(old));
});

test('nothing where there is no block, or it is cut', (t) => {
  t.deepEqual(consoleHostKeys(''), []);
  t.deepEqual(consoleHostKeys(`${ed25519}\n-----END SSH HOST KEY KEYS-----`), []);
  t.deepEqual(consoleHostKeys(block('ssh-ed25519 short', 'ssh-dss AAAAB3NzaC1kc3MAAACBAAAAAAAAAAAA')), []);
});

test('who may not read the console goes on without; an interrupt ends it', async (t) => {
  const controller = new AbortController();
  const refuse = async (): Promise<string> => Promise.reject(new Error('not allowed'));
  t.deepEqual(await askHostKeys(controller.signal, refuse), {});
  t.deepEqual(await askHostKeys(controller.signal, async () => block(ed25519)), { hostKeys: [ed25519] });
  controller.abort(new Error('interrupted'));
  await t.throwsAsync(askHostKeys(controller.signal, refuse), { message: 'interrupted' });
});
