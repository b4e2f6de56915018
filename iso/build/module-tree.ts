import { absentModules, initramfsModules, rootModules } from '../modules.ts';
import type { Architecture } from '../packages.ts';
import type { FileTree } from './file-tree.ts';
import type { KernelPackage } from './kernel-package.ts';
import { ModuleSet, modulesAlias, modulesDep, type KernelModule } from './module-set.ts';

/** Puts the modules of the root and of the initramfs into their trees, unpacked, with the text indexes. */
export async function addModules(
  kernel: KernelPackage,
  options: {
    readonly architecture: Architecture;
    readonly owner: string;
    readonly root: FileTree;
    readonly initramfs: FileTree;
  },
): Promise<void> {
  const modules = new ModuleSet(kernel);
  const absent = absentModules[options.architecture].split(' ').filter((name) => name !== '');
  const requested = Object.values(rootModules).flatMap((names) => names.split(' '));
  const forRoot = await modules.closure(requested, absent);
  const forInitramfs = await modules.closure(initramfsModules.split(' '), absent);
  addOne(options.root, 'usr/lib/modules', { kernel, modules: forRoot, owner: options.owner });
  addOne(options.initramfs, 'lib/modules', { kernel, modules: forInitramfs, owner: options.owner });
}

function addOne(
  tree: FileTree,
  folder: string,
  content: {
    readonly kernel: KernelPackage;
    readonly modules: readonly KernelModule[];
    readonly owner: string;
  },
): void {
  const { kernel, modules, owner } = content;
  const base = `${folder}/${kernel.release}`;
  for (const module of modules) {
    tree.file(`${base}/${module.path}`, module.data, { owner });
  }
  tree.file(`${base}/modules.dep`, Buffer.from(modulesDep(modules)));
  tree.file(`${base}/modules.alias`, Buffer.from(modulesAlias(modules)));
  tree.file(`${base}/modules.builtin`, Buffer.from(kernel.builtin), { owner });
}
