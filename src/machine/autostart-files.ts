import { createHash } from 'node:crypto';
import { posix, win32 } from 'node:path';

/** A file with which a system starts something when its user logs in. */
export interface AutostartFile {
  readonly path: string;
  readonly content: string;
}

/** Which machine is to be started, and how. */
export interface AutostartRequest {
  readonly name: string;
  readonly storePath: string;
  /** Absolute paths of Node and of this program. */
  readonly program: readonly [node: string, script: string];
}

/** What of a computer decides about its files. */
export interface AutostartPlace {
  readonly platform: NodeJS.Platform;
  readonly homeDirectory: string;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** A start under emulation, its image on a slow disk, with other machines that start at the same time. */
const startTimeoutSeconds = 900;

/**
 * The files that start a machine when the user logs in; the first one is what tells that there are any. Linux: a unit of
 * systemd's user manager and a drop-in that has it wanted (systemd.unit(5)); macOS: a launch agent (launchd.plist(5));
 * Windows: a script in the user's Startup folder. Undefined where none of these is known.
 */
export function autostartFiles(
  place: AutostartPlace,
  request: AutostartRequest,
): AutostartFile[] | undefined {
  const id = `tsmachine-${request.name}-${storeTag(request.storePath)}`;
  switch (place.platform) {
    case 'linux':
      return systemdFiles(place, id, request);
    case 'darwin': {
      const path = posix.join(place.homeDirectory, 'Library', 'LaunchAgents', `${id}.plist`);
      return [{ path, content: launchAgent(id, request) }];
    }
    case 'win32': {
      const roaming = place.env['APPDATA'] ?? win32.join(place.homeDirectory, 'AppData', 'Roaming');
      const startup = win32.join(roaming, 'Microsoft', 'Windows', 'Start Menu', 'Programs', 'Startup');
      return [{ path: win32.join(startup, `${id}.cmd`), content: startupScript(request) }];
    }
    default:
      return undefined;
  }
}

/** Machines of several stores may have one name. */
function storeTag(storePath: string): string {
  return createHash('sha256').update(storePath).digest('hex').slice(0, 8);
}

function commandOf({ program, storePath, name }: AutostartRequest, verb: 'start' | 'stop'): string[] {
  return [...program, '--storage-path', storePath, verb, name];
}

function systemdFiles(place: AutostartPlace, id: string, request: AutostartRequest): AutostartFile[] {
  const configured = place.env['XDG_CONFIG_HOME'] ?? '';
  const config = configured === '' ? posix.join(place.homeDirectory, '.config') : configured;
  const units = posix.join(config, 'systemd', 'user');
  const line = (verb: 'start' | 'stop'): string => commandOf(request, verb).map(unitWord).join(' ');
  const unit = [
    '[Unit]',
    `Description=The Docker machine ${request.name}`,
    '',
    '[Service]',
    'Type=oneshot',
    'RemainAfterExit=yes',
    `ExecStart=${line('start')}`,
    `ExecStop=${line('stop')}`,
    `TimeoutStartSec=${startTimeoutSeconds}`,
    // What the start leaves running is the machine: it ends by ExecStop, not by a signal.
    'KillMode=process',
    '',
  ];
  return [
    { path: posix.join(units, `${id}.service`), content: unit.join('\n') },
    {
      path: posix.join(units, 'default.target.d', `${id}.conf`),
      content: `[Unit]\nWants=${id}.service\n`,
    },
  ];
}

/** A word of a command line in a unit (systemd.service(5), "Command lines"; systemd.syntax(7), "Quoting"). */
function unitWord(word: string): string {
  const escaped = word
    .replaceAll('\\', '\\\\')
    .replaceAll('"', '\\"')
    .replaceAll('%', '%%')
    .replaceAll('$', '$$$$');
  return `"${escaped}"`;
}

function launchAgent(id: string, request: AutostartRequest): string {
  const words = commandOf(request, 'start').map((word) => `    <string>${xmlText(word)}</string>`);
  return `<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE plist PUBLIC "-//Apple//DTD PLIST 1.0//EN" "http://www.apple.com/DTDs/PropertyList-1.0.dtd">
<plist version="1.0">
<dict>
  <key>Label</key>
  <string>${xmlText(id)}</string>
  <key>ProgramArguments</key>
  <array>
${words.join('\n')}
  </array>
  <key>RunAtLoad</key>
  <true/>
  <key>AbandonProcessGroup</key>
  <true/>
</dict>
</plist>
`;
}

function xmlText(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** For cmd.exe: within quotes a percent sign alone has a meaning, and no path of Windows holds a quote. */
function startupScript(request: AutostartRequest): string {
  const words = commandOf(request, 'start').map((word) => `"${word.replaceAll('%', '%%')}"`);
  return `@echo off\r\nchcp 65001 >nul\r\nstart "" /min /b ${words.join(' ')}\r\n`;
}
