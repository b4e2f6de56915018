/** What the pretended Hyper-V knows, as JSON between two calls. */
export interface State {
  machines: Machine[];
  switches: { id: string; name: string; type: number }[];
  host: {
    module: boolean;
    mayUse: boolean;
    isServing: boolean;
    hasHypervisor: boolean;
    edition: number;
  };
}

export interface Machine {
  id: string;
  name: string;
  path: string;
  notes: string;
  /** Number of Hyper-V; while it is 2 the world tells whether the guest runs. */
  state: number;
  cpus: number;
  memoryBytes: number;
  isMemoryDynamic: boolean;
  memoryMinBytes: number;
  disks: string[];
  media: string[];
  /** CDs of which the file was handed over to the machine since it was written. */
  inserted: string[];
  switchId: string;
  macAddress: string;
  vlanId: number;
  secureBoot: boolean;
  pipe: string;
  addresses: string[];
  seen: string[];
  /** Process that runs the guest. */
  pid?: number;
}

/** The outside of the pretended Hyper-V: files, and guests that run. */
export interface World {
  exists(path: string): Promise<boolean>;
  makeDirectory(path: string): Promise<void>;
  join(directory: string, name: string): string;
  newId(): string;
  /** Runs the guest, and gives the machine its addresses. */
  start(machine: Machine): Promise<void>;
  isRunning(machine: Machine): Promise<boolean>;
  /** `ask` returns when the guest has powered off, or does not listen. */
  control(machine: Machine, action: 'ask' | 'off' | 'resume'): Promise<void>;
}

export const defaultSwitch = {
  id: 'C08CB7B8-9B3C-408E-8E30-5E16A3AEB444',
  name: 'Standardswitch',
  type: 1,
};

export function emptyState(): State {
  return {
    machines: [],
    switches: [defaultSwitch],
    host: { module: true, mayUse: true, isServing: true, hasHypervisor: true, edition: 48 },
  };
}
