import test from 'ava';
import { resolveFlags, tokenize } from '../../../src/cli/parse.ts';
import { splitSecrets } from '../../../src/cli/secret-flags.ts';
import { manifest } from '../../../src/drivers/amazonec2/manifest.ts';

const secretKey = 'amazonec2-secret-key';

function split(argv: readonly string[], env: Readonly<Record<string, string>>) {
  const { given } = tokenize(manifest.flags, argv);
  return splitSecrets(manifest, resolveFlags(manifest.flags, given, env), { given, env });
}

test('a secret of the command line is kept apart, one of the environment is not kept', (t) => {
  const env = { AWS_ACCESS_KEY_ID: 'of-env', AWS_SESSION_TOKEN: 'of-env', AWS_ZONE: 'b' };
  const { values, secrets } = split([`--${secretKey}=given`, '--amazonec2-access-key', 'id'], env);
  t.deepEqual(secrets, { 'amazonec2-access-key': 'id', [secretKey]: 'given' });
  t.is(values['amazonec2-zone'], 'b');
  t.false(JSON.stringify(values).includes('given'));
  t.false(JSON.stringify(values).includes('of-env'));
});

test('those who go back and forth have them where docker-machine looks', (t) => {
  const env = { TSMACHINE_STORE_SECRETS: 'config', AWS_ACCESS_KEY_ID: 'of-env' };
  const { values, secrets } = split([`--${secretKey}=given`], env);
  t.deepEqual(secrets, {});
  t.is(values[secretKey], 'given');
  t.is(values['amazonec2-access-key'], 'of-env');
});

test('a place that is none is a usage error', (t) => {
  t.throws(() => split([], { TSMACHINE_STORE_SECRETS: 'vault' }), { code: 'flag-invalid' });
});
