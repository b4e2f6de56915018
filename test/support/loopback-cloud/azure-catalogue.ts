import { jsonAnswer, type CloudAnswer } from './fault-server.ts';

// What Azure offers in a region: providers, sizes, images, quota. In the form of the documented examples.

const capability = (name: string, value: string): unknown => ({ name, value });

function size(
  name: string,
  architecture: 'x64' | 'Arm64',
  generations: string,
  more: Readonly<Record<string, unknown>> = {},
): unknown {
  return {
    resourceType: 'virtualMachines',
    name,
    tier: 'Standard',
    family: 'standardBSFamily',
    locations: ['westus'],
    capabilities: [
      capability('vCPUs', '2'),
      capability('HyperVGenerations', generations),
      capability('CpuArchitectureType', architecture),
    ],
    restrictions: [],
    ...more,
  };
}

const sizes: readonly unknown[] = [
  { resourceType: 'disks', name: 'Premium_LRS', locations: ['westus'] },
  size('Standard_B2s', 'x64', 'V1,V2'),
  size('Standard_A2_v2', 'x64', 'V1'),
  size('Standard_D2ps_v5', 'Arm64', 'V2'),
  size('Standard_M8ms', 'x64', 'V1,V2', {
    restrictions: [{ type: 'Location', values: ['westus'], reasonCode: 'NotAvailableForSubscription' }],
  }),
  size('Standard_B20ms', 'x64', 'V1,V2', { family: 'fullFamily' }),
];

/** True for a size with a processor of ARM. */
export function isArm(name: string): boolean {
  return /ps_v\d$/.test(name);
}

const usages: readonly unknown[] = [
  { limit: 100, currentValue: 4, name: { value: 'cores', localizedValue: 'Total Regional vCPUs' } },
  {
    limit: 10,
    currentValue: 10,
    name: { value: 'fullFamily', localizedValue: 'Standard Full Family vCPUs' },
  },
];

/** The answer to what is asked of it; undefined for everything else. `path` behind the subscription. */
export function answerCatalogue(method: string, path: string): CloudAnswer | undefined {
  if (method === 'POST' && path.endsWith('/register')) {
    return jsonAnswer(200, { registrationState: 'Registering' });
  }
  if (method !== 'GET') {
    return undefined;
  }
  if (/^\/providers\/Microsoft\.\w+$/.test(path)) {
    return jsonAnswer(200, { namespace: path.split('/')[2], registrationState: 'Registered' });
  }
  if (path.endsWith('/Microsoft.Compute/skus')) {
    return jsonAnswer(200, { value: sizes });
  }
  if (path.endsWith('/usages')) {
    return jsonAnswer(200, { value: usages });
  }
  const [, sku, version] = /\/offers\/[^/]+\/skus\/([^/]+)\/versions(?:\/([^/]+))?$/.exec(path) ?? [];
  if (sku === undefined) {
    return undefined;
  }
  const versions = /^server(?:-gen1|-arm64)?$/.test(sku)
    ? [{ location: 'westus', name: '24.04.202510010' }]
    : [];
  if (version === undefined) {
    return jsonAnswer(200, versions);
  }
  const found = versions.find(({ name }) => name === version);
  return found === undefined
    ? jsonAnswer(404, { error: { code: 'NotFound', message: 'Artifact: VMImage was not found.' } })
    : jsonAnswer(200, found);
}
