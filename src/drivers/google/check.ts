import { isMachineError, messageOf } from '../../core/errors.ts';
import { parseTagList } from '../../cloud/ownership.ts';
import type { CheckContext, Finding } from '../driver.ts';
import { quotasOf, type Quota } from './api/answers.ts';
import { openGoogle, type Google } from './api/google.ts';
import { choose } from './choose.ts';
import type { GoogleConfig } from './config.ts';
import { missingText } from './existing.ts';
import { findInstance } from './find-instance.ts';
import { presentText } from './make-instance.ts';
import { machineNameMax, regionPath, resourceName } from './names.ts';
import { accessOfCheck } from './world.ts';

type GoogleCheck = CheckContext<GoogleConfig>;

/**
 * What is wrong before anything is made: files, and, for a machine that is to be made, name, credentials, project, quotas
 * and what Google says to zone, type, image and network.
 */
export async function checkGoogle(context: GoogleCheck): Promise<readonly Finding[]> {
  const { name } = context;
  const local = [...(await checkUserData(context)), ...checkLabels(context), ...checkName(name)];
  // Without a name it is about this computer alone, which needs nothing but a network.
  return name === undefined || local.some(({ severity }) => severity === 'error')
    ? local
    : [...local, ...(await checkProject(context, name))];
}

async function checkUserData({ host, config }: GoogleCheck): Promise<Finding[]> {
  const { userData } = config;
  const isFile = userData !== '' && !userData.startsWith('#') && !userData.includes('\n');
  if (!isFile || (await host.files.realPath(userData).catch(() => undefined)) !== undefined) {
    return [];
  }
  return [error('user-data-missing', `The file of user data does not exist: ${JSON.stringify(userData)}`)];
}

function checkLabels({ config }: GoogleCheck): Finding[] {
  const { dropped } = parseTagList(config.labels);
  const message = `The label "${String(dropped)}" has no value, and is left out.`;
  return dropped === undefined ? [] : [{ severity: 'warning', code: 'tag-without-value', message }];
}

function checkName(name: string | undefined): Finding[] {
  if (name === undefined || (resourceName.test(name) && name.length <= machineNameMax)) {
    return [];
  }
  const message = `Google takes no instance of the name ${JSON.stringify(name)}.`;
  const rule = `Lower-case letters, digits and -, beginning with a letter, at most ${machineNameMax}.`;
  return [error('name-invalid', message, rule)];
}

async function checkProject(context: GoogleCheck, name: string): Promise<Finding[]> {
  const { config, signal } = context;
  const { project, zone } = config;
  try {
    const google = openGoogle(accessOfCheck(context));
    const found = await google.find(`projects/${project}`);
    if (found === undefined) {
      // docker-machine's text begins so.
      return [error('project-missing', `Project with ID "${project}" not found.`)];
    }
    const present = await findInstance(google, config, name);
    if (config.isExisting) {
      return present === undefined ? [error('instance-missing', missingText(name, zone))] : [];
    }
    if (present !== undefined) {
      return [error('instance-exists', presentText(name, zone))];
    }
    const { cpuCount } = await choose(google, config);
    return await checkQuotas(google, config, cpuCount, quotasOf(found));
  } catch (thrown) {
    signal.throwIfAborted();
    if (!isMachineError(thrown) || thrown.code === 'bug') {
      throw thrown;
    }
    const why = thrown.why === undefined ? '' : ` ${thrown.why}`;
    return [error(thrown.code, `${messageOf(thrown)}${why}`, thrown.remedies[0])];
  }
}

/** Families whose processors count for the quota CPUS of their region; others have quotas of their own. */
const commonFamilies = /^(?:e2|n1|f1|g1)-/;

async function checkQuotas(
  google: Google,
  config: GoogleConfig,
  cpuCount: number,
  ofProject: readonly Quota[],
): Promise<Finding[]> {
  const ofRegion = quotasOf(await google.find(regionPath(config)));
  const needs: readonly (readonly [string, number])[] = [
    ['INSTANCES', 1],
    ['CPUS_ALL_REGIONS', config.isSpot ? 0 : cpuCount],
    ['CPUS', commonFamilies.test(config.machineType) && !config.isSpot ? cpuCount : 0],
    ['IN_USE_ADDRESSES', config.isInternalOnly || config.staticAddress !== '' ? 0 : 1],
  ];
  return [...ofProject, ...ofRegion].flatMap(({ metric, limit, usage }) => {
    const need = needs.find(([name]) => name === metric)?.[1] ?? 0;
    const message = `The quota ${metric} of ${config.project} is used up: ${usage} of ${limit}, and ${need} more are needed.`;
    return need > 0 && usage + need > limit
      ? [error('quota-exceeded', message, 'Ask Google for more, or remove what is not used any more.')]
      : [];
  });
}

function error(code: string, message: string, remedy?: string): Finding {
  return { severity: 'error', code, message, ...(remedy === undefined ? {} : { remedy }) };
}
