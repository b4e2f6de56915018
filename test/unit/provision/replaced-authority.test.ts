import { X509Certificate } from 'node:crypto';
import test from 'ava';
import { describePlan } from '../../../src/machine/host-phases.ts';
import { applyScript } from '../../../src/provision/apply.ts';
import { certificatePaths, daemonConfigPath } from '../../../src/provision/daemon-config.ts';
import type { HostFacts } from '../../../src/provision/facts.ts';
import { planSetup } from '../../../src/provision/plan.ts';
import { boot2dockerCertificates, profilePath } from '../../../src/provision/services/boot2docker.ts';
import { serviceCommands } from '../../../src/provision/services/service.ts';
import { dropInPath } from '../../../src/provision/unit.ts';
import { ensureAuthority } from '../../../src/tls/authority.ts';
import { createFakeHost } from '../../fakes/host.ts';
import { debianFacts, setupOf } from './scene.ts';

/** The CA of another store, made by the user ann on 2026-01-01 or a little before. */
async function otherCa(): Promise<string> {
  const authority = await ensureAuthority(createFakeHost(), '/certs', { keyType: 'ec', userName: 'ann' });
  return authority.ca.certPem;
}

function hostWith(files: Readonly<Record<string, string>>, change: Partial<HostFacts> = {}): HostFacts {
  const facts = debianFacts(change);
  return { ...facts, files: new Map([...facts.files, ...Object.entries(files)]) };
}

const dropIn = '[Service]\nExecStart=\nExecStart=/usr/sbin/dockerd\n';

test('the CA of another store is replaced, its files are kept, and it is said whose it was', async (t) => {
  const ca = await otherCa();
  const plan = planSetup(hostWith({ [certificatePaths.ca]: ca, [dropInPath]: dropIn }), setupOf());
  t.deepEqual(plan.replaced?.files, Object.values(certificatePaths));
  t.regex(plan.replaced?.suffix ?? '', /^\.replaced-[0-9a-f]{8}$/);
  const since = new Date(new X509Certificate(ca).validFrom).toISOString().slice(0, 10);
  const line = describePlan(plan).find((text) => text.includes('trusted')) ?? '';
  t.regex(line, /the CA of ".*ann.*"/);
  t.true(line.includes(`(made ${since})`), line);
  t.true(line.includes(`*.pem${plan.replaced?.suffix ?? '?'}`), line);
});

test('nothing is said of our own CA, nor where there is none', (t) => {
  t.is(planSetup(hostWith({ [certificatePaths.ca]: 'CA\n' }), setupOf()).replaced, undefined);
  t.is(planSetup(debianFacts(), setupOf()).replaced, undefined);
});

test('what is kept is copied before anything is written, and taken away when everything is put back', async (t) => {
  const service = serviceCommands('systemd');
  const facts = hostWith({ [certificatePaths.ca]: await otherCa(), [dropInPath]: dropIn });
  const plan = planSetup(facts, setupOf());
  t.truthy(service);
  const script = service === undefined ? '' : applyScript(plan, { facts, service, token: 'tsmachine-00' });
  const copy = `cp -p ${certificatePaths.ca} ${certificatePaths.ca}${plan.replaced?.suffix ?? ''}`;
  t.true(script.includes(copy));
  t.true(script.indexOf(copy) < script.indexOf(`\nput ${certificatePaths.ca}`));
  t.true(script.includes(`rm -f ${certificatePaths.ca}${plan.replaced?.suffix ?? ''}`));
});

test('a CA that somebody put there by hand is replaced only when no engine uses it', async (t) => {
  const ca = await otherCa();
  const config = JSON.stringify({ tlsverify: true, tlscacert: certificatePaths.ca });
  const used = hostWith({ [certificatePaths.ca]: ca, [daemonConfigPath]: config });
  const error = t.throws(() => planSetup(used, setupOf()), { code: 'engine-conflict' });
  t.regex((error as { why?: string }).why ?? '', /\/etc\/docker\/ca\.pem \(.*ann/);
  const unit = `# /lib/systemd/system/docker.service\n[Service]\nExecStart=/usr/sbin/dockerd --tlscacert=${certificatePaths.ca}\n`;
  t.throws(() => planSetup(hostWith({ [certificatePaths.ca]: ca }, { unit }), setupOf()), {
    code: 'engine-conflict',
  });
  t.truthy(planSetup(hostWith({ [certificatePaths.ca]: ca }), setupOf()).replaced);
});

test('hosts of docker-machine and of tsmachine are known, with systemd and without', async (t) => {
  const ca = await otherCa();
  const labelled = JSON.stringify({ labels: ['provider=generic'], tlscacert: certificatePaths.ca });
  const files = { [certificatePaths.ca]: ca, [daemonConfigPath]: labelled };
  t.truthy(planSetup(hostWith(files, { serviceManager: 'openrc' }), setupOf()).replaced);
});

test('boot2docker: the files of another store are kept as well', async (t) => {
  const facts = hostWith(
    { [boot2dockerCertificates.ca]: await otherCa(), [profilePath]: "DOCKER_TLS='auto'\n" },
    { serviceManager: 'boot2docker' },
  );
  t.deepEqual(planSetup(facts, setupOf()).replaced?.files, Object.values(boot2dockerCertificates));
});

test('what is no certificate is replaced and kept too', (t) => {
  const plan = planSetup(hostWith({ [certificatePaths.ca]: 'garbage\n' }), setupOf());
  t.is(plan.replaced?.owner, '');
  t.regex(describePlan(plan).join('\n'), /another CA, which cannot be read/);
});
