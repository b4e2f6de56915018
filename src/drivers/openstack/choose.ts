import { unlessMissing } from '../../cloud/json-api.ts';
import { field, numberField } from '../../cloud/json-fields.ts';
import { MachineError } from '../../core/errors.ts';
import { diskOfImage, namedThingOf, readAll, snapshotsOfImage, type NamedThing } from './api/answers.ts';
import type { Service } from './api/keystone.ts';
import type { OpenStack } from './api/openstack.ts';
import type { OpenStackConfig } from './config.ts';

/** Names to ids. All of it is looked up at create, so a name means what it means then. */

/** What was found. Empty for what nobody asked for. */
export interface Choice {
  readonly flavorId: string;
  readonly imageId: string;
  /** The snapshot in which the root disk of the image is. */
  readonly imageSnapshotId: string;
  /** Of a root disk that is a volume, in GiB. */
  readonly rootSizeGiB: number;
  readonly networkId: string;
  readonly serverGroupId: string;
  readonly floatingPoolId: string;
}

/** A root disk on a volume is not smaller, unless somebody says so. */
const rootSizeMinGiB = 16;

/**
 * @throws MachineError `cloud-refused` in docker-machine's words for what is not there, for names of several things, and for
 *   an image that is too large for the flavor.
 */
export async function choose(openstack: OpenStack, config: OpenStackConfig): Promise<Choice> {
  const flavor = await findOne(openstack, flavors, config.flavorId, config.flavorName);
  const image = await findOne(openstack, images, config.imageId, config.imageName);
  const imageSnapshotId = snapshotsOfImage(image?.raw).find(({ isRoot }) => isRoot)?.id ?? '';
  if (!config.bootsFromVolume && imageSnapshotId === '') {
    requireRoom(flavor?.raw, image?.raw);
  }
  const network = await findOne(openstack, networks, config.networkId, config.networkName);
  const group = await findOne(openstack, serverGroups, config.serverGroupId, config.serverGroupName);
  const pool = await findOne(openstack, pools, config.floatingPoolId, config.floatingPool);
  return {
    flavorId: flavor?.id ?? '',
    imageId: image?.id ?? '',
    imageSnapshotId,
    rootSizeGiB:
      config.volumeSizeGiB > 0
        ? config.volumeSizeGiB
        : Math.max(rootSizeMinGiB, image === undefined ? 0 : diskOfImage(image.raw)),
    networkId: network?.id ?? '',
    serverGroupId: group?.id ?? '',
    floatingPoolId: pool?.id ?? '',
  };
}

/** Images of servers need a disk as large as that of the server's flavor. A flavor without one takes that of the image. */
function requireRoom(flavor: unknown, image: unknown): void {
  const disk = numberField(flavor, 'disk') ?? 0;
  const needed = numberField(image, 'min_disk') ?? 0;
  if (disk > 0 && needed > disk) {
    throw new MachineError('cloud-refused', 'The image needs a larger disk than the flavor has.', {
      why: `It needs ${needed} GiB; the flavor has ${disk} GiB.`,
      remedies: ['Take a larger flavor, or --openstack-boot-from-volume.'],
    });
  }
}

/** Where things of a kind are. */
interface Kind {
  readonly title: string;
  readonly service: Service;
  /** Of the list, and of one thing behind it. */
  readonly path: string;
  readonly listPath?: string;
  readonly key: string;
  /** Under which one thing stands; absent where it stands alone. */
  readonly itemKey?: string;
  readonly query?: (name: string) => Readonly<Record<string, string | boolean>>;
}

const flavors: Kind = {
  title: 'flavor',
  service: 'compute',
  path: '/flavors',
  listPath: '/flavors/detail',
  key: 'flavors',
  itemKey: 'flavor',
};
const images: Kind = {
  title: 'image',
  service: 'image',
  path: '/images',
  key: 'images',
  query: (name) => ({ name, status: 'active' }),
};
const networks: Kind = {
  title: 'network',
  service: 'network',
  path: '/networks',
  key: 'networks',
  itemKey: 'network',
  query: (name) => ({ name }),
};
const pools: Kind = {
  ...networks,
  title: 'floating IP pool',
  query: (name) => ({ name, 'router:external': true }),
};
const serverGroups: Kind = {
  title: 'server group',
  service: 'compute',
  path: '/os-server-groups',
  key: 'server_groups',
  itemKey: 'server_group',
};

async function findOne(
  openstack: OpenStack,
  kind: Kind,
  id: string,
  name: string,
): Promise<(NamedThing & { readonly raw: unknown }) | undefined> {
  if (id !== '') {
    const body = await unlessMissing(() =>
      openstack.call(kind.service, { method: 'GET', path: `${kind.path}/${encodeURIComponent(id)}` }),
    );
    const raw = kind.itemKey === undefined ? body : field(body, kind.itemKey);
    const thing = namedThingOf(raw);
    if (thing === undefined) {
      throw new MachineError('cloud-refused', `There is no ${kind.title} with the id ${id}.`, {
        remedies: [],
      });
    }
    return { ...thing, raw };
  }
  if (name === '') {
    return undefined;
  }
  const list = await openstack.list(kind.service, kind.listPath ?? kind.path, kind.key, kind.query?.(name));
  const found = readAll(list, (raw) => {
    const thing = namedThingOf(raw);
    return thing?.name === name ? { ...thing, raw } : undefined;
  });
  const [one, other] = found;
  if (one === undefined) {
    throw new MachineError('cloud-refused', `Unable to find ${kind.title} named ${name}`, { remedies: [] });
  }
  if (other !== undefined) {
    throw new MachineError('cloud-refused', `There are several of the ${kind.title} named ${name}.`, {
      why: `Their ids are ${found.map((each) => each.id).join(', ')}.`,
      remedies: ['Name one by its id.'],
    });
  }
  return one;
}
