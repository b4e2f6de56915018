import test from 'ava';
import { armCheck, armMissing } from '../../support/api-check/arm.ts';

// The check itself: it takes what Microsoft describes, and finds what it does not.

const missing = armMissing();
const subscription = '/subscriptions/11111111-2222-4333-8444-555555555555';
const group = `${subscription}/resourceGroups/g`;

const machine = {
  location: 'westus',
  properties: {
    hardwareProfile: { vmSize: 'Standard_New_v9' },
    storageProfile: { osDisk: { createOption: 'FromImage', diskSizeGB: 30 } },
  },
};

function put(
  path: string,
  body: unknown,
  version: string,
): {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: string;
} {
  const query = new URLSearchParams({ 'api-version': version });
  return { method: 'PUT', path: `${group}${path}`, query, body: JSON.stringify(body) };
}

test('requests to the resource manager are held to the schemas of Microsoft', (t) => {
  if (missing !== undefined) {
    t.log(`skipped: ${missing}`);
    t.pass();
    return;
  }
  const check = armCheck();
  const virtual = (body: unknown, version = '2025-04-01'): readonly string[] =>
    check(put('/providers/Microsoft.Compute/virtualMachines/x', body, version));
  t.deepEqual(virtual(machine), []);
  t.deepEqual(check(put('', { location: 'westus' }, '2025-04-01')), []);
  const { properties } = machine;
  for (const [what, findings] of Object.entries({
    vmsize: virtual({ ...machine, properties: { ...properties, hardwareProfile: { vmsize: 'x' } } }),
    priority: virtual({ ...machine, properties: { ...properties, priority: 'Spotty' } }),
    size: virtual({
      ...machine,
      properties: { storageProfile: { osDisk: { createOption: 'FromImage', diskSizeGB: '30' } } },
    }),
    createOption: virtual({ ...machine, properties: { storageProfile: { osDisk: { diskSizeGB: 30 } } } }),
    zone: virtual({ ...machine, zone: '1' }),
    version: virtual(machine, '2024-01-01'),
    access: check(
      put(
        '/providers/Microsoft.Network/networkSecurityGroups/x/securityRules/y',
        { properties: { access: 'allow', direction: 'Inbound', priority: 100, protocol: 'Tcp' } },
        '2025-07-01',
      ),
    ),
    method: check(put('/providers/Microsoft.Network/publicIPAddresses/x', {}, '2025-07-01')),
    kind: check(put('/providers/Microsoft.Web/sites/x', {}, '2025-04-01')),
    path: check({
      method: 'POST',
      path: `${group}/providers/Microsoft.Compute/virtualMachines/x/explode`,
      query: new URLSearchParams({ 'api-version': '2025-04-01' }),
      body: '',
    }),
    query: check({
      method: 'GET',
      path: `${group}/providers/Microsoft.Compute/virtualMachines/x`,
      query: new URLSearchParams({ 'api-version': '2025-04-01', expand: 'instanceView' }),
      body: '',
    }),
  })) {
    t.true(findings.length > 0, what);
  }
});
