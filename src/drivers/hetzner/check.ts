import { isMachineError, messageOf } from '../../core/errors.ts';
import type { Finding } from '../driver.ts';
import { namedOf } from './api/answers.ts';
import { openHetzner, type Hetzner } from './api/hetzner.ts';
import { choose } from './choose.ts';
import { conflictText, requireExistingKey } from './ssh-keys.ts';
import { readState } from './state.ts';
import { accessOf, givenUserData, type HetznerCheck } from './world.ts';

/** Names of hosts by RFC 1123; Hetzner takes no others for servers. */
const hostName =
  /^(?=.{1,63}$)[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*$/;

/**
 * What is wrong before anything is made: files, and, for a machine that is to be made, token, names, and what Hetzner says
 * to type, location and image.
 */
export async function checkHetzner(context: HetznerCheck): Promise<readonly Finding[]> {
  const local = await checkHere(context);
  // Without a name it is about this computer alone, which needs nothing but a network.
  return context.name === undefined || local.some(({ severity }) => severity === 'error')
    ? local
    : [...local, ...(await checkProject(context, context.name))];
}

async function checkHere(context: HetznerCheck): Promise<Finding[]> {
  const { host, name, state = {} } = context;
  const { ownKeyPath, userDataFile, isUserDataPath } = readState(state);
  const given = givenUserData(context);
  const files = [
    ['ssh-key-missing', ownKeyPath, 'SSH key does not exist'],
    ['ssh-key-missing', ownKeyPath === '' ? '' : `${ownKeyPath}.pub`, 'SSH public key does not exist'],
    ['user-data-missing', isUserDataPath ? given : userDataFile, 'The file of user data does not exist'],
  ] as const;
  const findings: Finding[] = [];
  for (const [code, path, what] of files) {
    const isThere = path === '' || (await host.files.realPath(path).catch(() => undefined)) !== undefined;
    if (!isThere) {
      findings.push(error(code, `${what}: ${JSON.stringify(path)}`));
    }
  }
  if (given !== '' && userDataFile !== '') {
    const message = '--hetzner-user-data and --hetzner-user-data-file are mutually exclusive';
    findings.push(error('user-data-twice', message));
  }
  if (name !== undefined && !hostName.test(name)) {
    findings.push(error('name-invalid', `"${name}" cannot be the name of a server: it is no host name.`));
  }
  return findings;
}

async function checkProject(context: HetznerCheck, name: string): Promise<Finding[]> {
  const { config, signal, host } = context;
  const hetzner = openHetzner(accessOf(context));
  try {
    const { warnings } = await choose(hetzner, config, host.clock.nowMs());
    return [
      ...warnings.map((message): Finding => ({ severity: 'warning', code: 'choice', message })),
      ...(await checkKeys(context, hetzner, name)),
      ...((await isTaken(hetzner, '/servers', name))
        ? [error('server-exists', `The project has a server with the name "${name}" already.`)]
        : []),
    ];
  } catch (thrown) {
    signal.throwIfAborted();
    if (!isMachineError(thrown) || thrown.code === 'bug') {
      throw thrown;
    }
    const why = thrown.why === undefined ? '' : ` ${thrown.why}`;
    return [error(thrown.code, `${messageOf(thrown)}${why}`, thrown.remedies[0])];
  }
}

async function checkKeys(
  { config, host, state = {} }: HetznerCheck,
  hetzner: Hetzner,
  name: string,
): Promise<Finding[]> {
  const { ownKeyPath } = readState(state);
  if (ownKeyPath === '') {
    // A new key, which needs the name.
    return (await isTaken(hetzner, '/ssh_keys', name)) ? [error('key-exists', conflictText(name))] : [];
  }
  if (config.isExistingKey) {
    await requireExistingKey(hetzner, config.keyId, await host.files.readText(`${ownKeyPath}.pub`));
  }
  return [];
}

async function isTaken(hetzner: Hetzner, path: string, name: string): Promise<boolean> {
  return (await hetzner.list(path, { name }, namedOf)).length > 0;
}

function error(code: string, message: string, remedy?: string): Finding {
  return { severity: 'error', code, message, ...(remedy === undefined ? {} : { remedy }) };
}
