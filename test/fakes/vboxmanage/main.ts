import { existsSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { FakeVirtualBox } from './fake-virtualbox.ts';
import { profiles, type ProfileName } from './profile.ts';
import { qemuWorld, writeWhole } from './qemu-world.ts';
import { emptyState, type State } from './state.ts';

// VBoxManage as a program: its state is a file in FAKE_VBOX_DIRECTORY, FAKE_VBOX_PROFILE says which version it is.

const directory = process.env['FAKE_VBOX_DIRECTORY'] ?? '';
const file = join(directory, 'state.json');
const lock = join(directory, 'lock');
const lockTries = 2000;

async function withLock<T>(action: () => Promise<T>): Promise<T> {
  for (let tries = 0; ; tries += 1) {
    try {
      mkdirSync(lock);
      break;
    } catch (error) {
      if (tries === lockTries) {
        throw error;
      }
      await sleep(10);
    }
  }
  try {
    return await action();
  } finally {
    rmdirSync(lock);
  }
}

const result = await withLock(async () => {
  const state = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as State) : emptyState();
  const profile = profiles[(process.env['FAKE_VBOX_PROFILE'] ?? '7.2') as ProfileName];
  const answer = await new FakeVirtualBox(profile, state, qemuWorld(directory)).run(process.argv.slice(2));
  writeWhole(file, JSON.stringify(state, undefined, 1));
  return answer;
});
process.stdout.write(result.stdout);
process.stderr.write(result.stderr);
process.exitCode = result.exitCode;
