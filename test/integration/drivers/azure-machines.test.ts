import { isMachineError } from '../../../src/core/errors.ts';
import { ownedKinds } from '../../../src/drivers/owned.ts';
import { azureError, azureSecret, azureSubscription } from '../../support/loopback-cloud/azure-cloud.ts';
import { declareAzureScene as declare } from '../../support/loopback-cloud/azure-scene.ts';
import { createIn as create, tryCreate } from '../../support/loopback-cloud/fault-suite.ts';

// Machines of Azure: what is asked for them, and what is particular about this cloud.

const group = `/subscriptions/${azureSubscription}/resourceGroups/docker-machine`;
const computes = `${group}/providers/Microsoft.Compute`;
const networks = `${group}/providers/Microsoft.Network`;
const theirs = { location: 'westus', properties: {} };

declare('the request that makes a machine has everything in it', async (t, { make, cloud }) => {
  const machine = make({ values: { 'azure-tags': 'team,blue' } });
  await create(machine);
  const own = await machine.context.provider?.ownership();
  const sent = cloud.sent('/virtualMachines/dev');
  t.like(sent, {
    location: 'westus',
    tags: {
      team: 'blue',
      'tsmachine-name': 'dev',
      'tsmachine-id': own?.machineId,
      'tsmachine-owner': own?.storeId,
    },
    properties: {
      hardwareProfile: { vmSize: 'Standard_B2s' },
      storageProfile: {
        imageReference: {
          publisher: 'canonical',
          offer: 'ubuntu-24_04-lts',
          sku: 'server',
          version: 'latest',
        },
        osDisk: { name: 'dev-os-disk', deleteOption: 'Delete' },
      },
      osProfile: { linuxConfiguration: { disablePasswordAuthentication: true } },
    },
  });
  for (const name of [
    'networkInterfaces/dev-nic',
    'publicIPAddresses/dev-ip',
    'networkSecurityGroups/dev-firewall',
  ]) {
    t.like(cloud.sent(`/${name}`), { tags: { 'tsmachine-id': own?.machineId } }, name);
  }
  t.like(cloud.sent('/dev-firewall'), {
    properties: {
      securityRules: [
        { name: 'SSHAllowAny', properties: { priority: 100, sourceAddressPrefix: '198.18.0.0/15' } },
        { name: 'DockerAllowAny', properties: { priority: 300, sourceAddressPrefix: '198.18.0.0/15' } },
      ],
    },
  });
  t.regex(String(machine.record()['IPAddress']), /^198\.18\.7\./);
  t.false(JSON.stringify([machine.record(), machine.state(), machine.events]).includes(azureSecret));
  await machine.cleanup();
});

declare('every flag that goes into a request, and what is chosen by the size', async (t, { make, cloud }) => {
  cloud.put(group, theirs);
  const machine = make({
    values: {
      'azure-size': 'standard_d2ps_v5',
      'azure-availability-zone': '2',
      'azure-accelerated-networking': true,
      'azure-dns': 'my-label',
      'azure-open-port': ['8080', '53/udp'],
      'azure-private-ip-address': '192.168.0.44',
      'azure-disk-size': 64,
      'azure-storage-type': 'Premium_LRS',
      'azure-plan': 'a:b:c',
      'azure-docker-port': 2400,
      'azure-ssh-user': 'ann',
      'azure-spot': true,
      'azure-spot-price': '0.25',
    },
  });
  await create(machine);
  t.like(cloud.sent('/virtualMachines/dev'), {
    zones: ['2'],
    plan: { publisher: 'a', product: 'b', name: 'c' },
    properties: {
      priority: 'Spot',
      evictionPolicy: 'Delete',
      billingProfile: { maxPrice: 0.25 },
      hardwareProfile: { vmSize: 'Standard_D2ps_v5' },
      storageProfile: {
        imageReference: { sku: 'server-arm64' },
        osDisk: { diskSizeGB: 64, managedDisk: { storageAccountType: 'Premium_LRS' } },
      },
      osProfile: { adminUsername: 'ann' },
    },
  });
  t.like(cloud.sent('/dev-ip'), {
    zones: ['2'],
    properties: { dnsSettings: { domainNameLabel: 'my-label' } },
  });
  t.like(cloud.sent('/dev-nic'), {
    properties: {
      enableAcceleratedNetworking: true,
      ipConfigurations: [
        { properties: { privateIPAllocationMethod: 'Static', privateIPAddress: '192.168.0.44' } },
      ],
    },
  });
  const { engineUrl } = await machine.driver.inspect(machine.context);
  t.regex(engineUrl ?? '', /:2400$/);
  await machine.cleanup();
  t.deepEqual(cloud.rests(), { resourceGroups: [group] }, 'the group was there before');
  cloud.take(group);
});

