import { MachineError } from '../../core/errors.ts';
import { resultPrefix } from './scripts/script.ts';

/** An error of PowerShell. Its message is in the language of the user, so nothing is read from it but numbers. */
export interface PowerShellFault {
  /** FullyQualifiedErrorId: `OutOfMemory,Microsoft.HyperV.PowerShell.Commands.StartVM`. */
  readonly id: string;
  /** CategoryInfo.Category: `PermissionDenied`. */
  readonly category: string;
  /** HRESULTs of the error, of what caused it, and those in its message: `0x800705AA`. */
  readonly codes: readonly string[];
  readonly message: string;
}

/** What an operation came to. */
export type Answer =
  | { readonly value: unknown; readonly fault?: undefined }
  | { readonly value?: undefined; readonly fault: PowerShellFault };

/** The result in the output of a script; undefined when there is none. */
export function parseAnswer(stdout: string): Answer | undefined {
  const line = stdout.split(/\r?\n/).findLast((one) => one.startsWith(resultPrefix));
  const found = line === undefined ? undefined : parseJson(line.slice(resultPrefix.length));
  if (!isObject(found) || typeof found['ok'] !== 'boolean') {
    return undefined;
  }
  return found['ok'] ? { value: found['value'] } : { fault: parseFault(found) };
}

function parseFault(found: Readonly<Record<string, unknown>>): PowerShellFault {
  const message = textOf(found['message']);
  const codes = listOf(found['codes']).filter((code) => typeof code === 'number');
  const named = message.match(/0x[0-9a-f]{8}\b/gi) ?? [];
  return {
    id: textOf(found['id']),
    category: textOf(found['category']),
    codes: [...new Set([...codes.map(hexOf), ...named.map((code) => `0x${code.slice(2).toUpperCase()}`)])],
    message,
  };
}

function hexOf(code: number): string {
  return `0x${(code >>> 0).toString(16).toUpperCase().padStart(8, '0')}`;
}

/** A virtual switch. */
export interface VirtualSwitch {
  readonly id: string;
  readonly name: string;
  /** 0 private, 1 internal, 2 external. */
  readonly type: number;
}

/** What is known of the computer. */
export interface HostFacts {
  /** PowerShell has the commands of Hyper-V. */
  readonly module: boolean;
  /** The user is an administrator with all rights, or one of Hyper-V. */
  readonly mayUse: boolean;
  /** The service of Hyper-V runs. */
  readonly isServing: boolean;
  /** A hypervisor runs below Windows. */
  readonly hasHypervisor: boolean;
  /** OperatingSystemSKU of Win32_OperatingSystem. */
  readonly edition: number;
  readonly switches: readonly VirtualSwitch[];
}

/** What is known of a machine. */
export interface MachineFacts {
  readonly id: string;
  readonly name: string;
  readonly state: number;
  readonly generation: number;
  /** Directory of its settings. */
  readonly path: string;
  readonly notes: string;
  readonly cpus: number;
  readonly memoryBytes: number;
  readonly disks: readonly string[];
  /** Id of the switch of each network card. */
  readonly switches: readonly string[];
  /** What the guest tells, IPv4 and IPv6. */
  readonly addresses: readonly string[];
  /** What this computer has seen on its networks. */
  readonly seen: readonly string[];
}

/** @throws MachineError `vm-control-failed` for a result of another form. */
export function hostFactsOf(value: unknown): HostFacts {
  const found = objectOf(value);
  return {
    module: found['module'] === true,
    mayUse: found['mayUse'] === true,
    isServing: found['isServing'] === true,
    hasHypervisor: found['hasHypervisor'] === true,
    edition: numberOf(found['edition']),
    switches: listOf(found['switches']).map((one) => {
      const each = objectOf(one);
      return {
        id: textOf(each['id']).toLowerCase(),
        name: textOf(each['name']),
        type: numberOf(each['type']),
      };
    }),
  };
}

/** @throws MachineError `vm-control-failed` for a result of another form. */
export function machinesOf(value: unknown): MachineFacts[] {
  return listOf(objectOf(value)['machines']).map((one) => {
    const found = objectOf(one);
    return {
      id: textOf(found['id']).toLowerCase(),
      name: textOf(found['name']),
      state: numberOf(found['state']),
      generation: numberOf(found['generation']),
      path: textOf(found['path']),
      notes: textOf(found['notes']),
      cpus: numberOf(found['cpus']),
      memoryBytes: numberOf(found['memoryBytes']),
      disks: textsOf(found['disks']),
      switches: textsOf(found['switches']).map((id) => id.toLowerCase()),
      addresses: textsOf(found['addresses']),
      seen: textsOf(found['seen']),
    };
  });
}

/** The addresses in a result. @throws MachineError `vm-control-failed` for a result of another form. */
export function addressesOf(value: unknown): string[] {
  return textsOf(objectOf(value)['addresses']);
}

/** The id in a result. @throws MachineError `vm-control-failed` when there is none. */
export function idOf(value: unknown): string {
  const id = textOf(objectOf(value)['id']).toLowerCase();
  if (id === '') {
    throw unreadable();
  }
  return id;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function objectOf(value: unknown): Readonly<Record<string, unknown>> {
  if (!isObject(value)) {
    throw unreadable();
  }
  return value;
}

function unreadable(): MachineError {
  return new MachineError('vm-control-failed', 'The answer of Hyper-V cannot be read.');
}

/** PowerShell makes one thing of a list of one, and nothing of an empty one, wherever it can. */
function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value)
    ? (value as readonly unknown[])
    : value === undefined || value === null
      ? []
      : [value];
}

function textsOf(value: unknown): string[] {
  return listOf(value).filter((one) => typeof one === 'string');
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function numberOf(value: unknown): number {
  return typeof value === 'number' ? value : 0;
}
