import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import {
  bootUntil,
  exists,
  imageDirectory,
  lockedLoaders,
  makeIso,
  missingFor,
  type Computer,
} from './iso-boot-bench.ts';

/** What the project promises for the ISO that is sent. */
const isoBytesMax = 100_000_000;
const bootTimeoutMs = 180_000;
/** The second stage runs: kernel, initramfs and root file system were all found and loaded. */
const rootMounted = /TS [\d.]+ stage2/;

let folder: string;
let small: string | undefined;

test.before('an ISO is made, unless the image has one', async (t) => {
  t.timeout(600_000);
  folder = await mkdtemp(path.join(tmpdir(), 'tsmachine-iso-boot-'));
  if (!(await exists(path.join(imageDirectory('amd64'), 'manifest.json')))) {
    return;
  }
  const finished = path.join(imageDirectory('amd64'), 'image.iso');
  small = (await exists(finished)) ? finished : await makeIso('amd64', { folder, compressed: true });
});

test.after.always('the folder goes', () => rm(folder, { recursive: true, force: true }));

/** Logs what is missing and returns true when a test cannot run here. */
async function skipped(t: ExecutionContext, computer: Computer): Promise<boolean> {
  const architecture = computer.architecture ?? 'amd64';
  const missing = (await exists(path.join(imageDirectory(architecture), 'manifest.json')))
    ? await missingFor(computer)
    : `a built image for ${architecture}`;
  if (missing !== undefined) {
    t.log(`skipped: needs ${missing}`);
    t.pass();
  }
  return missing !== undefined;
}

test.serial('the ISO is small enough to be sent', async (t) => {
  if (small === undefined) {
    t.log('skipped: needs a built image for amd64');
    t.pass();
    return;
  }
  const { size } = await stat(small);
  t.true(size <= isoBytesMax, `${size} bytes`);
});

/** How far the guest can come: as a whole machine until it is ready, without drivers only to its first line. */
async function furthest(t: ExecutionContext, computer: Computer): Promise<RegExp> {
  if (computer.isMachine === true) {
    return /TS [\d.]+ ready 10\./;
  }
  const initrd = await readFile(path.join(imageDirectory('amd64'), 'initrd'));
  if (computer.medium === 'usb' && !initrd.includes('/usb-storage.ko')) {
    t.log('skipped: needs usb-storage in the initramfs to go on after the first line');
    return /TS [\d.]+ init/;
  }
  return rootMounted;
}

const computers: readonly Computer[] = [
  { firmware: 'bios', medium: 'cd', isMachine: true },
  { firmware: 'bios', medium: 'usb' },
  { firmware: 'uefi', medium: 'cd', isMachine: true },
  { firmware: 'uefi', medium: 'virtio' },
  { firmware: 'secure-boot', medium: 'cd', isMachine: true },
  { firmware: 'secure-boot', medium: 'usb' },
];

for (const computer of computers) {
  test.serial(`${computer.firmware} starts the guest from ${computer.medium}`, async (t) => {
    t.timeout(bootTimeoutMs + 20_000);
    if ((await skipped(t, computer)) || small === undefined) {
      return;
    }
    const pattern = await furthest(t, computer);
    t.regex(await bootUntil(t, small, computer, { pattern, timeoutMs: bootTimeoutMs }), pattern);
  });
}

test.serial('the ISO with the plain root starts too', async (t) => {
  t.timeout(bootTimeoutMs + 60_000);
  const computer: Computer = { firmware: 'bios', medium: 'cd' };
  if (await skipped(t, computer)) {
    return;
  }
  const plain = await makeIso('amd64', { folder, compressed: false });
  t.regex(
    await bootUntil(t, plain, computer, { pattern: rootMounted, timeoutMs: bootTimeoutMs }),
    rootMounted,
  );
  await rm(plain);
});

test.serial('Secure Boot is really on: a changed GRUB is refused', async (t) => {
  t.timeout(bootTimeoutMs + 60_000);
  const computer: Computer = { firmware: 'secure-boot', medium: 'cd' };
  if (await skipped(t, computer)) {
    return;
  }
  const loaders = await lockedLoaders('amd64');
  const grub = Uint8Array.from(loaders.grub);
  const middle = grub.length >> 1;
  grub[middle] = (grub[middle] ?? 0) ^ 1;
  const changed = await makeIso('amd64', { folder, compressed: false, loaders: { ...loaders, grub } });
  const pattern = /Verification failed|Security Violation/;
  const said = await bootUntil(t, changed, computer, { pattern, timeoutMs: bootTimeoutMs });
  t.notRegex(said, /TS [\d.]+ init/);
  await rm(changed);
});

for (const medium of ['cd', 'virtio'] as const) {
  test.serial(`arm64: Secure Boot starts the guest from ${medium}`, async (t) => {
    t.timeout(bootTimeoutMs + 60_000);
    const computer: Computer = { architecture: 'arm64', firmware: 'secure-boot', medium };
    if (await skipped(t, computer)) {
      return;
    }
    const plain = await makeIso('arm64', { folder, compressed: false });
    t.regex(
      await bootUntil(t, plain, computer, { pattern: rootMounted, timeoutMs: bootTimeoutMs }),
      rootMounted,
    );
    await rm(plain);
  });
}