declare(
  'a size of the first generation gets an image of it; what cannot be had is told before',
  async (t, { make, cloud }) => {
    const old = make({ values: { 'azure-size': 'Standard_A2_v2', 'azure-availability-set': 'my-set' } });
    await create(old);
    t.like(cloud.sent('/virtualMachines/dev'), {
      properties: {
        availabilitySet: { id: `${computes}/availabilitySets/my-set` },
        storageProfile: { imageReference: { sku: 'server-gen1' } },
      },
    });
    t.like(cloud.sent('/my-set'), { sku: { name: 'Aligned' }, properties: { platformFaultDomainCount: 3 } });
    await old.cleanup();
    for (const [values, code] of [
      [{ 'azure-size': 'Standard_M8ms' }, 'cloud-refused'],
      [{ 'azure-size': 'Standard_None' }, 'cloud-refused'],
      [{ 'azure-size': 'Standard_B20ms' }, 'quota-exceeded'],
      [{ 'azure-image': 'canonical:ubuntu:none:latest' }, 'cloud-refused'],
      [{ 'azure-custom-data': '/none' }, 'user-data-missing'],
    ] as const) {
      const { driver, context } = make({ values });
      const findings = await driver.check(context);
      t.deepEqual(
        findings.map((finding) => finding.code),
        [code],
      );
    }
  },
);

declare(
  'a machine that takes long, and operations that do not say for how long',
  async (t, { make, cloud }) => {
    Object.assign(cloud, { operationRequests: 9, operationPauseS: undefined });
    const machine = make();
    await create(machine);
    t.is((await machine.driver.inspect(machine.context)).power, 'running');
    await machine.driver.stop(machine.context);
    t.is((await machine.driver.inspect(machine.context)).power, 'stopped');
    await machine.driver.start(machine.context);
    t.is((await machine.driver.inspect(machine.context)).power, 'running');
    await machine.driver.kill(machine.context);
    t.true(
      cloud.requests.some(
        ({ path, query }) => path.endsWith('/powerOff') && query.get('skipShutdown') === 'true',
      ),
    );
    await machine.driver.stop(machine.context);
    t.is(
      cloud.requests.filter(({ path }) => path.endsWith('/deallocate')).length,
      2,
      'off is not yet free of charge',
    );
    await machine.cleanup();
  },
);

declare('an operation that never ends is a time-out', async (t, { make, cloud }) => {
  cloud.operationPauseS = undefined;
  const machine = make();
  cloud.onRequest = ({ method, path }) => {
    cloud.operationRequests =
      method === 'PUT' && path.endsWith('/virtualMachines/dev') ? Infinity : cloud.operationRequests;
    return undefined;
  };
  const error = await tryCreate(t, machine);
  t.true(isMachineError(error) && error.code === 'timeout', String(error));
  Object.assign(cloud, { operationRequests: 1, onRequest: () => undefined });
  await machine.cleanup();
});

