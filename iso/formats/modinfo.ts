import { elfSection } from './elf.ts';
import { inputError } from './input-error.ts';

/** What a kernel module says about itself. */
export interface ModuleInfo {
  /** Modules that have to be loaded before it, by their names with `_`. */
  readonly depends: readonly string[];
  /** Patterns of the hardware or purposes that it serves. */
  readonly aliases: readonly string[];
}

/**
 * Reads the section `.modinfo` of a kernel module: `key=value` texts, each ended by NUL.
 * Throws `image-build-failed` when the module has none.
 */
export function readModuleInfo(module: Uint8Array, file: string): ModuleInfo {
  const section = elfSection(module, '.modinfo', file);
  if (section === undefined) {
    throw inputError(file, 'It has no section .modinfo.');
  }
  const depends: string[] = [];
  const aliases: string[] = [];
  for (const field of section.toString('utf8').split('\0')) {
    const equals = field.indexOf('=');
    const key = field.slice(0, equals);
    const value = field.slice(equals + 1);
    if (key === 'depends') {
      depends.push(
        ...value
          .split(',')
          .filter((name) => name !== '')
          .map(moduleName),
      );
    } else if (key === 'alias') {
      aliases.push(value);
    }
  }
  return { depends, aliases };
}

/** The name of a module as the kernel writes it: file names may have `-` where the name has `_`. */
export function moduleName(name: string): string {
  return name.replaceAll('-', '_');
}
