import { isMachineError, messageOf } from '../../core/errors.ts';
import { textField } from '../../cloud/json-fields.ts';
import type { CheckContext, Finding } from '../driver.ts';
import type { Azure } from './api/azure.ts';
import { groupPath } from './api/ids.ts';
import { chooseImage, chooseSize, quotaProblem } from './choose.ts';
import { readState, type AzureConfig } from './config.ts';
import { networkPath, requireSamePlace } from './shared.ts';
import { openForCheck, ownPaths } from './world.ts';

type AzureCheck = CheckContext<AzureConfig>;

/** Azure takes 50; ours are eight at most, those of an image. */
const tagsMax = 42;
/** Of a virtual machine with Linux. */
const nameForm = /^.{0,63}[^.-]$/u;

/**
 * What is wrong before anything is made: files and tags, and, for a machine that is to be made, credentials and what Azure
 * says to size, image, quota and names.
 */
export async function checkAzure(context: AzureCheck): Promise<readonly Finding[]> {
  const local = [...(await checkFiles(context)), ...checkTags(context)];
  // Without a name it is about this computer alone, which needs nothing but a network.
  if (context.name === undefined) {
    return local;
  }
  if (!nameForm.test(context.name)) {
    const message = 'At Azure a name has at most 64 characters and ends with a letter or digit.';
    local.push(error('azure-name-invalid', message));
  }
  return local.some(({ severity }) => severity === 'error')
    ? local
    : [...local, ...(await checkSubscription(context, context.name))];
}

async function checkFiles({ host, config }: AzureCheck): Promise<Finding[]> {
  const { customDataFile } = config;
  const isThere =
    customDataFile === '' || (await host.files.realPath(customDataFile).catch(() => undefined)) !== undefined;
  return isThere
    ? []
    : [
        error(
          'user-data-missing',
          `The file of custom data does not exist: ${JSON.stringify(customDataFile)}`,
        ),
      ];
}

function checkTags({ config, state = {} }: AzureCheck): Finding[] {
  const { droppedTag } = readState(state);
  if (droppedTag !== '') {
    const message = `The tag "${droppedTag}" has no value, and is left out.`;
    return [{ severity: 'warning', code: 'tag-without-value', message }];
  }
  const count = Object.keys(config.tags).length;
  return count > tagsMax
    ? [error('tags-too-many', `There are ${count} tags; Azure has room for ${tagsMax} besides ours.`)]
    : [];
}

async function checkSubscription(context: AzureCheck, name: string): Promise<Finding[]> {
  const { config, signal } = context;
  try {
    const azure = openForCheck(context);
    const size = await chooseSize(azure, config);
    await chooseImage(azure, config, size);
    const quota = await quotaProblem(azure, config, size);
    if (quota !== undefined) {
      return [
        error('quota-exceeded', quota, 'Take a smaller size or another region, or ask for more quota.'),
      ];
    }
    requireSamePlace(config, textField(await azure.get(networkPath(config)), 'location') ?? '');
    return await checkNames(azure, config, name);
  } catch (thrown) {
    signal.throwIfAborted();
    if (!isMachineError(thrown) || thrown.code === 'bug') {
      throw thrown;
    }
    const why = thrown.why === undefined ? '' : ` ${thrown.why}`;
    return [error(thrown.code, `${messageOf(thrown)}${why}`, thrown.remedies[0])];
  }
}

async function checkNames(azure: Azure, config: AzureConfig, name: string): Promise<Finding[]> {
  const group = groupPath(config.subscriptionId, config.resourceGroup);
  if ((await azure.get(group)) === undefined) {
    return [];
  }
  const paths = ownPaths(group, name);
  const findings: Finding[] = [];
  for (const [what, path] of Object.entries(paths) as [keyof typeof paths, string][]) {
    const isOwnName = what !== 'securityGroup' || config.securityGroup === '';
    if (isOwnName && (await azure.get(path)) !== undefined) {
      const taken = decodeURIComponent(path.slice(path.lastIndexOf('/') + 1));
      const message = `There is already something with the name ${taken} in the resource group ${config.resourceGroup}.`;
      findings.push(
        error('azure-name-taken', message, 'Take another name, or another --azure-resource-group.'),
      );
    }
  }
  return findings;
}

function error(code: string, message: string, remedy?: string): Finding {
  return { severity: 'error', code, message, ...(remedy === undefined ? {} : { remedy }) };
}
