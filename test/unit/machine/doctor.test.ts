import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { createMachine } from '../../../src/machine/create.ts';
import { examine, type Diagnosis } from '../../../src/machine/doctor/examine.ts';
import { findings, type FindingCode } from '../../../src/machine/doctor/findings.ts';
import { noneRequest, openTestSession, storePath, type TestSession } from './support.ts';

const fixtures = path.join(import.meta.dirname, '../../../../test/fixtures/records');
const fixture = (name: string): string => readFileSync(path.join(fixtures, `${name}.json`), 'utf8');
const machines = `${storePath}/machines`;
const dayMs = 24 * 60 * 60 * 1000;

/** A record of a machine of the driver none. */
function record(change: object = {}): string {
  return JSON.stringify({
    ConfigVersion: 3,
    Driver: { IPAddress: '127.0.0.1:1', MachineName: 'm', StorePath: storePath, URL: 'tcp://127.0.0.1:1' },
    DriverName: 'none',
    HostOptions: { AuthOptions: null },
    Name: 'm',
    ...change,
  });
}

function sidecar(phase: string): string {
  const created = '2026-01-02T03:04:05.000Z';
  return JSON.stringify({ schema: 1, phase, created, driver: {}, options: {} });
}

const journal = '{"at":"2026-01-02T03:04:05.000Z","step":"boot","event":"begin"}\n';
const tombstone = JSON.stringify({
  name: 'gone',
  removedAt: '2026-01-01T00:00:00.000Z',
  error: 'the provider does not answer',
  record: record({ DriverName: 'amazonec2' }),
});

interface Case {
  readonly what: string;
  readonly code: FindingCode;
  readonly subject: string;
  /** What has to be in message, reason and advice. */
  readonly says?: readonly (string | RegExp)[];
  /** Files, 0600. */
  readonly tree?: Readonly<Record<string, string>>;
  readonly prepare?: (session: TestSession) => Promise<void> | void;
}

/** A store with the machine "m" and real certificates. */
async function createM(session: TestSession): Promise<void> {
  await createMachine(session, noneRequest('m'));
}

/** The same, and copies of the client's files in the machine's directory. */
async function createWithCopies(session: TestSession): Promise<void> {
  await createM(session);
  for (const name of ['ca.pem', 'cert.pem', 'key.pem']) {
    session.host.files.put(
      `${machines}/m/${name}`,
      session.host.files.text(`${storePath}/certs/${name}`) ?? '',
      0o600,
    );
  }
}

/** Certificates of a CA of its own. */
async function otherStore(): Promise<(name: string) => string> {
  const session = openTestSession({ startMs: Date.UTC(2025, 11, 31) });
  session.host.randomBytes(64);
  await createM(session);
  return (name) => session.host.files.text(`${storePath}/certs/${name}`) ?? '';
}

