import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { expiryScript } from '../../../src/cloud/user-data.ts';
import { findProgram, run } from '../../support/cli.ts';

// The script by which a machine ends itself, run in a directory that stands for the machine: systemd itself says whether
// its units are good, and when the timer goes off. No machine is powered off here.

const expiresMs = Date.UTC(2031, 1, 3, 4, 5, 6);

test('systemd knows the timer of the end of a machine, and the moment in it', async (t) => {
  const analyze = findProgram('systemd-analyze');
  if (process.platform !== 'linux' || analyze === undefined) {
    t.log('skipped: needs systemd-analyze');
    t.pass();
    return;
  }
  const directory = await mkdtemp(path.join(tmpdir(), 'tsm-expiry-'));
  try {
    const [units, programs] = [path.join(directory, 'system'), path.join(directory, 'bin')];
    await mkdir(units);
    await mkdir(programs);
    const calls = path.join(directory, 'calls');
    await writeFile(path.join(programs, 'systemctl'), `#!/bin/sh\necho "$@" >> ${calls}\n`, { mode: 0o755 });
    const script = expiryScript(expiresMs).replaceAll('/etc/systemd/system', units);
    const { code, stderr } = await run('/bin/sh', ['-s'], {
      input: script,
      env: { PATH: `${programs}:${process.env['PATH'] ?? ''}` },
    });
    t.is(code, 0, stderr);
    t.deepEqual((await readFile(calls, 'utf8')).trim().split('\n'), [
      'daemon-reload',
      'enable --now tsmachine-expiry.timer',
    ]);

    const timer = path.join(units, 'tsmachine-expiry.timer');
    const complaints = async (): Promise<string[]> => {
      const verified = await run(analyze, ['verify', '--man=no', timer]);
      return `${verified.stdout}${verified.stderr}`.split('\n').filter((line) => line.includes(units));
    };
    t.deepEqual(await complaints(), []);
    const text = await readFile(timer, 'utf8');
    const [, moment = ''] = /^OnCalendar=(.+)$/m.exec(text) ?? [];
    const calendar = await run(analyze, ['calendar', moment], {
      env: { TZ: 'America/New_York', LC_ALL: 'C' },
    });
    t.regex(calendar.stdout, /\(in UTC\): Mon 2031-02-03 04:05:06 UTC/, calendar.stderr);
    await writeFile(timer, text.replace(moment, 'someday'));
    t.not((await complaints()).length, 0, 'a moment that it does not know would be told');
  } finally {
    await rm(directory, { recursive: true });
  }
});
