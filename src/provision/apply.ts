import { quoteArgument } from '../ssh/quote.ts';
import { daemonConfigPath, formatDaemonConfig, parseDaemonConfig } from './daemon-config.ts';
import type { HostFacts } from './facts.ts';
import { progressMark } from './long-script.ts';
import { renewProgram } from './services/boot2docker.ts';
import type { ServiceCommands } from './services/service.ts';
import type { FileChange, SetupPlan } from './setup.ts';

/** How long the engine may take until it answers. */
const engineTimeoutSeconds = 90;
const engineSocket = '/var/run/docker.sock';

/** What the script needs besides the plan. */
export interface ApplyContext {
  readonly facts: HostFacts;
  readonly service: ServiceCommands;
  /** Random; marks the ends of files and the names of temporary ones. */
  readonly token: string;
}

/**
 * One script that carries a plan out. Each file is whole under its name or not there; when the engine does not come up with
 * what is new, everything is put back as it was, the engine is started with that, and the script fails.
 * Exit code 3: the engine did not start.
 */
export function applyScript(plan: SetupPlan, context: ApplyContext): string {
  const { facts, service, token } = context;
  const keeps = plan.containers === 'keep';
  const before = facts.files.get(daemonConfigPath);
  const after = plan.files.find(({ path }) => path === daemonConfigPath)?.content ?? before;
  const paths = new Set([
    ...plan.files.map(({ path }) => path),
    ...plan.removed,
    ...(keeps ? [daemonConfigPath] : []),
  ]);
  const files = plan.files.filter(({ path }) => !keeps || path !== daemonConfigPath);
  const lines = [
    preamble,
    functions(
      context,
      [...paths],
      backupsOf(plan).map(([, to]) => to),
    ),
    keeps ? keepingFunctions(before, after, context) : `after_put_back() { ${restartQuietly(service)}; }`,
    ...(keeps ? ['keep_containers'] : []),
    ...backupsOf(plan).map(([from, to]) => `if [ -e ${from} ]; then cp -p ${from} ${to}; fi`),
    ...files.map((file) => putFile(file, token)),
    ...plan.removed.map((path) => `take_away ${quoteArgument(path)}`),
    ...(plan.hostName === undefined ? [] : [setHostName(plan.hostName)]),
    ...(plan.handOver === undefined ? [] : [`${renewProgram} <<'${token}'\n${plan.handOver}${token}`]),
    ...engineCommands(plan, service),
    ...(keeps ? ['let_go'] : []),
    ...(plan.enable ? [service.enable] : []),
    'clean_up',
  ];
  return lines.join('\n');
}

/**
 * Brings the packages of the engine to their newest version, with the containers going on: the package restarts the
 * engine.
 */
export function upgradeScript(
  upgrade: string,
  containers: SetupPlan['containers'],
  context: ApplyContext,
): string {
  const keeps = containers === 'keep';
  const before = context.facts.files.get(daemonConfigPath);
  const lines = [
    preamble,
    functions(context, keeps ? [daemonConfigPath] : []),
    ...(keeps ? [keepingFunctions(before, before, context), 'keep_containers'] : ['after_put_back() { :; }']),
    // Nothing that it runs writes to the connection, which may be cut.
    `trap '' PIPE; exec 3>&1; progress() { printf '${progressMark}%s\\n' "$*" >&3 2>/dev/null || true; }`,
    `upgrade() (\nset -e\n${upgrade}\n)`,
    // "|| …" would switch off "set -e" in it.
    'log=$(mktemp); set +e; upgrade >"$log" 2>&1; failed=$?; set -e',
    'if [ "$failed" -ne 0 ]; then tail -n 20 "$log" >&2; fi; rm -f "$log"',
    'answers || { ' + context.service.start + '; }',
    'wait_for || put_back',
    ...(keeps ? ['let_go'] : []),
    'clean_up',
    'exit "$failed"',
  ];
  return lines.join('\n');
}

// boot2docker has a program that also keeps the name.
function setHostName(name: string): string {
  const quoted = quoteArgument(name);
  return `if [ -x /usr/bin/sethostname ]; then /usr/bin/sethostname ${quoted}; else hostname ${quoted}; fi`;
}

const preamble = `set -e\nPATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; export PATH`;

/** Files that are kept beside what takes their place, and the names of the copies. */
function backupsOf({ replaced }: SetupPlan): [from: string, to: string][] {
  return (replaced?.files ?? []).map((path) => [
    quoteArgument(path),
    quoteArgument(`${path}${replaced?.suffix ?? ''}`),
  ]);
}

