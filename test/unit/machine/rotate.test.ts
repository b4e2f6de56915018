import { X509Certificate } from 'node:crypto';
import test from 'ava';
import type { DriverStatus } from '../../../src/drivers/driver.ts';
import { recordAddresses } from '../../../src/machine/addresses.ts';
import { createMachine } from '../../../src/machine/create.ts';
import { refreshCertificates } from '../../../src/machine/credentials.ts';
import { openMachine, type OpenMachine } from '../../../src/machine/open.ts';
import { renewalReason } from '../../../src/machine/renewal.ts';
import {
  certifyAddress,
  rotateCertificates,
  rotateClientCertificate,
  rotateOpenMachine,
} from '../../../src/machine/rotate.ts';
import {
  asImageMachine,
  createRotatingGuest,
  handedOver,
  type RotatingGuest,
} from '../../fakes/rotating-guest.ts';
import { noneRequest, openTestSession, storePath, type TestSession } from './support.ts';

const running: DriverStatus = { power: 'running', engineUrl: 'tcp://127.0.0.1:1' };
const stopped: DriverStatus = { power: 'stopped' };
const dayMs = 86_400_000;

interface Scene {
  readonly session: TestSession;
  readonly machine: OpenMachine;
  readonly guest: RotatingGuest;
}

/** A machine with certificates, and a guest that shows them. */
async function setUp(status: DriverStatus = running): Promise<Scene> {
  const session = openTestSession();
  await createMachine(session, noneRequest('m'));
  const machine = asImageMachine(await openMachine(session, 'm'), status);
  await refreshCertificates(session, { ...machine, tlsKeyType: 'ec' });
  return { session, machine, guest: createRotatingGuest(session.host, handedOver(session.host, machine)) };
}

function rotate({ session, machine, guest }: Scene, force: boolean): Promise<string> {
  return rotateOpenMachine(session, machine, { force, connect: guest.connect });
}

test('a running machine is given a new certificate by stdin and shows it', async (t) => {
  const scene = await setUp();
  const { session, machine, guest } = scene;
  const before = guest.shown;
  t.is(await rotate(scene, true), 'served');
  t.not(guest.shown, before);
  t.is(guest.shown, handedOver(session.host, machine));
  t.deepEqual(Object.keys(guest.received[0] ?? {}), ['ca.pem', 'server.pem', 'server-key.pem']);
  t.is(guest.received[0]?.['ca.pem'], session.host.files.text(`${storePath}/certs/ca.pem`));
  t.regex(guest.received[0]?.['server-key.pem'] ?? '', /^-----BEGIN PRIVATE KEY-----\n/);
  t.notRegex(guest.commands.join(), /BEGIN/);
  t.is(guest.openConnections, 0);
  t.notRegex(JSON.stringify(session.events), /BEGIN/);
});

test('a stopped machine only gets new files', async (t) => {
  const scene = await setUp(stopped);
  const before = handedOver(scene.session.host, scene.machine);
  t.is(await rotate(scene, true), 'at-next-start');
  t.not(handedOver(scene.session.host, scene.machine), before);
  t.deepEqual(scene.guest.received, []);
  t.deepEqual(scene.session.host.network.connections, []);
});

test('a machine that starts or stops is left alone', async (t) => {
  const scene = await setUp({ power: 'stopping' });
  const before = handedOver(scene.session.host, scene.machine);
  await t.throwsAsync(rotate(scene, true), { code: 'machine-state', message: /is stopping/ });
  t.is(handedOver(scene.session.host, scene.machine), before);
});

test('without force a good certificate stays, and a guest that shows another gets the one that is here', async (t) => {
  const scene = await setUp();
  const { session, machine, guest } = scene;
  const good = guest.shown;
  t.is(await rotate(scene, false), 'served');
  t.deepEqual(guest.received, []);

  // As after a rotation that was killed between the files and the hand-over.
  await refreshCertificates(session, { ...machine, tlsKeyType: 'ec' }, { force: true });
  t.is(await rotate(scene, false), 'served');
  t.not(guest.shown, good);
  t.is(guest.received.length, 1);
});

test('what the guest says against it is in the error; the next call brings both together', async (t) => {
  const scene = await setUp();
  const { guest, session, machine } = scene;
  const before = guest.shown;
  guest.answer = { exitCode: 1, stderr: 'the terminator does not start\u001b[31m\n', takes: false };
  const error = await t.throwsAsync(rotate(scene, true), { code: 'guest-failed' });
  t.like(error, { why: 'the terminator does not start [31m' });
  t.is(guest.shown, before);
  t.is(guest.openConnections, 0);
  guest.answer = { exitCode: 0, stderr: '', takes: true };
  await rotate(scene, false);
  t.is(guest.shown, handedOver(session.host, machine));
});

