/**
 * A process that works on a store and may be killed at any moment.
 *   lock  LOCK DIRECTORY SEED   takes the lock again and again, looks whether it is alone, and kills itself by chance
 *   hold  LOCK                  takes the lock, says so and keeps it
 *   save  STORE NAME            saves the machine's record again and again, different each time
 */
import fs from 'node:fs/promises';
import path from 'node:path';
import { createHost } from '../../../src/host/real.ts';
import type { Host } from '../../../src/host/types.ts';
import { withLock } from '../../../src/store/lock.ts';
import { loadRecord, saveRecord } from '../../../src/store/machine-files.ts';

const [job = '', target = '', more = '', seed = '1'] = process.argv.slice(2);
const host = createHost();
let state = Number(seed);

/** From 0 to below 1, the same for the same seed. */
function chance(): number {
  state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
  return state / 2 ** 32;
}

/** A host whose steps sometimes take long: the gaps between them become wide enough for others to come in. */
function unsteady(real: Host): Host {
  const late = async (): Promise<void> => real.clock.sleep(chance() < 0.3 ? chance() * 30 : 0);
  const { files } = real;
  return {
    ...real,
    files: {
      ...files,
      readText: async (name) => {
        const text = await files.readText(name);
        await late();
        return text;
      },
      link: async (from, to) => {
        await late();
        await files.link(from, to);
      },
      remove: async (name) => {
        await late();
        await files.remove(name);
      },
    },
  };
}

function killSelf(): void {
  process.kill(process.pid, 'SIGKILL');
}

async function takeTurns(lockPath: string, directory: string): Promise<never> {
  const marker = path.join(directory, 'inside');
  const own = await host.processes.identify(process.pid);
  const slow = unsteady(host);
  for (;;) {
    // Some kills come at any moment, in the middle of taking the lock or of giving it back.
    const timer = chance() < 0.05 ? setTimeout(killSelf, chance() * 120) : undefined;
    await withLock(slow, lockPath, { what: 'test', timeoutMs: 60_000 }, async () => {
      const found = await fs.readFile(marker, 'utf8').catch(() => '');
      const other = found === '' ? undefined : (JSON.parse(found) as { pid: number; startTime: string });
      if (other !== undefined && (await host.processes.isAlive(other))) {
        await fs.appendFile(path.join(directory, 'violations'), `${process.pid} met ${other.pid}\n`);
      }
      await fs.rm(marker, { force: true });
      await fs.writeFile(`${marker}.${process.pid}`, JSON.stringify(own));
      await fs.rename(`${marker}.${process.pid}`, marker);
      await fs.appendFile(path.join(directory, 'turns'), `${process.pid}\n`);
      await host.clock.sleep(chance() < 0.3 ? chance() * 40 : 0);
      if (chance() < 0.1) {
        killSelf();
      }
      await fs.rm(marker, { force: true });
    });
    clearTimeout(timer);
  }
}

async function hold(lockPath: string): Promise<never> {
  return withLock(host, lockPath, { what: 'hold', timeoutMs: 10_000 }, async () => {
    const nothing = path.join(path.dirname(lockPath), 'left-behind.log');
    const left = await host.processes.spawnDetached(process.execPath, ['-e', 'setInterval(() => {}, 1000)'], {
      logPath: nothing,
    });
    process.send?.(left);
    for (;;) {
      await host.clock.sleep(60_000);
    }
  });
}

async function saveForEver(storePath: string, name: string): Promise<never> {
  const record = await loadRecord(host, storePath, name);
  for (let count = 0; ; count += 1) {
    const driver = { ...record.Driver, Count: count, Writer: process.pid, Fill: 'x'.repeat(3000) };
    await saveRecord(host, storePath, name, { ...record, Driver: driver });
    if (count === 0) {
      process.send?.('begun');
    }
  }
}

if (job === 'lock') {
  await takeTurns(target, more);
} else if (job === 'hold') {
  await hold(target);
} else {
  await saveForEver(target, more);
}
