import test from 'ava';
import fc from 'fast-check';
import { certificatePaths, daemonConfigPath } from '../../../src/provision/daemon-config.ts';
import type { HostFacts } from '../../../src/provision/facts.ts';
import { hostsWithName } from '../../../src/provision/host-name.ts';
import { planSetup } from '../../../src/provision/plan.ts';
import { isNothing } from '../../../src/provision/setup.ts';
import { profilePath } from '../../../src/provision/services/boot2docker.ts';
import { dropInPath } from '../../../src/provision/unit.ts';
import { units } from '../../fixtures/provision/systems.ts';
import { carriedOut, debianFacts, runningEngine, setupOf, writtenTo } from './scene.ts';

function withConfig(config: unknown, change: Partial<HostFacts> = {}): HostFacts {
  const facts = debianFacts(change);
  return { ...facts, files: new Map([...facts.files, [daemonConfigPath, JSON.stringify(config)]]) };
}

function configOf(facts: HostFacts, setup = setupOf()): Record<string, unknown> {
  return JSON.parse(writtenTo(daemonConfigPath, facts, setup)) as Record<string, unknown>;
}

test('an untouched host gets everything, the key closed to others', (t) => {
  const plan = planSetup(debianFacts(), setupOf());
  t.deepEqual(
    plan.files.map(({ path, mode }) => [path, mode.toString(8)]),
    [
      [certificatePaths.ca, '644'],
      [certificatePaths.server, '644'],
      [certificatePaths.serverKey, '600'],
      [daemonConfigPath, '644'],
      [dropInPath, '644'],
      ['/etc/hostname', '644'],
      ['/etc/hosts', '644'],
    ],
  );
  t.like(plan, { hostName: 'dev', engine: 'restart', enable: false, containers: 'none' });
});

