import type { TreeEntry } from '../../../iso/formats/entry.ts';
import { loaderSelectionsFor } from '../../../iso/bootable/loader-packages.ts';
import { absentModules, initramfsModules, rootModules } from '../../../iso/modules.ts';
import { architectureFacts, selectionsFor, type Architecture } from '../../../iso/packages.ts';
import { file, makeDeb } from '../../unit/iso/make-deb.ts';
import { makeModule } from '../../unit/iso/make-elf.ts';
import { makeBzImage } from '../../unit/image/make-kernel.ts';
import { makeXz } from '../../unit/iso/make-xz.ts';

/** Test helper: a made-up package. */
export interface TinyPackage {
  readonly name: string;
  readonly version: string;
  readonly depends?: string;
  readonly deb: Buffer;
}

/** The release string of the made-up kernel of a version. */
export function tinyKernelRelease(version: string, architecture: Architecture): string {
  return `${version}+deb13-${architecture}`;
}

/**
 * Made-up packages with one small file for each pattern of the real package list, so that a whole image
 * can be built from them in a second.
 */
export function tinyPackages(architecture: Architecture): readonly TinyPackage[] {
  const selections = [...selectionsFor(architecture), ...loaderSelectionsFor(architecture)];
  const packages = selections.map(({ name, take, leave }) => {
    const paths = [...take, ...(leave ?? [])].map((pattern) =>
      pattern.replaceAll('{triplet}', architectureFacts[architecture].triplet).replaceAll('*', '_made'),
    );
    return tinyPackage(name, name === 'docker.io' ? '26.1.5+dfsg1-9' : '1.0-1', paths);
  });
  return [...packages, ...tinyKernel('6.12.117', architecture)];
}

/** A package whose files hold their own name and the version, with modes as programs have them. */
export function tinyPackage(name: string, version: string, paths: readonly string[]): TinyPackage {
  const files = paths.map((path): TreeEntry => file(path, contentOf(path, version), modeOf(path)));
  const copyright = file(`usr/share/doc/${name}/copyright`, `Copyright of ${name}\n`);
  return {
    name,
    version,
    deb: makeDeb([...files, copyright, file(`usr/share/doc/${name}/README`, 'not taken\n')]),
  };
}

/** Stages of the BIOS loader have a form: the first fills its place in the boot sector, the second has a table in it. */
const fixedLengths = { 'isohdpfx.bin': 432, 'isolinux.bin': 4096 } as const;

function contentOf(path: string, version: string): string {
  const [, length = 0] = Object.entries(fixedLengths).find(([name]) => path.endsWith(name)) ?? [];
  return `${path} of ${version}\n`.padEnd(length, '.');
}

function modeOf(path: string): number {
  if (path === 'usr/bin/doas') {
    return 0o4755;
  }
  return /bin\//.test(path) ? 0o755 : 0o644;
}

/** The kernel's package and the meta package that leads to it. */
export function tinyKernel(version: string, architecture: Architecture): readonly TinyPackage[] {
  const release = tinyKernelRelease(version, architecture);
  const name = `linux-image-${release}`;
  const folder = `usr/lib/modules/${release}`;
  const { elfMachine, kernelMetaPackage: meta } = architectureFacts[architecture];
  const absent = new Set(absentModules[architecture].replaceAll('-', '_').split(' '));
  const names = new Set(
    [...Object.values(rootModules), initramfsModules]
      .flatMap((list) => list.split(' '))
      .map((one) => one.replaceAll('-', '_')),
  );
  const modules = [...names]
    .filter((one) => !absent.has(one) && one !== 'fuse')
    .map((one) =>
      file(
        `${folder}/kernel/x/${one}.ko.xz`,
        makeXz(makeModule([`alias=made:${one}`, 'depends='], elfMachine)),
      ),
    );
  const entries = [
    file(`boot/vmlinuz-${release}`, makeBzImage(Buffer.from(`\x7fELF kernel ${version}`, 'latin1'))),
    file(`${folder}/modules.builtin`, 'kernel/fs/fuse/fuse.ko\n'),
    ...modules,
    file(`usr/share/doc/${name}/copyright`, 'Copyright of the kernel\n'),
  ];
  return [
    { name, version: `${version}-1`, deb: makeDeb(entries) },
    { ...tinyPackage(meta, `${version}-1`, []), depends: `${name} (= ${version}-1)` },
  ];
}