declare('a machine that Azure cannot make, and on demand instead of spot', async (t, { make, cloud }) => {
  cloud.launchError = { code: 'AllocationFailed', message: 'There is no room.' };
  const strict = make({ values: { 'azure-spot': true } });
  const error = await tryCreate(t, strict);
  t.regex(String(error), /There is no room\./);
  await strict.cleanup();
  const patient = make({ values: { 'azure-spot': true, 'azure-spot-fallback': 'on-demand' } });
  cloud.onRequest = ({ body }) => {
    cloud.launchError = body.includes('"Spot"')
      ? { code: 'SkuNotAvailable', message: 'No.' }
      : cloud.launchError;
    return undefined;
  };
  cloud.onDone = ({ method, path }) => {
    cloud.launchError =
      method === 'PUT' && path.endsWith('/virtualMachines/dev') ? undefined : cloud.launchError;
  };
  await create(patient);
  t.true(patient.events.some((event) => event.type === 'warn' && event.message.includes('on demand')));
  const sent = cloud.sent('/virtualMachines/dev');
  t.false(JSON.stringify(sent).includes('"Spot"'));
  t.true(
    cloud.rests()['networkInterfaces']?.length === 1,
    'it went with the first machine, and was made again',
  );
  await patient.cleanup();
});

declare("what is somebody else's is not taken, changed or removed", async (t, { make, cloud }) => {
  const taken = [
    `${computes}/virtualMachines/dev`,
    `${networks}/networkInterfaces/dev-nic`,
    `${networks}/publicIPAddresses/dev-ip`,
    `${networks}/networkSecurityGroups/dev-firewall`,
  ];
  cloud.put(group, theirs);
  for (const path of taken) {
    cloud.put(path, { ...theirs, properties: { storageProfile: { osDisk: {} } } });
    const before = JSON.stringify(cloud.rests()[path.split('/').at(-2) ?? '']);
    const machine = make();
    const findings = await machine.driver.check(machine.context);
    t.deepEqual(
      findings.map(({ code }) => code),
      ['azure-name-taken'],
      path,
    );
    const error = await tryCreate(t, machine);
    t.true(isMachineError(error) && error.code === 'cloud-conflict', `${path}: ${String(error)}`);
    await machine.cleanup();
    t.is(JSON.stringify(cloud.rests()[path.split('/').at(-2) ?? '']), before, path);
    cloud.take(path);
  }
  // A network and a security group of the user's.
  const network = `${networks}/virtualNetworks/office`;
  cloud.put(network, {
    location: 'westus',
    properties: { addressSpace: { addressPrefixes: ['10.0.0.0/8'] } },
  });
  cloud.put(`${network}/subnets/desks`, { properties: { addressPrefix: '10.1.0.0/16' } });
  cloud.put(`${networks}/networkSecurityGroups/guard`, {
    location: 'westus',
    properties: { securityRules: [] },
  });
  const guest = make({
    values: { 'azure-vnet': 'office', 'azure-subnet': 'machines', 'azure-nsg': 'guard' },
  });
  await create(guest);
  t.true(guest.events.some((event) => event.type === 'warn' && event.message.includes('stays as it is')));
  t.is(cloud.sent('/securityRules/SSHAllowAny'), undefined);
  await guest.cleanup();
  t.deepEqual(cloud.rests(), {
    resourceGroups: [group],
    virtualNetworks: [network],
    networkSecurityGroups: [`${networks}/networkSecurityGroups/guard`],
  });
  const abroad = make({ values: { 'azure-vnet': 'office', 'azure-location': 'East US' } });
  cloud.put(network, { location: 'northeurope', properties: {} });
  const error = await tryCreate(t, abroad);
  t.true(isMachineError(error) && error.code === 'cloud-conflict', String(error));
  await abroad.cleanup();
  cloud.take(group);
});

