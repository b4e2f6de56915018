import test from 'ava';
import { loadDriver } from '../../../../src/drivers/registry.ts';
import { dnsFile, macDomains, resolverDomains, windowsDomains } from '../../../../src/machine/follow/dns.ts';
import { newSidecar, ownDataOf } from '../../../../src/machine/own-data.ts';
import type { CreateRequest } from '../../../../src/machine/request.ts';
import { newRecord } from '../../../../src/store/new-record.ts';
import { noneRequest, openTestSession, storePath, type TestSession } from '../support.ts';

async function file(session: TestSession, change: Partial<CreateRequest> = {}): Promise<string | undefined> {
  const driver = await loadDriver('qemu', session);
  const record = newRecord({ storePath, name: 'm', driverName: 'qemu', driver: {} });
  const machine = { name: 'm', directory: `${storePath}/machines/m`, record, driver, config: {} };
  const sidecar = newSidecar(session, noneRequest('m', change), { sharing: { shares: [], way: undefined } });
  return (await dnsFile(session, machine, ownDataOf(sidecar))).dns;
}

test('Linux: the last search line counts, what is no domain does not', (t) => {
  t.deepEqual(resolverDomains('domain old.example\nnameserver 127.0.0.53\nsearch a.example b.example\n'), [
    'a.example',
    'b.example',
  ]);
  t.deepEqual(resolverDomains('nameserver 192.0.2.1\n'), ['']);
});

// What the programs of macOS and Windows print is written down from their documentation; neither has run this.

test('macOS: the domains of the first resolver', (t) => {
  const text = `DNS configuration

resolver #1
  search domain[0] : corp.example
  search domain[1] : home.example
  nameserver[0] : 192.0.2.1
  if_index : 14 (en0)

resolver #2
  domain   : local
  options  : mdns

DNS configuration (for scoped queries)

resolver #1
  search domain[0] : scoped.example
`;
  t.deepEqual(macDomains(text), ['corp.example', 'home.example']);
  t.deepEqual(macDomains(''), []);
});

test('Windows: the list, else the domains of computer and network', (t) => {
  const line = (name: string, value: string): string => `    ${name}    REG_SZ    ${value}\r\n`;
  const rest = `${line('Domain', 'corp.example')}${line('DhcpDomain', 'home.example')}`;
  t.deepEqual(windowsDomains(`${line('SearchList', 'a.example,b.example')}${rest}`), [
    'a.example',
    'b.example',
  ]);
  t.deepEqual(windowsDomains(`${line('SearchList', '')}${rest}`), ['corp.example', 'home.example']);
});

test('the guest gets domains of this computer and servers that it was told', async (t) => {
  const session = openTestSession({ tree: { '/etc/resolv.conf': 'search corp.example . $(evil)\n' } });
  t.is(await file(session, { dnsServers: ['192.0.2.7'] }), 'search corp.example\nnameserver 192.0.2.7\n');
  t.regex(JSON.stringify(session.events), /domains of this computer: corp\.example\./);
  t.is(await file(session, { ignores: ['dns'] }), '');
  t.is(await file(openTestSession()), '');
});
