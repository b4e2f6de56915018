/** Begins a line of a script's output that is for the user, at once. */
export const progressMark = 'tsmachine: ';

/** How a long script is run. */
export interface LongScriptOptions {
  /** A command that succeeds when, after a wait for another one, nothing is left to do. */
  readonly isDone: string;
  /** Absolute and in need of no quotes; held while the script runs, where there is flock. */
  readonly lockPath: string;
}

/**
 * A script that works for minutes, made so that it comes to its end also when the connection is cut: nothing that it
 * runs writes to the connection, and who tries again waits for the first one instead of working beside it. What is said is
 * shown only when it fails, except what the body gives to `progress`.
 * @param body reads no input; runs with `set -e`
 */
export function longScript(body: string, { isDone, lockPath }: LongScriptOptions): string {
  return `
trap '' PIPE
exec 3>&1
progress() { printf '${progressMark}%s\\n' "$*" >&3 2>/dev/null || true; }
if command -v flock >/dev/null 2>&1 && [ -w "$(dirname ${lockPath})" ]; then
  exec 9>${lockPath}
  if ! flock -n 9; then
    progress 'Waiting for an installation that goes on already.'
    flock 9
    if ${isDone}; then exit 0; fi
  fi
fi
log=$(mktemp)
set +e
(
set -e
${body}
) >"$log" 2>&1 9>&-
status=$?
if [ "$status" -ne 0 ]; then tail -n 20 "$log" >&2; fi
rm -f "$log"
exit "$status"`;
}
