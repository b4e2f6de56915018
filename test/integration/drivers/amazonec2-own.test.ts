import test, { type ExecutionContext } from 'ava';
import { makeEc2Machine } from '../../fakes/ec2-machine.ts';
import type { CloudMachine } from '../../fakes/cloud-machine.ts';
import { startEc2Proxy, type Ec2Proxy } from '../../support/loopback-cloud/ec2-proxy.ts';
import { testEc2 } from '../../support/loopback-cloud/ec2-records.ts';
import { restsOf, type Rests } from '../../support/loopback-cloud/ec2-rests.ts';
import { createIn as create } from '../../support/loopback-cloud/fault-suite.ts';
import { motoMissing, startMoto, type Moto } from '../../support/loopback-cloud/moto.ts';
import { subnetsOf, type Subnet } from '../../../src/drivers/amazonec2/api/answers.ts';
import type { Ec2 } from '../../../src/drivers/amazonec2/api/ec2.ts';
import type { FlagValues } from '../../../src/drivers/driver.ts';
import { generateSshKeyPair } from '../../../src/ssh/keys.ts';

// Machines of EC2 with what the user has there already, which is used and stays as it is.

const missing = motoMissing();
const world: { moto?: Moto } = {};

test.before(async (t) => {
  t.timeout(120_000);
  if (missing === undefined) {
    world.moto = await startMoto();
  }
});

test.after.always(async () => {
  await world.moto?.stop();
});

interface Scene {
  readonly proxy: Ec2Proxy;
  readonly ec2: Ec2;
  readonly make: (values?: FlagValues) => CloudMachine;
  readonly rests: () => Promise<Rests>;
}

function declare(title: string, body: (t: ExecutionContext, scene: Scene) => Promise<void>): void {
  test.serial(title, async (t) => {
    t.timeout(120_000);
    const { moto } = world;
    if (moto === undefined) {
      t.log(`skipped: ${String(missing)}`);
      t.pass();
      return;
    }
    await moto.reset();
    const proxy = await startEc2Proxy(moto.url);
    try {
      await body(t, {
        proxy,
        ec2: testEc2(moto.url),
        make: (values = {}) => makeEc2Machine({ endpoint: proxy.endpoint, values }),
        rests: async () => restsOf(moto.url),
      });
    } finally {
      await proxy.close();
    }
  });
}

const privateKey = '/home/ann/.ssh/team';

/** A machine with a key file of the user's. */
function withKeyFile(machine: CloudMachine): CloudMachine {
  const { privatePem, publicLine } = generateSshKeyPair(machine.host, 'ann@team');
  machine.host.files.putDirectory('/home/ann/.ssh');
  machine.host.files.put(privateKey, privatePem);
  machine.host.files.put(`${privateKey}.pub`, publicLine);
  return machine;
}

async function subnetInZone(ec2: Ec2, zone: string): Promise<Subnet> {
  const found = (await ec2.list('DescribeSubnets', {}, subnetsOf)).find((subnet) => subnet.zone === zone);
  if (found === undefined) {
    throw new Error(`moto has no subnet in ${zone}`);
  }
  return found;
}

function launch({ requests }: Ec2Proxy): URLSearchParams {
  return requests.find(({ action }) => action === 'RunInstances')?.parameters ?? new URLSearchParams();
}

