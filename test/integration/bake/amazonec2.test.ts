import { ec2Values } from '../../fakes/ec2-machine.ts';
import { declareBakeFlow } from '../../support/loopback-cloud/bake-flow-suite.ts';
import { ec2Env } from '../../support/loopback-cloud/ec2-records.ts';
import { declareBake } from '../../support/loopback-cloud/bake-suite.ts';
import { ec2Error, type Ec2Request } from '../../support/loopback-cloud/ec2-proxy.ts';
import { ec2Scenes, type Ec2Scene } from '../../support/loopback-cloud/ec2-scene.ts';
import { tryCreate } from '../../support/loopback-cloud/fault-suite.ts';

// Images of instances, at moto.

const declare = ec2Scenes();

declareBake<Ec2Request, Ec2Scene>(declare, {
  error: (status) => ec2Error(status, 'InternalError'),
  images: 'images',
  slow: ({ proxy }, answers) => {
    proxy.pendingImageAnswers = answers;
  },
});

declare('image and snapshots are marked in the request that makes them', async (t, { make, proxy }) => {
  const machine = make();
  for (const step of machine.driver.steps(machine.context)) {
    await step.run();
  }
  const images = await machine.driver.images?.();
  await images?.make(machine.context, { name: 'ci-1', system: 'Debian 12', engineVersion: '20.10' });
  const request = proxy.requests.find(({ action }) => action === 'CreateImage');
  const parameters = Object.fromEntries(request?.parameters ?? []);
  const { machineId = '', storeId } = (await machine.context.provider?.ownership()) ?? {};
  t.is(parameters['Name'], `ci-1-${machineId.slice(0, 8)}`);
  for (const [index, type] of ['image', 'snapshot'].entries()) {
    const prefix = `TagSpecification.${index + 1}.`;
    t.is(parameters[`${prefix}ResourceType`], type);
    const tags = new Map(
      Array.from({ length: 12 }, (_, at) => [
        parameters[`${prefix}Tag.${at + 1}.Key`],
        parameters[`${prefix}Tag.${at + 1}.Value`],
      ]),
    );
    t.is(tags.get('tsmachine-owner'), storeId);
    t.is(tags.get('tsmachine-id'), machineId);
    t.is(tags.get('tsmachine-image'), 'ci-1');
    t.is(tags.get('tsmachine-system'), 'Debian 12');
    t.is(tags.get('tsmachine-engine'), '20.10');
  }
  const [image] = (await images?.list(machine.context, storeId ?? '')) ?? [];
  t.is(image?.architecture, 'amd64');
  await machine.cleanup();
  await images?.remove(machine.context, image ?? { id: '' });
});

declare('an image of another architecture is refused before anything is made', async (t, { make, proxy }) => {
  const machine = make({ values: { 'amazonec2-ami': 'ami-0bbbbbbbbbbbbbbb1' } });
  t.regex(String(await tryCreate(t, machine)), /is for arm64, and instances of the type t3\.small are/);
  t.false(proxy.requests.some(({ action }) => /^(?:Import|Run|Create)/.test(action)));
  const findings = await machine.driver.check(machine.context);
  t.regex(findings.map(({ message }) => message).join(), /is for arm64/);
});

declareBakeFlow<Ec2Request, Ec2Scene>(declare, {
  driverName: 'amazonec2',
  values: ({ proxy }) => ec2Values(proxy.endpoint),
  env: ec2Env,
  flag: 'amazonec2-ami',
  isMake: ({ action }) => action === 'CreateImage',
  imageOf: (requests) =>
    requests.findLast(({ action }) => action === 'RunInstances')?.parameters.get('ImageId') ?? undefined,
  images: 'images',
});
