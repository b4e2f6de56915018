import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { withLock } from '../directory-lock.ts';
import { FakeVirtualBox } from './fake-virtualbox.ts';
import { profiles, type ProfileName } from './profile.ts';
import { writeWhole } from '../qemu-process.ts';
import { qemuWorld } from './qemu-world.ts';
import { emptyState, type State } from './state.ts';

// VBoxManage as a program: its state is a file in FAKE_VBOX_DIRECTORY, FAKE_VBOX_PROFILE says which version it is.

const directory = process.env['FAKE_VBOX_DIRECTORY'] ?? '';
const file = join(directory, 'state.json');
const lock = join(directory, 'lock');
const result = await withLock(lock, async () => {
  const state = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as State) : emptyState();
  const profile = profiles[(process.env['FAKE_VBOX_PROFILE'] ?? '7.2') as ProfileName];
  const answer = await new FakeVirtualBox(profile, state, qemuWorld(directory)).run(process.argv.slice(2));
  writeWhole(file, JSON.stringify(state, undefined, 1));
  return answer;
});
process.stdout.write(result.stdout);
process.stderr.write(result.stderr);
process.exitCode = result.exitCode;
