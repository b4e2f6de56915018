import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import fc from 'fast-check';
import { MachineError } from '../../../src/core/errors.ts';
import { ExactNumber } from '../../../src/store/go-json.ts';
import { newRecord } from '../../../src/store/new-record.ts';
import { formatRecord, parseRecord, type MachineRecord } from '../../../src/store/record.ts';

const fixtures = path.join(import.meta.dirname, '../../../../test/fixtures/records');
const fixture = (name: string): string => readFileSync(path.join(fixtures, `${name}.json`), 'utf8');
const refusal = (text: string): MachineError => {
  try {
    parseRecord(text, '/s/config.json');
  } catch (error) {
    if (error instanceof MachineError) {
      return error;
    }
    throw error;
  }
  throw new Error('it was accepted');
};
/** The generic record with another value at a dotted path (undefined removes it), as text. */
const changed = (field: string, value: unknown): string => {
  const record: unknown = JSON.parse(fixture('v3-generic'));
  const keys = field.split('.');
  let parent = record as Record<string, unknown>;
  for (const key of keys.slice(0, -1)) {
    parent = parent[key] as Record<string, unknown>;
  }
  parent[keys.at(-1) ?? ''] = value;
  return JSON.stringify(record);
};

for (const name of ['v3-none', 'v3-generic', 'v3-hyperv', 'v3-plugin', 'v3-custom-install']) {
  test(`${name} comes back byte for byte`, (t) => {
    const text = fixture(name);
    t.is(formatRecord(parseRecord(text, name)), text);
  });
}

test('a new record has the keys and the order of docker-machine', (t) => {
  const record = newRecord({
    storePath: '/home/ann/.docker/machine',
    name: 'default',
    driverName: 'none',
    driver: { URL: 'tcp://127.0.0.1:23760' },
    ipAddress: '127.0.0.1:23760',
    sshKeyPath: '',
    engine: { Labels: ['a=b'] },
    swarm: { Host: '' },
  });
  const expected = fixture('v3-none').replace('"Host": "tcp://0.0.0.0:3376"', '"Host": ""');
  t.is(formatRecord(record), expected);
  t.deepEqual(parseRecord(expected, 'x'), record);
});

test('keys are taken in any case, the last one counts, and unknown keys stay', (t) => {
  const text = fixture('v3-none')
    .replace('"DriverName"', '"drivername"')
    .replace('"IPAddress"', '"ipaddress"')
    .replace('"TlsVerify"', '"TLSVERIFY"')
    .replace('"Name": "default"', '"Name": "first", "name": "second", "Extra": {"a": [1]}');
  const record = parseRecord(text, 'x');
  t.is(record.DriverName, 'none');
  t.is(record.Driver.IPAddress, '127.0.0.1:23760');
  t.true(record.HostOptions.EngineOptions?.TlsVerify);
  t.is(record.Name, 'second');
  t.regex(
    formatRecord(record),
    /"Name": "second",\n {4}"Extra": \{\n {8}"a": \[\n {12}1\n {8}\]\n {4}\}\n\}$/,
  );
});

test('missing and null fields get the zero values of Go', (t) => {
  const { HostOptions: options } = parseRecord('{"ConfigVersion":3,"DriverName":"x","Driver":{}}', 'x');
  t.deepEqual(options, {
    Driver: '',
    Memory: 0,
    Disk: 0,
    EngineOptions: null,
    SwarmOptions: null,
    AuthOptions: null,
  });
  const engine = '{"HostOptions":{"EngineOptions":{"Env":null,"LogLevel":null}}';
  const record = parseRecord(`${engine},"ConfigVersion":3,"DriverName":"x","Driver":{}}`, 'x');
  t.like(record.HostOptions.EngineOptions, { Env: null, LogLevel: '' });
});

test('numbers that JavaScript cannot hold are exact and go back as they were', (t) => {
  const { Driver: driver } = parseRecord(fixture('v3-plugin'), 'x');
  t.deepEqual(driver.VolumeId, new ExactNumber('9223372036854775807'));
  t.deepEqual(driver.Ratio, new ExactNumber('1.0'));
});

const wrongTypes: readonly [string, RegExp, unknown][] = [
  ['Driver.SSHPort', /Driver\.SSHPort is a text where a whole number is needed/, 'x'],
  ['Driver.SSHPort', /SSHPort is a number where a whole/, 22.5],
  ['Driver.SSHUser', /SSHUser is a number where a text/, 7],
  ['Driver', /Driver is missing where an object/, undefined],
  ['HostOptions', /HostOptions is a list where/, []],
  ['DriverName', /DriverName is true or false where/, true],
  ['HostOptions.EngineOptions.Env', /EngineOptions\.Env is a number where a list of texts/, 5],
  ['HostOptions.EngineOptions.Env', /EngineOptions\.Env is a number where a list of texts/, ['a', 5]],
];

for (const [field, message, value] of wrongTypes) {
  test(`a wrong type is refused with file and field: ${field} = ${JSON.stringify(value)}`, (t) => {
    const error = refusal(changed(field, value));
    t.is(error.code, 'record-invalid');
    t.regex(error.message, message);
    t.true(error.message.startsWith('/s/config.json'));
    t.like(error.facts, { reason: 'field', field, path: '/s/config.json' });
  });
}

