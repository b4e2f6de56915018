import test from 'ava';
import { createFakeHost } from '../../fakes/host.ts';
import { isMachineError } from '../../../src/core/errors.ts';
import { detectShell, shellOfAncestors } from '../../../src/cli/shells/detect.ts';
import { isShellName, loadShell } from '../../../src/cli/shells/table.ts';
import type { Shell } from '../../../src/cli/shells/shell.ts';

const url = 'tcp://127.0.0.1:2376';
const line = 'tsmachine env default';

async function shellNamed(name: string): Promise<Shell> {
  const shell = await loadShell(name);
  if (shell === undefined) {
    throw new Error(`there is no shell ${name}`);
  }
  return shell;
}

/** Set and unset of a harmless value and the hint: docker-machine's own forms for the shells that it knows. */
const forms: Readonly<Record<string, readonly [string, string, readonly string[]]>> = {
  bash: [
    `export DOCKER_HOST="${url}"`,
    'unset DOCKER_HOST',
    ['# Run this command to configure your shell: ', `# eval $(${line})`],
  ],
  fish: [
    `set -gx DOCKER_HOST "${url}";`,
    'set -e DOCKER_HOST;',
    ['# Run this command to configure your shell: ', `# eval (${line})`],
  ],
  powershell: [
    `$Env:DOCKER_HOST = "${url}"`,
    'Remove-Item Env:\\\\DOCKER_HOST',
    ['# Run this command to configure your shell: ', `# & ${line} | Invoke-Expression`],
  ],
  cmd: [
    `SET DOCKER_HOST=${url}`,
    'SET DOCKER_HOST=',
    ['REM Run this command to configure your shell: ', `REM \t@FOR /f "tokens=*" %i IN ('${line}') DO @%i`],
  ],
  tcsh: [
    `setenv DOCKER_HOST "${url}";`,
    'unsetenv DOCKER_HOST;',
    [': Run this command to configure your shell: ', `: eval \`${line}\``],
  ],
  emacs: [
    `(setenv "DOCKER_HOST" "${url}")`,
    '(setenv "DOCKER_HOST" nil)',
    [
      ';; Run this command to configure your shell: ',
      `;; (with-temp-buffer (shell-command "${line}" (current-buffer)) (eval-buffer))`,
    ],
  ],
  nu: [
    `$env.DOCKER_HOST = "${url}"`,
    'hide-env --ignore-errors DOCKER_HOST',
    ['# Run this command to configure your shell: ', `# ${line} --json | from json | load-env`],
  ],
  elvish: [
    `set-env DOCKER_HOST '${url}'`,
    'unset-env DOCKER_HOST',
    ['# Run this command to configure your shell: ', `# eval (${line} | slurp)`],
  ],
  xonsh: [
    `$DOCKER_HOST = "${url}"`,
    '${...}.pop("DOCKER_HOST", None)',
    ['# Run this command to configure your shell: ', `# execx($(${line}))`],
  ],
};

for (const [name, [set, unset, hint]] of Object.entries(forms)) {
  test(`${name}: the forms of harmless values`, async (t) => {
    const shell = await shellNamed(name);
    t.is(shell.set('DOCKER_HOST', url), set);
    t.is(shell.unset('DOCKER_HOST'), unset);
    t.deepEqual(shell.hint(line, { isPlain: true, isHarmless: true }), hint);
  });
}

const quotedForms: readonly (readonly [string, string, string])[] = [
  ['bash', '/home/jürgen/.docker', 'export X="/home/jürgen/.docker"'],
  ['bash', '/Users/Jo Doe/.docker', "export X='/Users/Jo Doe/.docker'"],
  ['bash', '/tmp/$(id)', "export X='/tmp/$(id)'"],
  ['bash', "/tmp/it's", "export X='/tmp/it'\\''s'"],
  ['bash', '/tmp/a  b', "export X=$'/tmp/a\\040\\040b'"],
  ['zsh', '/tmp/a*b', "export X=$'/tmp/a\\052b'"],
  ['sh', '/tmp/a*b', "export X='/tmp/a*b'"],
  ['fish', "/tmp/a'b\\c d", "set -gx X '/tmp/a\\'b\\\\c d';"],
  ['powershell', 'C:\\Users\\jo\\.docker', '$Env:X = "C:\\Users\\jo\\.docker"'],
  ['powershell', "C:\\Users\\Jo O'Doe", "$Env:X = 'C:\\Users\\Jo O''Doe'"],
  ['pwsh', '/tmp/a\u201db$x', "$Env:X = '/tmp/a\u201db$x'"],
  ['pwsh', '/tmp/a\u2019b', "$Env:X = '/tmp/a\u2019\u2019b'"],
  ['cmd', 'C:\\Users\\Jo Doe\\.docker', 'SET X=C:\\Users\\Jo Doe\\.docker'],
  ['cmd', 'C:\\a&b', 'SET "X=C:\\a&b"'],
  ['tcsh', "/tmp/a b'c!d$e", "setenv X '/tmp/a b'\\''c'\\!'d$e';"],
  ['emacs', 'C:\\a"b', '(setenv "X" "C:\\\\a\\"b")'],
  ['nu', 'C:\\a"b', '$env.X = "C:\\\\a\\"b"'],
  ['elvish', "it's $x", "set-env X 'it''s $x'"],
  ['xonsh', 'C:\\a"b', '$X = "C:\\\\a\\"b"'],
];

