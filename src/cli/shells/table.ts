import type { Shell } from './shell.ts';

/** Shells by the name that --shell takes, loaded when they are named. */
const loaders: Readonly<Record<string, () => Promise<Shell>>> = {
  bash: async () => (await import('./posix.ts')).createPosixShell('bash'),
  sh: async () => (await import('./posix.ts')).createPosixShell('sh'),
  zsh: async () => (await import('./posix.ts')).createPosixShell('zsh'),
  fish: async () => (await import('./fish.ts')).fish,
  powershell: async () => (await import('./powershell.ts')).createPowerShell('powershell'),
  pwsh: async () => (await import('./powershell.ts')).createPowerShell('pwsh'),
  cmd: async () => (await import('./cmd.ts')).cmd,
  tcsh: async () => (await import('./tcsh.ts')).tcsh,
  emacs: async () => (await import('./emacs.ts')).emacs,
  nu: async () => (await import('./newer.ts')).nu,
  elvish: async () => (await import('./newer.ts')).elvish,
  xonsh: async () => (await import('./newer.ts')).xonsh,
};

/** Names that --shell takes. */
export const shellNames: readonly string[] = Object.keys(loaders);

/** Other names of the same shells. */
const aliases: Readonly<Record<string, string>> = {
  ash: 'sh',
  csh: 'tcsh',
  dash: 'sh',
  ksh: 'sh',
  nushell: 'nu',
};

/** The shell of this name; undefined for a word that is none. */
export async function loadShell(word: string): Promise<Shell | undefined> {
  const name = Object.hasOwn(aliases, word) ? (aliases[word] ?? word) : word;
  return Object.hasOwn(loaders, name) ? loaders[name]?.() : undefined;
}

/** True when the name is one that loadShell knows. */
export function isShellName(word: string): boolean {
  return Object.hasOwn(loaders, word) || Object.hasOwn(aliases, word);
}
