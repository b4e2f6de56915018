import test, { type ExecutionContext } from 'ava';
import { isMachineError } from '../../src/core/errors.ts';
import type { Driver, DriverContext, DriverStatus, FlagValues } from '../../src/drivers/driver.ts';

/** A driver with a machine that it may make, start and remove. */
export interface Subject {
  readonly driver: Driver;
  readonly context: DriverContext<unknown>;
  cleanup(): Promise<void>;
}

/** How a driver is put under the laws. */
export interface LawOptions {
  /** Names the run: `qemu on a host in memory`. */
  readonly title: string;
  /** Flag values that work. */
  readonly values: FlagValues;
  /** A fresh machine for one law, not made yet; undefined when something is missing, which `missing` names. */
  readonly makeSubject: (values: FlagValues) => Promise<Subject | undefined>;
  readonly missing?: string;
}

type Law = (t: ExecutionContext, subject: Subject) => Promise<void>;

/** Declares one test for every law of the contract in src/drivers/driver.ts. A new driver adds one call of this. */
export function declareDriverLaws(options: LawOptions): void {
  const law = (title: string, body: Law): void => {
    test(`${options.title}: ${title}`, async (t) => {
      const subject = await options.makeSubject(options.values);
      if (subject === undefined) {
        t.log(`skipped: needs ${options.missing ?? 'something that is not there'}`);
        t.pass();
        return;
      }
      try {
        await body(t, subject);
      } finally {
        await subject.cleanup();
      }
    });
  };
  law('flags have unique names and an environment variable each', flagsAreData);
  law('configure is pure and gives plain JSON that readConfig takes', async (t, { driver }) => {
    configureIsPure(t, driver, options.values);
  });
  law('values and records of wrong types are refused with an error of ours', async (t, { driver }) => {
    wrongTypesAreRefused(t, driver, options.values);
  });
  law('check returns findings and makes nothing', checkMakesNothing);
  law('steps can be run again, undone, undone again, and undone without having run', stepsCanBeRepeated);
  law('inspect never throws for what is not there', inspectNeverThrows);
  law(
    'power: start, stop, kill and remove are idempotent, or refused as a missing capability',
    powerIsIdempotent,
  );
  law('a machine that runs tells its endpoints as its capabilities say', endpointsFollowCapabilities);
  law('an aborted start ends with the reason of the abort', abortedStartEnds);
  law('logs are absolute paths with unique names', logsAreNamed);
}

const flagsAreData: Law = async (t, { driver: { manifest } }) => {
  t.deepEqual(JSON.parse(JSON.stringify(manifest)), manifest, 'a manifest is plain data');
  const names = manifest.flags.flatMap((flag) => [flag.name, ...(flag.aliases ?? [])]);
  t.is(new Set(names).size, names.length);
  for (const flag of manifest.flags) {
    t.regex(flag.name, /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/);
    t.regex(flag.env, /^[A-Z][A-Z0-9_]*$/);
    t.not(flag.help, '');
  }
};

function configureIsPure(t: ExecutionContext, driver: Driver, values: FlagValues): void {
  const before = JSON.stringify(values);
  const first = driver.configure(values);
  t.deepEqual(driver.configure(values), first);
  t.is(JSON.stringify(values), before);
  const stored = JSON.parse(JSON.stringify(first.config)) as Record<string, unknown>;
  t.deepEqual(stored, first.config);
  const config = driver.readConfig(stored);
  t.deepEqual(
    driver.readConfig({ ...stored, ofAnotherProgram: { x: 1 } }),
    config,
    'unknown keys are passed over',
  );
}

function wrongTypesAreRefused(t: ExecutionContext, driver: Driver, values: FlagValues): void {
  const wrong: readonly unknown[] = [
    -1,
    1.5,
    Number.NaN,
    '',
    'x\u0000y',
    '../../x',
    true,
    [],
    ['x'],
    {},
    Number.MAX_VALUE,
  ];
  for (const flag of driver.manifest.flags) {
    for (const value of wrong) {
      refusesOrTakes(t, () => driver.configure({ ...values, [flag.name]: value as string }));
    }
  }
  const { config } = driver.configure(values);
  for (const key of Object.keys(config)) {
    for (const value of [...wrong, null]) {
      refusesOrTakes(t, () => driver.readConfig({ ...config, [key]: value }));
    }
  }
}

function refusesOrTakes(t: ExecutionContext, run: () => unknown): void {
  try {
    run();
    t.pass();
  } catch (error) {
    t.true(isMachineError(error), String(error));
  }
}