declare(
  "the user's own key pair, group and subnet are used, and stay",
  async (t, { ec2, proxy, make, rests }) => {
    const subnet = await subnetInZone(ec2, 'us-east-1c');
    await ec2.call('CreateSecurityGroup', {
      GroupName: 'team',
      GroupDescription: 'ours',
      VpcId: subnet.vpcId,
    });
    const { publicLine } = generateSshKeyPair(make().host, 'ann@team');
    await ec2.call('ImportKeyPair', {
      KeyName: 'team-key',
      PublicKeyMaterial: Buffer.from(`${publicLine}\n`).toString('base64'),
    });
    const machine = withKeyFile(
      make({
        'amazonec2-keypair-name': 'team-key',
        'amazonec2-ssh-keypath': privateKey,
        'amazonec2-security-group': ['team'],
        'amazonec2-subnet-id': subnet.id,
        'amazonec2-request-spot-instance': true,
      }),
    );
    t.deepEqual(
      (await machine.driver.check(machine.context)).filter(({ severity }) => severity === 'error'),
      [],
    );
    await create(machine);
    const run = launch(proxy);
    t.is(run.get('KeyName'), 'team-key');
    t.is(run.get('NetworkInterface.1.SubnetId') ?? run.get('SubnetId'), subnet.id);
    t.is(run.get('InstanceMarketOptions.MarketType'), 'spot');
    const made = proxy.requests.map(({ action }) => action);
    for (const action of ['ImportKeyPair', 'CreateSecurityGroup', 'AuthorizeSecurityGroupIngress']) {
      t.false(made.includes(action), action);
    }
    t.true(
      machine.events.some(
        (event) => event.type === 'warn' && /does not seem to open: 22\/tcp, 2376\/tcp/.test(event.message),
      ),
      'what the group lacks is told',
    );
    t.like(machine.record(), {
      KeyName: 'team-key',
      ExistingKey: true,
      SubnetId: subnet.id,
      SecurityGroupNames: ['team'],
    });
    await machine.cleanup();
    const left = await rests();
    t.deepEqual(left.keyPairs, ['team-key']);
    t.deepEqual(left.securityGroups, ['team']);
    t.deepEqual([left.instances, left.volumes, left.spotRequests], [[], [], []]);
  },
);

declare(
  'a key file of the user is imported for the machine, and its key pair goes with it',
  async (t, { make, rests, proxy }) => {
    const machine = withKeyFile(make({ 'amazonec2-ssh-keypath': privateKey }));
    await create(machine);
    t.is(launch(proxy).get('KeyName'), 'dev');
    t.deepEqual((await rests()).keyPairs, ['dev']);
    await machine.cleanup();
    t.deepEqual((await rests()).keyPairs, []);
  },
);

declare(
  'mistakes in what the user has are found before anything is made',
  async (t, { make, rests, ec2 }) => {
    const subnet = await subnetInZone(ec2, 'us-east-1a');
    for (const [values, message] of [
      [
        { 'amazonec2-keypair-name': 'nobody', 'amazonec2-ssh-keypath': privateKey },
        /no keypair with the name nobody/,
      ],
      [{ 'amazonec2-subnet-id': 'subnet-00000000000000000' }, /subnet could not be located/],
      [{ 'amazonec2-subnet-id': subnet.id, 'amazonec2-vpc-id': 'vpc-1' }, /does not belong to VpcId: vpc-1/],
      [{ 'amazonec2-ami': 'ami-00000000000000000' }, /ami-00000000000000000/],
      [{ 'amazonec2-instance-type': 'x9.none' }, /x9\.none/],
      [{ 'amazonec2-ssh-keypath': '/home/ann/.ssh/gone' }, /SSH key does not exist/],
    ] as const) {
      const machine = withKeyFile(make(values));
      const errors = (await machine.driver.check(machine.context)).filter(
        ({ severity }) => severity === 'error',
      );
      t.regex(errors.map((each) => each.message).join('\n'), message);
    }
    const left = await rests();
    t.deepEqual([left.instances, left.keyPairs, left.securityGroups], [[], [], []]);
  },
);

declare(
  'another address after a stop stands in the record before anybody connects',
  async (t, { make, proxy }) => {
    const machine = make();
    await create(machine);
    t.is(machine.record()['IPAddress'], '127.0.0.1');
    await machine.driver.stop(machine.context);
    t.is((await machine.driver.inspect(machine.context)).power, 'stopped');
    proxy.addressNow = () => '127.0.0.2';
    await machine.driver.start(machine.context);
    t.is(machine.record()['IPAddress'], '127.0.0.2');
    t.is((await machine.driver.inspect(machine.context)).power, 'running');
    await machine.driver.restart?.(machine.context);
    await machine.driver.kill(machine.context);
    t.is((await machine.driver.inspect(machine.context)).power, 'stopped');
    await machine.cleanup();
  },
);
