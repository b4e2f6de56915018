import { certFiles, joinPath } from '../../store/paths.ts';
import type { Call } from '../call.ts';
import { connect } from '../connect.ts';

/** `config [name]`: flags for the Docker client, for `docker $(tsmachine config NAME) ps`. */
export default async function config(call: Call<'config'>): Promise<number> {
  const { name, url, certDirectory } = await connect(
    call,
    call.args[0] ?? '',
    'Error running connection boilerplate',
  );
  const ca = joinPath(certDirectory, certFiles.ca);
  const cert = joinPath(certDirectory, certFiles.clientCert);
  const key = joinPath(certDirectory, certFiles.clientKey);
  if (call.options.json === true) {
    call.print(
      JSON.stringify({ name, host: url, tlsVerify: true, tlsCaCert: ca, tlsCert: cert, tlsKey: key }),
    );
    return 0;
  }
  // The Docker client takes the quotes off these three values by itself.
  call.print(
    [
      '--tlsverify',
      `--tlscacert=${JSON.stringify(ca)}`,
      `--tlscert=${JSON.stringify(cert)}`,
      `--tlskey=${JSON.stringify(key)}`,
      `-H=${url}`,
    ].join('\n'),
  );
  return 0;
}
