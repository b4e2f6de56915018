import assert from 'node:assert/strict';
import { isMachineError } from '../core/errors.ts';
import type { Driver, DriverContext, DriverStatus, FlagValues, PortForward } from '../drivers/driver.ts';

/** A driver with a machine that it may make, start and remove. */
export interface Subject {
  readonly driver: Driver;
  readonly context: DriverContext<unknown>;
  cleanup(): Promise<void>;
}

/** How a driver is put under the laws. */
export interface LawOptions {
  /** Flag values that work. */
  readonly values: FlagValues;
  /** A fresh machine for one law, not made yet; undefined when something is missing that the laws need. */
  readonly makeSubject: (values: FlagValues) => Promise<Subject | undefined>;
}

/** One law of the contract. */
export interface DriverLaw {
  /** A sentence that says what holds. */
  readonly title: string;
  /**
   * Makes a subject, holds it to the law, and cleans up.
   * @returns `skipped` when there was no subject.
   * @throws AssertionError, or what the driver threw, when the law does not hold.
   */
  run(): Promise<'holds' | 'skipped'>;
}

type Check = (subject: Subject, values: FlagValues) => Promise<void>;

/**
 * The laws of the contract in src/drivers/driver.ts, for any test runner:
 *
 * ```ts
 * for (const law of driverLaws({ values, makeSubject: (values) => temporarySubject(driver, values) })) {
 *   test(law.title, async () => {
 *     await law.run();
 *   });
 * }
 * ```
 */
export function driverLaws(options: LawOptions): readonly DriverLaw[] {
  return checks.map(([title, check]) => ({
    title,
    run: async () => {
      const subject = await options.makeSubject(options.values);
      if (subject === undefined) {
        return 'skipped';
      }
      try {
        await check(subject, options.values);
      } finally {
        await subject.cleanup();
      }
      return 'holds';
    },
  }));
}

const flagsAreData: Check = async ({ driver: { manifest } }) => {
  assert.deepEqual(JSON.parse(JSON.stringify(manifest)), manifest, 'a manifest is plain data');
  const names = manifest.flags.flatMap((flag) => [flag.name, ...(flag.aliases ?? [])]);
  assert.equal(new Set(names).size, names.length, 'names of flags are unique');
  for (const flag of manifest.flags) {
    assert.match(flag.name, /^[a-z][a-z0-9]*(-[a-z0-9]+)*$/);
    assert.match(flag.env, /^[A-Z][A-Z0-9_]*$/);
    assert.notEqual(flag.help, '', `${flag.name} has a help text`);
  }
};

const configureIsPure: Check = async ({ driver }, values) => {
  const before = JSON.stringify(values);
  const first = driver.configure(values);
  assert.deepEqual(driver.configure(values), first, 'configure gives the same twice');
  assert.equal(JSON.stringify(values), before, 'configure leaves the values alone');
  const stored = JSON.parse(JSON.stringify(first.config)) as Record<string, unknown>;
  assert.deepEqual(stored, first.config, 'a configuration is plain JSON');
  const config = driver.readConfig(stored);
  assert.deepEqual(
    driver.readConfig({ ...stored, ofAnotherProgram: { x: 1 } }),
    config,
    'unknown keys are passed over',
  );
};

