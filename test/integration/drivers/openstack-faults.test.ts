import type { CloudRequest } from '../../support/loopback-cloud/fault-server.ts';
import { declareFaults } from '../../support/loopback-cloud/fault-suite.ts';
import { openStackError } from '../../support/loopback-cloud/openstack-cloud.ts';
import { declareOpenStack, type OpenStackScene } from '../../support/loopback-cloud/openstack-scene.ts';

// What goes wrong between here and OpenStack. Every request is also checked by the schemas of the services.

declareFaults<CloudRequest, OpenStackScene>(declareOpenStack, {
  isCreate: ({ method, path }) => method === 'POST' && path === '/compute/v2.1/servers',
  isRemoval: ({ method, path }) => method === 'DELETE' && path.startsWith('/compute/v2.1/servers/'),
  error: openStackError,
  busy: [
    () => openStackError(429, { 'retry-after': '11' }),
    () => openStackError(413, { 'retry-after': '11' }),
  ],
  instances: 'servers',
  callsMin: 20,
});
