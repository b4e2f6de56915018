import { ownerTags, readTags } from '../../cloud/ownership.ts';
import type { CheckContext } from '../driver.ts';
import { unfinishedImages } from '../images.ts';
import type { OwnedResource } from '../owned.ts';
import { diskOf, firewallOf, instanceOf } from './api/answers.ts';
import { isInUse, openGoogle, type Google } from './api/google.ts';
import type { GoogleConfig } from './config.ts';
import { isTagInUse } from './firewall.ts';
import { deleteImage, listImages } from './images.ts';
import { tagsOfDescription, tagsOfLabels } from './labels.ts';
import { removeWhenFree } from './remove.ts';
import { accessOfCheck } from './world.ts';

/** What carries the mark of a store in a project, in whatever zone. */

type GoogleCheck = CheckContext<GoogleConfig>;

/** See DriverImplementation.listOwned. */
export async function listOwned(context: GoogleCheck, storeId: string): Promise<readonly OwnedResource[]> {
  const google = openGoogle(accessOfCheck(context));
  const project = `projects/${context.config.project}`;
  const filter = `labels.${ownerTags.owner}=${storeId}`;
  const [instances, disks, images, rules] = [
    await google.list(`${project}/aggregated/instances`, { filter }),
    await google.list(`${project}/aggregated/disks`, { filter }),
    await listImages(google, context.config, storeId),
    await google.list(`${project}/global/firewalls`, {
      filter: `description eq ".*${ownerTags.owner}=${storeId}.*"`,
    }),
  ];
  const labelled = (
    kind: 'instance' | 'disk',
    found: { readonly id: string; readonly name: string; readonly zone: string } & {
      readonly labels: Readonly<Record<string, string>>;
    },
  ): OwnedResource => ({
    kind,
    id: found.id,
    name: found.name,
    place: found.zone,
    ...readTags(tagsOfLabels(found.labels)),
  });
  return [
    ...instances.flatMap((value) => instanceOf(value) ?? []).map((each) => labelled('instance', each)),
    ...disks.flatMap((value) => diskOf(value) ?? []).map((each) => labelled('disk', each)),
    ...unfinishedImages(images),
    ...rules
      .flatMap((value) => firewallOf(value) ?? [])
      .map(({ id, name, description }) => ({
        kind: 'firewall' as const,
        id,
        name,
        place: '',
        ...readTags(tagsOfDescription(description)),
      })),
  ];
}

/** See DriverImplementation.removeOwned. Something else that has the name by now stays. */
export async function removeOwned(context: GoogleCheck, resource: OwnedResource): Promise<void> {
  const google = openGoogle(accessOfCheck(context));
  const { project } = context.config;
  if (resource.kind === 'image') {
    await deleteImage(context, google, resource);
    return;
  }
  const path = pathOfResource(project, resource);
  const present = path === undefined ? undefined : await google.find(path);
  if (path === undefined || idOf(resource, present) !== resource.id) {
    return;
  }
  if (resource.kind === 'firewall' && (await isRuleInUse(google, project, present))) {
    return;
  }
  try {
    await removeWhenFree(context, google, { path, machineId: resource.machineId });
  } catch (error) {
    if (!isInUse(error)) {
      throw error;
    }
  }
}

function pathOfResource(project: string, { kind, name, place }: OwnedResource): string | undefined {
  const paths: Readonly<Record<string, string>> = {
    instance: `projects/${project}/zones/${place}/instances/${name}`,
    disk: `projects/${project}/zones/${place}/disks/${name}`,
    firewall: `projects/${project}/global/firewalls/${name}`,
  };
  return paths[kind];
}

function idOf({ kind }: OwnedResource, value: unknown): string | undefined {
  return (kind === 'instance' ? instanceOf(value) : kind === 'disk' ? diskOf(value) : firewallOf(value))?.id;
}

async function isRuleInUse(google: Google, project: string, value: unknown): Promise<boolean> {
  for (const tag of firewallOf(value)?.targetTags ?? []) {
    if (await isTagInUse(google, project, tag)) {
      return true;
    }
  }
  return false;
}
