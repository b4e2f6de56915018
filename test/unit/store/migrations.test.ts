import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { MachineError } from '../../../src/core/errors.ts';
import { parseJsonObject } from '../../../src/store/go-json.ts';
import { migrateRecord } from '../../../src/store/migrations.ts';
import { readRecord, type MachineRecord } from '../../../src/store/record.ts';

const fixtures = path.join(import.meta.dirname, '../../../../test/fixtures/records');
const fixture = (name: string): string => readFileSync(path.join(fixtures, `${name}.json`), 'utf8');
const storePath = '/home/ann/.docker/machine';
const place = { storePath, name: 'old', path: '/s/config.json' };
const migrate = (text: string): MachineRecord =>
  readRecord(migrateRecord(parseJsonObject(text, place.path), place), place.path);

for (const version of ['v0', 'v1', 'v2']) {
  test(`a record of ${version} becomes one of version 3`, (t) => {
    const record = migrate(fixture(`${version}-virtualbox`));
    t.is(record.ConfigVersion, 3);
    t.is(record.Name, 'old');
    t.is(record.DriverName, 'virtualbox');
    t.like(record.Driver, {
      MachineName: 'old',
      IPAddress: '192.0.2.20',
      SSHUser: 'docker',
      SSHPort: 22,
      Memory: 1024,
      StorePath: storePath,
    });
    t.deepEqual(record.HostOptions.AuthOptions, {
      CertDir: `${storePath}/certs`,
      CaCertPath: `${storePath}/certs/ca.pem`,
      CaPrivateKeyPath: `${storePath}/certs/ca-key.pem`,
      CaCertRemotePath: '',
      ServerCertPath: `${storePath}/machines/old/server.pem`,
      ServerKeyPath: `${storePath}/machines/old/server-key.pem`,
      ClientKeyPath: `${storePath}/certs/key.pem`,
      ServerCertRemotePath: '',
      ServerKeyRemotePath: '',
      ClientCertPath: `${storePath}/certs/cert.pem`,
      ServerCertSANs: version === 'v2' ? [] : null,
      // docker-machine puts the root of the store here, and would then copy certificates to it.
      StorePath: `${storePath}/machines/old`,
    });
    t.like(record.HostOptions.EngineOptions, {
      TlsVerify: true,
      InstallURL: 'https://get.docker.com',
      Labels: ['old=yes'],
      StorageDriver: 'aufs',
    });
    t.is(record.HostOptions.SwarmOptions?.Strategy, 'spread');
  });
}

test('paths of version 0 also come from the driver', (t) => {
  const text =
    '{"DriverName":"x","Driver":{"CaCertPath":"/c/ca.pem","PrivateKeyPath":"/c/k.pem"},"HostOptions":null}';
  const auth = migrate(text).HostOptions.AuthOptions;
  t.is(auth?.CaCertPath, '/c/ca.pem');
  t.is(auth?.CaPrivateKeyPath, '/c/k.pem');
  t.is(auth?.ServerCertPath, `${storePath}/machines/old/server.pem`);
});

test('the given record is not changed, and version 3 comes back as it is', (t) => {
  const root = parseJsonObject(fixture('v1-virtualbox'), 'x');
  const before = JSON.stringify(root);
  migrateRecord(root, place);
  t.is(JSON.stringify(root), before);
  const current = parseJsonObject(fixture('v3-none'), 'x');
  t.is(migrateRecord(current, place), current);
});

test('a version of the future is refused', (t) => {
  const error = t.throws(() => migrate(fixture('v4-future')), { instanceOf: MachineError });
  t.is(error.code, 'record-from-future');
});

test('whatever an old record holds, it is migrated or refused', (t) => {
  const roots = fc.record(
    {
      ConfigVersion: fc.constantFrom(0, 1, 2),
      Driver: fc.jsonValue(),
      DriverName: fc.oneof(fc.constant('x'), fc.jsonValue()),
      HostOptions: fc.oneof(
        fc.jsonValue(),
        fc.record({ AuthOptions: fc.jsonValue(), EngineOptions: fc.jsonValue() }),
      ),
      StorePath: fc.jsonValue(),
    },
    { requiredKeys: [] },
  );
  fc.assert(
    fc.property(roots, (root) => {
      try {
        migrate(JSON.stringify(root));
      } catch (error) {
        if (!(error instanceof MachineError)) {
          throw error;
        }
      }
    }),
    { numRuns: 2000 },
  );
  t.pass();
});