const wrongValues: readonly unknown[] = [
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

const wrongTypesAreRefused: Check = async ({ driver }, values) => {
  for (const flag of driver.manifest.flags) {
    for (const value of wrongValues) {
      refusesOrTakes(`flag ${flag.name}`, () =>
        driver.configure({ ...values, [flag.name]: value as string }),
      );
    }
  }
  const { config } = driver.configure(values);
  for (const key of Object.keys(config)) {
    for (const value of [...wrongValues, null]) {
      refusesOrTakes(`key ${key}`, () => driver.readConfig({ ...config, [key]: value }));
    }
  }
};

function refusesOrTakes(what: string, run: () => unknown): void {
  try {
    run();
  } catch (error) {
    assert.ok(
      isMachineError(error),
      `${what}: refused with an error that is no MachineError: ${String(error)}`,
    );
  }
}

const checkMakesNothing: Check = async ({ driver, context }) => {
  const before = await names(context);
  for (const finding of await driver.check(context)) {
    assert.match(finding.code, /^[a-z][a-z0-9-]*$/);
    assert.notEqual(finding.message, '', `${finding.code} has a message`);
  }
  assert.deepEqual(await names(context), before, 'check makes no file');
};

const stepsCanBeRepeated: Check = async ({ driver, context }) => {
  const steps = driver.steps(context);
  assert.equal(new Set(steps.map((step) => step.name)).size, steps.length, 'names of steps are unique');
  for (const step of steps) {
    await step.undo?.();
    assert.notEqual(await step.done?.(), true, `${step.name} is not done yet`);
    const facts = await step.run();
    assert.deepEqual(JSON.parse(JSON.stringify(facts ?? {})), facts ?? {}, 'facts are plain data');
    assert.notEqual(await step.done?.(), false, `${step.name} is done`);
    await step.run();
  }
  for (const step of [...steps].reverse()) {
    await step.undo?.();
    await step.undo?.();
    if (step.undo !== undefined) {
      assert.notEqual(await step.done?.(), true, `${step.name} is undone`);
    }
  }
  assert.equal(new Set(steps.map((step) => step.summary)).size, steps.length, 'summaries are unique');
};

const inspectNeverThrows: Check = async ({ driver, context }) => {
  const expected = driver.manifest.capabilities.power ? ['stopped', 'absent'] : ['running', 'unmanaged'];
  const nowhere = { ...context, directory: `${context.directory}/not/there` };
  for (const place of [context, nowhere]) {
    const { power } = await driver.inspect(place);
    assert.ok(expected.includes(power), `a machine that is not there is ${power}`);
  }
};

const powerIsIdempotent: Check = async ({ driver, context }) => {
  if (!driver.manifest.capabilities.power) {
    for (const verb of ['start', 'stop', 'kill'] as const) {
      await assert.rejects(
        driver[verb](context),
        (error) => isMachineError(error) && error.code === 'capability-missing',
        `${verb} is refused`,
      );
    }
    await driver.remove(context);
    await driver.remove(context);
    return;
  }
  await make(driver, context);
  const power = async (): Promise<string> => (await driver.inspect(context)).power;
  for (const verb of ['stop', 'kill'] as const) {
    await driver[verb](context);
    assert.equal(await power(), 'stopped', `${verb} of a machine that never ran`);
    await driver.start(context);
    assert.equal(await power(), 'running', 'started');
    await driver.start(context);
    assert.equal(await power(), 'running', 'started twice');
    await driver[verb](context);
    assert.equal(await power(), 'stopped', verb);
    await driver[verb](context);
    assert.equal(await power(), 'stopped', `${verb} twice`);
  }
  await driver.start(context);
  await driver.remove(context);
  assert.ok(['stopped', 'absent'].includes(await power()), 'a running machine can be removed');
  await driver.remove(context);
};

const endpointsFollowCapabilities: Check = async ({ driver, context }) => {
  const { capabilities } = driver.manifest;
  if (capabilities.power) {
    await make(driver, context);
    await driver.start(context);
  }
  const status: DriverStatus = await driver.inspect(context);
  assert.equal(status.ssh !== undefined, capabilities.ssh, 'an SSH endpoint is there as the capability says');
  assert.match(status.engineUrl ?? '', /^[a-z]+:\/\//);
  if (capabilities.localEndpoints) {
    assert.equal(status.address, '127.0.0.1');
    assert.equal(status.ssh?.host, '127.0.0.1');
    assert.match(status.engineUrl ?? '', /^tcp:\/\/127\.0\.0\.1:[1-9]\d*$/);
  }
  assert.deepEqual(JSON.parse(JSON.stringify(status)), status, 'a status is plain data');
};

const forwardsFollowCapability: Check = async ({ driver, context }) => {
  const isAble = driver.manifest.capabilities.forwards === true;
  assert.equal(driver.listForwards !== undefined, isAble, 'listForwards is there as the capability says');
  assert.equal(driver.changeForwards !== undefined, isAble, 'changeForwards is there as the capability says');
  if (!isAble) {
    return;
  }
  const list = async (): Promise<readonly PortForward[]> => (await driver.listForwards?.(context)) ?? [];
  const isRefusal = (error: unknown, ...codes: readonly string[]): boolean =>
    isMachineError(error) && codes.includes(error.code);
  await make(driver, context);
  await assert.rejects(
    list,
    (error) => isRefusal(error, 'machine-not-running', 'capability-missing'),
    'a machine that does not run forwards nothing',
  );
  await driver.start(context);
  try {
    assert.deepEqual(await list(), [], 'the ports of SSH and engine are not among them');
  } catch (error) {
    if (isRefusal(error, 'capability-missing')) {
      return;
    }
    throw error;
  }
  const hostPort = await freePort(context);
  const add = (['tcp', 'udp'] as const).map((protocol): PortForward => ({
    protocol,
    hostAddress: '127.0.0.1',
    hostPort,
    guestPort: hostPort,
  }));
  const before = await driver.inspect(context);
  assert.deepEqual(await driver.changeForwards?.(context, { remove: [], add }), [], 'forwards are made');
  assert.deepEqual(sorted(await list()), sorted(add), 'and are there');
  for (const what of ['taken away', 'taken away twice']) {
    await driver.changeForwards?.(context, { remove: add, add: [] });
    assert.deepEqual(await list(), [], what);
  }
  assert.deepEqual(await driver.inspect(context), before, 'SSH and engine are where they were');
};

function sorted(forwards: readonly PortForward[]): readonly string[] {
  return forwards
    .map(({ protocol, hostAddress, hostPort, guestPort }) =>
      [protocol, hostAddress, hostPort, guestPort].join(' '),
    )
    .sort();
}

async function freePort({ host }: DriverContext<unknown>): Promise<number> {
  for (;;) {
    const [high = 0, low = 0] = host.randomBytes(2);
    const port = 20_000 + ((high * 256 + low) % 20_000);
    if (await host.network.isPortFree(port)) {
      return port;
    }
  }
}

const abortedStartEnds: Check = async ({ driver, context }) => {
  if (!driver.manifest.capabilities.power) {
    return;
  }
  await make(driver, context);
  const signal = AbortSignal.abort(new Error('interrupted'));
  await assert.rejects(driver.start({ ...context, signal }), { message: 'interrupted' });
  await driver.kill(context);
  await driver.start(context);
  assert.equal((await driver.inspect(context)).power, 'running', 'it can be started after that');
};

const logsAreNamed: Check = async ({ driver, context }) => {
  const logs = driver.logs?.(context) ?? [];
  assert.equal(new Set(logs.map((log) => log.name)).size, logs.length, 'names of logs are unique');
  for (const { path } of logs) {
    assert.ok(path.startsWith(context.directory), `${path} is in the directory of the machine`);
  }
};

const checks: readonly (readonly [title: string, check: Check])[] = [
  ['flags have unique names and an environment variable each', flagsAreData],
  ['configure is pure and gives plain JSON that readConfig takes', configureIsPure],
  ['values and records of wrong types are refused with an error of ours', wrongTypesAreRefused],
  ['check returns findings and makes nothing', checkMakesNothing],
  ['steps can be run again, undone, undone again, and undone without having run', stepsCanBeRepeated],
  ['inspect never throws for what is not there', inspectNeverThrows],
  [
    'power: start, stop, kill and remove are idempotent, or refused as a missing capability',
    powerIsIdempotent,
  ],
  ['a machine that runs tells its endpoints as its capabilities say', endpointsFollowCapabilities],
  [
    'ports of a machine that runs are forwarded and taken back as its capability says',
    forwardsFollowCapability,
  ],
  ['an aborted start ends with the reason of the abort', abortedStartEnds],
  ['logs are absolute paths with unique names', logsAreNamed],
];

async function make(driver: Driver, context: DriverContext<unknown>): Promise<void> {
  for (const step of driver.steps(context)) {
    await step.run();
  }
}

async function names({ host, directory }: DriverContext<unknown>): Promise<readonly string[]> {
  try {
    return (await host.files.list(directory)).map((entry) => entry.name).sort();
  } catch {
    return [];
  }
}
