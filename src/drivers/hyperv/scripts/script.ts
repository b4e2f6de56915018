/** One operation at Hyper-V, as data: what it is called, what it is given, and what PowerShell does with it. */
export interface Script {
  /** Stands in the first line, for people who look at the process. */
  readonly operation: string;
  /** Reaches the body as `$p`, by way of base64: no text of a user is ever part of a script. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** PowerShell 5.1; its output is the result. */
  readonly body: string;
}

/** Begins the only line of the output that counts. */
export const resultPrefix = 'TSM:';

/** `id` of the error where an administrator allows PowerShell only its constrained language. */
export const languageModeId = 'TsmLanguageMode';

/**
 * The whole text of a script. Its result is one line of ASCII, `TSM:{json}`, whatever the code page of the console;
 * an error is told by its identifier and numbers, as messages are in the language of the user. The line is written to the
 * console itself, as PowerShell breaks long lines of its own output.
 */
export function scriptText({ operation, parameters, body }: Script): string {
  const encoded = Buffer.from(JSON.stringify(parameters), 'utf8').toString('base64');
  return `# tsmachine ${operation}
if ($ExecutionContext.SessionState.LanguageMode -ne 'FullLanguage') {
  Write-Output '${resultPrefix}{"ok":false,"id":"${languageModeId}"}'
  exit
}
$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
function Write-Result($result) {
  $json = ConvertTo-Json -InputObject $result -Compress -Depth 6
  $ascii = [regex]::Replace($json, '[^ -~]', { param($found) '\\u{0:x4}' -f [int][char]$found.Value })
  [Console]::Out.WriteLine('${resultPrefix}' + $ascii)
}
try {
  $bytes = [Convert]::FromBase64String('${encoded}')
  $p = ConvertFrom-Json -InputObject ([Text.Encoding]::UTF8.GetString($bytes))
  $value = . {
${indent(body.trim())}
  }
  Write-Result ([pscustomobject]@{ ok = $true; value = $value })
} catch {
  $codes = @()
  for ($fault = $_.Exception; $null -ne $fault; $fault = $fault.InnerException) { $codes += $fault.HResult }
  Write-Result ([pscustomobject]@{
    ok = $false
    id = $_.FullyQualifiedErrorId
    category = [string]$_.CategoryInfo.Category
    codes = $codes
    message = $_.Exception.Message
  })
}
`;
}

function indent(text: string): string {
  return text
    .split('\n')
    .map((line) => (line === '' ? '' : `    ${line}`))
    .join('\n');
}