declare(
  'two machines of a store at once share what they can, and the last one takes it along',
  async (t, { make, cloud }) => {
    const storeId = '00000000-0000-4000-8000-000000000001';
    const [one, two] = [make({ name: 'one', storeId }), make({ name: 'two', storeId })];
    await Promise.all([create(one), create(two)]);
    t.is(cloud.rests()['virtualNetworks']?.length, 1);
    const asked = cloud.requests.length;
    const statuses = await one.driver.inspectMany?.([
      one.context,
      two.context,
      make({ name: 'three' }).context,
    ]);
    t.deepEqual(
      statuses?.map(({ power }) => power),
      ['running', 'running', 'absent'],
    );
    t.is(statuses?.[0]?.address, one.record()['IPAddress'] as string);
    t.true(
      cloud.requests.length - asked <= 4,
      'one list of machines and one of addresses, whatever their number',
    );
    await one.cleanup();
    t.is(cloud.rests()['virtualMachines']?.length, 1);
    t.is(cloud.rests()['virtualNetworks']?.length, 1);
    await two.cleanup();
  },
);

declare('a network that another rm takes away in between is made again', async (t, { make, cloud }) => {
  const machine = make();
  let isTaken = false;
  cloud.onRequest = ({ method, path }) => {
    if (!isTaken && method === 'PUT' && path.endsWith('/dev-nic')) {
      isTaken = true;
      cloud.take(group);
    }
    return undefined;
  };
  await create(machine);
  t.true(isTaken);
  await machine.cleanup();
});

declare('a machine that is gone behind our back is absent, and rm cleans up', async (t, { make, cloud }) => {
  const machine = make();
  await create(machine);
  cloud.take(`${computes}/virtualMachines/dev`);
  t.is((await machine.driver.inspect(machine.context)).power, 'absent');
  t.true(isMachineError(await t.throwsAsync(machine.driver.start(machine.context))));
  await machine.cleanup();
});

declare('a subscription that the credentials do not see is not an empty one', async (t, { make, cloud }) => {
  const machine = make();
  await create(machine);
  cloud.onRequest = ({ path }) =>
    path.startsWith('/subscriptions/') ? azureError(404, 'SubscriptionNotFound') : undefined;
  await t.throwsAsync(machine.cleanup(), { code: 'credentials-refused' });
  const page = { kind: 'answer', status: 404, body: '<html>Not Found</html>' } as const;
  cloud.onRequest = ({ path }) => (path.startsWith('/subscriptions/') ? page : undefined);
  await t.throwsAsync(machine.cleanup());
  cloud.onRequest = () => undefined;
  t.is(cloud.rests()['virtualMachines']?.length, 1);
  await machine.cleanup();
});

declare('a token that ends is renewed', async (t, { make, cloud }) => {
  const machine = make();
  cloud.onRequest = ({ index }) => {
    if (index % 5 === 0) {
      cloud.expireTokens();
    }
    return undefined;
  };
  await create(machine);
  await machine.cleanup();
});

declare(
  'without a public address the private one counts, and the network is inside',
  async (t, { make, cloud }) => {
    const machine = make({ values: { 'azure-no-public-ip': true, 'azure-open-to': [] } });
    await create(machine);
    t.regex(String(machine.record()['IPAddress']), /^192\.168\.0\./);
    t.deepEqual(cloud.rests()['publicIPAddresses'], undefined);
    t.like(cloud.sent('/dev-firewall'), {
      properties: { securityRules: [{ properties: { sourceAddressPrefix: 'VirtualNetwork' } }] },
    });
    t.is(
      (await machine.driver.inspectMany?.([machine.context]))?.[0]?.address,
      machine.record()['IPAddress'] as string,
    );
    await machine.cleanup();
  },
);

