import { posix } from 'node:path';
import { isInRange } from './ranges.ts';
import { readOptions, type Given } from './modify-options.ts';
import type { Profile } from './profile.ts';
import { describeMachine, listMedia } from './reports.ts';
import type { Machine, State, World } from './state.ts';

export interface Result {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A failure with VirtualBox' words. */
class Refusal extends Error {
  readonly exitCode: number;
  readonly code: string;
  readonly before: string;

  constructor(message: string, code = '', options: { exitCode?: number; before?: string } = {}) {
    super(message);
    this.code = code;
    this.exitCode = options.exitCode ?? 1;
    this.before = options.before ?? '';
  }
}

const codes: Readonly<Record<string, string>> = {
  VBOX_E_OBJECT_NOT_FOUND: '0x80bb0001',
  VBOX_E_FILE_ERROR: '0x80bb0004',
  VBOX_E_NOT_SUPPORTED: '0x80bb0009',
  VBOX_E_OBJECT_IN_USE: '0x80bb000c',
  VBOX_E_INVALID_OBJECT_STATE: '0x80bb0007',
  VBOX_E_PLATFORM_ARCH_NOT_SUPPORTED: '0x80bb0012',
  NS_ERROR_INVALID_ARG: '0x80070057',
  NS_ERROR_FAILURE: '0x80004005',
  NS_ERROR_NOT_IMPLEMENTED: '0x80004001',
  E_ACCESSDENIED: '0x80070005',
};
const progress = '0%...10%...20%...30%...40%...50%...60%...70%...80%...90%...100%\n';

/** A VirtualBox without virtual machine monitor: one call of VBoxManage against a state that it changes. */
export class FakeVirtualBox {
  readonly #profile: Profile;
  readonly #state: State;
  readonly #world: World;

  constructor(profile: Profile, state: State, world: World) {
    this.#profile = profile;
    this.#state = state;
    this.#world = world;
  }

  async run(argv: readonly string[]): Promise<Result> {
    const [command = '', ...args] = argv;
    try {
      const output = await this.#dispatch(command, args);
      return { exitCode: 0, stdout: '', stderr: '', ...output };
    } catch (error) {
      if (!(error instanceof Refusal)) {
        throw error;
      }
      const details =
        error.code === ''
          ? ''
          : `VBoxManage: error: Details: code ${error.code} (${codes[error.code] ?? '0x0'}), component Fake\n`;
      return {
        exitCode: error.exitCode,
        stdout: '',
        stderr: `${error.before}VBoxManage: error: ${error.message}\n${details}`,
      };
    }
  }

