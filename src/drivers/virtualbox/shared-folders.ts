import type { DriverContext, Share } from '../driver.ts';
import { addFolder, allowSymlinks, removeFolder } from './commands.ts';
import type { VirtualBoxConfig } from './config.ts';
import type { MachineInfo } from './output.ts';
import { parseExtraData } from './output.ts';
import type { VBoxManage } from './vboxmanage.ts';

/** Where a machine keeps what its folders were made from: VirtualBox does not tell which are only for reading. */
const sharesKey = 'tsmachine/shares';
const ownName = /^tsm\d+$/;

/**
 * Gives a machine that is off the shared folders that it is to have. Folders of others stay. One that cannot be had, as its
 * directory is gone, is told and left out.
 * @throws MachineError `vm-control-failed`.
 */
export async function arrangeFolders(
  { boot, name, emit }: DriverContext<VirtualBoxConfig>,
  vbox: VBoxManage,
  { uuid, info }: { readonly uuid: string; readonly info: MachineInfo },
): Promise<void> {
  const shares = boot?.shares ?? [];
  const present = folderNames(info).filter((each) => ownName.test(each));
  const wanted = JSON.stringify(shares.map(({ tag, path, isReadOnly }) => [tag, path, isReadOnly]));
  if (shares.length === 0 && present.length === 0) {
    return;
  }
  const { stdout } = await vbox.run(['getextradata', uuid, sharesKey]);
  if (parseExtraData(stdout) === wanted && present.length === shares.length) {
    return;
  }
  for (const folder of present) {
    await vbox.run(removeFolder(uuid, folder));
  }
  for (const share of shares) {
    await add(vbox, uuid, share, (problem) => {
      const message = `The machine does not see ${share.path}: ${problem}`;
      emit({ type: 'warn', machine: name, message });
    });
  }
  await vbox.run(['setextradata', uuid, sharesKey, wanted]);
}

async function add(
  vbox: VBoxManage,
  uuid: string,
  share: Share,
  onProblem: (problem: string) => void,
): Promise<void> {
  const { fault } = await vbox.ask(addFolder(uuid, share));
  if (fault !== undefined) {
    onProblem(fault.message);
    return;
  }
  await vbox.run(allowSymlinks(uuid, share.tag));
}

function folderNames({ values }: MachineInfo): string[] {
  return [...values].flatMap(([key, value]) =>
    /^SharedFolderNameMachineMapping\d+$/.test(key) ? [value] : [],
  );
}
