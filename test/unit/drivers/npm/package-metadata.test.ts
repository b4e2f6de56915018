import test from 'ava';
import { isMachineError } from '../../../../src/core/errors.ts';
import { checkManifest } from '../../../../src/drivers/npm/check-manifest.ts';
import { driversDirectory } from '../../../../src/drivers/npm/directory.ts';
import {
  driverOfPackage,
  readPackageMetadata,
  requireApiVersion,
} from '../../../../src/drivers/npm/package-metadata.ts';
import { createFakeHost } from '../../../fakes/host.ts';
import { exampleInstallation, exampleManifest } from './packages.ts';

const good = {
  name: '@acme/tsmachine-driver-cloud-one',
  version: '2.0.0',
  tsmachine: { driver: 'cloud-one', title: 'Cloud One', apiVersion: 1 },
};

function whyOf(run: () => unknown): string {
  try {
    run();
  } catch (error) {
    return isMachineError(error) && error.code === 'driver-invalid' ? (error.why ?? '') : String(error);
  }
  return 'accepted';
}

test('names of packages say which driver they bring', (t) => {
  t.is(driverOfPackage('tsmachine-driver-x'), 'x');
  t.is(driverOfPackage('@a/tsmachine-driver-x-y'), 'x-y');
  for (const name of [
    'x',
    'tsmachine-driver-',
    'tsmachine-driver-X',
    '@a/b/tsmachine-driver-x',
    '-tsmachine-driver-x',
  ]) {
    t.is(driverOfPackage(name), undefined, name);
  }
});

test('a package.json says what is needed to list a driver', (t) => {
  t.deepEqual(readPackageMetadata(JSON.stringify(good), 'p'), {
    packageName: good.name,
    version: '2.0.0',
    ...good.tsmachine,
  });
});

test('a package.json that does not is refused with the reason', (t) => {
  const cases: readonly (readonly [unknown, RegExp])[] = [
    [[], /no JSON object/],
    [{ ...good, tsmachine: undefined }, /no key "tsmachine"/],
    [{ ...good, name: 'cloud-one' }, /name of the package/],
    [{ ...good, name: 'tsmachine-driver-other' }, /not "other"/],
    [{ ...good, tsmachine: { ...good.tsmachine, driver: '__proto__' } }, /not "cloud-one"/],
    [{ ...good, tsmachine: { ...good.tsmachine, title: 1 } }, /title/],
    [{ ...good, tsmachine: { ...good.tsmachine, apiVersion: '1' } }, /apiVersion/],
  ];
  for (const [value, why] of cases) {
    t.regex(
      whyOf(() => readPackageMetadata(JSON.stringify(value), 'p')),
      why,
    );
  }
  t.regex(
    whyOf(() => readPackageMetadata('{', 'p')),
    /no JSON/,
  );
});

test('another version of the contract is refused, and it is said who has to move', (t) => {
  t.notThrows(() => {
    requireApiVersion(exampleInstallation());
  });
  const newer = t.throws(() => {
    requireApiVersion(exampleInstallation({ apiVersion: 2 }));
  });
  t.like(newer, { code: 'driver-invalid', remedies: ['Upgrade tsmachine.'] });
  const older = t.throws(() => {
    requireApiVersion(exampleInstallation({ apiVersion: 0 }));
  });
  t.like(older, {
    remedies: ['Install a newer version: tsmachine driver add tsmachine-driver-example@latest'],
  });
});

test('manifests are checked field by field', (t) => {
  t.deepEqual(checkManifest(exampleManifest(), 'example', 'p'), exampleManifest());
  const flag = exampleManifest().flags[0];
  const cases: readonly (readonly [unknown, RegExp])[] = [
    [undefined, /no object/],
    [exampleManifest({ name: 'other' }), /calls itself "other"/],
    [exampleManifest({ title: '' }), /"title"/],
    [exampleManifest({ platforms: 'linux' }), /"platforms" is no list/],
    [exampleManifest({ flags: [flag, flag] }), /--example-size is there twice/],
    [exampleManifest({ flags: [{ ...flag, aliases: ['example-size'] }] }), /twice/],
    [exampleManifest({ flags: [{ ...flag, name: '--size' }] }), /"name"/],
    [exampleManifest({ flags: [{ ...flag, env: 'a=b' }] }), /"env"/],
    [exampleManifest({ flags: [{ ...flag, type: 'float' }] }), /"type"/],
    [exampleManifest({ flags: [{ ...flag, default: '1' }] }), /default/],
    [exampleManifest({ flags: [{ ...flag, secret: 'no' }] }), /"secret"/],
    [exampleManifest({ capabilities: { ...exampleManifest().capabilities, boots: 'x' } }), /"boots"/],
    [exampleManifest({ capabilities: { ...exampleManifest().capabilities, power: undefined } }), /"power"/],
  ];
  for (const [value, why] of cases) {
    t.regex(
      whyOf(() => checkManifest(value, 'example', 'p')),
      why,
    );
  }
});

test('drivers are kept where the platform keeps what belongs to a user', (t) => {
  const at = (platform: NodeJS.Platform, env: Record<string, string> = {}): string =>
    driversDirectory(createFakeHost({ platform, env }).facts);
  t.is(at('linux'), '/home/ann/.local/share/tsmachine/drivers');
  t.is(at('linux', { XDG_DATA_HOME: '/data' }), '/data/tsmachine/drivers');
  t.is(at('linux', { XDG_DATA_HOME: 'data' }), '/home/ann/.local/share/tsmachine/drivers');
  t.is(at('darwin'), '/Users/ann/Library/Application Support/tsmachine/drivers');
  t.is(at('win32'), 'C:\\Users\\ann\\AppData\\Local\\tsmachine\\drivers');
  t.is(at('win32', { LOCALAPPDATA: 'D:\\l' }), 'D:\\l\\tsmachine\\drivers');
  t.is(at('linux', { TSMACHINE_DRIVERS: '/srv/drivers' }), '/srv/drivers');
  t.throws(() => at('linux', { TSMACHINE_DRIVERS: 'drivers' }), { message: /absolute/ });
});
