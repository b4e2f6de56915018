import test from 'ava';
import type { ErrorCode } from '../../../src/core/codes.ts';
import { parseAccelerators } from '../../../src/drivers/accelerator.ts';
import { startFailure } from '../../../src/drivers/qemu/failures.ts';
import { isSupported, parseVersion } from '../../../src/drivers/qemu-programs.ts';
import { hostPortOf, parseUsernet } from '../../../src/drivers/usernet.ts';
import { recordedCall, recordedConversation, sampleVersions } from '../../fakes/qemu-samples.ts';

const usernet = [
  'Hub -1 (net0):',
  '  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ',
  '  TCP[HOST_FORWARD]  13       127.0.0.2 18080       10.0.2.15  2376     0     0',
  '  TCP[ESTABLISHED]   14       127.0.0.1 37313       10.0.2.15  2376     0     0',
  '  TCP[HOST_FORWARD]   8       127.0.0.1 41669       10.0.2.15    22     0     0',
  '  TCP[HOST_FORWARD]   3       127.0.0.1 37313       10.0.2.15  2376     0     0',
  '  UDP[HOST_FORWARD]  12       127.0.0.1 36196       10.0.2.15    22     0     0',
  '',
].join('\r\n');

test('info usernet: forwards only, and the port of 127.0.0.1', (t) => {
  const forwards = parseUsernet(usernet);
  t.is(forwards.length, 4);
  t.is(hostPortOf(forwards, 22), 41_669);
  t.is(hostPortOf(forwards, 2376), 37_313);
  t.is(hostPortOf(forwards, 80), undefined);
  t.deepEqual(parseUsernet("unknown command: 'info'\r\n"), []);
});

for (const version of ['7.2.22-debian', '11.1.3-debian']) {
  test(`answers recorded from QEMU ${version} are understood`, (t) => {
    if (!sampleVersions.includes(version)) {
      t.log(`skipped: needs the recorded samples of QEMU ${version}`);
      t.pass();
      return;
    }
    const texts = recordedConversation(version, 'qmp-commands')
      .map(({ recv }) => recv?.['return'])
      .filter((text): text is string => typeof text === 'string' && text.includes('HOST_FORWARD'));
    t.is(texts.length, 2);
    for (const text of texts) {
      const forwards = parseUsernet(text);
      t.is(forwards.length, text.split('HOST_FORWARD').length - 1);
      t.true((hostPortOf(forwards, 22) ?? 0) > 1023 && (hostPortOf(forwards, 2376) ?? 0) > 1023);
    }
    const found = parseVersion(recordedCall(version, 'version')?.stdout ?? '');
    t.is(`${found?.text ?? ''}-debian`, version);
    t.true(found !== undefined && isSupported(found));
    const accelerators = parseAccelerators(recordedCall(version, 'accel-help')?.stdout ?? '');
    t.true(accelerators.includes('tcg') && accelerators.includes('kvm') && !accelerators.includes('hvf'));
  });

  test(`error texts recorded from QEMU ${version} are mapped`, (t) => {
    const expected: readonly (readonly [string, ErrorCode, RegExp, string])[] = [
      ['err-port-taken', 'vm-start-failed', /port of this computer/, 'port-taken'],
      ['err-disk-locked', 'vm-start-failed', /disk of the machine is in use/, 'other'],
      ['err-pidfile-locked', 'vm-start-failed', /already run by another/, 'other'],
      ['err-memory', 'host-not-ready', /not enough free memory/, 'other'],
      ['err-bad-accel', 'host-not-ready', /accelerator cannot be used/, 'other'],
      ['err-cpu-host', 'host-not-ready', /accelerator cannot be used/, 'other'],
      ['err-socket-path', 'host-not-ready', /longer than the system allows/, 'other'],
      ['err-kernel-missing', 'image-invalid', /kernel/, 'other'],
      ['err-disk-missing', 'vm-start-failed', /cannot open a file/, 'other'],
      ['err-cpu-unknown', 'vm-start-failed', /^fallback$/, 'other'],
    ];
    if (!sampleVersions.includes(version)) {
      t.log(`skipped: needs the recorded samples of QEMU ${version}`);
      t.pass();
      return;
    }
    for (const [name, code, message, reason] of expected) {
      const call = recordedCall(version, name);
      if (call !== undefined) {
        const error = startFailure(call.stderr, 'fallback');
        t.is(error.code, code, name);
        t.regex(error.message, message, name);
        t.is(error.facts['reason'], reason, name);
        t.true(error.why?.includes(call.stderr.split('\n')[0]?.slice(0, 60) ?? '?'), name);
      }
    }
  });
}

test('warnings of QEMU are not shown as the reason, control characters neither', (t) => {
  const output =
    "qemu-system-x86_64: warning: host doesn't support requested feature\nqemu: \u001b[31mboom\u0007\n";
  t.is(startFailure(output, 'x').why, 'qemu: boom');
  t.is(startFailure('', 'QEMU ended.', 'ended-before-first-mark').facts['reason'], 'ended-before-first-mark');
});

test('versions', (t) => {
  const isOk = (text: string): boolean | undefined => {
    const version = parseVersion(text);
    return version === undefined ? undefined : isSupported(version);
  };
  t.is(isOk('QEMU emulator version 7.2.0'), true);
  t.is(isOk('QEMU emulator version 6.2.0 (Debian 1:6.2)'), false);
  t.is(isOk('QEMU emulator version 7.1'), false);
  t.is(isOk('QEMU emulator version 10.0.50 (v10.0.0-1)'), true);
  t.is(isOk('hello'), undefined);
});
