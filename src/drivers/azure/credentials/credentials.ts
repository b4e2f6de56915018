import { MachineError, messageOf } from '../../../core/errors.ts';
import { certificateToken } from './certificate.ts';
import { cliToken } from './cli-token.ts';
import { clientToken, findTenant, type AzureToken, type LoginWorld } from './login.ts';
import { managedToken } from './managed-identity.ts';

/**
 * Finds credentials as the tools of Azure do: secret or certificate of a service principal (flags, environment), workload
 * identity, the Azure CLI, managed identity. Nothing that is found is kept.
 * @throws MachineError `credentials-missing`, `credentials-refused`, `request-failed`.
 */
export async function findToken(world: LoginWorld): Promise<AzureToken> {
  const { host } = world;
  const { env } = host.facts;
  const given = await principalToken(world);
  if (given !== undefined) {
    return given;
  }
  const tokenFile = env['AZURE_FEDERATED_TOKEN_FILE'] ?? '';
  if (tokenFile !== '' && world.clientId !== '') {
    const assertion = (await host.files.readText(tokenFile)).trim();
    return clientToken(world, {
      clientId: world.clientId,
      tenantId: await findTenant(world),
      proof: { client_assertion: assertion },
      from: 'AZURE_FEDERATED_TOKEN_FILE',
    });
  }
  let why: string | undefined;
  try {
    const ofCli = await cliToken(world);
    if (ofCli !== undefined) {
      return ofCli;
    }
  } catch (error) {
    world.signal.throwIfAborted();
    why = messageOf(error);
  }
  const managed = await managedToken(world);
  if (managed !== undefined) {
    return managed;
  }
  throw new MachineError('credentials-missing', 'There are no credentials for Azure.', {
    why:
      why === undefined
        ? 'There is no service principal, no login of the Azure CLI, and no managed identity.'
        : `The Azure CLI gives none: ${why}`,
    remedies: [
      'az login',
      'Set AZURE_CLIENT_ID, AZURE_CLIENT_SECRET and AZURE_TENANT_ID of a service principal.',
    ],
  });
}

async function principalToken(world: LoginWorld): Promise<AzureToken | undefined> {
  const { clientId, clientSecret, certificatePath } = world;
  if (clientId === '' || (clientSecret === '' && certificatePath === '')) {
    return undefined;
  }
  const tenantId = await findTenant(world);
  if (clientSecret !== '') {
    const proof = { client_secret: clientSecret };
    return clientToken(world, { clientId, tenantId, proof, from: 'the secret of the service principal' });
  }
  return certificateToken(world, { clientId, tenantId, certificatePath });
}
