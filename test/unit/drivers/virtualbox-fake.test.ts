import test, { type ExecutionContext } from 'ava';
import {
  parseCapacityMiB,
  parseDhcpNetworks,
  parseExtraData,
  parseFault,
  parseHostAbilities,
  parseMachineInfo,
  parseMachines,
  parseMedia,
  parseUuid,
  parseVersion,
} from '../../../src/drivers/virtualbox/output.ts';
import { FakeVirtualBox } from '../../fakes/vboxmanage/fake-virtualbox.ts';
import { profiles } from '../../fakes/vboxmanage/profile.ts';
import { recordedCalls, type RecordedCall } from '../../fakes/vboxmanage/recorded.ts';
import { emptyState, type World } from '../../fakes/vboxmanage/state.ts';

// The pretended VirtualBox is put to the calls that were recorded of a real one, and must answer alike.

/** What the driver never calls, and the fake does not know. */
const unused =
  /^(?:guestproperty|snapshot|clonevm|natnetwork|export|encryptvm|metrics|unregistervm cl |list (?:ostypes|extpacks|natnets|bridgedifs|--long))|^showvminfo \S+$/;
/** Calls whose world was changed by something that was not recorded. */
const unrecorded = new Set(['b096-list-vms-par.json']);
/** The settings of this machine were deleted before this call. */
const brokenBefore = { file: 'b091-list-vms-inaccessible.json', settings: '/home/user/m/broken/broken.vbox' };

const mebibyte = 1024 * 1024;

/** A world of files that are only names and sizes. */
function recordedWorld(): World & { nextUuid: string | undefined } {
  const sizes = new Map([
    ['/home/user/m/boot.iso', 2 * mebibyte],
    ['/home/user/m/raw.img', 4 * mebibyte],
    ['/home', 0],
    ['/home/user', 0],
  ]);
  let serial = 0;
  const world: World & { nextUuid: string | undefined } = {
    nextUuid: undefined,
    exists: async (path) => sizes.has(path),
    write: async (path, text) => void sizes.set(path, text.length),
    remove: async (path) => void sizes.delete(path),
    makeDisk: async (path, sizeMiB) => void sizes.set(path, sizeMiB * mebibyte),
    sizeBytes: async (path) => sizes.get(path) ?? 0,
    resizeDisk: async (path, sizeMiB) => void sizes.set(path, sizeMiB * mebibyte),
    newUuid: () => {
      serial += 1;
      return world.nextUuid ?? `00000000-0000-4000-8000-${String(serial).padStart(12, '0')}`;
    },
    start: async () => undefined,
    isRunning: async () => false,
    forward: async () => undefined,
    control: async () => undefined,
  };
  return world;
}

/** What the driver reads out of an answer. */
function fieldsOf(argv: readonly string[], stdout: string): unknown {
  const words = argv.filter((word) => !word.startsWith('/') && !/^[0-9a-f-]{36}$/.test(word));
  switch (`${words[0] ?? ''} ${words[0] === 'list' ? (words[1] ?? '') : ''}`.trim()) {
    case '--version':
    case '-v':
      return parseVersion(stdout);
    case 'list vms':
      return parseMachines(stdout);
    case 'list hdds':
    case 'list dvds':
      return parseMedia(stdout)
        .map(({ location }) => location.replace(/\{.*\}/, '{uuid}'))
        .sort();
    case 'list hostinfo':
      return parseHostAbilities(stdout).hasVirtualization;
    case 'list systemproperties':
      return parseHostAbilities(stdout);
    case 'list dhcpservers':
      return parseDhcpNetworks(stdout);
    case 'showvminfo': {
      const info = parseMachineInfo(stdout);
      return (
        info && { ...info, values: undefined, folder: info.values.get('SharedFolderPathMachineMapping1') }
      );
    }
    case 'createvm':
      return parseUuid(stdout);
    case 'getextradata':
      return parseExtraData(stdout);
    case 'showmediuminfo':
      return parseCapacityMiB(stdout);
    default:
      return undefined;
  }
}

/** Usage banners hold texts that are not ours to repeat; whether a command is unknown is what counts. */
function faultOf({ stderr, rc }: Pick<RecordedCall, 'stderr' | 'rc'>): unknown {
  const fault = parseFault(stderr);
  return { rc, code: fault?.code, message: fault?.message };
}

async function replay(t: ExecutionContext, run: 'a' | 'b'): Promise<void> {
  const calls = recordedCalls(run);
  if (calls === undefined) {
    t.log('skipped: needs the recorded calls of VirtualBox 7.2.22');
    t.pass();
    return;
  }
  const world = recordedWorld();
  const state = { ...emptyState(), dhcp: ['HostInterfaceNetworking-vboxnet0'] };
  const fake = new FakeVirtualBox(profiles.recorded, state, world);
  let compared = 0;
  for (const call of calls) {
    if (unused.test(call.argv.join(' ')) || unrecorded.has(call.file)) {
      continue;
    }
    if (call.file === brokenBefore.file) {
      await world.remove(brokenBefore.settings);
    }
    world.nextUuid = parseUuid(call.stdout);
    const answer = await fake.run(call.argv);
    t.deepEqual(faultOf({ ...answer, rc: answer.exitCode }), faultOf(call), call.file);
    t.deepEqual(fieldsOf(call.argv, answer.stdout), fieldsOf(call.argv, call.stdout), call.file);
    compared += 1;
  }
  t.true(compared > 60, `${compared} calls`);
  t.log(`${compared} of ${calls.length} recorded calls are answered alike`);
}

test('the first recorded run is answered alike: lists, machines, every option of modifyvm', (t) =>
  replay(t, 'a'));
test('the second recorded run is answered alike: the life of a machine, media, networks, a broken one', (t) =>
  replay(t, 'b'));
