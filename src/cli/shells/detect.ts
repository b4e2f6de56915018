import type { Host } from '../../host/types.ts';
import { isShellName } from './table.ts';

const askTimeoutMs = 5000;

/** A process above this one, nearest first. */
export interface Ancestor {
  /** File name, with or without .exe. */
  readonly name: string;
  readonly commandLine: string;
}

/**
 * The name of the shell that the user types into: from SHELL; on Windows without it from the processes above this one.
 * Undefined when SHELL is empty elsewhere.
 */
export async function detectShell(host: Host): Promise<string | undefined> {
  const { env, platform } = host.facts;
  const shell = env['SHELL'] ?? '';
  if (platform === 'win32') {
    if ((env['__fish_bin_dir'] ?? '') !== '') {
      return 'fish';
    }
    return shell === '' ? shellOfAncestors(await readAncestors(host)) : baseName(shell);
  }
  return shell === '' ? undefined : baseName(shell);
}

/**
 * The nearest process that is a shell. A cmd.exe that was started only to run one command (npm's .cmd files from
 * PowerShell) is not the one the user types into.
 */
export function shellOfAncestors(ancestors: readonly Ancestor[]): string {
  for (const { name, commandLine } of ancestors) {
    const word = baseName(name);
    const isCarrier = word === 'cmd' && /\s\/(d\s+\/s\s+\/)?c\b/i.test(commandLine);
    if (isShellName(word) && !isCarrier) {
      return word;
    }
  }
  return 'cmd';
}

function baseName(path: string): string {
  return path
    .slice(Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\')) + 1)
    .replace(/\.exe$/i, '')
    .toLowerCase();
}

/** Asks Windows who started us. What cannot be found out is left out. */
async function readAncestors(host: Host): Promise<Ancestor[]> {
  const script = [
    `$id = ${host.facts.pid}`,
    'foreach ($i in 1..5) {',
    '  $p = Get-CimInstance Win32_Process -Filter "ProcessId=$id"',
    '  if (-not $p) { break }',
    '  if ($i -gt 1) { ConvertTo-Json -Compress @{ name = $p.Name; commandLine = "$($p.CommandLine)" } }',
    '  $id = $p.ParentProcessId',
    '}',
  ].join('\n');
  try {
    const { stdout } = await host.processes.run(
      'powershell.exe',
      ['-NoLogo', '-NoProfile', '-NonInteractive', '-Command', script],
      { timeoutMs: askTimeoutMs },
    );
    const lines = stdout.split(/\r?\n/).filter((line) => line !== '');
    return lines.map((line) => JSON.parse(line) as Ancestor);
  } catch {
    return [];
  }
}
