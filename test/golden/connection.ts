import { regenerateAdvice, type GoldenRow } from './row.ts';

const url = 'tcp://127.0.0.1:23760';
const directory = 'STORE/machines/default';

const environment = [
  'export DOCKER_TLS_VERIFY="1"',
  `export DOCKER_HOST="${url}"`,
  `export DOCKER_CERT_PATH="${directory}"`,
  'export DOCKER_MACHINE_NAME="default"',
];
const unset = ['DOCKER_TLS_VERIFY', 'DOCKER_HOST', 'DOCKER_CERT_PATH', 'DOCKER_MACHINE_NAME'];
const hint = (argv: string): string[] => [
  '# Run this command to configure your shell: ',
  `# eval $(PROG ${argv})`,
  '',
];

function set(argv: string, stdout: readonly string[], more: Partial<GoldenRow> = {}): GoldenRow {
  return { argv, setting: 'one', engine: true, exit: 0, stdout, stderr: [], ...more };
}

function unsets(argv: string, stdout: readonly string[]): GoldenRow {
  return { argv, setting: 'one', exit: 0, stdout, stderr: [] };
}

const refused = (prefix: string): string[] => [
  `${prefix}Error checking and/or regenerating the certs: There was an error validating certificates for host "127.0.0.1:1": dial tcp 127.0.0.1:1: connect: connection refused`,
  ...regenerateAdvice,
];

