import test from 'ava';
import fc from 'fast-check';
import { actionOf, imageOf, serverOf, serverTypeOf } from '../../../../src/drivers/hetzner/api/answers.ts';
import { chooseImage, chooseType } from '../../../../src/drivers/hetzner/choose-offer.ts';
import { readConfig } from '../../../../src/drivers/hetzner/config.ts';
import { firewallName, rulesOf } from '../../../../src/drivers/hetzner/firewall.ts';
import { statusOf } from '../../../../src/drivers/hetzner/inspect.ts';
import { isLabel, labelsOfMachine, parseLabels, readLabels } from '../../../../src/drivers/hetzner/labels.ts';
import { fingerprintOf } from '../../../../src/drivers/hetzner/ssh-keys.ts';
import { markOfToken } from '../../../../src/drivers/hetzner/world.ts';
import { images, serverTypes, type Thing } from '../../../support/loopback-cloud/hetzner-things.ts';

const own = {
  machineId: '00000000-0000-4000-8000-000000000001',
  storeId: '00000000-0000-4000-8000-000000000002',
  expiresMs: Date.UTC(2026, 0, 31, 23, 59, 59),
};
const valueForm = /^(()|[a-z0-9A-Z]|([a-z0-9A-Z][a-z0-9A-Z\\._-]{0,61}[a-z0-9A-Z]))$/;

test('labels are what Hetzner takes, whatever the name of the machine', (t) => {
  const names = fc.stringMatching(/^[A-Za-z0-9][A-Za-z0-9.-]{0,200}$/);
  fc.assert(
    fc.property(names, (name) => {
      const labels = labelsOfMachine(own, name, 1_700_000_000_123, {});
      t.true(Object.values(labels).every((value) => valueForm.test(value)));
      t.deepEqual(readLabels(labels), {
        machineId: own.machineId,
        createdMs: 1_700_000_000_123,
        expiresMs: own.expiresMs,
      });
    }),
    { seed: 1 },
  );
});

test('labels of the user: ours win, and what is none is refused', (t) => {
  const labels = labelsOfMachine(own, 'dev', 0, parseLabels(['a=1', 'a=2', 'tsmachine-id=mine']));
  t.like(labels, { a: '2', 'tsmachine-id': own.machineId });
  t.deepEqual(['a=b', 'a=', 'x/y=z', 'a.b_c-d=0'].filter(isLabel), ['a=b', 'a=', 'x/y=z', 'a.b_c-d=0']);
  const long = `a=${'x'.repeat(64)}`;
  t.deepEqual(['', 'a', '=b', 'a=b=c', '-a=b', 'a=b-', 'a b=c', 'a/b/c=d', long].filter(isLabel), []);
});

const types = serverTypes.map((type) => serverTypeOf(type)).filter((type) => type !== undefined);
const offered = images.map((image) => imageOf(image)).filter((image) => image !== undefined);
const nowMs = Date.UTC(2026, 0, 1);
const any = { type: '', location: '', imageArch: '' };

for (const [wanted, type, location, isLeaving] of [
  [{}, 'cx23', '', false],
  [{ location: 'nbg1' }, 'cx23', 'nbg1', false],
  [{ location: 'ash' }, 'cpx11', 'ash', false],
  [{ imageArch: 'arm' }, 'cax11', 'fsn1', false],
  [{ type: 'cpx21' }, 'cpx21', '', false],
  [{ type: 'cpx21', location: 'ash' }, 'cpx21', 'ash', true],
] as const) {
  test(`the type for ${JSON.stringify(wanted)} is ${type}`, (t) => {
    const choice = chooseType(types, { ...any, ...wanted }, nowMs);
    t.deepEqual([choice.type.name, choice.location, choice.isLeaving], [type, location, isLeaving]);
  });
}

for (const [wanted, message] of [
  [{ type: 'cx99' }, /There is no server type cx99/],
  [{ type: 'cx11' }, /cx11 is not to be had\./],
  [{ type: 'cx23', location: 'ash' }, /cx23 is not to be had in ash/],
  [{ location: 'moon' }, /No server type of x86 is to be had in moon/],
  [{ imageArch: 'arm', location: 'ash' }, /No server type of arm/],
] as const) {
  test(`there is no type for ${JSON.stringify(wanted)}`, (t) => {
    t.throws(() => chooseType(types, { ...any, ...wanted }, nowMs), { code: 'cloud-refused', message });
  });
}