for (const [name, value, expected] of quotedForms) {
  test(`${name} quotes ${value}`, async (t) => {
    t.is((await shellNamed(name)).set('X', value), expected);
  });
}

test('what cannot be written safely is refused', async (t) => {
  const hopeless: readonly (readonly [string, string])[] = [
    ['cmd', '50%'],
    ['cmd', 'a"b'],
    ['cmd', 'a^b'],
    ['cmd', 'a!b'],
    ['tcsh', 'a*b'],
    ['tcsh', 'a  b'],
    ['tcsh', 'a{b}'],
  ];
  const everywhere = Object.keys(forms).flatMap((name) =>
    ['a\nb', 'a\rb', 'a\0b', 'a\u001b[0m', 'a\u0085b', 'a\u2028b'].map((value) => [name, value] as const),
  );
  for (const [name, value] of [...hopeless, ...everywhere]) {
    const shell = await shellNamed(name);
    const error = t.throws(() => shell.set('X', value), undefined, `${name} ${JSON.stringify(value)}`);
    t.true(isMachineError(error) && error.code === 'shell-unquotable' && error.exitCode === 2);
  }
});

test('hints: sh asks for quotes when a value needs them, tcsh says nothing when its backticks could do harm', async (t) => {
  const bash = await shellNamed('bash');
  t.is(bash.hint(line, { isPlain: false, isHarmless: true })[1], `# eval "$(${line})"`);
  const tcsh = await shellNamed('tcsh');
  t.deepEqual(tcsh.hint('tsmachine env; id', { isPlain: true, isHarmless: false }), []);
});

test('the shell is found in SHELL', async (t) => {
  for (const [shell, name] of [
    ['/bin/bash', 'bash'],
    ['/usr/local/bin/fish', 'fish'],
    ['/usr/bin/pwsh', 'pwsh'],
  ] as const) {
    t.is(await detectShell(createFakeHost({ env: { SHELL: shell } })), name);
  }
  t.is(await detectShell(createFakeHost({ env: {} })), undefined);
});

test('on Windows the nearest shell above counts, except a cmd.exe that runs one command', async (t) => {
  const cmd = { name: 'cmd.exe', commandLine: '"C:\\Windows\\system32\\cmd.exe"' };
  const carrier = {
    name: 'cmd.exe',
    commandLine: 'C:\\Windows\\system32\\cmd.exe /d /s /c "tsmachine.cmd env"',
  };
  const powershell = { name: 'powershell.exe', commandLine: 'powershell' };
  const pwsh = { name: 'pwsh.exe', commandLine: 'pwsh' };
  const explorer = { name: 'explorer.exe', commandLine: '' };
  t.is(shellOfAncestors([cmd, explorer]), 'cmd');
  t.is(shellOfAncestors([cmd, powershell]), 'cmd');
  t.is(shellOfAncestors([powershell, cmd]), 'powershell');
  t.is(shellOfAncestors([carrier, pwsh, cmd]), 'pwsh');
  t.is(shellOfAncestors([explorer]), 'cmd');
  t.is(shellOfAncestors([]), 'cmd');

  const host = createFakeHost({ platform: 'win32', env: {} });
  host.processes.answer('powershell.exe', {
    stdout: `${JSON.stringify(carrier)}\r\n${JSON.stringify(pwsh)}\r\n`,
  });
  t.is(await detectShell(host), 'pwsh');
  t.is(await detectShell(createFakeHost({ platform: 'win32', env: {} })), 'cmd');
  t.is(await detectShell(createFakeHost({ platform: 'win32', env: { SHELL: 'C:\\git\\bash.exe' } })), 'bash');
  t.is(
    await detectShell(createFakeHost({ platform: 'win32', env: { SHELL: '/bin/sh', __fish_bin_dir: '/x' } })),
    'fish',
  );
});

test('names of shells', async (t) => {
  t.true(isShellName('zsh'));
  t.true(isShellName('dash'));
  t.false(isShellName('toString'));
  t.is(await loadShell('bogus'), undefined);
  t.is(await loadShell('__proto__'), undefined);
  t.is((await shellNamed('csh')).name, 'tcsh');
});
