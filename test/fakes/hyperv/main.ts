import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { withLock } from '../directory-lock.ts';
import { writeWhole } from '../qemu-process.ts';
import { decodeCall, FakeHyperV } from './fake-hyperv.ts';
import { qemuWorld } from './qemu-world.ts';
import { emptyState, type State } from './state.ts';

// powershell.exe as a program that knows the driver's scripts alone: its state is a file in FAKE_HYPERV_DIRECTORY.

const directory = process.env['FAKE_HYPERV_DIRECTORY'] ?? '';
const file = join(directory, 'state.json');

const result = await withLock(join(directory, 'lock'), async () => {
  const state = existsSync(file) ? (JSON.parse(readFileSync(file, 'utf8')) as State) : emptyState();
  const answer = await new FakeHyperV(state, qemuWorld(directory)).run(decodeCall(process.argv.slice(2)));
  writeWhole(file, JSON.stringify(state, undefined, 1));
  return answer;
});
process.stdout.write(result.stdout);
process.stderr.write(result.stderr);
process.exitCode = result.exitCode;
