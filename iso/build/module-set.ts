import { MachineError } from '../../src/core/errors.ts';
import { compareBytes } from '../formats/entry.ts';
import { moduleName, readModuleInfo } from '../formats/modinfo.ts';
import { unxzAll } from '../formats/xz.ts';
import type { KernelPackage } from './kernel-package.ts';

const moduleMaxBytes = 1 << 26;

/** An unpacked kernel module. */
export interface KernelModule {
  readonly name: string;
  /** Path below the module directory, ending in `.ko`. */
  readonly path: string;
  readonly data: Buffer;
  readonly depends: readonly string[];
  readonly aliases: readonly string[];
}

/** The modules of a kernel package, unpacked as they are asked for. */
export class ModuleSet {
  readonly #paths = new Map<string, string>();
  readonly #builtin: ReadonlySet<string>;
  readonly #loaded = new Map<string, KernelModule>();
  readonly #kernel: KernelPackage;

  constructor(kernel: KernelPackage) {
    this.#kernel = kernel;
    for (const path of kernel.modules.keys()) {
      this.#paths.set(nameOf(path), path);
    }
    this.#builtin = new Set(
      kernel.builtin
        .split('\n')
        .filter((line) => line !== '')
        .map(nameOf),
    );
  }

  /**
   * The requested modules with everything they depend on, sorted by path. A request may be met by what
   * is built into the kernel. Throws `image-build-failed` for a name that is neither there nor in
   * `absent`, and for one in `absent` that is there, so that the lists stay true.
   */
  async closure(requested: readonly string[], absent: readonly string[]): Promise<readonly KernelModule[]> {
    const excused = new Set(absent.map(moduleName));
    const found = new Map<string, KernelModule>();
    const queue = requested.map(moduleName);
    for (let name = queue.shift(); name !== undefined; name = queue.shift()) {
      if (found.has(name) || this.#builtin.has(name)) {
        continue;
      }
      if (!this.#paths.has(name)) {
        if (excused.has(name)) {
          continue;
        }
        throw this.#listError(`has no module ${name}`);
      }
      if (excused.has(name)) {
        throw this.#listError(`has the module ${name} after all`);
      }
      const module = await this.#load(name);
      found.set(name, module);
      queue.push(...module.depends);
    }
    return [...found.values()].sort((left, right) => compareBytes(left.path, right.path));
  }

  async #load(name: string): Promise<KernelModule> {
    const known = this.#loaded.get(name);
    if (known !== undefined) {
      return known;
    }
    const stored = this.#paths.get(name) ?? '';
    const packed = this.#kernel.modules.get(stored) ?? Buffer.alloc(0);
    const data = stored.endsWith('.xz') ? await unxzAll(packed, stored, moduleMaxBytes) : packed;
    const path = stored.replace(/\.xz$/, '');
    const module = { name, path, data, ...readModuleInfo(data, path) };
    this.#loaded.set(name, module);
    return module;
  }

  #listError(what: string): MachineError {
    return new MachineError('image-build-failed', `The kernel ${this.#kernel.release} ${what}`, {
      remedies: ['Mend the lists in iso/modules.ts.'],
    });
  }
}

function nameOf(path: string): string {
  return moduleName(path.replace(/^.*\//, '').replace(/\.ko(?:\.xz)?$/, ''));
}

/**
 * The text of modules.dep: for each module its path and the paths of all it depends on, directly or
 * not, those that need others first, as depmod(8) writes it.
 */
export function modulesDep(modules: readonly KernelModule[]): string {
  const byName = new Map(modules.map((module) => [module.name, module]));
  return modules.map((module) => `${module.path}:${dependencyPaths(module, byName)}\n`).join('');
}

function dependencyPaths(module: KernelModule, byName: ReadonlyMap<string, KernelModule>): string {
  const ordered: KernelModule[] = [];
  const seen = new Set<string>();
  // Depth first and appended on the way back, a module stands after all that it needs; the list wants the reverse.
  const visit = (current: KernelModule): void => {
    for (const name of current.depends) {
      const next = byName.get(name);
      if (next !== undefined && !seen.has(name)) {
        seen.add(name);
        visit(next);
        ordered.push(next);
      }
    }
  };
  visit(module);
  return ordered
    .reverse()
    .map((dependency) => ` ${dependency.path}`)
    .join('');
}

/** The text of modules.alias: one line for each pattern that a module serves. */
export function modulesAlias(modules: readonly KernelModule[]): string {
  return modules
    .flatMap((module) => module.aliases.map((alias) => `alias ${alias} ${module.name}\n`))
    .join('');
}
