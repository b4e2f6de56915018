import test from 'ava';
import { driverLaws } from '../../../src/conformance/laws.ts';
import { MachineError } from '../../../src/core/errors.ts';
import {
  defineDriver,
  type Driver,
  type DriverImplementation,
  type DriverManifest,
  type FlagValues,
} from '../../../src/drivers/driver.ts';
import { createFakeHost } from '../../fakes/host.ts';

interface Config {
  readonly size: number;
}

const manifest: DriverManifest = {
  name: 'lawful',
  title: 'A driver that keeps every law',
  platforms: [],
  flags: [{ name: 'lawful-size', type: 'int', env: 'LAWFUL_SIZE', help: 'A size' }],
  capabilities: { boots: 'nothing', power: true, ssh: false, localEndpoints: false, resume: false },
};

function sizeOf(value: unknown): number {
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) {
    throw new MachineError('flag-invalid', 'A size is a whole number.');
  }
  return value;
}

/** A driver that keeps every law, but for what is changed. Its machine is two files. */
function lawful(change: Partial<DriverImplementation<Config>> = {}, flags = manifest.flags): Driver {
  const set = async (
    { host, directory }: Parameters<Driver['start']>[0],
    file: string,
    isThere: boolean,
  ): Promise<void> => {
    const path = `${directory}/${file}`;
    await (isThere ? host.files.writeAtomic(path, '', 0o600) : host.files.remove(path));
  };
  return defineDriver<Config>(
    { ...manifest, flags },
    {
      configure: (values) => ({ config: { Size: sizeOf(values['lawful-size']) } }),
      readConfig: (raw) => ({ size: sizeOf(raw['Size']) }),
      check: async () => [{ severity: 'ok', code: 'fine', message: 'All is well.' }],
      steps: (context) => [
        {
          name: 'disk',
          summary: 'Making the disk',
          done: async () => (await context.host.files.stat(`${context.directory}/disk`)) !== undefined,
          run: async () => {
            await set(context, 'disk', true);
            return undefined;
          },
          undo: async () => set(context, 'disk', false),
        },
      ],
      start: async (context) => {
        context.signal.throwIfAborted();
        await set(context, 'on', true);
      },
      stop: async (context) => set(context, 'on', false),
      kill: async (context) => set(context, 'on', false),
      remove: async (context) => {
        await set(context, 'on', false);
        await set(context, 'disk', false);
      },
      inspect: async ({ host, directory }) =>
        (await host.files.stat(`${directory}/on`)) === undefined
          ? { power: 'stopped' }
          : { power: 'running', engineUrl: 'unix:///run/engine.sock' },
      logs: ({ directory }) => [{ name: 'console', path: `${directory}/console.log` }],
      ...change,
    },
  );
}

/** Titles of the laws that a driver breaks. */
async function broken(driver: Driver): Promise<readonly string[]> {
  const values: FlagValues = { 'lawful-size': 3 };
  const laws = driverLaws({
    values,
    makeSubject: async () => {
      const host = createFakeHost();
      const directory = '/home/ann/machines/dev';
      host.files.putDirectory(directory);
      return {
        driver,
        context: {
          host,
          name: 'dev',
          directory,
          config: driver.readConfig({ Size: 3 }),
          signal: new AbortController().signal,
          emit: () => undefined,
          save: async () => undefined,
        },
        cleanup: async () => undefined,
      };
    },
  });
  const titles: string[] = [];
  for (const law of laws) {
    await law.run().catch(() => titles.push(law.title));
  }
  return titles;
}

test('a driver that keeps the laws is found to', async (t) => {
  t.deepEqual(await broken(lawful()), []);
});

let calls = 0;

const offences: readonly (readonly [RegExp, Driver])[] = [
  [/unique names/, lawful({}, [...manifest.flags, ...manifest.flags])],
  [/configure is pure/, lawful({ configure: () => ({ config: { Size: (calls += 1) } }) })],
  [
    /wrong types/,
    lawful({ configure: (values) => ({ config: { Size: (values['lawful-size'] as number).toFixed() } }) }),
  ],
  [
    /check returns findings/,
    lawful({ check: async () => [{ severity: 'ok', code: 'Not A Code', message: 'x' }] }),
  ],
  [
    /steps can be run again/,
    lawful({
      steps: ({ host, directory }) => [
        {
          name: 'disk',
          summary: 'Making the disk',
          run: async () => {
            await host.files.writeNew(`${directory}/disk`, '', 0o600);
            return undefined;
          },
        },
      ],
    }),
  ],
  [
    /inspect never throws/,
    lawful({
      inspect: async ({ host, directory }) => {
        await host.files.list(directory);
        return { power: 'stopped' };
      },
    }),
  ],
  [
    /idempotent/,
    lawful({
      stop: async ({ host, directory }) => {
        await host.files.rename(`${directory}/on`, `${directory}/off`);
      },
    }),
  ],
  [/endpoints/, lawful({ inspect: async () => ({ power: 'stopped', ssh: { host: 'x', port: 22 } }) })],
  [/aborted start/, lawful({ start: async () => undefined })],
  [/logs/, lawful({ logs: () => [{ name: 'console', path: '/var/log/console.log' }] })],
];

for (const [law, driver] of offences) {
  test(`a driver that breaks a law is found out: ${law.source}`, async (t) => {
    t.true((await broken(driver)).some((title) => law.test(title)));
  });
}

test('a law without a subject is skipped', async (t) => {
  for (const law of driverLaws({ values: {}, makeSubject: async () => undefined })) {
    t.is(await law.run(), 'skipped');
  }
});
