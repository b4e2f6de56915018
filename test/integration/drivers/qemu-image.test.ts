import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import test, { type ExecutionContext } from 'ava';
import type { BootImage } from '../../../src/drivers/driver.ts';
import { parseGuestMark } from '../../../src/drivers/guest-phases.ts';
import { decideAccelerator } from '../../../src/drivers/accelerator.ts';
import { probeArguments } from '../../../src/drivers/qemu-board.ts';
import { hostArchitecture } from '../../../src/drivers/qemu-programs.ts';
import { hasQemu, makeQemuMachine } from '../../fakes/qemu-machine.ts';

const directory = fileURLToPath(new URL('../../../../build/image/amd64/', import.meta.url));
const image: BootImage = {
  digest: '',
  version: '',
  architecture: 'amd64',
  kernelPath: `${directory}vmlinux`,
  initrdPath: `${directory}initrd`,
  rootPath: `${directory}root.erofs`,
};

async function isMissing(t: ExecutionContext): Promise<boolean> {
  const files = [image.kernelPath, image.initrdPath];
  if ((await hasQemu()) && files.every((path) => existsSync(path))) {
    return false;
  }
  t.log('skipped: needs qemu-system-x86_64, qemu-img and the built image for amd64');
  t.pass();
  return true;
}

test.serial('the probe boots the real kernel as far as its init, and ends', async (t) => {
  if (await isMissing(t)) {
    return;
  }
  const { context, cleanup } = await makeQemuMachine();
  try {
    const board = { accelerator: 'tcg', architecture: 'amd64' } as const;
    const result = await context.host.processes.run('qemu-system-x86_64', probeArguments(image, board), {
      timeoutMs: 120_000,
    });
    const marks = result.stdout.split(/[\r\n]+/).flatMap((line) => parseGuestMark(line) ?? []);
    t.deepEqual(
      marks.map(({ phase }) => phase),
      ['init', 'probe'],
    );
  } finally {
    await cleanup();
  }
});

test.serial('the accelerator of this computer is proven or ruled out with the real kernel', async (t) => {
  if (await isMissing(t)) {
    return;
  }
  const { context, cleanup } = await makeQemuMachine();
  const { host, signal } = context;
  try {
    const program = (await host.processes.find('qemu-system-x86_64')) ?? '';
    const question = { program, choice: 'auto', architecture: 'amd64', image, signal } as const;
    const first = await decideAccelerator(host, question);
    t.log(`${first.accelerator}: ${first.reason ?? 'works'}`);
    t.is(first.accelerator === 'tcg', first.reason !== undefined);
    t.is((await decideAccelerator(host, question)).accelerator, first.accelerator);
    if (hostArchitecture(host.facts) !== 'amd64') {
      t.is(first.accelerator, 'tcg');
    }
  } finally {
    await cleanup();
  }
});
