import { packagedSystems } from './detect.ts';
import { imageVariants } from './families/redhat.ts';
import { hasDefaultSource, installScript, proxiesOf, proxyExports } from './install.ts';
import { progressMark } from './long-script.ts';
import { framedScript, type RootShell } from './root-shell.ts';

/** Where the two sides find each other on a host. */
export interface FirstBootPlace {
  /** Says how far the installation is: `running PID`, `done`, `failed CODE`. Beside it is what it said, `….log`. */
  readonly state: string;
  /** cloud-init writes it when it has come to its end. */
  readonly cloudResult: string;
}

const usualPlace: FirstBootPlace = {
  state: '/run/tsmachine-first-boot',
  cloudResult: '/run/cloud-init/result.json',
};

/** So long a host works at it by itself; it is waited for somewhat longer. */
const installLimitSeconds = 10 * 60;
const waitLimitSeconds = 11 * 60;
const waitTimeoutMs = 13 * 60_000;

/**
 * A script of cloud-init by which a host installs the engine while it boots: what `installEngine` does over SSH, with the
 * same lock, so that the two never work at the same time. Everybody on the host can read it.
 * @returns undefined where it is left to SSH: for a source of the user's own, and for proxies with a password.
 */
export function firstBootScript(options: {
  readonly installUrl: string;
  readonly env: readonly string[];
}): string | undefined {
  const { installUrl, env } = options;
  const hasPassword = proxiesOf(env).some(([, value]) => value.includes('@'));
  if (!hasDefaultSource(installUrl) || hasPassword) {
    return undefined;
  }
  return bootScript(installScript(`${proxyExports(env)}${installByFamily()}`));
}

/** Runs a script with a time limit, and says how far it is. It never fails: what it leaves undone is done over SSH. */
export function bootScript(
  script: string,
  { state } = usualPlace,
  limitSeconds: number = installLimitSeconds,
): string {
  return `#!/bin/sh
# Installs the engine while the machine boots: tsmachine create
state=${state}
say() { echo "$1" >"$state.new"; mv -f "$state.new" "$state"; }
say "running $$"
limit=
if command -v timeout >/dev/null 2>&1; then limit='timeout -k 10 ${limitSeconds}'; fi
$limit sh -s >"$state.log" 2>&1 <<'TSMACHINE_FIRST_BOOT'
${framedScript(script)}TSMACHINE_FIRST_BOOT
status=$?
if [ "$status" -eq 0 ]; then say done; else say "failed $status"; fi
exit 0
`;
}

/** For systems that are found by their own ID; those that are only like one are left to SSH. */
function installByFamily(): string {
  const arms = [...packagedSystems()].map(([script, ids]) => `${ids.join(' | ')})\n${script.trim()}\n;;`);
  return `
if command -v dockerd >/dev/null 2>&1; then exit 0; fi
ID= VARIANT_ID=
if [ -r /etc/os-release ]; then . /etc/os-release; else . /usr/lib/os-release; fi
case "$ID $VARIANT_ID" in ${imageVariants.map((variant) => `'fedora ${variant}'`).join(' | ')}) exit 0 ;; esac
case $ID in
${arms.join('\n')}
*) echo "it does not know how, on the system \\"$ID\\"" >&2; exit 1 ;;
esac
`;
}

/** How the installation of the first boot ended, or why it is waited for no longer. */
export type FirstBootEnd =
  | { readonly end: 'done' }
  /** `absent`: no cloud-init. `skipped`: cloud-init did not run it. `late`: the time was over. */
  | { readonly end: 'failed' | 'killed' | 'absent' | 'skipped' | 'late'; readonly said: string };

/** Waits for the installation of the first boot. @throws MachineError `ssh-failed`, `timeout`, `provision-failed`. */
export async function waitForFirstBoot(access: {
  readonly shell: RootShell;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: (text: string) => void;
}): Promise<FirstBootEnd> {
  const { stdout } = await access.shell.require(waitScript(), {
    label: 'waiting for the installation of the first boot',
    timeoutMs: waitTimeoutMs,
    signal: access.signal,
    onProgress: access.onProgress,
  });
  return parseFirstBoot(stdout);
}

/** Asks every second; its last lines say how it ended. */
export function waitScript(place = usualPlace, limitSeconds: number = waitLimitSeconds): string {
  return `
state=${place.state} left=${limitSeconds} told=
ends() {
  echo "first-boot $1"
  if [ -r "$state.log" ]; then tail -n 8 "$state.log"; fi
  exit 0
}
while :; do
  word= rest=
  if [ -r "$state" ]; then read -r word rest <"$state" || :; fi
  case $word in
    done | failed) ends "$word" ;;
    running)
      # It may have ended since it was asked.
      if ! kill -0 "$rest" 2>/dev/null && grep -q '^running' "$state"; then ends killed; fi ;;
    *)
      command -v cloud-init >/dev/null 2>&1 || ends absent
      if [ -e ${place.cloudResult} ] && [ ! -e "$state" ]; then ends skipped; fi
      case $(cloud-init status 2>/dev/null) in *disabled*) ends skipped ;; esac ;;
  esac
  if [ "$left" -le 0 ]; then ends late; fi
  if [ -z "$told" ]; then
    told=yes
    echo '${progressMark}The machine installs the engine by itself while it boots.'
  fi
  sleep 1
  left=$((left - 1))
done`;
}

const ends: ReadonlySet<string> = new Set(['done', 'failed', 'killed', 'absent', 'skipped', 'late']);

/** Reads the answer of waitScript. */
export function parseFirstBoot(output: string): FirstBootEnd {
  const [, end = '', said = ''] = /^first-boot (\S+)\n([\s\S]*)$/m.exec(output) ?? [];
  if (end === 'done') {
    return { end };
  }
  const lines = said.trim().replaceAll('\n', ' | ');
  const clean = lines.replace(/\p{Cc}+/gu, ' ').slice(-500);
  return { end: ends.has(end) ? (end as Exclude<FirstBootEnd['end'], 'done'>) : 'skipped', said: clean };
}
