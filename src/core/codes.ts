/** Who or what is at fault; decides the exit code unless a code says otherwise. */
export type Fault =
  | 'usage'
  | 'host'
  | 'machine'
  | 'record'
  | 'credentials'
  | 'network'
  | 'guest'
  | 'image'
  | 'bug'
  | 'interrupted';

/** What the table says about one error code. */
export interface CodeEntry {
  readonly fault: Fault;
  /** One line for docs/errors.md: when this happens. */
  readonly title: string;
  /** What to do when the thrower knows nothing better. */
  readonly remedies: readonly string[];
}

/**
 * Every error code, with its meaning and a default way out. Codes are stable: scripts match on them
 * (in brackets in the text, `code` in JSON), so an entry is never renamed.
 */
export const errorCodes = {
  'flag-unknown': {
    fault: 'usage',
    title: 'A flag is not known to the command or driver.',
    remedies: ['Run the command with --help to see its flags.'],
  },
  'flag-invalid': {
    fault: 'usage',
    title: 'The value of a flag or of its environment variable cannot be used.',
    remedies: ['Run the command with --help to see what the flag takes.'],
  },
  'format-invalid': {
    fault: 'usage',
    title: 'A template of --format cannot be parsed.',
    remedies: ['Mend it; the place that is named is its line and column.'],
  },
  'format-failed': {
    fault: 'record',
    title: 'A template of --format asks for something that the machine does not have.',
    remedies: ['Run the command with "--format json" to see what there is.'],
  },
  'arguments-invalid': {
    fault: 'usage',
    title: 'Too many, too few or contradictory arguments.',
    remedies: ['Run the command with --help to see its arguments.'],
  },
  'command-unknown': {
    fault: 'usage',
    title: 'There is no such command.',
    remedies: ['Run "tsmachine --help" to see the commands.'],
  },
  'driver-unknown': {
    fault: 'usage',
    title: 'There is no driver of this name: none is built in or installed, and no plugin is on PATH.',
    remedies: ['Run "tsmachine driver ls" to see the drivers; "tsmachine driver add PACKAGE" installs one.'],
  },
  'driver-invalid': {
    fault: 'host',
    title: 'The package of a driver is broken, or was not made for this program.',
    remedies: ['Install it again, or another version of it: tsmachine driver add PACKAGE'],
  },
  'driver-failed': {
    fault: 'host',
    title: 'An installed driver failed in a way that its author did not foresee.',
    remedies: ['Run the command again with --debug, and tell the author of the package.'],
  },
  'driver-in-use': {
    fault: 'record',
    title: 'A driver is not removed because machines of it exist.',
    remedies: ['Remove the machines first, or give --force.'],
  },
  'name-invalid': {
    fault: 'usage',
    title: 'A machine name has characters or a form that is not allowed.',
    remedies: ['Use letters, digits, "-" and ".", beginning with a letter or digit, at most 63.'],
  },
  'shell-unquotable': {
    fault: 'usage',
    title: 'A value cannot be written safely in the syntax of the chosen shell.',
    remedies: ['Move the store to a path without special characters (--storage-path).'],
  },
  'machine-not-found': {
    fault: 'machine',
    title: 'There is no machine of this name in the store.',
    remedies: ['Run "tsmachine ls" to see the machines, "tsmachine create NAME" to make one.'],
  },
  'machine-exists': {
    fault: 'machine',
    title: 'The name is taken.',
    remedies: ['Choose another name, or remove the machine with "tsmachine rm NAME".'],
  },
  'machine-incomplete': {
    fault: 'machine',
    title: 'The machine was never finished.',
    remedies: ['Go on with "tsmachine create --resume NAME" or clean up with "tsmachine rm NAME".'],
  },
  'machine-not-running': {
    fault: 'machine',
    title: 'The machine is not running.',
    remedies: ['Start it with "tsmachine start NAME".'],
  },
  'machine-state': {
    fault: 'machine',
    title: 'The machine is in a state in which this cannot be done.',
    remedies: ['Run "tsmachine status NAME".'],
  },
  'no-active-machine': {
    fault: 'machine',
    title: 'DOCKER_HOST names no machine of this store.',
    remedies: ['Run: eval $(tsmachine env NAME)'],
  },
  'capability-missing': {
    fault: 'machine',
    title: 'The driver of this machine cannot do this.',
    remedies: ['Use a driver that can; "tsmachine create --help" lists the drivers.'],
  },
  'record-invalid': {
    fault: 'record',
    title: 'A file of the store cannot be understood.',
    remedies: [
      'Restore the file from its .bak copy beside it, or remove the machine with "tsmachine rm -f NAME".',
    ],
  },
  'record-from-future': {
    fault: 'record',
    title: 'A file of the store was written by a newer version; it is left untouched.',
    remedies: ['Upgrade tsmachine.'],
  },
  'record-locked': {
    fault: 'record',
    title: 'Another process works on this machine, on the certificates or on the cache.',
    remedies: ['Wait for it to end, or end it.'],
  },
  'store-write-failed': {
    fault: 'record',
    title: 'A file of the store could not be written; what was there before is unchanged.',
    remedies: ['Free disk space or mend the permissions of the path, then run the command again.'],
  },
  'store-unsafe': {
    fault: 'record',
    title:
      'A path of the store or of the installed drivers can be changed by other users, or points outside of it.',
    remedies: ['Run: chmod go-w PATH'],
  },
  'journal-invalid': {
    fault: 'record',
    title: 'The journal of a machine cannot be understood.',
    remedies: ['Remove the machine with "tsmachine rm -f NAME".'],
  },
  'program-missing': {
    fault: 'host',
    title: 'A program that is needed is not installed.',
    remedies: ['Install it, then run the command again.'],
  },
  'program-failed': {
    fault: 'host',
    title: 'A program that was called reported an error.',
    remedies: ['Read the message above; "tsmachine logs NAME" may say more.'],
  },
  'plugin-failed': {
    fault: 'host',
    title: 'A driver plugin could not be started, ended unexpectedly or does not speak its protocol.',
    remedies: ['Run the command again with --debug to see what the plugin says, or install it again.'],
  },
  'driver-error': {
    fault: 'machine',
    title: "The driver of a machine reported an error; the text is the driver's own.",
    remedies: ['Run the command again with --debug to see what the driver did.'],
  },
  'host-not-ready': {
    fault: 'host',
    title: 'This computer lacks something that the driver needs.',
    remedies: ['Run "tsmachine doctor".'],
  },
  'image-not-found': {
    fault: 'image',
    title: 'No machine image was found for this architecture.',
    remedies: ['Build one with "tsmachine image build", or name one with --image.'],
  },
  'image-invalid': {
    fault: 'image',
    title: 'An image or one of its files is not what its manifest says.',
    remedies: ['Build the image again with "tsmachine image build", or fetch it again.'],
  },
  'image-build-failed': {
    fault: 'image',
    title: 'The image could not be built.',
    remedies: ['Read the message above; nothing was changed.'],
  },
  'signature-invalid': {
    fault: 'image',
    title: 'A signed file is not signed by a key that is trusted.',
    remedies: ['Use another mirror; do not use this file.'],
  },
  'checksum-mismatch': {
    fault: 'image',
    title: 'A file is not the one that was expected.',
    remedies: ['Delete the file that is named and run the command again.'],
  },
  'disk-unsafe': {
    fault: 'image',
    title: 'A disk image refers to other files, or is of another format than expected.',
    remedies: ['Convert it to a self-contained image: qemu-img convert -O qcow2 OLD NEW'],
  },
  'download-failed': {
    fault: 'network',
    title: 'A file could not be downloaded.',
    remedies: ['Check the network and proxy settings, then run the command again.'],
  },
  'request-failed': {
    fault: 'network',
    title: 'A server, e.g. the API of a cloud, gave no whole answer.',
    remedies: ['Look at network and proxy (HTTPS_PROXY), then try again.'],
  },
  'cloud-refused': {
    fault: 'host',
    title: 'A cloud refused a request, or could not carry it out.',
    remedies: ['Change what it complains about, then run the command again.'],
  },
  'cloud-conflict': {
    fault: 'host',
    title: 'Something at a cloud has the name that is needed, and belongs to somebody else.',
    remedies: ['Take another name, or remove what is in the way at the cloud.'],
  },
  'credentials-missing': {
    fault: 'credentials',
    title: 'There are no credentials for a cloud.',
    remedies: ['Give them by the flags of the driver, the environment or a profile.'],
  },
  'credentials-refused': {
    fault: 'credentials',
    title: 'A cloud does not accept the credentials, or they belong to another account.',
    remedies: ['Use credentials of the account in which the machine was made.'],
  },
  'template-failed': {
    fault: 'host',
    title:
      'A started machine could not be saved, so that later ones cannot be resumed from it; they are booted.',
    remedies: ['Free some space in the store, or create machines with --cold.'],
  },
  'template-invalid': {
    fault: 'record',
    title: 'A saved machine is missing or was changed; the machine that should resume from it is booted.',
    remedies: ['Nothing: it is removed and made again.'],
  },
  'vm-start-failed': {
    fault: 'guest',
    title: 'The hypervisor did not start the machine.',
    remedies: ['Run "tsmachine logs NAME" and "tsmachine doctor".'],
  },
  'vm-boot-timeout': {
    fault: 'guest',
    title: 'The machine did not become ready in time.',
    remedies: ['Run "tsmachine logs NAME" to see how far it came.'],
  },
  'guest-failed': {
    fault: 'guest',
    title: 'The machine runs, but gave up on something that it needs: its disk, its network or the engine.',
    remedies: ['Run "tsmachine logs NAME" to see what the machine said.'],
  },
  'vm-control-failed': {
    fault: 'guest',
    title: 'The hypervisor does not answer or refused a command.',
    remedies: ['Try "tsmachine kill NAME", then "tsmachine start NAME".'],
  },
  'engine-unreachable': {
    fault: 'network',
    title: 'No connection to the engine.',
    remedies: ['Run "tsmachine status NAME" and "tsmachine logs NAME".'],
  },
  'tls-mismatch': {
    fault: 'credentials',
    title: 'The certificates of client and engine do not fit.',
    remedies: ['Run "tsmachine regenerate-certs NAME"; the machine goes on working meanwhile.'],
  },
  'certificate-invalid': {
    fault: 'credentials',
    title: 'A certificate or key of the store cannot be used.',
    remedies: ['Restore the files in certs/ from a backup.'],
  },
  'ssh-failed': {
    fault: 'network',
    title: 'No SSH connection, or it was cut.',
    remedies: ['Run "tsmachine status NAME" and "tsmachine logs NAME".'],
  },
  'ssh-host-key-changed': {
    fault: 'credentials',
    title: 'The machine shows another SSH host key than the one that was pinned.',
    remedies: ['Do not connect. If you know why it changed, remove and create the machine again.'],
  },
  'ssh-key-rejected': {
    fault: 'credentials',
    title: 'The machine does not accept the SSH key.',
    remedies: ['Run "tsmachine logs NAME".'],
  },
  'sudo-needed': {
    fault: 'guest',
    title: 'The SSH user of a host cannot become root without a password.',
    remedies: ['Allow it by a file in /etc/sudoers.d, or use the user root.'],
  },
  'system-unsupported': {
    fault: 'guest',
    title: 'The operating system of a host is not known, or lacks what an engine needs.',
    remedies: ['See docs/provisioning.md for the systems that are known.'],
  },
  'engine-conflict': {
    fault: 'guest',
    title: 'The engine of a host has a configuration or data that must not be changed unasked.',
    remedies: ['Change it on the host yourself, then run the command again.'],
  },
  'provision-failed': {
    fault: 'guest',
    title: 'Something that was to be set up on a host failed there.',
    remedies: ['Mend what is named, then run "tsmachine provision NAME".'],
  },
  timeout: {
    fault: 'network',
    title: 'Something did not happen in time.',
    remedies: ['Try again.'],
  },
  interrupted: {
    fault: 'interrupted',
    title: 'The command was interrupted.',
    remedies: [],
  },
  bug: {
    fault: 'bug',
    title: 'A fault of tsmachine itself.',
    remedies: ['Please report it with the output of the same command with --debug.'],
  },
} as const satisfies Record<string, CodeEntry>;

/** A stable error code. */
export type ErrorCode = keyof typeof errorCodes;
