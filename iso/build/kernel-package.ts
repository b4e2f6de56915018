import { inputError } from '../formats/input-error.ts';
import { readDeb } from './deb.ts';

/** What the image needs out of the kernel's package. */
export interface KernelPackage {
  /** The kernel's release, as `uname -r` shows it. */
  readonly release: string;
  readonly image: Buffer;
  /** The modules as they are stored (`.ko.xz`), by their path below the module directory. */
  readonly modules: ReadonlyMap<string, Buffer>;
  /** The text of modules.builtin: paths of what is built into the kernel. */
  readonly builtin: string;
  readonly copyright: Buffer;
}

const imagePath = /^boot\/vmlinuz-(.+)$/;
const modulePath = /^usr\/lib\/modules\/[^/]+\/(kernel\/.+\.ko(?:\.xz)?)$/;
const builtinPath = /^usr\/lib\/modules\/[^/]+\/modules\.builtin$/;
const copyrightPath = /^usr\/share\/doc\/[^/]+\/copyright$/;

/** Reads the kernel's package; `file` names it in errors. */
export async function readKernelPackage(deb: Uint8Array, file: string): Promise<KernelPackage> {
  const wanted = [imagePath, modulePath, builtinPath, copyrightPath];
  let release: string | undefined;
  let image: Buffer | undefined;
  let builtin: string | undefined;
  let copyright: Buffer | undefined;
  const modules = new Map<string, Buffer>();
  const select = (path: string, kind: string): boolean =>
    kind === 'file' && wanted.some((one) => one.test(path));
  for await (const member of readDeb(deb, file, select)) {
    if (member.kind !== 'file') {
      continue;
    }
    const module = modulePath.exec(member.path)?.[1];
    if (module !== undefined) {
      modules.set(module, member.data);
    } else if (builtinPath.test(member.path)) {
      builtin = member.data.toString('utf8');
    } else if (copyrightPath.test(member.path)) {
      copyright = member.data;
    } else {
      release = imagePath.exec(member.path)?.[1];
      image = member.data;
    }
  }
  if (release === undefined || image === undefined || builtin === undefined || copyright === undefined) {
    throw inputError(file, 'It holds no kernel, or not all that belongs to one.');
  }
  return { release, image, modules, builtin, copyright };
}