  async #dispatch(command: string, args: readonly string[]): Promise<Partial<Result>> {
    switch (command) {
      case '--version':
      case '-v':
        return { stdout: `${this.#profile.version}\n` };
      case 'list':
        return { stdout: await this.#list(args[0] ?? '') };
      case 'showvminfo':
        return { stdout: await this.#show(args[0] ?? '') };
      case 'createvm':
        return this.#createMachine(args);
      case 'modifyvm':
        return this.#modify(args);
      case 'unregistervm':
        return this.#unregister(args);
      case 'storagectl':
        return this.#addController(args);
      case 'storageattach':
        return this.#attach(args);
      case 'createmedium':
        return this.#createMedium(args);
      case 'convertfromraw':
        return this.#convert(args);
      case 'modifymedium':
        return this.#resize(args);
      case 'showmediuminfo':
        return { stdout: await this.#showMedium(args) };
      case 'closemedium':
        return this.#closeMedium(args);
      case 'setextradata':
        return this.#setExtraData(args);
      case 'getextradata':
        return this.#getExtraData(args);
      case 'sharedfolder':
        return this.#sharedFolder(args);
      case 'guestproperty':
        await this.#require(args[1] ?? '');
        return { stdout: 'No value set!\n' };
      case 'startvm':
        return this.#start(args);
      case 'controlvm':
        return this.#control(args);
      case 'discardstate':
        (await this.#require(args[0] ?? '')).state = 'poweroff';
        return {};
      case 'hostonlyif':
        return this.#hostOnlyInterface(args);
      case 'hostonlynet':
        return this.#hostOnlyNetwork(args);
      case 'dhcpserver':
        return this.#dhcpServer(args);
      default:
        throw new Refusal(`Invalid command '${command}'`, '', { exitCode: 2 });
    }
  }

  /** A machine whose guest has ended by itself is off. */
  async #refresh(machine: Machine): Promise<void> {
    if (['running', 'paused'].includes(machine.state) && !(await this.#world.isRunning(machine))) {
      machine.state = 'poweroff';
      delete machine.pid;
    }
  }

  async #isAccessible(machine: Machine): Promise<boolean> {
    return this.#world.exists(machine.settingsFile);
  }

  async #find(nameOrUuid: string): Promise<Machine | undefined> {
    for (const machine of this.#state.machines) {
      const isNamed = machine.name === nameOrUuid && (await this.#isAccessible(machine));
      if (machine.uuid === nameOrUuid.toLowerCase() || isNamed) {
        return machine;
      }
    }
    return undefined;
  }

  async #require(nameOrUuid: string): Promise<Machine> {
    const machine = await this.#find(nameOrUuid);
    if (machine === undefined) {
      throw new Refusal(
        `Could not find a registered machine named '${nameOrUuid}'`,
        'VBOX_E_OBJECT_NOT_FOUND',
      );
    }
    if (!(await this.#isAccessible(machine))) {
      throw new Refusal('The object functionality is limited', 'E_ACCESSDENIED');
    }
    await this.#refresh(machine);
    return machine;
  }

  async #requireOff(nameOrUuid: string): Promise<Machine> {
    const machine = await this.#require(nameOrUuid);
    if (['running', 'paused'].includes(machine.state)) {
      throw new Refusal(
        `The machine '${machine.name}' is already locked for a session (or being unlocked)`,
        'VBOX_E_INVALID_OBJECT_STATE',
      );
    }
    return machine;
  }

  async #list(what: string): Promise<string> {
    switch (what) {
      case 'vms':
      case 'runningvms': {
        const lines: string[] = [];
        for (const machine of this.#state.machines) {
          await this.#refresh(machine);
          const isAccessible = await this.#isAccessible(machine);
          if (what === 'vms' || machine.state === 'running') {
            lines.push(`"${isAccessible ? machine.name : '<inaccessible>'}" {${machine.uuid}}\n`);
          }
        }
        return lines.join('');
      }
      case 'hdds':
        return listMedia(this.#state.media.filter(({ kind }) => kind === 'disk'));
      case 'dvds':
        return listMedia(this.#state.media.filter(({ kind }) => kind === 'dvd'));
      case 'hostonlyifs':
        return this.#state.interfaces
          .map(
            ({ name, address, netmask }) =>
              `Name:            ${name}\nGUID:            786f6276-656e-4074-8000-0a0027000000\nDHCP:            Disabled\nIPAddress:       ${address}\nNetworkMask:     ${netmask}\nStatus:          Up\nVBoxNetworkName: HostInterfaceNetworking-${name}\n\n`,
          )
          .join('');
      case 'hostonlynets':
        if (this.#profile.platform !== 'darwin') {
          throw new Refusal('Unknown subcommand "hostonlynets".', '', { exitCode: 2 });
        }
        return this.#state.networks
          .map(
            ({ name, netmask, lower, upper }) =>
              `Name:            ${name}\nGUID:            786f6276-656e-4174-8000-0a0027000000\n\nState:           Enabled\nNetworkMask:     ${netmask}\nLowerIP:         ${lower}\nUpperIP:         ${upper}\nVBoxNetworkName: hostonly-${name}\n\n`,
          )
          .join('');
      case 'dhcpservers':
        return this.#state.dhcp
          .map((network) => `NetworkName:    ${network}\nEnabled:        Yes\n`)
          .join('\n');
      case 'hostinfo': {
        const yes = this.#profile.hasModule ? 'yes' : 'no';
        const count = this.#profile.hasModule ? 4 : 0;
        return `Host Information:\n\nProcessor online count: ${count}\nProcessor count: ${count}\nProcessor supports HW virtualization: ${yes}\nMemory size: 24103 MByte\n`;
      }
      case 'systemproperties': {
        const platforms =
          this.#profile.major === 7 && this.#profile.minor > 0
            ? `\nSupported platform architectures: ${this.#profile.architecture}\n`
            : '';
        return `API version:                     ${this.#profile.major}_${this.#profile.minor}\nMaximum guest RAM size:          2097152 Megabytes\nMaximum guest CPU count:         64\n${platforms}`;
      }
      default:
        throw new Refusal(`Unknown subcommand "${what}".`, '', { exitCode: 2 });
    }
  }

  async #show(nameOrUuid: string): Promise<string> {
    return describeMachine(await this.#require(nameOrUuid), this.#state, this.#profile);
  }

  async #createMachine(args: readonly string[]): Promise<Partial<Result>> {
    const given = pairs(args, ['--register', '--default']);
    const known = ['--name', '--basefolder', '--ostype', '--uuid', '--groups', '--register', '--default'];
    const hasPlatforms = this.#profile.major === 7 && this.#profile.minor > 0;
    const unknown = [...given.keys()].find(
      (name) => !known.includes(name) && !(hasPlatforms && name === '--platform-architecture'),
    );
    if (unknown !== undefined) {
      throw new Refusal(`Unknown option: ${unknown}`, '', { exitCode: 2 });
    }
    const architecture =
      given.get('--platform-architecture') ?? (hasPlatforms ? 'x86' : this.#profile.architecture);
    if (architecture !== 'x86' && architecture !== 'arm') {
      throw new Refusal(`Invalid --platform-architecture argument '${architecture}'`, '', { exitCode: 2 });
    }
    const name = given.get('--name') ?? '';
    const safe = name.replaceAll('/', '_');
    const folder = posix.join(given.get('--basefolder') ?? '/VirtualBox VMs', safe);
    const settingsFile = posix.join(folder, `${safe}.vbox`);
    if ((await this.#world.exists(settingsFile)) || this.#state.unregistered.includes(settingsFile)) {
      throw new Refusal(`Machine settings file '${settingsFile}' already exists`, 'VBOX_E_FILE_ERROR');
    }
    const uuid = given.get('--uuid') ?? this.#world.newUuid();
    await this.#world.write(settingsFile, `<VirtualBox uuid="${uuid}"/>\n`);
    const isRegistered = given.has('--register');
    if (isRegistered) {
      this.#state.machines.push({
        ...{ uuid, name, folder, settingsFile, architecture, state: 'poweroff' },
        ...{
          settings: { cpus: '1', memory: '1024', nic1: 'nat' },
          extraData: {},
          forwardings: [],
          controllers: [],
        },
      });
    } else {
      this.#state.unregistered.push(settingsFile);
    }
    const done = isRegistered ? 'created and registered' : 'created';
    return {
      stdout: `Virtual machine '${name}' is ${done}.\nUUID: ${uuid}\nSettings file: '${settingsFile}'\n`,
    };
  }

  async #modify([nameOrUuid = '', ...args]: readonly string[]): Promise<Partial<Result>> {
    const machine = await this.#requireOff(nameOrUuid);
    const given = readOptions(this.#profile, machine.architecture, args);
    if (typeof given === 'string') {
      throw new Refusal(given, '', { before: 'Command Line Management Interface\n\n' });
    }
    const warnings: string[] = [];
    for (const option of given) {
      warnings.push(...this.#set(machine, option));
    }
    return { stderr: warnings.join('') };
  }

  #set(machine: Machine, { setting, values, name }: Given): string[] {
    const [value = ''] = values;
    switch (setting) {
      case 'nat-pf1':
        setForwarding(machine, values);
        return [];
      case 'cpus':
        requireRange('virtual CPU count', value, [1, 64], '');
        break;
      case 'memory':
        requireRange('RAM size', value, [4, 2_097_152], ' MB');
        break;
      case 'page-fusion':
        throw new Refusal('Page fusion is only supported on 64-bit hosts', 'NS_ERROR_NOT_IMPLEMENTED');
      case 'autostart-enabled':
        throw new Refusal('The path to the autostart database is not set', 'NS_ERROR_FAILURE');
      case 'nic2':
        if (value === 'hostonlynet' && this.#profile.platform !== 'darwin') {
          throw new Refusal(`Invalid type '${value}' specfied for NIC 2`);
        }
        break;
      default:
    }
    machine.settings[setting] = values.join(',');
    if (setting === 'audio-driver' && name === '--audio' && this.#profile.major >= 7) {
      return ['Warning: --audio is deprecated and will be removed soon. Use --audio-driver instead!\n'];
    }
    const isMissing =
      setting === 'host-only-adapter2' && !this.#state.interfaces.some((one) => one.name === value);
    return isMissing || setting === 'bridge-adapter2'
      ? [`VBoxManage: warning: Interface "${value}" doesn't seem to exist\n`]
      : [];
  }

  async #unregister([nameOrUuid = '', ...args]: readonly string[]): Promise<Partial<Result>> {
    const machine = await this.#find(nameOrUuid);
    if (machine === undefined) {
      await this.#require(nameOrUuid);
      return {};
    }
    if (!(await this.#isAccessible(machine))) {
      this.#state.machines = this.#state.machines.filter((one) => one !== machine);
      throw new Refusal('The object is not ready', 'E_ACCESSDENIED');
    }
    await this.#requireOff(nameOrUuid);
    this.#state.machines = this.#state.machines.filter((one) => one !== machine);
    const attached = new Set(machine.controllers.flatMap(({ media }) => Object.values(media)));
    const inUse = new Set(
      this.#state.machines.flatMap(({ controllers }) =>
        controllers.flatMap(({ media }) => Object.values(media)),
      ),
    );
    for (const medium of this.#state.media.filter(({ uuid }) => attached.has(uuid) && !inUse.has(uuid))) {
      this.#state.media = this.#state.media.filter((one) => one !== medium);
      if (args.includes('--delete') && medium.kind === 'disk') {
        await this.#world.remove(medium.location);
      }
    }
    if (args.includes('--delete')) {
      await this.#world.remove(machine.settingsFile);
    }
    return { stderr: progress };
  }

