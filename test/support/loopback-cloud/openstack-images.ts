import { jsonAnswer, type CloudAnswer, type CloudRequest } from './fault-server.ts';
import {
  given,
  novaError,
  pageOf,
  projectId,
  type CloudImage,
  type CloudServer,
  type CloudSnapshot,
  type OpenStackState,
} from './openstack-state.ts';

// Images: Glance, what Nova makes of servers, and the snapshots of Cinder in which images of volumes are.

type Body = Readonly<Record<string, unknown>>;

/** Of `createImage`. */
export interface ImageOrder {
  readonly name: string;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** A disk of an image as Nova keeps it, and as it takes it for a server. */
export interface MappedDisk {
  readonly boot_index: number;
  readonly uuid: string;
  readonly snapshot_id: string;
  readonly source_type: string;
  readonly destination_type: string;
  readonly volume_size: number;
  readonly delete_on_termination: boolean;
}

/** Disks of an image that are volumes. */
export function mappingOf({ properties }: CloudImage): readonly MappedDisk[] {
  const text = properties['block_device_mapping'];
  return typeof text === 'string' ? (JSON.parse(text) as MappedDisk[]) : [];
}

/** What Nova does: an image with the properties of the one that the server was made of, and under them snapshots. */
export function createImage(state: OpenStackState, server: CloudServer, order: ImageOrder): CloudAnswer {
  if (!['ACTIVE', 'SHUTOFF'].includes(server.status) || server.task !== null) {
    return novaError(
      409,
      `Cannot 'createImage' instance ${server.id} while it is in task_state ${server.task}`,
    );
  }
  const id = state.newId();
  const disks = server.isOnVolume
    ? server.volumes.map((volume) => snapshotOf(state, volume, order.name))
    : [];
  const { block_device_mapping: before, ...inherited } = server.inherited;
  const flavor = given.flavors.find((each) => each.id === server.flavorId);
  const { imageLooks } = state.settings;
  state.images.set(id, {
    id,
    name: order.name,
    properties: {
      min_disk: before === undefined ? (flavor?.disk ?? 0) : 0,
      ...inherited,
      ...order.metadata,
      ...(disks.length === 0 ? {} : { block_device_mapping: JSON.stringify(disks), bdm_v2: 'True' }),
    },
    // With nothing in it, it is active at once.
    looksLeft: disks.length === 0 ? imageLooks : 0,
  });
  return { status: 202, headers: { location: `http://elsewhere.example/v2/images/${id}` }, body: '' };
}

function snapshotOf(
  state: OpenStackState,
  volume: CloudServer['volumes'][number],
  imageName: string,
): MappedDisk {
  const id = state.newId();
  const size = state.volumes.get(volume.id)?.size ?? 0;
  const name = `snapshot for ${imageName}`;
  const { imageLooks: looksLeft } = state.settings;
  state.snapshots.set(id, { id, name, volumeId: volume.id, size, status: 'creating', looksLeft });
  return {
    ...{ boot_index: 0, snapshot_id: id, uuid: id, source_type: 'snapshot', destination_type: 'volume' },
    ...{ volume_size: size, delete_on_termination: volume.endsWithServer },
  };
}

/** Glance, whose errors are pages. */
export function images(state: OpenStackState, request: CloudRequest, id: string | undefined): CloudAnswer {
  if (id === undefined) {
    const all: (Body & { readonly id: string })[] = [
      ...given.images,
      ...[...state.images.values()].map((image) => showImage(image, state.settings.imageLooks)),
    ];
    const wanted = [...request.query].filter(([key]) => key !== 'marker');
    const shown = all.filter((image) => wanted.every(([key, value]) => image[key] === value));
    return pageOf(state, request, 'images', shown);
  }
  const made = state.images.get(id);
  const found = made === undefined ? given.images.find((each) => each.id === id) : made;
  const page = '<html><head><title>404 Not Found</title></head><body>No image found</body></html>';
  if (found === undefined) {
    return { status: 404, headers: { 'content-type': 'text/html' }, body: page };
  }
  if (made === undefined) {
    return jsonAnswer(200, found);
  }
  if (request.method === 'DELETE') {
    state.images.delete(id);
    return { status: 204, body: '' };
  }
  if (request.method === 'PATCH') {
    return patchImage(state, request, made);
  }
  made.looksLeft = Math.max(0, made.looksLeft - 1);
  return jsonAnswer(200, showImage(made, state.settings.imageLooks));
}

function patchImage(state: OpenStackState, request: CloudRequest, image: CloudImage): CloudAnswer {
  if (request.headers['content-type'] !== 'application/openstack-images-v2.1-json-patch') {
    return {
      status: 415,
      headers: { 'content-type': 'text/html' },
      body: '<html>Unsupported Media Type</html>',
    };
  }
  const changes = JSON.parse(request.body) as { readonly path: string; readonly value: string }[];
  const values = Object.fromEntries(changes.map(({ path, value }) => [path.slice(1), value]));
  const { name = image.name, ...properties } = values;
  const changed = { ...image, name, properties: { ...image.properties, ...properties } };
  state.images.set(image.id, changed);
  return jsonAnswer(200, showImage(changed, state.settings.imageLooks));
}

function showImage(
  { id, name, properties, looksLeft }: CloudImage,
  looks: number,
): Body & { readonly id: string } {
  const status = looksLeft === 0 ? 'active' : looksLeft === looks ? 'queued' : 'saving';
  return { ...properties, id, name, owner: projectId, visibility: 'private', status, protected: false };
}

/** Cinder's snapshots, behind `/volume/v3/PROJECT`. */
export function snapshots(state: OpenStackState, request: CloudRequest, id: string | undefined): CloudAnswer {
  if (id === undefined || id === 'detail') {
    return pageOf(state, request, 'snapshots', [...state.snapshots.values()].map(showSnapshot));
  }
  const found = state.snapshots.get(id);
  if (found === undefined) {
    return novaError(404, `Snapshot ${id} could not be found.`);
  }
  if (request.method === 'DELETE') {
    if (!['available', 'error'].includes(found.status)) {
      return novaError(400, 'Invalid snapshot: Snapshot status must be available or error.');
    }
    Object.assign(found, { status: 'deleting', looksLeft: state.settings.changeLooks });
    return { status: 202, body: '' };
  }
  if (found.status === 'creating') {
    found.looksLeft = Math.min(found.looksLeft, state.settings.imageLooks);
  }
  if (found.looksLeft > 0) {
    found.looksLeft -= 1;
  } else if (found.status === 'creating') {
    found.status = 'available';
  } else if (found.status === 'deleting') {
    state.snapshots.delete(id);
    return novaError(404, `Snapshot ${id} could not be found.`);
  }
  return jsonAnswer(200, { snapshot: showSnapshot(found) });
}

function showSnapshot({ id, name, volumeId, size, status }: CloudSnapshot): Body & { readonly id: string } {
  return { id, name, volume_id: volumeId, size, status, metadata: {}, description: '' };
}