const checkMakesNothing: Law = async (t, { driver, context }) => {
  const before = await names(context);
  for (const finding of await driver.check(context)) {
    t.regex(finding.code, /^[a-z][a-z0-9-]*$/);
    t.not(finding.message, '');
  }
  t.deepEqual(await names(context), before);
};

const stepsCanBeRepeated: Law = async (t, { driver, context }) => {
  const steps = driver.steps(context);
  t.is(new Set(steps.map((step) => step.name)).size, steps.length);
  for (const step of steps) {
    await step.undo?.();
    t.not(await step.done?.(), true, `${step.name} is not done yet`);
    const facts = await step.run();
    t.deepEqual(JSON.parse(JSON.stringify(facts ?? {})), facts ?? {}, 'facts are plain data');
    t.not(await step.done?.(), false, `${step.name} is done`);
    await step.run();
  }
  for (const step of [...steps].reverse()) {
    await step.undo?.();
    await step.undo?.();
    if (step.undo !== undefined) {
      t.not(await step.done?.(), true, `${step.name} is undone`);
    }
  }
  t.is(new Set(steps.map((step) => step.summary)).size, steps.length);
};

const inspectNeverThrows: Law = async (t, { driver, context }) => {
  const expected = driver.manifest.capabilities.power ? ['stopped', 'absent'] : ['running', 'unmanaged'];
  t.true(expected.includes((await driver.inspect(context)).power));
  const nowhere = { ...context, directory: `${context.directory}/not/there` };
  t.true(expected.includes((await driver.inspect(nowhere)).power));
};

const powerIsIdempotent: Law = async (t, { driver, context }) => {
  if (!driver.manifest.capabilities.power) {
    for (const verb of ['start', 'stop', 'kill'] as const) {
      const error = await t.throwsAsync(driver[verb](context));
      t.true(isMachineError(error) && error.code === 'capability-missing');
    }
    await driver.remove(context);
    await driver.remove(context);
    return;
  }
  for (const step of driver.steps(context)) {
    await step.run();
  }
  const power = async (): Promise<string> => (await driver.inspect(context)).power;
  for (const verb of ['stop', 'kill'] as const) {
    await driver[verb](context);
    t.is(await power(), 'stopped', `${verb} of a machine that never ran`);
    await driver.start(context);
    t.is(await power(), 'running');
    await driver.start(context);
    t.is(await power(), 'running', 'started twice');
    await driver[verb](context);
    t.is(await power(), 'stopped');
    await driver[verb](context);
    t.is(await power(), 'stopped', `${verb} twice`);
  }
  await driver.start(context);
  await driver.remove(context);
  t.true(['stopped', 'absent'].includes(await power()), 'a running machine can be removed');
  await driver.remove(context);
};

const endpointsFollowCapabilities: Law = async (t, { driver, context }) => {
  const { capabilities } = driver.manifest;
  if (capabilities.power) {
    for (const step of driver.steps(context)) {
      await step.run();
    }
    await driver.start(context);
  }
  const status: DriverStatus = await driver.inspect(context);
  t.is(status.ssh !== undefined, capabilities.ssh);
  t.regex(status.engineUrl ?? '', /^[a-z]+:\/\//);
  if (capabilities.localEndpoints) {
    t.is(status.address, '127.0.0.1');
    t.is(status.ssh?.host, '127.0.0.1');
    t.regex(status.engineUrl ?? '', /^tcp:\/\/127\.0\.0\.1:[1-9]\d*$/);
  }
  t.deepEqual(JSON.parse(JSON.stringify(status)), status, 'a status is plain data');
};

const abortedStartEnds: Law = async (t, { driver, context }) => {
  if (!driver.manifest.capabilities.power) {
    t.pass();
    return;
  }
  for (const step of driver.steps(context)) {
    await step.run();
  }
  const signal = AbortSignal.abort(new Error('interrupted'));
  await t.throwsAsync(driver.start({ ...context, signal }), { message: 'interrupted' });
  await driver.kill(context);
  await driver.start(context);
  t.is((await driver.inspect(context)).power, 'running', 'it can be started after that');
};

const logsAreNamed: Law = async (t, { driver, context }) => {
  const logs = driver.logs?.(context) ?? [];
  t.is(new Set(logs.map((log) => log.name)).size, logs.length);
  t.true(logs.every((log) => log.path.startsWith(context.directory)));
};

async function names({ host, directory }: DriverContext<unknown>): Promise<readonly string[]> {
  try {
    return (await host.files.list(directory)).map((entry) => entry.name).sort();
  } catch {
    return [];
  }
}
