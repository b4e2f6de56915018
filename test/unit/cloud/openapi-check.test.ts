import test from 'ava';
import { descriptionMissing, readDescription } from '../../support/api-check/described.ts';
import { openApiChecks } from '../../support/api-check/openapi.ts';

// The checks themselves: what they must refuse, they refuse.

const files = { ocean: 'digitalocean.openapi.json.gz', hetzner: 'hetzner.openapi.json.gz' };
const missing = descriptionMissing(files.ocean) ?? descriptionMissing(files.hetzner);

function send(
  method: string,
  path: string,
  body?: unknown,
  query = '',
): Parameters<ReturnType<typeof openApiChecks>['request']>[0] {
  return {
    method,
    path,
    query: new URLSearchParams(query),
    body: body === undefined ? '' : JSON.stringify(body),
  };
}

test('requests of DigitalOcean', (t) => {
  if (missing !== undefined) {
    t.log(`skipped: ${missing}`);
    t.pass();
    return;
  }
  const { request } = openApiChecks(readDescription(files.ocean), '');
  const droplet = { name: 'dev', region: 'nyc3', size: 's-1vcpu-1gb', image: 'ubuntu-24-04-x64', ipv6: true };
  t.deepEqual(request(send('POST', '/v2/droplets', { ...droplet, tags: ['tsmachine-id:1'] })), []);
  t.deepEqual(request(send('GET', '/v2/droplets', undefined, 'tag_name=a&per_page=200')), []);
  t.deepEqual(request(send('DELETE', '/v2/droplets/1')), []);
  for (const wrong of [
    send('POST', '/v2/droplets', { ...droplet, imagee: 'x' }),
    send('POST', '/v2/droplets', { ...droplet, image: undefined }),
    send('POST', '/v2/droplets', { ...droplet, ipv6: 'true' }),
    send('POST', '/v2/droplets/1/actions', { type: 'explode' }),
    send('GET', '/v2/droplets', undefined, 'tagname=a'),
    send('GET', '/v2/nothing'),
    send('PUT', '/v2/droplets'),
    send('DELETE', '/v2/droplets/1', { a: 1 }),
  ]) {
    t.not(request(wrong).length, 0, JSON.stringify(wrong));
  }
});

test('requests of Hetzner', (t) => {
  if (missing !== undefined) {
    t.log(`skipped: ${missing}`);
    t.pass();
    return;
  }
  const { request } = openApiChecks(readDescription(files.hetzner), '/v1');
  const server = { name: 'dev', server_type: 'cx23', image: 'ubuntu-24.04', labels: { anything: 'x' } };
  t.deepEqual(request(send('POST', '/v1/servers', { ...server, public_net: { enable_ipv4: false } })), []);
  t.deepEqual(request(send('POST', '/v1/servers/7/actions/poweron')), []);
  for (const wrong of [
    send('POST', '/v1/servers', { ...server, public_net: { enable_ip4: false } }),
    send('POST', '/v1/ssh_keys', { name: 'dev', publicKey: 'x' }),
    send('POST', '/servers', server),
  ]) {
    t.not(request(wrong).length, 0, JSON.stringify(wrong));
  }
});