const cases: readonly Case[] = [
  { what: 'no docker client', code: 'docker-client-missing', subject: 'host', says: [/PATH/] },
  {
    what: 'a docker client',
    code: 'docker-client',
    subject: 'host',
    prepare: ({ host }) => {
      host.processes.answer('docker', {});
    },
    says: ['/usr/bin/docker'],
  },
  { what: 'no image', code: 'image-missing', subject: 'image', says: ['tsmachine image build'] },
  {
    what: 'a hypervisor that nobody uses',
    code: 'driver-unused',
    subject: 'driver virtualbox',
    says: ['VBoxManage not found'],
  },
  { what: 'no store', code: 'store-empty', subject: 'store' },
  { what: 'a store', code: 'store', subject: 'store', tree: { 'machines/m/config.json': record() } },
  {
    what: 'who made the machines',
    code: 'store-machines',
    subject: 'store',
    tree: {
      'machines/a/config.json': record(),
      'machines/b/config.json': record(),
      'machines/b/tsmachine.json': sidecar('ready'),
      'machines/c/x': '',
    },
    says: ['3 machines: 1 made by docker-machine, 1 made by tsmachine, 1 without a record that can be used'],
  },
  {
    what: 'a store that others can change',
    code: 'store-unsafe',
    subject: 'store',
    prepare: ({ host }) => {
      host.files.putDirectory(storePath, 0o777);
    },
    says: ['0777', `chmod go-w '${storePath}'`],
  },
  {
    what: 'a key that others can read',
    code: 'file-open',
    subject: 'machine m',
    tree: { 'machines/m/config.json': record() },
    prepare: ({ host }) => {
      host.files.put(`${machines}/m/id_rsa`, 'x', 0o644);
    },
    says: ['0644', 'a private key', `chmod 600 '${machines}/m/id_rsa'`],
  },
  {
    what: 'names that differ in case',
    code: 'names-alike',
    subject: 'store',
    tree: { 'machines/dev/config.json': record(), 'machines/DEV/config.json': record() },
    says: ['DEV, dev'],
  },
  {
    what: 'what killed commands left',
    code: 'leftovers',
    subject: 'store',
    tree: { 'machines/.x.new/config.json': record(), 'machines/.y.lock.tmp-999999-ab': '' },
    says: [`${machines}/.x.new`, `${machines}/.y.lock.tmp-999999-ab`],
  },
  {
    what: 'a machine that was forgotten by force',
    code: 'tombstone',
    subject: 'store',
    tree: { 'tombstones/gone-1.json': tombstone },
    says: ['"gone"', 'amazonec2', '2026-01-01', 'the provider does not answer', 'gone-1.json'],
  },
  {
    what: 'a note that cannot be read',
    code: 'tombstone-unreadable',
    subject: 'store',
    tree: { 'tombstones/gone-1.json': '{' },
    says: ['gone-1.json'],
  },
  { what: 'certificates', code: 'certificate', subject: 'store', prepare: createM, says: ['certs/ca.pem'] },
  {
    what: 'certificates near their end',
    code: 'certificate-ends',
    subject: 'store',
    prepare: async (session) => {
      await createM(session);
      session.host.clock.advance(380 * dayMs);
    },
    says: ['certs/cert.pem ends in', '--client-certs'],
  },
  {
    what: 'certificates past their end',
    code: 'certificate-ended',
    subject: 'machine m',
    prepare: async (session) => {
      await createWithCopies(session);
      session.host.clock.advance(400 * dayMs);
    },
    says: ['has expired on', 'tsmachine regenerate-certs --client-certs m'],
  },
  {
    what: 'a clock that is behind',
    code: 'certificate-early',
    subject: 'store',
    prepare: async (session) => {
      await createM(session);
      session.host.clock.advance(-400 * dayMs);
    },
    says: ['Set the clock.'],
  },
  {
    what: 'a certificate that is none',
    code: 'certificate-unreadable',
    subject: 'store',
    tree: { 'certs/cert.pem': 'x' },
    says: ['certs/cert.pem'],
  },
  {
    what: 'a certificate of another CA',
    code: 'certificate-other-ca',
    subject: 'machine m',
    prepare: async (session) => {
      await createWithCopies(session);
      session.host.files.put(`${machines}/m/cert.pem`, (await otherStore())('cert.pem'), 0o600);
    },
    says: ['m/cert.pem was not issued by the CA'],
  },
  {
    what: 'a certificate with another key',
    code: 'certificate-other-key',
    subject: 'machine m',
    prepare: async (session) => {
      await createWithCopies(session);
      session.host.files.put(`${machines}/m/key.pem`, (await otherStore())('key.pem'), 0o600);
    },
    says: ['m/cert.pem does not belong to', 'm/key.pem'],
  },
  {
    what: 'a certificate without a key',
    code: 'certificate-key-missing',
    subject: 'machine m',
    prepare: async (session) => {
      await createWithCopies(session);
      await session.host.files.remove(`${machines}/m/key.pem`);
    },
    says: ['m/key.pem is missing'],
  },
  {
    what: 'a CA without a key',
    code: 'ca-key-missing',
    subject: 'store',
    prepare: async (session) => {
      await createM(session);
      await session.host.files.remove(`${storePath}/certs/ca-key.pem`);
    },
    says: ['certs/ca-key.pem'],
  },
  {
    what: 'a machine of another CA than the store has',
    code: 'ca-of-another-store',
    subject: 'machine m',
    prepare: async (session) => {
      await createWithCopies(session);
      session.host.files.put(`${storePath}/certs/ca.pem`, (await otherStore())('ca.pem'), 0o600);
    },
    says: ['m/ca.pem'],
  },
  {
    what: 'a directory that cannot be a machine',
    code: 'name-unusable',
    subject: 'machine a b',
    tree: { 'machines/a b/config.json': record() },
  },
  {
    what: 'a machine of docker-machine',
    code: 'made-by-docker-machine',
    subject: 'machine m',
    tree: { 'machines/m/config.json': record() },
    says: ['version 3', 'none'],
  },
  {
    what: 'a machine of ours',
    code: 'made-by-tsmachine',
    subject: 'machine m',
    tree: { 'machines/m/config.json': record(), 'machines/m/tsmachine.json': sidecar('ready') },
    says: ['2026-01-02'],
  },
  ...([0, 1, 2] as const).map((version): Case => ({
    what: `a record of version ${version}`,
    code: 'record-old',
    subject: 'machine old',
    tree: { 'machines/old/config.json': fixture(`v${version}-virtualbox`) },
    says: [`version ${version} is read as one of version 3`],
  })),
  {
    what: 'a damaged record with a copy',
    code: 'record-damaged',
    subject: 'machine m',
    tree: { 'machines/m/config.json': '{"Conf', 'machines/m/config.json.bak': record() },
    says: ['config.json.bak', `cp '${machines}/m/config.json.bak' '${machines}/m/config.json'`],
  },
  {
    what: 'a damaged record',
    code: 'record-broken',
    subject: 'machine m',
    tree: { 'machines/m/config.json': '{"Conf' },
    says: ['not complete JSON', 'tsmachine rm -f m'],
  },
  {
    what: 'a record with a wrong field',
    code: 'record-wrong',
    subject: 'machine m',
    tree: { 'machines/m/config.json': record({ Driver: { SSHPort: 'x' } }) },
    says: ['Driver.SSHPort is a text where a whole number is needed'],
  },
  {
    what: 'a record of the future',
    code: 'record-from-future',
    subject: 'machine m',
    tree: { 'machines/m/config.json': fixture('v4-future') },
    says: ['version 4', 'Upgrade'],
  },
  {
    what: 'a directory without a record',
    code: 'record-missing',
    subject: 'machine m',
    tree: { 'machines/m/id_rsa': '' },
    says: ['tsmachine rm -y m'],
  },
  {
    what: 'a record that docker-machine was about to replace',
    code: 'record-unsaved',
    subject: 'machine m',
    tree: { 'machines/m/config.json.tmp123456': record() },
    says: [`mv '${machines}/m/config.json.tmp123456' '${machines}/m/config.json'`],
  },
  {
    what: 'a store that was moved',
    code: 'record-of-another-store',
    subject: 'machine m',
    tree: { 'machines/m/config.json': record({ Driver: { StorePath: '/old/store' } }) },
    says: ['/old/store', storePath],
  },
  {
    what: 'a create that was never finished',
    code: 'create-unfinished',
    subject: 'machine m',
    tree: {
      'machines/m/config.json': record(),
      'machines/m/tsmachine.json': sidecar('creating'),
      'machines/m/journal.jsonl': journal,
    },
    says: ['boot', 'tsmachine create --resume m', 'tsmachine rm m'],
  },
  {
    what: 'a removal that was never finished',
    code: 'removal-unfinished',
    subject: 'machine m',
    tree: { 'machines/m/config.json': record(), 'machines/m/tsmachine.json': sidecar('removing') },
    says: ['tsmachine rm m'],
  },
  {
    what: 'data of ours that cannot be read',
    code: 'own-data-unusable',
    subject: 'machine m',
    tree: { 'machines/m/config.json': record(), 'machines/m/tsmachine.json': '{' },
    says: ['tsmachine.json'],
  },
  {
    what: 'a journal that cannot be read',
    code: 'journal-unusable',
    subject: 'machine m',
    tree: { 'machines/m/config.json': record(), 'machines/m/journal.jsonl': 'x\n' },
    says: ['journal.jsonl:1'],
  },
  {
    what: 'a driver of somebody that is not here',
    code: 'driver-missing',
    subject: 'machine m',
    tree: { 'machines/m/config.json': record({ DriverName: 'kvm2' }) },
    says: ['docker-machine-driver-kvm2', 'tsmachine driver add tsmachine-driver-kvm2', 'tsmachine rm -f m'],
  },
  {
    what: 'a driver that docker-machine contains',
    code: 'driver-of-docker-machine',
    subject: 'machine m',
    tree: { 'machines/m/config.json': record({ DriverName: 'softlayer' }) },
    says: ['the real docker-machine', 'tsmachine-driver-softlayer'],
  },
  {
    what: 'a machine that somebody works on',
    code: 'lock-held',
    subject: 'machine m',
    tree: {
      'machines/m/config.json': record(),
      'machines/m/tsmachine.json': sidecar('creating'),
      'machines/.m.lock': JSON.stringify({
        pid: 77,
        startTime: 'boot/x',
        command: 'create m',
        since: '2026-01-02T03:04:05.000Z',
        token: 'ab',
      }),
    },
    prepare: ({ host }) => {
      host.processes.running.set(77, 'boot/x');
    },
    says: ['"create m" is at work: process 77'],
  },
  {
    what: 'a machine that is off',
    code: 'machine',
    subject: 'machine m',
    tree: { 'machines/m/config.json': record({ DriverName: 'qemu' }), 'machines/m/id_rsa': '' },
    says: ['is Stopped'],
  },
  {
    what: 'an SSH key that is gone',
    code: 'ssh-key-missing',
    subject: 'machine m',
    tree: { 'machines/m/config.json': fixture('v3-generic') },
    says: ['id_rsa'],
  },
];

