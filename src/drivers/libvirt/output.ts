// What virsh prints, in the C locale. The same from libvirt 8 on.

/** State of a domain, and why it is in it: `running (booted)`. */
export interface DomainState {
  readonly state: string;
  readonly reason: string;
}

/** What libvirt can run here. */
export interface DomainCapabilities {
  /** Absolute path of QEMU. */
  readonly emulator: string;
  /** The best kind of domain: `kvm`, `qemu`. */
  readonly domainType: string;
}

/** The state out of `domstate --reason`; undefined for anything else. */
export function parseState(stdout: string): DomainState | undefined {
  for (const line of stdout.split(/\r?\n/)) {
    const match = /^([a-z][a-z ]*?)(?: \(([^)]*)\))?$/.exec(line.trim());
    if (match !== null) {
      return { state: match[1] ?? '', reason: match[2] ?? '' };
    }
  }
  return undefined;
}

/** The text in the element of `metadata --uri`; undefined when there is none. */
export function parseOwner(stdout: string): string | undefined {
  const match = /<machine(?:\s[^>]*)?>([^<]*)<\/machine>/.exec(stdout);
  return match === null ? undefined : unescapeXml(match[1] ?? '');
}

/** What virsh says went wrong, without its marks; empty when it says nothing. */
export function parseFault(stderr: string): string {
  return stderr
    .split(/\r?\n/)
    .map((line) => line.replace(/^error: /, '').trim())
    .filter((line) => line !== '')
    .join('\n');
}

/** Version of libvirt and of QEMU out of `version`, as far as they are told. */
export function parseVersions(stdout: string): { readonly libvirt?: string; readonly qemu?: string } {
  const libvirt = /Using library: libvirt (\d+(?:\.\d+)*)/.exec(stdout)?.[1];
  const qemu = /Running hypervisor: QEMU (\d+(?:\.\d+)*)/.exec(stdout)?.[1];
  return { ...(libvirt === undefined ? {} : { libvirt }), ...(qemu === undefined ? {} : { qemu }) };
}

/** QEMU and its best kind of domain out of `domcapabilities`; undefined for anything else. */
export function parseDomainCapabilities(stdout: string): DomainCapabilities | undefined {
  const emulator = /<path>([^<]+)<\/path>/.exec(stdout)?.[1];
  const domainType = /<domain>([^<]+)<\/domain>/.exec(stdout)?.[1];
  return emulator === undefined || domainType === undefined
    ? undefined
    : { emulator: unescapeXml(emulator), domainType };
}

/** True when the fault is that there is no such domain. */
export function isNotFound(fault: string): boolean {
  return /failed to get domain|Domain not found|no domain with matching/i.test(fault);
}

/** True when the fault is that the domain is off. */
export function isNotRunning(fault: string): boolean {
  return fault.includes('domain is not running');
}

/** True when the fault is that the domain is on already. */
export function isActive(fault: string): boolean {
  return fault.includes('Domain is already active');
}

/** True when the fault is that somebody else has a port. */
export function isPortTaken(fault: string): boolean {
  return fault.includes('Could not set up host forwarding rule');
}

function unescapeXml(text: string): string {
  const names: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' };
  return text.replace(/&(lt|gt|quot|apos|amp);/g, (_whole, name: string) => names[name] ?? '');
}