/** `env` and `config`. */
export const connectionRows: readonly GoldenRow[] = [
  ...['bash', 'zsh', 'sh'].map((shell) =>
    set(`env --shell ${shell} default`, [...environment, ...hint(`env --shell ${shell} default`)]),
  ),
  set('env', [...environment, ...hint('env')]),
  set('env --shell bogus default', [...environment, ...hint('env --shell bogus default')], {
    stderr: ['Unknown shell "bogus": the lines are those for sh.', ''],
    differs: 'shells of env',
  }),
  set('env --shell fish default', [
    'set -gx DOCKER_TLS_VERIFY "1";',
    `set -gx DOCKER_HOST "${url}";`,
    `set -gx DOCKER_CERT_PATH "${directory}";`,
    'set -gx DOCKER_MACHINE_NAME "default";',
    '# Run this command to configure your shell: ',
    '# eval (PROG env --shell fish default)',
    '',
  ]),
  set('env default --shell powershell', [
    '$Env:DOCKER_TLS_VERIFY = "1"',
    `$Env:DOCKER_HOST = "${url}"`,
    `$Env:DOCKER_CERT_PATH = "${directory}"`,
    '$Env:DOCKER_MACHINE_NAME = "default"',
    '# Run this command to configure your shell: ',
    '# & PROG env default --shell powershell | Invoke-Expression',
    '',
  ]),
  set('env --shell cmd default', [
    'SET DOCKER_TLS_VERIFY=1',
    `SET DOCKER_HOST=${url}`,
    `SET DOCKER_CERT_PATH=${directory}`,
    'SET DOCKER_MACHINE_NAME=default',
    'REM Run this command to configure your shell: ',
    `REM \t@FOR /f "tokens=*" %i IN ('PROG env --shell cmd default') DO @%i`,
    '',
  ]),
  set('env --shell tcsh default', [
    'setenv DOCKER_TLS_VERIFY "1";',
    `setenv DOCKER_HOST "${url}";`,
    `setenv DOCKER_CERT_PATH "${directory}";`,
    'setenv DOCKER_MACHINE_NAME "default";',
    ': Run this command to configure your shell: ',
    ': eval `PROG env --shell tcsh default`',
    '',
  ]),
  set('env --shell emacs default', [
    '(setenv "DOCKER_TLS_VERIFY" "1")',
    `(setenv "DOCKER_HOST" "${url}")`,
    `(setenv "DOCKER_CERT_PATH" "${directory}")`,
    '(setenv "DOCKER_MACHINE_NAME" "default")',
    ';; Run this command to configure your shell: ',
    ';; (with-temp-buffer (shell-command "PROG env --shell emacs default" (current-buffer)) (eval-buffer))',
    '',
  ]),
  set(
    'env --shell pwsh default',
    [
      '$Env:DOCKER_TLS_VERIFY = "1"',
      `$Env:DOCKER_HOST = "${url}"`,
      `$Env:DOCKER_CERT_PATH = "${directory}"`,
      '$Env:DOCKER_MACHINE_NAME = "default"',
      '# Run this command to configure your shell: ',
      '# & PROG env --shell pwsh default | Invoke-Expression',
      '',
    ],
    { differs: 'shells of env' },
  ),
  set(
    'env --no-proxy default',
    [...environment, 'export NO_PROXY="127.0.0.1"', ...hint('env --no-proxy default')],
    { differs: 'ip of none' },
  ),
  set('env --no-proxy', [...environment, 'export NO_PROXY="a.b,127.0.0.1"', ...hint('env --no-proxy')], {
    env: { NO_PROXY: 'a.b,127.0.0.1' },
  }),
  set('env --no-proxy', [...environment, 'export no_proxy="x,127.0.0.1"', ...hint('env --no-proxy')], {
    env: { no_proxy: 'x' },
    differs: 'ip of none',
  }),
  set('env', [...environment, 'export NO_PROXY="127.0.0.1"', ...hint('env')], {
    env: { HTTPS_PROXY: 'http://proxy.example:3128' },
    differs: 'NO_PROXY',
  }),
  unsets('env --shell bash -u', [...unset.map((name) => `unset ${name}`), ...hint('env --shell bash -u')]),
  unsets('env --shell fish -u', [
    ...unset.map((name) => `set -e ${name};`),
    '# Run this command to configure your shell: ',
    '# eval (PROG env --shell fish -u)',
    '',
  ]),
  unsets('env --shell powershell -u', [
    ...unset.map((name) => `Remove-Item Env:\\\\${name}`),
    '# Run this command to configure your shell: ',
    '# & PROG env --shell powershell -u | Invoke-Expression',
    '',
  ]),
  unsets('env --shell cmd -u', [
    ...unset.map((name) => `SET ${name}=`),
    'REM Run this command to configure your shell: ',
    `REM \t@FOR /f "tokens=*" %i IN ('PROG env --shell cmd -u') DO @%i`,
    '',
  ]),
  unsets('env --shell tcsh -u', [
    ...unset.map((name) => `unsetenv ${name};`),
    ': Run this command to configure your shell: ',
    ': eval `PROG env --shell tcsh -u`',
    '',
  ]),
  unsets('env --shell emacs -u', [
    ...unset.map((name) => `(setenv "${name}" nil)`),
    ';; Run this command to configure your shell: ',
    ';; (with-temp-buffer (shell-command "PROG env --shell emacs -u" (current-buffer)) (eval-buffer))',
    '',
  ]),
  unsets('env -u --no-proxy', [
    ...unset.map((name) => `unset ${name}`),
    'unset NO_PROXY',
    ...hint('env -u --no-proxy'),
  ]),
  ...['env default', 'env -u'].map((argv): GoldenRow => ({
    argv,
    setting: 'one',
    env: { SHELL: '' },
    exit: 1,
    stdout: [
      "The default lines below are for a sh/bash shell, you can specify the shell you're using, with the --shell flag.",
      '',
      '',
    ],
    stderr: ['Error: Unknown shell', ''],
  })),
  {
    argv: 'env --swarm default',
    setting: 'one',
    exit: 1,
    stdout: [],
    stderr: [
      'Error checking TLS connection: "default" is not a swarm master. The --swarm flag is intended for use with swarm masters',
      '',
    ],
  },
  {
    argv: 'env a',
    setting: 'four',
    exit: 1,
    stdout: [],
    stderr: refused('Error checking TLS connection: '),
  },
  {
    argv: 'config a',
    setting: 'four',
    exit: 1,
    stdout: [],
    stderr: refused('Error running connection boilerplate: '),
  },
  ...['config', 'config default', 'config default other'].map((argv) =>
    set(argv, [
      '--tlsverify',
      `--tlscacert="${directory}/ca.pem"`,
      `--tlscert="${directory}/cert.pem"`,
      `--tlskey="${directory}/key.pem"`,
      `-H=${url}`,
      '',
    ]),
  ),
  set('version default', ['27.5.1', '']),
  {
    argv: 'version a',
    setting: 'four',
    exit: 1,
    stdout: [],
    stderr: ['Unable to query docker version: Cannot connect to the docker engine endpoint', ''],
  },
];