/** @param backups quoted paths, needed no more when everything is put back */
function functions(
  { service, token }: ApplyContext,
  paths: readonly string[],
  backups: readonly string[] = [],
): string {
  const docker = 'limited env -u DOCKER_HOST -u DOCKER_CONTEXT docker';
  return `
paths=${quoteArgument(paths.join(' '))}
put() {
  mkdir -p "$(dirname "$1")"
  if [ -e "$1" ] && [ ! -e "$1.${token}.old" ]; then cp -p "$1" "$1.${token}.old"; fi
  (umask 077; cat >"$1.${token}.new")
  chmod "$2" "$1.${token}.new"
  mv -f "$1.${token}.new" "$1"
}
take_away() {
  if [ -e "$1" ]; then mv -f "$1" "$1.${token}.old"; fi
}
clean_up() {
  for path in $paths; do rm -f "$path.${token}.old"; done
}
limited() { if command -v timeout >/dev/null 2>&1; then timeout 20 "$@"; else "$@"; fi; }
answers() {
  if command -v docker >/dev/null 2>&1; then
    ${docker} info --format '{{.ServerVersion}}' 2>/dev/null | grep -q .
  elif command -v curl >/dev/null 2>&1; then
    limited curl -s --unix-socket ${engineSocket} http://localhost/_ping 2>/dev/null | grep -q OK
  elif command -v socat >/dev/null 2>&1; then
    printf 'GET /_ping HTTP/1.0\\r\\n\\r\\n' | limited socat -t 20 - UNIX-CONNECT:${engineSocket} 2>/dev/null | grep -q OK
  else
    [ -S ${engineSocket} ]
  fi
}
keeps() { ${docker} info --format '{{.LiveRestoreEnabled}}' 2>/dev/null; }
wait_for() {
  left=${engineTimeoutSeconds}
  while [ "$left" -gt 0 ]; do
    if answers; then return 0; fi
    sleep 1; left=$((left - 1))
  done
  return 1
}
wait_keeps() {
  left=20
  while [ "$left" -gt 0 ]; do
    if [ "$(keeps)" = "$1" ]; then return 0; fi
    sleep 1; left=$((left - 1))
  done
  return 1
}
put_back() {
  { ${service.logs}; } >&2 || true
  for path in $paths; do
    if [ -e "$path.${token}.old" ]; then mv -f "$path.${token}.old" "$path"; else rm -f "$path"; fi
  done
  ${backups.length === 0 ? ':' : `rm -f ${backups.join(' ')}`}
  ${service.readAgain} || true
  after_put_back
  exit 3
}`;
}

function restartQuietly(service: ServiceCommands): string {
  return `{ ${service.restart}; } >/dev/null 2>&1 || true`;
}

/**
 * An engine that runs is told to leave its containers alone when it ends, which it takes over without a restart; when
 * another has found them again, that one is told that the setting is over. It stays nowhere, because an engine with it
 * cannot become part of a swarm.
 */
function keepingFunctions(
  before: string | undefined,
  after: string | undefined,
  { service, token }: ApplyContext,
): string {
  const config = (text: string | undefined, keep: boolean): string =>
    putFile({ path: daemonConfigPath, mode: 0o644, content: liveRestore(text, keep) }, token);
  const final = (text: string | undefined): string =>
    text === undefined
      ? `rm -f ${daemonConfigPath}`
      : putFile({ path: daemonConfigPath, mode: 0o644, content: text }, token);
  return `
keep_containers() {
${config(before, true)}
${service.reload}
if ! wait_keeps true; then
${final(before)}
clean_up
echo 'the engine cannot be told to keep its containers' >&2
exit 4
fi
${config(after, true)}
}
let_go() {
${config(after, false)}
${service.reload}
wait_keeps false || true
${final(after)}
}
after_put_back() {
${config(before, true)}
${restartQuietly(service)}
wait_for || true
${config(before, false)}
${service.reload}
wait_keeps false || true
${final(before)}
clean_up
}`;
}

/** A file by its content: never as an argument, where every user of the host could read it. */
function putFile({ path, mode, content }: FileChange, token: string): string {
  return `put ${quoteArgument(path)} ${mode.toString(8)} <<'${token}'\n${withLineEnd(content)}${token}`;
}

function withLineEnd(text: string): string {
  return text.endsWith('\n') ? text : `${text}\n`;
}

function liveRestore(text: string | undefined, value: boolean): string {
  return formatDaemonConfig({ ...parseDaemonConfig(text), 'live-restore': value });
}

function engineCommands(plan: SetupPlan, service: ServiceCommands): string[] {
  switch (plan.engine) {
    case 'nothing':
      return [];
    case 'reload':
      return [service.reload];
    case 'start':
    case 'restart':
      return [service.readAgain, `{ ${service[plan.engine]}; } || put_back`, 'wait_for || put_back'];
  }
}