const hostile: readonly [string, unknown][] = [
  ['SSHUser', '-oProxyCommand=id'],
  ['SSHUser', 'a b'],
  ['SSHUser', 'a\nb'],
  ['IPAddress', '-oProxyCommand=id'],
  ['IPAddress', '1.2.3.4;id'],
  ['IPAddress', 'a b'],
  ['IPAddress', 'a/../b'],
  ['IPAddress', 'user@host'],
  ['IPAddress', '$(id)'],
  ['IPAddress', '192.0.2.1\n'],
  ['IPAddress', '[::1'],
  ['IPAddress', 'host:123456'],
  ['SSHKeyPath', '-i'],
  ['SSHKeyPath', '/a\u0000b'],
  ['MachineName', '../x'],
  ['MachineName', '-rf'],
  ['SSHPort', -1],
  ['SSHPort', 65_536],
];

for (const [field, value] of hostile) {
  test(`a hostile value is refused: ${field} = ${JSON.stringify(value)}`, (t) => {
    const error = refusal(changed(`Driver.${field}`, value));
    t.is(error.code, 'record-invalid');
    t.is(error.facts.field, `Driver.${field}`);
    // eslint-disable-next-line no-control-regex -- looking for control characters is the purpose
    t.notRegex(error.message, /[\u0000-\u001f]/);
  });
}

for (const address of [
  '',
  '127.0.0.1',
  '127.0.0.1:2376',
  'node-1.example_x.com',
  '::1',
  'fe80::1%eth0',
  '[::1]:2376',
  'a:1',
]) {
  test(`an address is accepted: "${address}"`, (t) => {
    t.is(parseRecord(changed('Driver.IPAddress', address), 'x').Driver.IPAddress, address);
  });
}

test('driver names and paths that would lead elsewhere are refused', (t) => {
  for (const name of ['', '../x', 'a/b', '-x', 'a b', 'x'.repeat(101)]) {
    t.is(refusal(changed('DriverName', name)).facts.field, 'DriverName');
  }
  const text = changed('HostOptions.AuthOptions.CertDir', '/a\nb');
  t.is(refusal(text).facts.field, 'HostOptions.AuthOptions.CertDir');
});

test('what is no JSON object is a syntax problem', (t) => {
  const whole = fixture('v3-none');
  for (const text of [
    '',
    ' ',
    'null',
    '[]',
    '"x"',
    'NaN',
    '{"a":NaN}',
    '\u0000\u0001',
    whole.slice(0, -1),
    `${whole}x`,
  ]) {
    t.like(refusal(text), { code: 'record-invalid', facts: { reason: 'syntax' } }, text);
  }
  t.is(refusal(`{"Driver":${'['.repeat(500_000)}`).facts.reason, 'syntax');
  t.is(refusal(`{"Driver":${'{"a":'.repeat(65)}1${'}'.repeat(65)}}`).facts.reason, 'syntax');
});

test('other versions are named', (t) => {
  const future = refusal(fixture('v4-future'));
  t.is(future.code, 'record-from-future');
  t.like(future.facts, { version: 4 });
  t.is(refusal(fixture('v2-virtualbox')).facts.reason, 'old-version');
  t.is(refusal('{"ConfigVersion":-1}').facts.field, 'ConfigVersion');
  t.is(refusal('{"ConfigVersion":"3"}').facts.field, 'ConfigVersion');
});

test('prototype keys do no harm', (t) => {
  const text = fixture('v3-none').replace(
    '"Driver": {',
    '"__proto__": {"polluted": 1}, "Driver": {"__proto__": {"polluted": 1}, "constructor": 1,',
  );
  const record = parseRecord(text, 'x');
  t.is(({} as Record<string, unknown>).polluted, undefined);
  t.is(record.Driver.polluted, undefined);
  t.true(formatRecord(record).includes('"__proto__": {\n            "polluted": 1'));
});

/** Any JSON value, and often one of the record's own keys in it. */
const anyJson = fc.jsonValue({ maxDepth: 4 });

test('mutants of a record are read or refused, never anything else', (t) => {
  const paths: (readonly string[])[] = [];
  const collect = (value: unknown, at: readonly string[]): void => {
    paths.push(at);
    if (typeof value === 'object' && value !== null) {
      for (const [key, item] of Object.entries(value)) {
        collect(item, [...at, key]);
      }
    }
  };
  collect(JSON.parse(fixture('v3-generic')), []);
  const mutation = fc.tuple(fc.constantFrom(...paths.slice(1)), fc.oneof(anyJson, fc.constant(undefined)));
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 3 }), (mutations) => {
      const record = JSON.parse(fixture('v3-generic')) as Record<string, unknown>;
      for (const [at, value] of mutations) {
        let parent: unknown = record;
        for (const key of at.slice(0, -1)) {
          parent = (parent as Record<string, unknown> | null | undefined)?.[key];
        }
        if (typeof parent === 'object' && parent !== null) {
          (parent as Record<string, unknown>)[at.at(-1) ?? ''] = value;
        }
      }
      readOrRefuse(JSON.stringify(record));
    }),
    { numRuns: 3000 },
  );
  t.pass();
});

test('broken texts are read or refused, never anything else', (t) => {
  const whole = fixture('v3-plugin');
  const cut = fc.tuple(fc.nat(whole.length), fc.nat(20), fc.string({ maxLength: 5 }));
  fc.assert(
    fc.property(cut, ([at, length, inserted]) => {
      readOrRefuse(whole.slice(0, at) + inserted + whole.slice(at + length));
    }),
    { numRuns: 3000 },
  );
  t.pass();
});

function readOrRefuse(text: string): void {
  let record: MachineRecord;
  try {
    record = parseRecord(text, '/s/config.json');
  } catch (error) {
    if (error instanceof MachineError) {
      return;
    }
    throw error;
  }
  const formatted = formatRecord(record);
  if (formatRecord(parseRecord(formatted, 'x')) !== formatted) {
    throw new Error('what was written is read differently');
  }
}