  async #addController([nameOrUuid = '', ...args]: readonly string[]): Promise<Partial<Result>> {
    const machine = await this.#requireOff(nameOrUuid);
    const given = pairs(args, []);
    const name = given.get('--name') ?? '';
    if (machine.controllers.some((one) => one.name === name)) {
      throw new Refusal(`Storage controller named '${name}' already exists`, 'VBOX_E_OBJECT_IN_USE');
    }
    const bus = given.get('--add') ?? '';
    if (machine.architecture === 'arm' && bus !== 'virtio-scsi') {
      throw new Refusal(`Invalid storage bus '${bus}'`, 'NS_ERROR_INVALID_ARG');
    }
    const ports = Number(given.get('--portcount') ?? '1');
    machine.controllers.push({ name, bus, ports, media: {} });
    return {};
  }

  async #attach([nameOrUuid = '', ...args]: readonly string[]): Promise<Partial<Result>> {
    const machine = await this.#requireOff(nameOrUuid);
    const given = pairs(args, []);
    const name = given.get('--storagectl') ?? '';
    const controller = machine.controllers.find((one) => one.name === name);
    if (controller === undefined) {
      throw new Refusal(`Could not find a controller named '${name}'`);
    }
    const kind = given.get('--type') === 'hdd' ? 'disk' : 'dvd';
    const medium = await this.#openMedium(kind, given.get('--medium') ?? '');
    const port = `${given.get('--port') ?? '0'}-${given.get('--device') ?? '0'}`;
    const children = this.#state.media.filter(({ parent }) => parent === medium.uuid);
    if (kind === 'disk' && children.length > 0) {
      const uuid = this.#world.newUuid();
      const location = posix.join(machine.folder, 'Snapshots', `{${uuid}}.vdi`);
      this.#state.media.push({ ...medium, uuid, location, parent: medium.uuid });
      controller.media[port] = uuid;
      return {};
    }
    controller.media[port] = medium.uuid;
    return {};
  }

  async #openMedium(kind: 'disk' | 'dvd', location: string): Promise<State['media'][number]> {
    const known = this.#state.media.find(
      (one) => one.kind === kind && (one.location === location || one.uuid === location),
    );
    if (known !== undefined) {
      return known;
    }
    if (!(await this.#world.exists(location))) {
      throw new Refusal(
        `Could not find file for the medium '${location}' (VERR_FILE_NOT_FOUND)`,
        'VBOX_E_FILE_ERROR',
      );
    }
    const sizeMiB = Math.ceil((await this.#world.sizeBytes(location)) / 1024 ** 2);
    const format = kind === 'dvd' ? 'RAW' : posix.extname(location).slice(1).toUpperCase();
    const medium = { uuid: this.#world.newUuid(), kind, location, sizeMiB, format };
    this.#state.media.push(medium);
    return medium;
  }

  async #createMedium([, ...args]: readonly string[]): Promise<Partial<Result>> {
    const given = pairs(args, []);
    const location = given.get('--filename') ?? '';
    const parentPath = given.get('--diffparent');
    if (parentPath === undefined && (await this.#world.exists(location))) {
      const text = `VDI: cannot create image '${location}' (VERR_ALREADY_EXISTS)`;
      throw new Refusal('Failed to create medium', 'VBOX_E_FILE_ERROR', {
        before: `0%...VBOX_E_FILE_ERROR\nVBoxManage: error: Failed to create medium\nVBoxManage: error: ${text}\n`,
      });
    }
    const parent = parentPath === undefined ? undefined : await this.#openMedium('disk', parentPath);
    const sizeMiB = Number(given.get('--size') ?? parent?.sizeMiB ?? 0);
    const uuid = this.#world.newUuid();
    await this.#world.makeDisk(location, sizeMiB);
    this.#state.media.push({
      ...{ uuid, kind: 'disk' as const, location, sizeMiB, format: given.get('--format') ?? 'VDI' },
      ...(parent === undefined ? {} : { parent: parent.uuid }),
    });
    return { stdout: `Medium created. UUID: ${uuid}\n`, stderr: progress };
  }

  async #convert(args: readonly string[]): Promise<Partial<Result>> {
    const [raw = '', location = ''] = args;
    if (await this.#world.exists(location)) {
      throw new Refusal(`Cannot create the disk image "${location}": VERR_ALREADY_EXISTS`);
    }
    const sizeMiB = Math.ceil((await this.#world.sizeBytes(raw)) / 1024 ** 2);
    await this.#world.makeDisk(location, sizeMiB, raw);
    return {
      stderr: `Converting from raw image file="${raw}" to file="${location}"...\nCreating dynamic image with size ${sizeMiB * 1024 ** 2} bytes (${sizeMiB}MB)...\n`,
    };
  }

  async #resize([, location = '', ...args]: readonly string[]): Promise<Partial<Result>> {
    const medium = await this.#openMedium('disk', location);
    const sizeMiB = Number(pairs(args, []).get('--resize') ?? 0);
    if (sizeMiB < medium.sizeMiB) {
      throw new Refusal(`Failed to resize medium`, 'VBOX_E_NOT_SUPPORTED', {
        before: '0%...VBOX_E_NOT_SUPPORTED\n',
      });
    }
    await this.#world.resizeDisk(medium.location, sizeMiB);
    medium.sizeMiB = sizeMiB;
    return { stderr: progress };
  }

  async #showMedium([, location = '']: readonly string[]): Promise<string> {
    const medium = await this.#openMedium('disk', location);
    return `UUID:           ${medium.uuid}\nParent UUID:    base\nState:          created\nType:           normal (base)\nLocation:       ${medium.location}\nStorage format: ${medium.format}\nCapacity:       ${medium.sizeMiB} MBytes\n`;
  }

  async #closeMedium([, location = '', ...args]: readonly string[]): Promise<Partial<Result>> {
    const medium = this.#state.media.find((one) => one.location === location || one.uuid === location);
    if (medium === undefined) {
      throw new Refusal(`Could not find file for the medium '${location}'`, 'VBOX_E_OBJECT_NOT_FOUND');
    }
    const children = this.#state.media.filter(({ parent }) => parent === medium.uuid).length;
    if (children > 0) {
      throw new Refusal(
        `Cannot close medium '${medium.location}' because it has ${children} child media`,
        'VBOX_E_OBJECT_IN_USE',
      );
    }
    const isAttached = this.#state.machines.some(({ controllers }) =>
      controllers.some(({ media }) => Object.values(media).includes(medium.uuid)),
    );
    if (isAttached) {
      throw new Refusal(
        `Cannot close medium '${medium.location}' because it is still attached to 1 virtual machines`,
        'VBOX_E_OBJECT_IN_USE',
      );
    }
    this.#state.media = this.#state.media.filter((one) => one !== medium);
    if (args.includes('--delete')) {
      await this.#world.remove(medium.location);
    }
    return {};
  }

  async #setExtraData([nameOrUuid = '', key = '', value = '']: readonly string[]): Promise<Partial<Result>> {
    (await this.#require(nameOrUuid)).extraData[key] = value;
    return {};
  }

  async #sharedFolder([action = '', nameOrUuid = '', ...args]: readonly string[]): Promise<Partial<Result>> {
    const machine = await this.#require(nameOrUuid);
    const valueOf = (option: string): string => args[args.indexOf(option) + 1] ?? '';
    const [name, path] = [valueOf('--name'), valueOf('--hostpath')];
    const folders = (machine.folders ??= []);
    if (action === 'remove') {
      machine.folders = folders.filter((folder) => folder.name !== name);
      return {};
    }
    if (!(await this.#world.exists(path))) {
      const message = `RTPathQueryInfo failed on shared folder path '${path}': VERR_FILE_NOT_FOUND`;
      throw new Refusal(message, 'NS_ERROR_INVALID_ARG');
    }
    if (folders.some((folder) => folder.name === name)) {
      throw new Refusal(`Shared folder named '${name}' already exists`, 'VBOX_E_OBJECT_IN_USE');
    }
    folders.push({ name, path, isReadOnly: args.includes('--readonly') });
    return {};
  }

  async #getExtraData([nameOrUuid = '', key = '']: readonly string[]): Promise<Partial<Result>> {
    const { extraData } = await this.#require(nameOrUuid);
    if (key === 'enumerate') {
      const lines = Object.entries(extraData).map(([name, value]) => `Key: ${name}, Value: ${value}\n`);
      return { stdout: lines.join('') };
    }
    const value = extraData[key];
    return { stdout: value === undefined ? 'No value set!\n' : `Value: ${value}\n` };
  }

  async #start([nameOrUuid = '']: readonly string[]): Promise<Partial<Result>> {
    const machine = await this.#requireOff(nameOrUuid);
    if (!this.#profile.hasModule) {
      throw new Refusal(
        `The virtual machine '${machine.name}' has terminated unexpectedly during startup with exit code 1 (0x1)`,
        'NS_ERROR_FAILURE',
      );
    }
    if (machine.architecture !== this.#profile.architecture) {
      throw new Refusal(
        'Cannot run the machine because its platform architecture ARM is not supported on x86',
        'VBOX_E_PLATFORM_ARCH_NOT_SUPPORTED',
      );
    }
    try {
      await this.#world.start(machine, this.#state);
    } catch (error) {
      throw new Refusal(error instanceof Error ? error.message : String(error), 'NS_ERROR_FAILURE');
    }
    machine.state = 'running';
    return {
      stdout: `Waiting for VM "${machine.uuid}" to power on...\nVM "${machine.uuid}" has been successfully started.\n`,
    };
  }

  async #control([nameOrUuid = '', action = '', ...args]: readonly string[]): Promise<Partial<Result>> {
    const machine = await this.#require(nameOrUuid);
    if (!['running', 'paused'].includes(machine.state)) {
      throw new Refusal(`Machine '${machine.name}' is not currently running.`);
    }
    switch (action) {
      case 'poweroff':
        await this.#world.control(machine, 'off');
        machine.state = 'poweroff';
        delete machine.pid;
        return { stderr: progress };
      case 'acpipowerbutton':
        await this.#world.control(machine, 'button');
        return {};
      case 'pause':
      case 'resume':
        await this.#world.control(machine, action);
        machine.state = action === 'pause' ? 'paused' : 'running';
        return {};
      case 'savestate':
        await this.#world.control(machine, 'off');
        machine.state = 'saved';
        delete machine.pid;
        return { stderr: progress };
      case 'natpf1': {
        const before = machine.forwardings;
        setForwarding(machine, args);
        const gone = before.filter((one) => !machine.forwardings.includes(one));
        for (const { rule } of gone) {
          await this.#world.forward('remove', machine, rule);
        }
        for (const { rule } of gone.length === 0 ? machine.forwardings.slice(-1) : []) {
          await this.#world.forward('add', machine, rule);
        }
        return {};
      }
      default:
        throw new Refusal(`Invalid parameter '${action}'`);
    }
  }

  async #hostOnlyInterface([action = '', name = '', ...args]: readonly string[]): Promise<Partial<Result>> {
    if (action === 'create') {
      if (!this.#profile.hasModule) {
        throw new Refusal('Failed to create the host-only adapter', 'NS_ERROR_FAILURE', {
          before: '0%...NS_ERROR_FAILURE\n',
        });
      }
      const made = `vboxnet${this.#state.interfaces.length}`;
      this.#state.interfaces.push({ name: made, address: '', netmask: '' });
      return { stdout: `Interface '${made}' was successfully created\n`, stderr: progress };
    }
    const found = this.#state.interfaces.find((one) => one.name === name);
    if (found === undefined) {
      throw new Refusal(
        `The host network interface named '${name}' could not be found`,
        'NS_ERROR_INVALID_ARG',
      );
    }
    if (action === 'remove') {
      this.#state.interfaces = this.#state.interfaces.filter((one) => one !== found);
      return { stderr: progress };
    }
    const given = pairs(args, []);
    const address = given.get('--ip') ?? '';
    if (!isInRange(address)) {
      throw new Refusal('Code E_ACCESSDENIED (0x80070005) - Access denied (extended info not available)');
    }
    Object.assign(found, { address, netmask: given.get('--netmask') ?? '255.255.255.0' });
    return {};
  }

  async #hostOnlyNetwork([action = '', ...args]: readonly string[]): Promise<Partial<Result>> {
    if (this.#profile.platform !== 'darwin' || this.#profile.major < 7) {
      throw new Refusal("Invalid command 'hostonlynet'", '', { exitCode: 2 });
    }
    const given = pairs(args, ['--enable', '--disable']);
    const name = given.get('--name') ?? '';
    if (action === 'add') {
      const [lower, upper] = [given.get('--lower-ip') ?? '', given.get('--upper-ip') ?? ''];
      this.#state.networks.push({ name, netmask: given.get('--netmask') ?? '', lower, upper });
    } else {
      this.#state.networks = this.#state.networks.filter((one) => one.name !== name);
    }
    return {};
  }

  async #dhcpServer([action = '', ...args]: readonly string[]): Promise<Partial<Result>> {
    const given = pairs(args, ['--enable', '--disable']);
    const network = given.get('--network') ?? given.get('--netname') ?? '';
    const isThere = this.#state.dhcp.includes(network);
    if (action !== 'add' && !isThere) {
      throw new Refusal(`Failed to find DHCP server for network '${network}'`);
    }
    if (action === 'add') {
      this.#state.dhcp.push(network);
    } else if (action === 'remove') {
      this.#state.dhcp = this.#state.dhcp.filter((one) => one !== network);
    }
    return {};
  }
}

