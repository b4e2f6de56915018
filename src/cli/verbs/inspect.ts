import { formatRecord } from '../../store/record.ts';
import { loadRecord } from '../../store/machine-files.ts';
import type { Call } from '../call.ts';
import { withoutSecrets } from '../without-secrets.ts';

/** `inspect [name]`: the machine's record as it is stored, without its secrets; in JSON or by a template. */
export default async function inspect(call: Call<'inspect'>): Promise<number> {
  const { host, storePath, emit } = call.session;
  const name = call.args[0] ?? '';
  const record = await loadRecord(host, storePath, name, (message) => {
    emit({ type: 'warn', message, machine: name });
  });
  const json = formatRecord(withoutSecrets(record) as typeof record);
  const { format = '' } = call.options;
  if (format === '') {
    call.print(json);
    return 0;
  }
  const { printFormatted } = await import('../inspect-format.ts');
  printFormatted(format, json, (text) => call.io.stdout.write(text));
  return 0;
}