test('a host that is as it should be has nothing to do, whatever the options', (t) => {
  const word = fc.stringMatching(/^[a-z"$%\\' ]{1,8}$/);
  const options = fc.record({
    ArbitraryFlags: fc.array(
      word.map((value) => `log-opt=${value}`),
      { maxLength: 2 },
    ),
    Env: fc.array(
      word.map((value) => `A=${value}`),
      { maxLength: 2 },
    ),
    InsecureRegistry: fc.array(fc.domain(), { maxLength: 2 }),
    Labels: fc.array(
      word.map((value) => `x=${value}`),
      { maxLength: 3 },
    ),
    RegistryMirror: fc.array(fc.webUrl(), { maxLength: 2 }),
    StorageDriver: fc.constantFrom('', 'overlay2', 'vfs'),
  });
  const hosts = fc.constantFrom(
    debianFacts(),
    debianFacts({ unit: units.opensuse, engine: undefined, serviceEnabled: false }),
    debianFacts({ serviceManager: 'openrc', unit: '' }),
    debianFacts({ serviceManager: 'boot2docker', unit: '' }),
  );
  fc.assert(
    fc.property(options, hosts, fc.constantFrom('', 'A CA\n'), (wanted, facts, extraAuthorities) => {
      const setup = setupOf(wanted, { extraAuthorities });
      const after = carriedOut(facts, planSetup(facts, setup));
      t.true(isNothing(planSetup(after, setup)));
    }),
    { seed: 4711, numRuns: 200 },
  );
  t.pass();
});

test('keys of others are kept, and their lists go on', (t) => {
  const config = configOf(
    withConfig({ 'max-concurrent-downloads': 7, labels: ['theirs=1', 'provider=old'], dns: ['192.0.2.1'] }),
    setupOf({ Labels: ['mine=2'] }),
  );
  t.is(config['max-concurrent-downloads'], 7);
  t.deepEqual(config['dns'], ['192.0.2.1']);
  t.deepEqual(config['labels'], ['theirs=1', 'provider=generic', 'mine=2']);
});

test('the listener follows the unit and the address', (t) => {
  t.deepEqual(configOf(debianFacts())['hosts'], ['fd://', 'tcp://0.0.0.0:2376']);
  t.deepEqual(configOf(debianFacts({ unit: units.opensuse }))['hosts'], [
    'unix:///var/run/docker.sock',
    'tcp://0.0.0.0:2376',
  ]);
  t.deepEqual(configOf(debianFacts(), setupOf({}, { address: '2001:db8::7', enginePort: 1234 }))['hosts'], [
    'fd://',
    'tcp://[::]:1234',
  ]);
  t.deepEqual(configOf(withConfig({ hosts: ['unix:///run/docker.sock'] }))['hosts'], [
    'unix:///run/docker.sock',
    'tcp://0.0.0.0:2376',
  ]);
});

test('options that have a flag of their own stand in one place, all others are arguments', (t) => {
  const setup = setupOf({
    ArbitraryFlags: [
      'label=a=b',
      'log-driver=none',
      'live-restore',
      'storage-driver=vfs',
      '--default-ulimit=nofile=1:2',
    ],
    Labels: ['c=d'],
  });
  const config = configOf(debianFacts(), setup);
  t.deepEqual(config['labels'], ['c=d', 'a=b', 'provider=generic']);
  t.is(config['live-restore'], true);
  t.is(config['storage-driver'], 'vfs');
  const dropIn = writtenTo(dropInPath, debianFacts(), setup);
  t.regex(dropIn, / "--log-driver=none" "--default-ulimit=nofile=1:2"$/m);
  t.notRegex(dropIn, /--label|--live-restore|--storage-driver/);
});

test('a change of labels alone is read again without a restart', (t) => {
  const facts = debianFacts();
  const after = carriedOut(facts, planSetup(facts, setupOf()));
  t.like(planSetup(after, setupOf({ Labels: ['new=1'] })), { engine: 'reload', containers: 'none' });
});

test('containers that run go on where that is possible', (t) => {
  const containersOf = (engine: Parameters<typeof runningEngine>[0], processes = 1): string =>
    planSetup(debianFacts({ engine: runningEngine(engine), containerProcesses: processes }), setupOf())
      .containers;
  t.is(containersOf({ containersRunning: 1 }), 'keep');
  t.is(containersOf({ containersRunning: 1, liveRestore: true }), 'kept-already');
  t.is(containersOf({ containersRunning: 1, swarmActive: true }), 'restarted');
  t.is(containersOf({}, 0), 'none');
  t.is(containersOf({ containersRunning: 0 }, 2), 'keep', 'the engine does not know them all');
});

test('an engine that does not run is started', (t) => {
  const plan = planSetup(debianFacts({ engine: undefined, serviceEnabled: false }), setupOf());
  t.like(plan, { engine: 'start', enable: true });
});

test('a key that others can read is written again', (t) => {
  const facts = debianFacts();
  const after = carriedOut(facts, planSetup(facts, setupOf()));
  const open = new Map(after.digests);
  open.set(certificatePaths.serverKey, {
    sha256: open.get(certificatePaths.serverKey)?.sha256 ?? '',
    mode: '644',
  });
  const plan = planSetup({ ...after, digests: open }, setupOf());
  t.deepEqual(
    plan.files.map(({ path }) => path),
    [certificatePaths.serverKey],
  );
});

test('certificates of somebody else are not replaced', (t) => {
  const theirs = withConfig({ tlsverify: true, tlscacert: '/root/theirs/ca.pem' });
  t.like(
    t.throws(() => planSetup(theirs, setupOf())),
    { code: 'engine-conflict' },
  );
  const inUnit = debianFacts({
    unit: '# /lib/systemd/system/docker.service\n[Service]\nExecStart=/usr/bin/dockerd --tlsverify --tlscacert=/x/ca.pem\n',
  });
  t.like(
    t.throws(() => planSetup(inUnit, setupOf())),
    { code: 'engine-conflict' },
  );
  t.notThrows(
    () => planSetup(debianFacts({ unit: units.dockerMachine }), setupOf()),
    "docker-machine's are the same",
  );
});

test('the storage driver of a host with data stays', (t) => {
  const wanted = setupOf({ StorageDriver: 'vfs' });
  const withData = debianFacts({ engine: runningEngine({ hasData: true }) });
  t.like(
    t.throws(() => planSetup(withData, wanted)),
    { code: 'engine-conflict' },
  );
  const stopped = debianFacts({ engine: undefined, storageWithData: ['overlay2'] });
  t.like(
    t.throws(() => planSetup(stopped, wanted)),
    { code: 'engine-conflict' },
  );
  t.notThrows(() => planSetup(withData, setupOf({ StorageDriver: 'overlay2' })));
  t.notThrows(() => planSetup(debianFacts(), wanted), 'without data there is nothing to lose');
});

test('a daemon.json that is no object of JSON is nobody to repair but its owner', (t) => {
  for (const text of ['{', '[]', '"x"', 'null']) {
    const facts = debianFacts({ files: new Map([[daemonConfigPath, text]]) });
    t.like(
      t.throws(() => planSetup(facts, setupOf())),
      { code: 'engine-conflict' },
    );
  }
  t.notThrows(() => planSetup(debianFacts({ files: new Map([[daemonConfigPath, ' \n']]) }), setupOf()));
});

test('our image takes certificates without a restart, boot2docker with one', (t) => {
  const guest = debianFacts({ serviceManager: 'boot2docker', unit: '' });
  const ready = carriedOut(guest, planSetup(guest, setupOf()));
  const renewed = setupOf({}, { certificates: { ca: 'CA\n', server: 'OTHER\n', serverKey: 'KEY2\n' } });
  t.like(planSetup(ready, renewed), { engine: 'restart', handOver: undefined });
  const image = { ...ready, takesCertificates: true };
  // Whoever made the machine has named its driver to the engine, which takes one such label.
  t.notRegex(writtenTo(profilePath, image, setupOf()), /provider=/);
  const plan = planSetup(carriedOut(image, planSetup(image, setupOf())), renewed);
  t.like(plan, { engine: 'nothing', files: [] });
  t.is(plan.handOver, 'file ca.pem\nCA\nfile server.pem\nOTHER\nfile server-key.pem\nKEY2\nend\n');
});

test('the name comes into /etc/hosts once', (t) => {
  t.is(
    hostsWithName('127.0.0.1 localhost\n127.0.1.1 old # x\n::1 ip6\n', 'dev'),
    '127.0.0.1 localhost\n127.0.1.1 dev\n::1 ip6\n',
  );
  t.is(hostsWithName('127.0.0.1 localhost', 'dev'), '127.0.0.1 localhost\n127.0.1.1 dev\n');
  t.is(hostsWithName('192.0.2.7 a dev\n', 'dev'), '192.0.2.7 a dev\n');
  t.is(hostsWithName('', 'dev'), '127.0.1.1 dev\n');
  t.is(hostsWithName('127.0.0.1 devs # dev\n', 'dev'), '127.0.0.1 devs # dev\n127.0.1.1 dev\n');
});

for (const serviceManager of ['systemd', 'openrc', 'boot2docker'] as const) {
  test(`${serviceManager}: further CAs are a file that the engine alone looks at, and go with their last`, (t) => {
    const facts = debianFacts({ serviceManager, ...(serviceManager === 'systemd' ? {} : { unit: '' }) });
    const bare = carriedOut(facts, planSetup(facts, setupOf()));
    const setup = setupOf({}, { extraAuthorities: 'A CA\n' });
    const plan = planSetup(bare, setup);
    const file = plan.files.find(({ content }) => content === 'A CA\n');
    t.regex(file?.path ?? '', /^\/(?:etc\/docker|var\/lib\/boot2docker)\/tsmachine-ca\/extra-ca\.pem$/);
    t.is(plan.engine, 'restart');
    const directories = `/etc/ssl/certs:/etc/pki/tls/certs:${file?.path.replace('/extra-ca.pem', '') ?? ''}`;
    t.true(JSON.stringify(plan.files).includes(directories));
    const after = carriedOut(bare, plan);
    t.like(planSetup(after, setupOf({}, { extraAuthorities: 'B\n' })), { engine: 'restart', removed: [] });
    const gone = planSetup(after, setupOf());
    t.deepEqual(gone.removed, [file?.path]);
    t.is(gone.engine, 'restart');
    t.false(JSON.stringify(gone.files).includes('SSL_CERT_DIR'));
    t.true(isNothing(planSetup(carriedOut(after, gone), setupOf())));
  });
}

test('directories of CAs that --engine-env names stay, before ours', (t) => {
  const setup = setupOf({ Env: ['SSL_CERT_DIR=/own', 'A=1'] }, { extraAuthorities: 'A CA\n' });
  const text = writtenTo(dropInPath, debianFacts(), setup);
  t.true(text.includes('Environment="SSL_CERT_DIR=/own:/etc/docker/tsmachine-ca"'), text);
  t.is(text.split('SSL_CERT_DIR').length, 2);
});