test('an image that cannot do it: the way out is a restart', async (t) => {
  const scene = await setUp();
  scene.guest.answer = { exitCode: 127, stderr: '', takes: false };
  const error = await t.throwsAsync(rotate(scene, true), { code: 'guest-failed' });
  t.like(error, { remedies: ['tsmachine restart m'] });
});

test('a guest that says yes and goes on showing the old one is found out, within a bound', async (t) => {
  const scene = await setUp();
  scene.guest.answer = { exitCode: 0, stderr: '', takes: false };
  await t.throwsAsync(rotate(scene, true), { code: 'tls-mismatch' });
  t.true(scene.session.host.clock.monotonicMs() <= 21_000);
});

test('cut at every write: the old certificate is shown until the new one is, and the next call finishes', async (t) => {
  let cuts = 0;
  for (let nth = 1; nth < 50; nth += 1) {
    const scene = await setUp();
    const { guest, session, machine } = scene;
    const before = guest.shown;
    session.host.files.inject({ operation: 'writeAtomic', nth, code: 'EIO' });
    const error = await rotate(scene, true).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    if (error === undefined) {
      break;
    }
    cuts += 1;
    t.is(guest.shown, before, `write ${nth}`);
    t.is(await rotate(scene, false), 'served');
    const { shown } = guest;
    t.is(shown, handedOver(session.host, machine));
    const key = session.host.files.text(`${machine.directory}/guest/server-key.pem`);
    t.is(key, session.host.files.text(`${machine.directory}/server-key.pem`));
  }
  t.true(cuts >= 4);
});

test('machines without a host of ours are refused before anything is done', async (t) => {
  const session = openTestSession();
  await createMachine(session, noneRequest('m'));
  const writes = session.host.files.writes.length;
  await t.throwsAsync(rotateCertificates(session, 'm', { force: true }), { code: 'capability-missing' });
  await t.throwsAsync(rotateCertificates(session, 'nope', { force: true }), { code: 'machine-not-found' });
  t.is(session.host.files.writes.length, writes);
});

test('the client certificate changes for every machine of the CA; key and other machines stay', async (t) => {
  const session = openTestSession();
  const { files } = session.host;
  await createMachine(session, noneRequest('m'));
  await createMachine(session, noneRequest('n'));
  await createMachine(session, noneRequest('foreign'));
  files.put(`${storePath}/machines/foreign/ca.pem`, 'of another store');
  const text = (path: string): string => files.text(`${storePath}/${path}`) ?? '';
  const before = text('certs/cert.pem');
  const key = text('certs/key.pem');
  await rotateClientCertificate(session);
  const after = text('certs/cert.pem');
  t.not(after, before);
  t.is(text('certs/key.pem'), key);
  t.true(new X509Certificate(after).verify(new X509Certificate(text('certs/ca.pem')).publicKey));
  for (const name of ['m', 'n']) {
    t.is(text(`machines/${name}/cert.pem`), after);
    t.is(text(`machines/${name}/key.pem`), key);
  }
  t.is(text('machines/foreign/cert.pem'), before);
});

test('why a certificate should be renewed: time, a new name; not for machines that have none', async (t) => {
  const { session, machine } = await setUp();
  t.is(await renewalReason(session, machine), undefined);
  t.is(await renewalReason(session, { ...machine, name: 'renamed' }), 'name-missing');
  session.host.clock.advance(270 * dayMs);
  t.is(await renewalReason(session, machine), 'due');
  session.host.clock.advance(200 * dayMs);
  t.is(await renewalReason(session, machine), 'expired');

  const bare = openTestSession();
  await createMachine(bare, noneRequest('m'));
  t.is(await renewalReason(bare, await openMachine(bare, 'm')), undefined);
});

test('after a start at another address: its certificate is handed over, once; who does not take it is told', async (t) => {
  const at = (address: string): DriverStatus & { readonly engineUrl: string } => ({
    ...{ power: 'running', address, engineUrl: `tcp://${address}:2376` },
  });
  const { session, machine, guest } = await setUp(at('172.20.0.9'));
  const certify = async (status: ReturnType<typeof at>): Promise<void> => {
    await recordAddresses(session, machine, status);
    await certifyAddress(session, machine, status.engineUrl, guest.connect);
  };
  const namesShown = (): string => new X509Certificate(guest.shown).subjectAltName ?? '';
  t.false(namesShown().includes('172.20.0.9'));
  await certify(at('172.20.0.9'));
  t.true(namesShown().includes('IP Address:172.20.0.9'));
  await certify(at('172.20.0.9'));
  t.is(guest.received.length, 1);

  guest.answer = { exitCode: 127, stderr: '', takes: false };
  await certify(at('172.20.0.10'));
  const warnings = session.events.filter(({ type }) => type === 'warn');
  t.regex(JSON.stringify(warnings), /does not name its new address/);

  session.host.network.onConnect = () => {
    throw new Error('refused');
  };
  await t.throwsAsync(certify(at('172.20.0.11')), {
    code: 'engine-unreachable',
    message: /172\.20\.0\.11:2376/,
  });
});
