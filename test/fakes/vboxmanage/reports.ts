import { posix } from 'node:path';
import type { Profile } from './profile.ts';
import type { Machine, Medium, State } from './state.ts';

/** `showvminfo --machinereadable`, as far as anybody reads it; with a line that is not of its form, as there is one. */
export function describeMachine(machine: Machine, state: State, profile: Profile): string {
  const { settings } = machine;
  const hasPlatforms = profile.major === 7 && profile.minor > 0;
  const lines = [
    `name="${machine.name}"`,
    ...(hasPlatforms ? [`platformArchitecture="${machine.architecture === 'arm' ? 'ARM' : 'x86'}"`] : []),
    `UUID="${machine.uuid}"`,
    `CfgFile="${machine.settingsFile}"`,
    `SnapFldr="${posix.join(machine.folder, 'Snapshots')}"`,
    `LogFldr="${posix.join(machine.folder, 'Logs')}"`,
    `memory=${settings['memory'] ?? ''}`,
    `cpus=${settings['cpus'] ?? ''}`,
    `VMState="${machine.state}"`,
    ...machine.controllers.flatMap(({ name, bus, ports, media }, index) => [
      `storagecontrollername${index}="${name}"`,
      `storagecontrollertype${index}="${bus}"`,
      ...Array.from({ length: ports }, (_, port) => {
        const medium = state.media.find(({ uuid }) => uuid === media[`${port}-0`]);
        return `"${name}-${port}-0"="${medium?.location ?? 'none'}"`;
      }),
    ]),
    `nic1="${settings['nic1'] ?? 'none'}"`,
    ...machine.forwardings.map(({ rule }, index) => `Forwarding(${index})="${rule}"`),
    ...(machine.folders ?? []).flatMap(({ name, path }, index) => [
      `SharedFolderNameMachineMapping${index + 1}="${name}"`,
      `SharedFolderPathMachineMapping${index + 1}="${path}"`,
    ]),
    `nic2="${settings['nic2'] ?? 'none'}"`,
    ` rec_screen0`,
    `GuestMemoryBalloon=0`,
  ];
  return `${lines.join('\n')}\n`;
}

/** `list hdds` and `list dvds`. */
export function listMedia(media: readonly Medium[]): string {
  return media
    .map(
      ({ uuid, parent, location, format, sizeMiB }) =>
        `UUID:           ${uuid}\nParent UUID:    ${parent ?? 'base'}\nState:          created\nLocation:       ${location}\nStorage format: ${format}\nCapacity:       ${sizeMiB} MBytes\n\n`,
    )
    .join('');
}