test('the image: Ubuntu 24.04 of the architecture; the newest LTS without it; never one of a date between', (t) => {
  const none = { image: '', imageId: 0 };
  t.is(chooseImage(offered, none, 'x86').id, 161547269);
  t.is(chooseImage(offered, none, 'arm').id, 161547270);
  const later = offered.filter(({ name }) => name !== 'ubuntu-24.04');
  t.is(chooseImage(later, none, 'x86').name, 'ubuntu-22.04');
  const newer = { id: 1, name: 'ubuntu-26.04', architecture: 'x86', isDeprecated: false };
  t.is(chooseImage([...later, newer], none, 'x86').name, 'ubuntu-26.04');
  t.throws(() => chooseImage([], none, 'x86'), { message: /no image of Ubuntu LTS for x86/ });
  const old = offered.filter(({ name }) => name === 'ubuntu-20.04');
  t.true(chooseImage(old, { image: 'ubuntu-20.04', imageId: 0 }, 'x86').isDeprecated);
  const byId = { image: '', imageId: 4711 };
  t.is(
    chooseImage(
      offered.filter(({ id }) => id === 4711),
      byId,
      'x86',
    ).id,
    4711,
  );
  t.throws(
    () =>
      chooseImage(
        offered.filter(({ id }) => id === 4711),
        byId,
        'arm',
      ),
    {
      message: /image 4711 is of x86, and the server type of arm/,
    },
  );
});

test('rules: each port from all ranges; without ranges nothing is open; the name stands for them', (t) => {
  const ports = [{ protocol: 'tcp', port: 22 }] as const;
  const rules = rulesOf(ports, ['192.0.2.0/24', '2001:db8::/32']);
  t.deepEqual(rules, [
    { direction: 'in', protocol: 'tcp', port: '22', source_ips: ['192.0.2.0/24', '2001:db8::/32'] },
  ]);
  t.deepEqual(rulesOf(ports, []), []);
  t.regex(firewallName(own.storeId, rules), /^tsmachine-00000000-[0-9a-f]{8}$/);
  t.not(firewallName(own.storeId, rules), firewallName(own.storeId, []));
});

const server: Thing = {
  id: 42,
  name: 'dev',
  status: 'running',
  labels: { a: 'b', c: 1 },
  public_net: { ipv4: { ip: '203.0.113.7' }, ipv6: { ip: '2001:db8::/64' } },
  private_net: [{ ip: '10.0.1.2' }, {}],
  placement_group: { id: 7 },
  datacenter: { location: { name: 'nbg1' } },
  somethingNew: true,
};

test('a server as Hetzner describes it, and what has not its form', (t) => {
  t.deepEqual(serverOf(server), {
    id: 42,
    name: 'dev',
    status: 'running',
    labels: { a: 'b' },
    ipv4: '203.0.113.7',
    ipv6: '2001:db8::1',
    privateAddresses: ['10.0.1.2'],
    placementGroupId: 7,
    location: 'nbg1',
  });
  for (const value of [
    null,
    1,
    'x',
    [],
    {},
    { ...server, id: '42' },
    { ...server, id: 0 },
    { ...server, status: 1 },
  ]) {
    t.is(serverOf(value), undefined);
  }
});

test('whatever an answer is, readers return', (t) => {
  fc.assert(
    fc.property(fc.anything(), (value) => {
      for (const read of [serverOf, serverTypeOf, imageOf, actionOf]) {
        t.notThrows(() => read(value));
      }
    }),
    { seed: 1 },
  );
});

for (const [status, power] of [
  ['initializing', 'starting'],
  ['starting', 'starting'],
  ['running', 'running'],
  ['stopping', 'stopping'],
  ['off', 'stopped'],
  ['deleting', 'stopping'],
  ['migrating', 'starting'],
  ['rebuilding', 'starting'],
  ['unknown', 'error'],
] as const) {
  test(`a server that is ${status} is ${power}`, (t) => {
    t.is(statusOf(serverOf({ ...server, status }), readConfig({ ServerID: 42 })).power, power);
  });
}

test('the address that is asked for', (t) => {
  const addressWith = (record: Readonly<Record<string, unknown>>): string | undefined =>
    statusOf(serverOf(server), readConfig({ ServerID: 42, ...record })).address;
  t.is(addressWith({}), '203.0.113.7');
  t.is(addressWith({ DisablePublic4: true }), '2001:db8::1');
  t.is(addressWith({ UsePrivateNetwork: true }), '10.0.1.2');
});

test('the fingerprint of a key is the MD5 of its blob', (t) => {
  const line = `ssh-ed25519 ${Buffer.alloc(51, 1).toString('base64')} ann@home\n`;
  t.is(fingerprintOf(line), '69:4d:dd:9d:42:8c:16:92:11:e9:32:30:39:01:bf:2c');
  t.throws(() => fingerprintOf('nothing'), { code: 'flag-invalid' });
});

test('a mark tells tokens apart, and nothing of them', (t) => {
  t.regex(markOfToken('secret', own.machineId), /^[0-9a-f]{16}$/);
  t.not(markOfToken('secret', own.machineId), markOfToken('secret2', own.machineId));
  t.not(markOfToken('secret', own.machineId), markOfToken('secret', own.storeId));
});
