import { isMachineError, messageOf } from '../../core/errors.ts';
import type { Finding } from '../driver.ts';
import { openDigitalOcean, tokenSources, type DigitalOcean } from './api.ts';
import { chooseImage, chooseRegion, countDroplets, findAccount, findVpc } from './choose.ts';
import { readState } from './config.ts';
import { findToken } from './credentials.ts';
import { findKey } from './key.ts';
import { accessOfCheck, type DropletCheck } from './world.ts';

/** What DigitalOcean takes as the name of a droplet, which becomes its host name. */
const dropletName = /^[a-zA-Z0-9.-]*[a-zA-Z0-9]$/;

/**
 * What is wrong before anything is made: files, and, for a machine that is to be made, token and what DigitalOcean says to
 * account, region, size, image and key.
 */
export async function checkDigitalOcean(context: DropletCheck): Promise<readonly Finding[]> {
  const { host, signal, name } = context;
  const local = await checkFiles(context);
  // Without a name it is about this computer alone, which needs nothing but a network.
  if (name === undefined) {
    return local;
  }
  if (!dropletName.test(name)) {
    const message = `DigitalOcean takes no droplet of the name ${JSON.stringify(name)}: it must end with a letter or digit.`;
    return [...local, error('name-invalid', message)];
  }
  const access = accessOfCheck(context);
  try {
    await findToken(host, tokenSources(access));
  } catch (thrown) {
    signal.throwIfAborted();
    return [...local, findingOf(thrown)];
  }
  return local.length > 0 ? local : checkAccount(context, openDigitalOcean(access));
}

async function checkFiles({ host, config }: DropletCheck): Promise<Finding[]> {
  // docker-machine's words.
  const files = [
    [
      'ssh-key-missing',
      config.ownKeyPath,
      (file: string) => `SSH key does not exist: ${JSON.stringify(file)}`,
    ],
    ['user-data-missing', config.userDataFile, (file: string) => `user-data file ${file} could not be found`],
  ] as const;
  const findings: Finding[] = [];
  for (const [code, file, text] of files) {
    const isThere = file === '' || (await host.files.realPath(file).catch(() => undefined)) !== undefined;
    if (!isThere) {
      findings.push(error(code, text(file)));
    }
  }
  return findings;
}

async function checkAccount(context: DropletCheck, api: DigitalOcean): Promise<Finding[]> {
  const { config, signal } = context;
  const state = readState(context.state ?? {});
  try {
    const findings = await checkQuota(api);
    const region = await chooseRegion(api, config);
    await chooseImage(api, config);
    if (state.vpc !== '') {
      await findVpc(api, { region: region.slug, vpc: state.vpc });
    }
    if (config.keyFingerprint !== '' && (await findKey(api, config.keyFingerprint)) === undefined) {
      const message = `Digital Ocean SSH key with fingerprint ${config.keyFingerprint} doesn't exist`;
      findings.push(error('ssh-key-missing', message));
    }
    return findings;
  } catch (thrown) {
    signal.throwIfAborted();
    if (!isMachineError(thrown) || thrown.code === 'bug') {
      throw thrown;
    }
    return [findingOf(thrown)];
  }
}

async function checkQuota(api: DigitalOcean): Promise<Finding[]> {
  const account = await findAccount(api);
  if (account?.status === 'locked') {
    return [
      error('account-locked', `The account of DigitalOcean is locked. ${account.statusMessage}`.trim()),
    ];
  }
  const count = account?.dropletsMax === undefined ? undefined : await countDroplets(api);
  if (count !== undefined && account?.dropletsMax !== undefined && count >= account.dropletsMax) {
    const message = `The account may have ${account.dropletsMax} droplets, and has ${count}.`;
    return [error('quota-exceeded', message, 'Remove droplets, or ask DigitalOcean for a higher limit.')];
  }
  return [];
}

function findingOf(thrown: unknown): Finding {
  if (!isMachineError(thrown)) {
    throw thrown;
  }
  const why = thrown.why === undefined ? '' : ` ${thrown.why}`;
  return error(thrown.code, `${messageOf(thrown)}${why}`, thrown.remedies[0]);
}

function error(code: string, message: string, remedy?: string): Finding {
  return { severity: 'error', code, message, ...(remedy === undefined ? {} : { remedy }) };
}
