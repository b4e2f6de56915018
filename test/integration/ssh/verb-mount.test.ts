import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { findProgram } from '../../support/cli.ts';
import { makeMachineStore } from './machine-store.ts';
import { sshdMissing, startSshd } from './servers.ts';

/** Why nothing can be mounted here, as far as that shows beforehand. */
function fuseMissing(): string | undefined {
  if (findProgram('sshfs') === undefined || findProgram('fusermount', 'fusermount3') === undefined) {
    return 'needs sshfs';
  }
  return existsSync('/dev/fuse') ? undefined : 'needs /dev/fuse';
}

test('mount shows a directory of a machine here, with real sshfs, and -u takes it away', async (t) => {
  const missing = sshdMissing() ?? fuseMissing();
  if (missing !== undefined) {
    t.log(`skipped: ${missing}`);
    t.pass();
    return;
  }
  const server = await startSshd({ config: ['Subsystem sftp internal-sftp'] });
  const store = makeMachineStore('st ore');
  const there = join(store.files, 'there');
  const here = join(store.files, 'he re');
  try {
    await store.add('default', server);
    mkdirSync(there);
    mkdirSync(here);
    writeFileSync(join(there, 'a'), 'content');
    const outside = statSync(here).dev;
    const mounted = await store.tsmachine(['mount', `default:${there}`, here]);
    if (/fuse: (device not found|failed to open|mount failed)|fusermount3?: /.test(mounted.stderr)) {
      t.log('skipped: needs the right to mount with fuse');
      t.pass();
      return;
    }
    t.is(mounted.code, 0, mounted.stderr);
    t.is(mounted.stdout + mounted.stderr, '');
    try {
      t.not(statSync(here).dev, outside);
      t.is(readFileSync(join(here, 'a'), 'utf8'), 'content');
      writeFileSync(join(here, 'b'), 'from here');
      t.is(readFileSync(join(there, 'b'), 'utf8'), 'from here');
    } finally {
      const unmounted = await store.tsmachine(['mount', '-u', `default:${there}`, here]);
      t.is(unmounted.code, 0, unmounted.stderr);
    }
    t.is(statSync(here).dev, outside);
    t.deepEqual(readdirSync(here), []);
    t.deepEqual(readdirSync(there).sort(), ['a', 'b']);
    // A path without a machine is one of the machine "default".
    const again = await store.tsmachine(['mount', there, here]);
    t.is(again.code, 0, again.stderr);
    t.deepEqual(readdirSync(here).sort(), ['a', 'b']);
    t.is((await store.tsmachine(['mount', '-u', there, here])).code, 0);
    const nowhere = await store.tsmachine(['mount', `default:${there}`, join(store.files, 'missing')]);
    t.is(nowhere.code, 1);
    t.regex(nowhere.stderr, /^error: exit status 1 \[program-failed\]$/m);
  } finally {
    store.dispose();
    await server.stop();
  }
});