declare(
  'everything was lost here: what carries the mark is found, and removed in order',
  async (t, { make }) => {
    const storeId = '00000000-0000-4000-8000-000000000002';
    const [one, other] = [
      make({ name: 'one', storeId, values: { 'azure-availability-set': 'set' } }),
      make({ name: 'other' }),
    ];
    await create(one);
    await create(other);
    const { driver, context } = one;
    const owned = (await driver.listOwned?.(context, storeId)) ?? [];
    t.deepEqual([...new Set(owned.map(({ kind }) => kind))].sort(), [
      'address',
      'disk',
      'firewall',
      'group',
      'instance',
      'network',
      'network-interface',
      'placement-group',
    ]);
    t.true(owned.every(({ place, createdMs }) => place === 'westus' && createdMs !== undefined));
    const { machineId } = (await context.provider?.ownership()) ?? {};
    t.is(owned.find(({ kind }) => kind === 'instance')?.machineId, machineId);
    for (const kind of ownedKinds) {
      for (const resource of owned.filter((each) => each.kind === kind)) {
        await driver.removeOwned?.(context, resource);
        await driver.removeOwned?.(context, resource);
      }
    }
    const left = (await driver.listOwned?.(context, storeId)) ?? [];
    t.deepEqual(
      left.map(({ kind }) => kind),
      ['network', 'group'],
      'what the other machine uses stays',
    );
    await other.cleanup();
    for (const resource of left) {
      await driver.removeOwned?.(context, resource);
    }
  },
);

declare(
  'a machine of docker-machine is stopped and removed with all that has its names',
  async (t, { make, cloud }) => {
    const reference = (kind: string, name: string): { readonly id: string } => ({
      id: `${networks}/${kind}/${name}`,
    });
    cloud.put(group, theirs);
    cloud.put(`${networks}/publicIPAddresses/dev-ip`, { ...theirs, properties: { ipAddress: '198.18.7.9' } });
    cloud.put(`${networks}/networkSecurityGroups/dev-firewall`, theirs);
    cloud.put(`${networks}/networkInterfaces/dev-nic`, {
      ...theirs,
      properties: {
        networkSecurityGroup: reference('networkSecurityGroups', 'dev-firewall'),
        ipConfigurations: [{ properties: { publicIPAddress: reference('publicIPAddresses', 'dev-ip') } }],
      },
    });
    cloud.put(`${computes}/virtualMachines/dev`, {
      ...theirs,
      properties: {
        storageProfile: { osDisk: { vhd: { uri: 'https://account.example/vhds/dev-os-disk.vhd' } } },
        networkProfile: { networkInterfaces: [reference('networkInterfaces', 'dev-nic')] },
      },
    });
    cloud.reservedAnswers = 4;
    const machine = make();
    await machine.context.provider?.saveState({ isMadeHere: false });
    t.deepEqual((await machine.driver.inspect(machine.context)).power, 'starting');
    await machine.driver.remove(machine.context);
    t.true(
      machine.events.some(
        (event) => event.type === 'warn' && event.message.includes('https://account.example/'),
      ),
    );
    t.deepEqual(cloud.rests(), { resourceGroups: [group] });
    cloud.take(group);
  },
);

declare('a start for which there is no room can be tried again', async (t, { make, cloud }) => {
  const machine = make();
  await create(machine);
  await machine.driver.stop(machine.context);
  cloud.startError = { code: 'AllocationFailed', message: 'There is no room.' };
  await t.throwsAsync(machine.driver.start(machine.context), { message: /There is no room/ });
  cloud.startError = undefined;
  t.is((await machine.driver.inspect(machine.context)).power, 'stopped');
  await machine.driver.start(machine.context);
  t.is((await machine.driver.inspect(machine.context)).power, 'running');
  await machine.cleanup();
});

declare('names and tags that Azure does not take are told before', async (t, { make }) => {
  const codes = async (options: Parameters<typeof make>[0]): Promise<readonly string[]> => {
    const { driver, context } = make(options);
    return (await driver.check(context)).map(({ code }) => code);
  };
  t.deepEqual(await codes({ name: 'x'.repeat(65) }), ['azure-name-invalid']);
  t.deepEqual(await codes({ name: 'dev.' }), ['azure-name-invalid']);
  t.deepEqual(await codes({ name: 'x'.repeat(64) }), []);
  const tags = Array.from({ length: 45 }, (_, index) => `k${index},v`).join(',');
  t.deepEqual(await codes({ values: { 'azure-tags': tags } }), ['tags-too-many']);
  t.deepEqual(await codes({ values: { 'azure-tags': 'a,b,odd' } }), ['tag-without-value']);
});
