/** Keys that hold a secret. Names of files that do (`SSHKeyPath`) are none. */
const secretKey =
  /(password|passwd|token|secret|secretkey|accesskey|apikey|accountkey|privatekey|passphrase)$/i;
const redacted = '***';

/** A copy of a part of a record in which secrets are `***`, and so are names and passwords in URLs. */
export function withoutSecrets(value: unknown, key = ''): unknown {
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
