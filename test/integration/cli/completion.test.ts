import { spawnSync } from 'node:child_process';
import { mkdtempSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import test from 'ava';

const program = join(import.meta.dirname, '../../../../bin/tsmachine.js');

/**
 * What a real shell offers, with the program on PATH, one machine directory `dev` in the store and the given files in the
 * current directory. Undefined without that shell.
 */
function offers(
  shell: string,
  args: readonly string[],
  files: Readonly<Record<string, string>> = {},
): string | undefined {
  const directory = mkdtempSync(join(tmpdir(), 'tsmachine-completion-'));
  try {
    mkdirSync(join(directory, 'store', 'machines', 'dev'), { recursive: true });
    symlinkSync(program, join(directory, 'tsmachine'));
    for (const [name, text] of Object.entries(files)) {
      writeFileSync(join(directory, name), text);
    }
    const result = spawnSync(shell, args, {
      cwd: directory,
      encoding: 'utf8',
      timeout: 120_000,
      env: {
        HOME: directory,
        LANG: 'C.UTF-8',
        MACHINE_STORAGE_PATH: join(directory, 'store'),
        PATH: [directory, join(process.execPath, '..'), process.env['PATH'] ?? ''].join(delimiter),
      },
    });
    return result.error === undefined ? result.stdout + result.stderr : undefined;
  } finally {
    rmSync(directory, { recursive: true });
  }
}

test('bash completes commands, machines and flags', (t) => {
  const script = `
    source <(tsmachine completion bash)
    try() { COMP_WORDS=("$@"); COMP_CWORD=$(($#-1)); _tsmachine; echo "$COMP_CWORD: \${COMPREPLY[*]}"; }
    try tsmachine st
    try tsmachine url ''
    try tsmachine create -d none --u
    try tsmachine create --driver = n
    try tsmachine scp d
  `;
  const text = offers('bash', ['--norc', '-c', script]);
  if (text === undefined) {
    t.log('skipped: needs bash');
  }
  const wanted = '1: start status stop\n2: dev\n4: --url\n4: none\n2: dev:\n';
  t.is(text ?? wanted, wanted);
});

test('fish completes commands and machines, and files where nothing else fits', (t) => {
  const lines = ['st', 'url ', 'create --driver=n', '-s set'];
  const script = [
    'tsmachine completion fish | source',
    ...lines.map((line) => `complete -C "tsmachine ${line}"`),
  ].join('; ');
  const text = offers('fish', ['--no-config', '-c', script], { 'settings.txt': '' });
  if (text === undefined) {
    t.log('skipped: needs fish');
  }
  const wanted = 'start\nstatus\nstop\ndev\n--driver=none\nsettings.txt\n';
  t.is(text ?? wanted, wanted);
});

/** Makes a zsh in a terminal of its own say what its completion system is given. */
const zshSetup = `
  PROMPT=
  autoload -Uz compinit && compinit -u -D
  source <(tsmachine completion zsh)
  bindkey '^I' complete-word
  compadd() {
    local -a hits
    builtin compadd -A hits "$@"
    print -rl -- "" "HIT:"\${^hits}
    builtin compadd "$@"
  }
  say-end() { print DO""NE }
  comppostfuncs=(say-end)
  print REA""DY
`;
const zshDriver = `
  zmodload zsh/zpty || exit 9
  for line in "$@"; do
    zpty z zsh -f -i
    zpty -w z 'source ./setup.zsh'
    zpty -r -m z out '*READY*'
    zpty -w -n z "$line"$'\t'
    zpty -r -m z out '*DONE*'
    print -r -- "\${line}|"
    print -r -- "$out" | tr -d '\r' | sed -n 's/^HIT://p' | sort -u
    zpty -d z
  done
`;

test('zsh completes commands, machines, flags, places on machines and files', (t) => {
  const wanted = [
    ['tsmachine st', 'start', 'status', 'stop'],
    ['tsmachine url ', 'dev'],
    ['tsmachine create -d none --u', '--url'],
    ['tsmachine create --driver=n', '--driver=none'],
    ['tsmachine scp d', 'dev:'],
    ['tsmachine -s set', 'settings.txt', 'setup.zsh'],
  ];
  const lines = wanted.map(([line = '']) => line);
  const files = { 'setup.zsh': zshSetup, 'drive.zsh': zshDriver, 'settings.txt': '' };
  const text = offers('zsh', ['-f', 'drive.zsh', ...lines], files);
  if (text === undefined) {
    t.log('skipped: needs zsh');
    t.pass();
    return;
  }
  t.is(text, `${wanted.map(([line = '', ...words]) => [`${line}|`, ...words].join('\n')).join('\n')}\n`);
});

test('the script for PowerShell: its brackets close, and the words are told apart by their ends', (t) => {
  const { stdout } = spawnSync(process.execPath, [program, 'completion', 'powershell'], { encoding: 'utf8' });
  let depth = '';
  for (const [bracket] of stdout.replaceAll(/"[^"]*"|'[^']*'/g, '').matchAll(/[()[\]{}]/g)) {
    if ('([{'.includes(bracket)) {
      depth += bracket;
    } else {
      t.is('([{'.indexOf(depth.at(-1) ?? ''), ')]}'.indexOf(bracket), stdout);
      depth = depth.slice(0, -1);
    }
  }
  t.is(depth, '');
  t.regex(stdout, /^Register-ArgumentCompleter -Native -CommandName tsmachine -ScriptBlock \{$/m);
  // The parameters of a native completer, in their order.
  t.regex(stdout, /^ {2}param\(\$current, \$line, \$position\)$/m);
  t.regex(stdout, /Where-Object \{ \$_\.Extent\.EndOffset -lt \$position \}/);
  t.regex(stdout, /& tsmachine completion words @before "=\$current" 2>\$null/);
});
