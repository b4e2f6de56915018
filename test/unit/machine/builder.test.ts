import test from 'ava';
import fc from 'fast-check';
import { driverNames, loadManifest } from '../../../src/drivers/registry.ts';
import { assignPlatforms, parsePlatforms } from '../../../src/machine/builder/platforms.ts';
import {
  builderNames,
  readBuilder,
  requireBuilderName,
  writeBuilder,
} from '../../../src/machine/builder/record.ts';
import { openTestSession } from './support.ts';

test('platforms are read once each, and nothing else is one', (t) => {
  t.deepEqual(parsePlatforms(' linux/amd64,linux/arm64,,linux/amd64 '), ['linux/amd64', 'linux/arm64']);
  t.deepEqual(parsePlatforms(''), []);
  for (const wrong of ['arm64', 'windows/amd64', 'linux/amd64/x', 'linux/amd64 linux/arm64', '--use']) {
    t.throws(() => parsePlatforms(wrong), { code: 'flag-invalid' });
  }
});

test('a machine builds for what it runs without emulation', (t) => {
  const machines = [
    { machine: 'intel', architecture: 'amd64' },
    { machine: 'arm', architecture: 'arm64' },
  ];
  t.deepEqual(assignPlatforms(machines, []), [
    { machine: 'intel', platforms: ['linux/amd64'] },
    { machine: 'arm', platforms: ['linux/arm64'] },
  ]);
  t.deepEqual(assignPlatforms(machines, ['linux/arm64/v8', 'linux/386', 'linux/amd64/v2']), [
    { machine: 'intel', platforms: ['linux/386', 'linux/amd64/v2'] },
    { machine: 'arm', platforms: ['linux/arm64/v8'] },
  ]);
  const error = t.throws(() => assignPlatforms(machines.slice(0, 1), ['linux/arm64']), {
    code: 'arguments-invalid',
  });
  t.regex(String((error as { why?: string }).why), /intel is linux\/amd64/);
  t.deepEqual(assignPlatforms([{ machine: 'z', architecture: 's390x' }], ['linux/s390x']), [
    { machine: 'z', platforms: ['linux/s390x'] },
  ]);
});

test('every wanted platform has a machine, or there is an error', (t) => {
  const architecture = fc.constantFrom('amd64', 'arm64', 's390x');
  const platform = fc.constantFrom('linux/amd64', 'linux/386', 'linux/arm64', 'linux/arm/v7', 'linux/s390x');
  fc.assert(
    fc.property(fc.array(architecture, { maxLength: 4 }), fc.uniqueArray(platform), (list, wanted) => {
      const machines = list.map((each, index) => ({ machine: `m${index}`, architecture: each }));
      try {
        const given = assignPlatforms(machines, wanted).flatMap(({ platforms }) => platforms);
        return wanted.every((each) => given.includes(each));
      } catch (error) {
        return (error as { code?: string }).code === 'arguments-invalid' && wanted.length > 0;
      }
    }),
    { seed: 7 },
  );
  t.pass();
});

test('a record is what was written; one that is none is an error that says so', async (t) => {
  const session = openTestSession({});
  t.deepEqual(await builderNames(session), []);
  t.is(await readBuilder(session, 'team'), undefined);
  const record = { name: 'team', nodes: [{ machine: 'm', platforms: ['linux/amd64'] }], made: ['m'] };
  await writeBuilder(session, record);
  t.deepEqual(await readBuilder(session, 'team'), record);
  t.deepEqual(await builderNames(session), ['team']);
  for (const text of [
    '',
    '[]',
    '{"name":"team"}',
    '{"name":"other","nodes":[],"made":[]}',
    '{"name":"team","nodes":[7],"made":[]}',
  ]) {
    await session.host.files.writeAtomic(`${session.storePath}/builders/team.json`, text, 0o600);
    await t.throwsAsync(readBuilder(session, 'team'), { code: 'record-invalid' });
  }
  for (const name of ['', '1st', '../x', 'a b', '-x', 'a'.repeat(64)]) {
    t.throws(() => {
      requireBuilderName(name);
    });
  }
});

test('the sizes for an architecture are values that the driver takes', async (t) => {
  const session = openTestSession({});
  let count = 0;
  for (const name of driverNames) {
    const { architectures, flags } = await loadManifest(name, session);
    for (const values of Object.values(architectures ?? {})) {
      for (const flag of Object.keys(values)) {
        count += 1;
        t.true(
          flags.some((each) => each.name === flag),
          `${name}: ${flag}`,
        );
      }
    }
  }
  t.true(count >= 8);
});
