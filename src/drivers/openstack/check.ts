import { field, numberField, textField } from '../../cloud/json-fields.ts';
import { parseTagList } from '../../cloud/ownership.ts';
import { isMachineError, messageOf } from '../../core/errors.ts';
import type { CheckContext, Finding } from '../driver.ts';
import { openOpenStack, type OpenStack } from './api/openstack.ts';
import { choose } from './choose.ts';
import { readState, type OpenStackConfig } from './config.ts';
import { findIdentity } from './credentials/identity.ts';
import { findKeyPair } from './key-pair.ts';
import { refusedMetadata } from './marks.ts';
import { findVolume } from './volume.ts';
import { accessOfCheck } from './world.ts';

type OpenStackCheck = CheckContext<OpenStackConfig>;

/**
 * What is wrong before anything is made: files, and, for a machine that is to be made, credentials and what OpenStack says
 * to flavor, image, network, key pair, groups, volume and quota.
 */
export async function checkOpenStack(context: OpenStackCheck): Promise<readonly Finding[]> {
  const local = [...(await checkFiles(context)), ...checkMetadata(context)];
  // Without a name it is about this computer alone, which needs nothing but a network.
  if (context.name === undefined) {
    return local;
  }
  const access = accessOfCheck(context);
  const credentials = await found(context, async () => {
    await findIdentity(context.host, access);
    return [];
  });
  const isWrong = [...local, ...credentials].some(({ severity }) => severity === 'error');
  return isWrong
    ? [...local, ...credentials]
    : [...local, ...(await found(context, async () => checkCloud(context, openOpenStack(access))))];
}

/** What an error of the check says, as a finding. */
async function found(
  { signal }: OpenStackCheck,
  check: () => Promise<readonly Finding[]>,
): Promise<readonly Finding[]> {
  try {
    return await check();
  } catch (thrown) {
    signal.throwIfAborted();
    if (!isMachineError(thrown) || thrown.code === 'bug') {
      throw thrown;
    }
    const why = thrown.why === undefined ? '' : ` ${thrown.why}`;
    return [error(thrown.code, `${messageOf(thrown)}${why}`, thrown.remedies[0])];
  }
}

async function checkFiles({ host, config, state = {} }: OpenStackCheck): Promise<Finding[]> {
  const files = [
    ['ssh-key-missing', config.ownKeyPath, 'SSH key does not exist'],
    ['user-data-missing', readState(state).userDataFile, 'The file of user data does not exist'],
  ] as const;
  const findings: Finding[] = [];
  for (const [code, path, what] of files) {
    const isThere = path === '' || (await host.files.realPath(path).catch(() => undefined)) !== undefined;
    if (!isThere) {
      findings.push(error(code, `${what}: ${JSON.stringify(path)}`));
    }
  }
  return findings;
}

function checkMetadata({ state = {} }: OpenStackCheck): Finding[] {
  const { metadata } = readState(state);
  const { dropped } = parseTagList(metadata);
  const message = `The metadata "${String(dropped)}" has no value, and is left out.`;
  const refused = refusedMetadata(metadata);
  return [
    ...(dropped === undefined ? [] : [{ severity: 'warning' as const, code: 'tag-without-value', message }]),
    ...(refused === undefined
      ? []
      : [
          error(
            'metadata-invalid',
            `The metadata ${JSON.stringify(refused.slice(0, 40))} cannot be used: keys are letters, digits, and _ : . - and blanks; both have 255 characters at most.`,
          ),
        ]),
  ];
}

async function checkCloud({ config }: OpenStackCheck, openstack: OpenStack): Promise<Finding[]> {
  await choose(openstack, config);
  const findings: Finding[] = [];
  if (config.isExistingKey && (await findKeyPair(openstack, config.keyName)) === undefined) {
    findings.push(error('key-pair-missing', `There is no key pair with the name ${config.keyName}.`));
  }
  if (config.groupNames.length > 0) {
    const groups = await openstack.list('network', '/security-groups', 'security_groups', {
      project_id: await openstack.projectId(),
    });
    const known = new Set(groups.flatMap((group) => [textField(group, 'id'), textField(group, 'name')]));
    for (const name of config.groupNames.filter((each) => !known.has(each))) {
      findings.push(error('security-group-missing', `There is no security group ${name} in the project.`));
    }
  }
  if (config.volumeId !== '' && (await findVolume(openstack, config.volumeId)) === undefined) {
    findings.push(error('volume-missing', `There is no volume with the id ${config.volumeId}.`));
  }
  return [...findings, ...quotaFindings(await openstack.call('compute', { method: 'GET', path: '/limits' }))];
}

/** Nova says in one answer how many servers the project may have, and how many it has; -1 is no limit. */
function quotaFindings(body: unknown): Finding[] {
  const limits = field(body, 'limits', 'absolute');
  const [most, used] = [numberField(limits, 'maxTotalInstances'), numberField(limits, 'totalInstancesUsed')];
  const isFull = most !== undefined && used !== undefined && most >= 0 && used >= most;
  return isFull
    ? [
        error(
          'quota-reached',
          `The project has ${used} servers, and may have ${most}.`,
          'Remove one, or ask for more.',
        ),
      ]
    : [];
}

function error(code: string, message: string, remedy?: string): Finding {
  return { severity: 'error', code, message, ...(remedy === undefined ? {} : { remedy }) };
}