async function diagnose({ tree = {}, prepare }: Case): Promise<Diagnosis[]> {
  const session = openTestSession();
  for (const [name, text] of Object.entries(tree)) {
    session.host.files.put(`${storePath}/${name}`, text, 0o600);
  }
  await prepare?.(session);
  return examine(session);
}

for (const each of cases) {
  test(`doctor finds ${each.what}`, async (t) => {
    const all = await diagnose(each);
    const found = all.filter(({ code, subject }) => code === each.code && subject === each.subject);
    t.true(found.length > 0, JSON.stringify(all, undefined, 2));
    const text = found
      .map(({ message, why = '', remedies }) => [message, why, ...remedies].join('\n'))
      .join('\n');
    t.notRegex(text, /[{}]|undefined/);
    for (const part of each.says ?? []) {
      t.true(
        typeof part === 'string' ? text.includes(part) : part.test(text),
        `${String(part)} in:\n${text}`,
      );
    }
  });
}

/** Needs what the fakes here do not have: engines, images. Running machines: doctor-running.test.ts. */
const foundElsewhere: readonly FindingCode[] = [
  'driver',
  'image',
  'image-changed',
  'image-intact',
  'bind-outside-shares',
  'machine-answers',
  'machine-error',
  'ssh-answers',
  'engine-down',
  'clock-right',
  'clock-wrong',
  'disk',
  'disk-full',
  'memory-low',
  'layer',
  'layer-boot',
];

test('every finding of the table is found by a test', (t) => {
  const tested = new Set<string>([...cases.map(({ code }) => code), ...foundElsewhere]);
  t.deepEqual([...tested].sort(), Object.keys(findings).sort());
});

test('what is not as it should be comes with a way out', async (t) => {
  for (const each of cases) {
    for (const { severity, code, remedies } of await diagnose(each)) {
      t.true(severity === 'ok' || remedies.length > 0, code);
    }
  }
});

test('a create that is at work is not one that was never finished', async (t) => {
  const busy = cases.find(({ code }) => code === 'lock-held');
  t.false((await diagnose(busy as Case)).some(({ code }) => code === 'create-unfinished'));
});

test('doctor writes nothing', async (t) => {
  for (const each of cases.filter(({ tree }) => tree !== undefined)) {
    const session = openTestSession();
    for (const [name, text] of Object.entries(each.tree ?? {})) {
      session.host.files.put(`${storePath}/${name}`, text, 0o600);
    }
    await examine(session);
    t.deepEqual(session.host.files.writes, [], each.what);
  }
});
