import test from 'ava';
import { ensureAuthority } from '../../../../src/tls/authority.ts';
import { loadDriver } from '../../../../src/drivers/registry.ts';
import { followedFiles } from '../../../../src/machine/follow/files.ts';
import { requireAuthorities, toldBundle } from '../../../../src/machine/follow/trust.ts';
import { newSidecar, ownDataOf, type OwnData } from '../../../../src/machine/own-data.ts';
import type { CreateRequest } from '../../../../src/machine/request.ts';
import { newRecord } from '../../../../src/store/new-record.ts';
import { createFakeHost } from '../../../fakes/host.ts';
import { readTar } from '../../../fakes/tar-reader.ts';
import { noneRequest, openTestSession, storePath, type TestSession } from '../support.ts';

/** A CA of its own for each name. */
async function authority(userName: string): Promise<string> {
  const host = createFakeHost({ startMs: Date.UTC(2026, 0, 2) + userName.length });
  const { ca } = await ensureAuthority(host, '/home/user/certs', { keyType: 'ec', userName });
  return ca.certPem;
}

interface Followed {
  readonly authorities: string;
  readonly registries: ReadonlyMap<string, string>;
}

async function follow(session: TestSession, change: Partial<CreateRequest> = {}): Promise<Followed> {
  const driver = await loadDriver('qemu', session);
  const record = newRecord({ storePath, name: 'm', driverName: 'qemu', driver: {} });
  const machine = { name: 'm', directory: `${storePath}/machines/m`, record, driver, config: {} };
  const files = await followedFiles(session, machine, ownOf(session, change));
  const archive = files['registry-certs.tar'] as Uint8Array;
  const entries = archive.length === 0 ? [] : readTar(archive);
  return {
    authorities: files['extra-ca.pem'] as string,
    registries: new Map(entries.map(({ name, content }) => [name, new TextDecoder().decode(content)])),
  };
}

function ownOf(session: TestSession, change: Partial<CreateRequest>): OwnData {
  return ownDataOf(
    newSidecar(session, noneRequest('m', change), { sharing: { shares: [], way: undefined } }),
  );
}

function notes({ events }: TestSession): string {
  return events.flatMap((event) => (event.type === 'note' ? [event.message] : [])).join('\n');
}

test('CAs of the environment, of the administrator and of --extra-ca, each once, and told from where', async (t) => {
  const [corp, admin, own] = await Promise.all([authority('corp'), authority('admin'), authority('own')]);
  const session = openTestSession({
    env: { NODE_EXTRA_CA_CERTS: '/ca/corp.pem', SSL_CERT_FILE: '/ca/corp.pem' },
    tree: {
      '/ca/corp.pem': `# of the company\n${corp}`,
      '/usr/local/share/ca-certificates/site/admin.crt': admin,
      '/usr/local/share/ca-certificates/README': own,
      '/ca/own.pem': own,
    },
  });
  const { authorities } = await follow(session, { extraAuthorities: ['/ca/own.pem'] });
  t.is(authorities, `${own}${corp}${admin}`);
  t.regex(
    notes(session),
    /besides the usual CAs: tsmachine CA \w+ \(\/ca\/own\.pem\), .*\(\/ca\/corp\.pem\), .*admin\.crt\)/,
  );
});

test("the system's own bundle, under whatever name, adds nothing, nor do public CAs", async (t) => {
  const { rootCertificates } = await import('node:tls');
  const corp = await authority('corp');
  const bundle = '/etc/ssl/certs/ca-certificates.crt';
  const session = openTestSession({
    env: { SSL_CERT_FILE: bundle, NODE_EXTRA_CA_CERTS: '/opt/bundle.pem' },
    tree: { [bundle]: corp, '/opt/bundle.pem': `${rootCertificates.slice(0, 5).join('\n')}\n${corp}` },
  });
  t.is((await follow(session)).authorities, corp);
  const only = openTestSession({ env: { SSL_CERT_FILE: bundle }, tree: { [bundle]: corp } });
  t.is((await follow(only)).authorities, '');
  t.is(notes(only), '');
});

test('certificates for registries: the user before the system, no client certificate without its key', async (t) => {
  const session = openTestSession({
    homeDirectory: '/home/user',
    tree: {
      '/home/user/.docker/certs.d/registry.corp:5000/ca.crt': 'USER',
      '/home/user/.docker/certs.d/registry.corp:5000/client.cert': 'CERT',
      '/home/user/.docker/certs.d/registry.corp:5000/client.key': 'KEY',
      '/etc/docker/certs.d/registry.corp:5000/ca.crt': 'SYSTEM',
      '/etc/docker/certs.d/other.corp/ca.crt': 'OTHER',
      '/etc/docker/certs.d/other.corp/lonely.cert': 'CERT',
      '/etc/docker/certs.d/other.corp/notes.txt': 'TEXT',
      '/etc/docker/certs.d/no name/ca.crt': 'X',
      [`/etc/docker/certs.d/${'long'.repeat(30)}/ca.crt`]: 'X',
    },
  });
  const { registries } = await follow(session);
  t.deepEqual(
    [...registries],
    [
      ['registry.corp:5000/ca.crt', 'USER'],
      ['registry.corp:5000/client.cert', 'CERT'],
      ['registry.corp:5000/client.key', 'KEY'],
      ['other.corp/ca.crt', 'OTHER'],
    ],
  );
  t.regex(notes(session), /certificates for registries: registry\.corp:5000 \(.*\), other\.corp \(/);
});

test('a machine that ignores this computer trusts what it was told alone', async (t) => {
  const [corp, own] = await Promise.all([authority('corp'), authority('own')]);
  const session = openTestSession({
    env: { NODE_EXTRA_CA_CERTS: '/ca/corp.pem' },
    tree: { '/ca/corp.pem': corp, '/ca/own.pem': own, '/etc/docker/certs.d/a/ca.crt': corp },
  });
  const followed = await follow(session, { ignores: ['certificates'], extraAuthorities: ['/ca/own.pem'] });
  t.is(followed.authorities, own);
  t.is(followed.registries.size, 0);
});

test('a file of --extra-ca has to have a certificate; one that has gone is told, and left out', async (t) => {
  const session = openTestSession({ tree: { '/ca/text': 'no certificate' } });
  for (const path of ['/ca/text', '/ca/absent']) {
    await t.throwsAsync(requireAuthorities(session, [path]), { code: 'flag-invalid' });
  }
  const own = ownOf(session, { extraAuthorities: ['/ca/absent'] });
  t.is(await toldBundle(session, 'm', own), '');
  t.regex(notes(session), /does not trust the CA in \/ca\/absent any more: it is not there/);
});

test('a single certificate in DER is taken, too', async (t) => {
  const own = await authority('own');
  const der = Buffer.from(own.replace(/-----[^-]+-----|\s/g, ''), 'base64');
  const session = openTestSession({ tree: { '/ca/own.der': der } });
  t.is((await follow(session, { extraAuthorities: ['/ca/own.der'] })).authorities, own);
});
