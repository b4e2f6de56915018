import { isMachineError, messageOf } from '../../core/errors.ts';
import { parseTagList } from '../../cloud/ownership.ts';
import type { CheckContext, Finding } from '../driver.ts';
import { chooseImage, choosePlace } from './choose.ts';
import type { Ec2Config } from './config.ts';
import { credentialsProblem } from './credentials/credentials.ts';
import { credentialSources, openEc2 } from './api/ec2.ts';
import { conflictText, findKeyPair } from './key-pair.ts';
import { accessOfCheck } from './world.ts';

type Ec2Check = CheckContext<Ec2Config>;

/**
 * What is wrong before anything is made: files, and, for a machine that is to be made, credentials and what EC2 says to
 * place, type, image and name.
 */
export async function checkEc2(context: Ec2Check): Promise<readonly Finding[]> {
  const { host, signal } = context;
  const local = [...(await checkFiles(context)), ...checkTags(context)];
  // Without a name it is about this computer alone, which needs nothing but a network.
  if (context.name === undefined) {
    return local;
  }
  const access = accessOfCheck(context);
  const problem = await credentialsProblem(host, credentialSources(access), signal);
  if (problem !== undefined) {
    const remedy = 'Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE.';
    return [...local, { severity: 'error', code: 'credentials-missing', message: problem, remedy }];
  }
  return local.some(({ severity }) => severity === 'error')
    ? local
    : [...local, ...(await checkAccount(context, context.name))];
}

async function checkFiles({ host, config }: Ec2Check): Promise<Finding[]> {
  const files = [
    ['ssh-key-missing', config.ownKeyPath, 'SSH key does not exist'],
    // Without a key pair of that key there the public half is imported.
    [
      'ssh-key-missing',
      config.ownKeyPath === '' || config.isExistingKey ? '' : `${config.ownKeyPath}.pub`,
      'SSH public key does not exist',
    ],
    ['user-data-missing', config.userDataFile, 'The file of user data does not exist'],
  ] as const;
  const findings: Finding[] = [];
  for (const [code, path, what] of files) {
    const isThere = path === '' || (await host.files.realPath(path).catch(() => undefined)) !== undefined;
    if (!isThere) {
      findings.push({ severity: 'error', code, message: `${what}: ${JSON.stringify(path)}` });
    }
  }
  return findings;
}

function checkTags({ config }: Ec2Check): Finding[] {
  const { dropped } = parseTagList(config.tags);
  const message = `The tag "${String(dropped)}" has no value, and is left out.`;
  return dropped === undefined ? [] : [{ severity: 'warning', code: 'tag-without-value', message }];
}

async function checkAccount(context: Ec2Check, name: string): Promise<Finding[]> {
  const { config, signal } = context;
  const ec2 = openEc2(accessOfCheck(context));
  try {
    if (config.isExistingKey) {
      if ((await findKeyPair(ec2, config.keyName)) === undefined) {
        return [
          error(
            'key-pair-missing',
            `There is no keypair with the name ${config.keyName}. Please verify the key name provided.`,
          ),
        ];
      }
    } else if ((await findKeyPair(ec2, name)) !== undefined) {
      return [error('key-pair-exists', conflictText(name))];
    }
    await choosePlace(ec2, config);
    await chooseImage(ec2, config);
    return [];
  } catch (thrown) {
    signal.throwIfAborted();
    if (!isMachineError(thrown) || thrown.code === 'bug') {
      throw thrown;
    }
    const why = thrown.why === undefined ? '' : ` ${thrown.why}`;
    return [error(thrown.code, `${messageOf(thrown)}${why}`, thrown.remedies[0])];
  }
}

function error(code: string, message: string, remedy?: string): Finding {
  return { severity: 'error', code, message, ...(remedy === undefined ? {} : { remedy }) };
}
