import { readAr } from '../formats/ar.ts';
import { inputError } from '../formats/input-error.ts';
import { readTar, type TarMember, type TarReadOptions } from '../formats/tar-reader.ts';
import { unxz } from '../formats/xz.ts';

/**
 * The selected files of a Debian package (deb(5)). No script of the package is read or run.
 * `file` names the package in errors.
 */
export async function* readDeb(
  deb: Uint8Array,
  file: string,
  select: TarReadOptions['select'],
): AsyncGenerator<TarMember, void, undefined> {
  const members = readAr(deb, file);
  const version = members.find((member) => member.name === 'debian-binary');
  const data = members.find((member) => member.name.startsWith('data.tar'));
  if (
    !Buffer.from(version?.data ?? [])
      .toString('latin1')
      .startsWith('2.') ||
    data === undefined
  ) {
    throw inputError(file, 'It is not a Debian package.');
  }
  if (data.name !== 'data.tar.xz') {
    throw inputError(file, `Its files are compressed in a way that is not supported: ${data.name}.`);
  }
  yield* readTar(unxz(data.data, file), { file, select });
}
