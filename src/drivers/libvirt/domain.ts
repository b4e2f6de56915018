import { MachineError } from '../../core/errors.ts';
import type { DriverContext, PortForward } from '../driver.ts';
import { parseUsernet } from '../usernet.ts';
import type { LibvirtConfig } from './config.ts';
import { ownerUri } from './domain-xml.ts';
import { isNotFound, isNotRunning, parseOwner, parseState, type DomainState } from './output.ts';
import { faultError, type Virsh } from './virsh.ts';

/** What is asked of a context to find its domain. */
export type DomainContext = Pick<DriverContext<LibvirtConfig>, 'host' | 'name' | 'directory' | 'config'>;

/** Files of a machine, in its directory. */
export interface DomainFiles {
  readonly disk: string;
  readonly definition: string;
  readonly console: string;
  readonly consoleBefore: string;
}

/** What libvirt knows of a machine of ours. */
export interface Domain {
  readonly state: DomainState;
  /** The directory of the machine that it belongs to; undefined where nobody says so. */
  readonly owner: string | undefined;
  /** Ports of this computer that lead into it, also its own; empty when it is off. */
  readonly forwards: readonly PortForward[];
}

/** Names of a machine's files. The driver is one of Linux alone. */
export function domainFiles({ directory }: Pick<DomainContext, 'directory'>): DomainFiles {
  return {
    disk: `${directory}/disk.raw`,
    definition: `${directory}/domain.xml`,
    console: `${directory}/console.log`,
    consoleBefore: `${directory}/console.log.1`,
  };
}

/** Name of the domain: that of the machine, and unique, because other stores may have a machine of the same name. */
export function domainName(name: string, uuid: string): string {
  return `tsm-${name}-${uuid.slice(0, 8)}`;
}

/** The monitor's question for the forwarded ports. */
export const askUsernet = 'info usernet';

/**
 * Asks for everything in one call, because a process costs more than a question.
 * @throws MachineError `vm-control-failed`, `host-not-ready` for an answer that says nothing about it.
 */
export async function findDomain(virsh: Virsh, { config }: DomainContext): Promise<Domain | undefined> {
  const { uuid } = config;
  if (uuid === '') {
    return undefined;
  }
  const questions = [
    `domstate ${uuid} --reason`,
    `metadata ${uuid} --uri ${ownerUri}`,
    `qemu-monitor-command ${uuid} --hmp '${askUsernet}'`,
  ];
  const { stdout, fault = '' } = await virsh.ask([questions.join('; ')]);
  const state = parseState(stdout);
  if (state !== undefined) {
    return { state, owner: parseOwner(stdout), forwards: parseUsernet(stdout) };
  }
  if (isNotFound(fault)) {
    return undefined;
  }
  throw faultError(['domstate'], fault === '' ? stdout.slice(0, 300) : fault);
}

/**
 * A record may name the UUID of somebody else's domain, which is nothing to start, change or delete.
 * @throws MachineError `record-invalid`.
 */
export function requireOwn({ directory, name }: DomainContext, { owner }: Domain): void {
  if (owner !== directory) {
    throw new MachineError('record-invalid', `The record of "${name}" names a domain that is not its own.`, {
      why:
        owner === undefined
          ? 'The domain carries no mark of tsmachine.'
          : `It belongs to the machine in ${owner}.`,
      remedies: [
        `If the store was moved: virsh metadata DOMAIN --uri ${ownerUri} --key tsmachine --set "<machine>${directory}</machine>"`,
        `To forget the record alone: tsmachine rm -f ${name}`,
      ],
    });
  }
}

/** Runs a command on the domain; one that is gone or off needs no more. @throws MachineError `vm-control-failed`. */
export async function controlDomain(virsh: Virsh, args: readonly string[]): Promise<void> {
  const { fault } = await virsh.ask(args);
  if (fault !== undefined && !isNotRunning(fault) && !isNotFound(fault)) {
    throw faultError(args, fault);
  }
}