function setForwarding(machine: Machine, values: readonly string[]): void {
  const [rule = '', name = ''] = values;
  if (rule === 'delete') {
    if (!machine.forwardings.some((one) => one.name === name)) {
      throw new Refusal(
        'Code NS_ERROR_INVALID_ARG (0x80070057) - Invalid argument value (extended info not available)',
      );
    }
    machine.forwardings = machine.forwardings.filter((one) => one.name !== name);
    return;
  }
  const [ruleName = '', protocol = '', hostIp = '', hostPort = '', guestIp = '', guestPort = ''] =
    rule.split(',');
  if (protocol !== 'tcp' && protocol !== 'udp') {
    throw new Refusal(`Invalid proto '${rule}' specfied for NIC 1`);
  }
  if (machine.forwardings.some((one) => one.name === ruleName)) {
    throw new Refusal('A NAT rule of this name already exists', 'NS_ERROR_INVALID_ARG');
  }
  // Ports are taken for numbers of 16 bits, whatever is said.
  const whole = [
    ruleName,
    protocol,
    hostIp,
    Number(hostPort) & 0xffff,
    guestIp,
    Number(guestPort) & 0xffff,
  ].join(',');
  const place = (text: string): string => text.split(',').slice(1, 4).join(',');
  if (machine.forwardings.some((one) => place(one.rule) === place(whole))) {
    throw new Refusal(
      'A NAT rule for this host port and this host IP already exists',
      'NS_ERROR_INVALID_ARG',
    );
  }
  machine.forwardings.push({ name: ruleName, rule: whole });
}

function requireRange(what: string, text: string, [min, max]: readonly [number, number], unit: string): void {
  const value = Number(text);
  if (!(value >= min && value <= max)) {
    throw new Refusal(
      `Invalid ${what}: ${text}${unit} (must be in range [${min}, ${max}]${unit})`,
      'NS_ERROR_INVALID_ARG',
    );
  }
}

/** `--name value` and `--name=value`, and names that stand alone. */
function pairs(args: readonly string[], alone: readonly string[]): Map<string, string> {
  const found = new Map<string, string>();
  for (let index = 0; index < args.length; index += 1) {
    const [name = '', inline] = (args[index] ?? '').split(/=(.*)/s);
    if (inline !== undefined || alone.includes(name)) {
      found.set(name, inline ?? '');
    } else if (name.startsWith('--')) {
      index += 1;
      found.set(name, args[index] ?? '');
    }
  }
  return found;
}
