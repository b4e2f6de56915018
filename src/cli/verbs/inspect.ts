import { formatRecord } from '../../store/record.ts';
import { loadRecord } from '../../store/machine-files.ts';
import type { Call } from '../call.ts';

/** Keys of a driver's part that hold a secret. Names of files that do (`SSHKeyPath`) are none. */
const secretKey =
  /(password|passwd|token|secret|secretkey|accesskey|apikey|accountkey|privatekey|passphrase)$/i;
const redacted = '***';

/** `inspect [name]`: the machine's record as it is stored, without its secrets. */
export default async function inspect(call: Call<'inspect'>): Promise<number> {
  const { host, storePath, emit } = call.session;
  const name = call.args[0] ?? '';
  const record = await loadRecord(host, storePath, name, (message) => {
    emit({ type: 'warn', message, machine: name });
  });
  const shown = withoutSecrets(record, '') as typeof record;
  call.print(formatRecord(shown));
  return 0;
}

/** A copy in which secrets are `***`, and so are names and passwords in URLs. */
function withoutSecrets(value: unknown, key: string): unknown {
  if (typeof value === 'string') {
    const isSecret = secretKey.test(key) && value !== '';
    return isSecret ? redacted : value.replace(/\b([a-z][a-z0-9+.-]*:\/\/)[^\s/@"']*@/gi, `$1${redacted}@`);
  }
  if (Array.isArray(value)) {
    return value.map((item) => withoutSecrets(item, key));
  }
  if (value !== null && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(
      Object.entries(value as object).map(([name, item]) => [name, withoutSecrets(item, name)]),
    );
  }
  return value;
}
