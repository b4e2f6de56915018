/** What Google takes as names, and where things are. Pure. */

/** Names of resources (RFC 1035). */
export const resourceName = /^[a-z](?:[-a-z0-9]{0,61}[a-z0-9])?$/;
export const projectName = /^[a-z0-9](?:[a-z0-9.:-]{0,98}[a-z0-9])?$/;
/** So much is left for the name of a machine, as its disk is called `NAME-disk`. */
export const machineNameMax = 58;

/** docker-machine and rancher find the disk by this name. */
export function diskName(machine: string): string {
  return `${machine}-disk`;
}

/** The region of a zone: `us-central1` of `us-central1-a`. */
export function regionOf(zone: string): string {
  return zone.slice(0, -2);
}

/** Path of something in a zone. */
export function zonePath({ project, zone }: { readonly project: string; readonly zone: string }): string {
  return `projects/${project}/zones/${zone}`;
}

/** Path of something in the region of a zone. */
export function regionPath({ project, zone }: { readonly project: string; readonly zone: string }): string {
  return `projects/${project}/regions/${regionOf(zone)}`;
}

/** What a URL of a resource says behind the version: `projects/…`. A path is returned as it is. */
export function pathOf(url: string): string {
  return url.replace(/^https?:\/\/[^/]+\/(?:compute\/)?v1\//, '').replace(/^\//, '');
}

/** The last part of a URL or path: the name. */
export function lastPart(url: string): string {
  return url.slice(url.lastIndexOf('/') + 1);
}

/** The project of a path that begins with one; undefined for others. */
export function projectOf(path: string): string | undefined {
  return /^projects\/([^/]+)\//.exec(path)?.[1];
}
