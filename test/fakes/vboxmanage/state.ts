/** What the pretended VirtualBox knows, as JSON between two calls. */
export interface State {
  machines: Machine[];
  media: Medium[];
  interfaces: { name: string; address: string; netmask: string }[];
  networks: { name: string; netmask: string; lower: string; upper: string }[];
  dhcp: string[];
  /** Settings files that were written and not registered. */
  unregistered: string[];
}

export interface Machine {
  uuid: string;
  name: string;
  folder: string;
  settingsFile: string;
  architecture: 'x86' | 'arm';
  /** While it runs or should run; the world tells whether it does. */
  state: string;
  settings: Record<string, string>;
  extraData: Record<string, string>;
  forwardings: { name: string; rule: string }[];
  folders?: { name: string; path: string; isReadOnly: boolean }[];
  controllers: { name: string; bus: string; ports: number; media: Record<string, string> }[];
  /** Process that runs the guest. */
  pid?: number;
}

export interface Medium {
  uuid: string;
  kind: 'disk' | 'dvd';
  location: string;
  sizeMiB: number;
  format: string;
  parent?: string;
}

/** The outside of the pretended VirtualBox: files, and guests that run. */
export interface World {
  /** Files and directories. */
  exists(path: string): Promise<boolean>;
  write(path: string, text: string): Promise<void>;
  remove(path: string): Promise<void>;
  /** A disk image of this size, with the content of a raw file at its beginning. */
  makeDisk(path: string, sizeMiB: number, rawPath?: string): Promise<void>;
  sizeBytes(path: string): Promise<number>;
  resizeDisk(path: string, sizeMiB: number): Promise<void>;
  newUuid(): string;
  /** Runs the guest; what VBox.log says about ports that are taken is for the world to write. @throws Error with the text of a failure. */
  start(machine: Machine, state: State): Promise<void>;
  isRunning(machine: Machine): Promise<boolean>;
  /** Opens or closes a port of a machine that runs; a rule as VirtualBox writes it. */
  forward(action: 'add' | 'remove', machine: Machine, rule: string): Promise<void>;
  control(machine: Machine, action: 'button' | 'off' | 'pause' | 'resume'): Promise<void>;
}

export function emptyState(): State {
  return { machines: [], media: [], interfaces: [], networks: [], dhcp: [], unregistered: [] };
}
