import { MachineError } from '../../core/errors.ts';
import type { Call } from '../call.ts';
import { complete } from '../complete.ts';

/**
 * The scripts. Each calls `completion words BEFORE... =CURRENT` at the tab key; the sign before the current word keeps
 * an empty one from getting lost on its way.
 */
const scripts: Readonly<Record<string, (program: string) => string>> = {
  bash: (program) => `_${functionName(program)}() {
  local IFS=$'\\n'
  COMPREPLY=($(${program} completion words "\${COMP_WORDS[@]:1:COMP_CWORD-1}" "=\${COMP_WORDS[COMP_CWORD]}" 2>/dev/null))
  if [[ "\${COMPREPLY[0]}" == *: ]]; then compopt -o nospace 2>/dev/null; fi
}
complete -o default -F _${functionName(program)} ${program}`,
  zsh: (program) => `#compdef ${program}
_${functionName(program)}() {
  local -a found
  found=("\${(@f)$(${program} completion words "\${(@)words[2,CURRENT-1]}" "=\${words[CURRENT]}" 2>/dev/null)}")
  if [[ -z "\${found[*]}" ]]; then _files
  elif [[ "\${found[1]}" == *: ]]; then compadd -S '' -a found
  else compadd -a found; fi
}
compdef _${functionName(program)} ${program}`,
  fish: (program) => `function __${functionName(program)}_words
  set -l found (${program} completion words (commandline -opc)[2..-1] "="(commandline -ct) 2>/dev/null)
  if test (count $found) -gt 0
    string join \\n -- $found
  else
    __fish_complete_path (commandline -ct)
  end
end
complete -c ${program} -f -a '(__${functionName(program)}_words)'`,
  powershell: (program) => `Register-ArgumentCompleter -Native -CommandName ${program} -ScriptBlock {
  param($current, $line, $position)
  $before = @($line.CommandElements | Select-Object -Skip 1 | Where-Object { $_.Extent.EndOffset -lt $position } | ForEach-Object { "$_" })
  & ${program} completion words @before "=$current" 2>$null | ForEach-Object {
    [System.Management.Automation.CompletionResult]::new($_, $_, 'ParameterValue', $_)
  }
}`,
};

/** `completion [shell]`: the script that a shell reads at its start. */
export default async function completion(call: Call<'completion'>): Promise<number> {
  const [first = '', ...rest] = call.args;
  if (first === 'words') {
    const current = (rest.at(-1) ?? '=').slice(1);
    const found = await complete(call.session, rest.slice(0, -1), current);
    if (found.length > 0) {
      call.print(found.join('\n'));
    }
    return 0;
  }
  if (/^--?h(elp)?$/.test(first)) {
    const { commandHelp } = await import('../help.ts');
    const { program, stdout } = call.io;
    call.print(await commandHelp({ command: call.command }, { program, columns: stdout.columns }));
    return 0;
  }
  const script = Object.hasOwn(scripts, first) ? scripts[first] : undefined;
  if (script === undefined || rest.length > 0) {
    throw new MachineError('arguments-invalid', 'Expected the name of one shell as an argument', {
      why: `There are scripts for: ${Object.keys(scripts).join(', ')}.`,
    });
  }
  call.print(script(call.io.program));
  return 0;
}

function functionName(program: string): string {
  return program.replaceAll('-', '_');
}
