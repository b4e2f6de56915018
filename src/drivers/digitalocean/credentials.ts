import { MachineError } from '../../core/errors.ts';
import type { Host } from '../../host/types.ts';
import { doctlToken } from './doctl.ts';

/** Where the token may come from besides the environment. */
export interface TokenSources {
  /** As the flag gave it, or as docker-machine stored it. */
  readonly given: string;
  /** A context of doctl by name; empty for its current one. */
  readonly context: string;
}

/** A token with where it comes from, for people. */
export interface FoundToken {
  readonly token: string;
  readonly from: string;
}

/** What a header can carry. */
const tokenForm = /^[\x21-\x7e]{1,1024}$/;

/**
 * Finds the token: given, of a context that is named, environment, doctl's current context. Nothing that is found is kept.
 * @throws MachineError `credentials-missing`.
 */
export async function findToken(host: Host, { given, context }: TokenSources): Promise<FoundToken> {
  const found =
    (given === '' ? undefined : { token: given, from: 'the flag' }) ??
    (context === '' ? fromEnvironment(host) : undefined) ??
    (await fromDoctl(host, context));
  if (found !== undefined && tokenForm.test(found.token)) {
    return found;
  }
  const why =
    found !== undefined
      ? `What ${found.from} gives is no token.`
      : context === ''
        ? undefined
        : `doctl has no token for the context ${JSON.stringify(context)}.`;
  throw new MachineError(
    'credentials-missing',
    // docker-machine's text.
    'digitalocean driver requires the --digitalocean-access-token option',
    {
      ...(why === undefined ? {} : { why }),
      remedies: ['Set DIGITALOCEAN_ACCESS_TOKEN, or run: doctl auth init'],
    },
  );
}

function fromEnvironment({ facts: { env } }: Host): FoundToken | undefined {
  for (const name of ['DIGITALOCEAN_ACCESS_TOKEN', 'DIGITALOCEAN_TOKEN']) {
    const token = env[name] ?? '';
    if (token !== '') {
      return { token, from: name };
    }
  }
  return undefined;
}

async function fromDoctl(host: Host, context: string): Promise<FoundToken | undefined> {
  const found = await doctlToken(host, context);
  return found === undefined ? undefined : { token: found.token, from: found.file };
}
