import { unlessMissing } from '../../cloud/json-api.ts';
import { field } from '../../cloud/json-fields.ts';
import { MachineError } from '../../core/errors.ts';
import { imageOf, namedOf, serverTypeOf, type Image, type Named, type ServerType } from './api/answers.ts';
import type { Hetzner } from './api/hetzner.ts';
import { chooseImage, chooseType, type TypeChoice } from './choose-offer.ts';
import type { HetznerConfig } from './config.ts';

/** What Hetzner offers for what was asked. Nothing is pinned; all of it is looked up at create. */

/** What a server is made of. */
export interface Choice {
  readonly type: string;
  /** Empty: Hetzner chooses. */
  readonly location: string;
  readonly image: Image;
  readonly networkIds: readonly number[];
  readonly volumeIds: readonly number[];
  readonly firewallIds: readonly number[];
  /** 0: a new one, or none. */
  readonly primaryIpv4Id: number;
  readonly primaryIpv6Id: number;
  /** Sentences for people. */
  readonly warnings: readonly string[];
}

/** Looks everything up. @throws MachineError `cloud-refused` for what is not there. */
export async function choose(hetzner: Hetzner, config: HetznerConfig, nowMs: number): Promise<Choice> {
  const typeChoice = await findType(hetzner, config, nowMs);
  const { type } = typeChoice;
  const image = await findImage(hetzner, config, type.architecture);
  const ids = async (path: string, wanted: readonly string[]): Promise<number[]> => {
    const found = [];
    for (const idOrName of wanted) {
      found.push((await requireNamed(hetzner, path, idOrName)).id);
    }
    return found;
  };
  const address = async (wanted: string): Promise<number> =>
    wanted === '' ? 0 : (await findPrimaryIp(hetzner, wanted)).id;
  return {
    type: type.name,
    location: typeChoice.location,
    image,
    networkIds: await ids('/networks', config.networks),
    volumeIds: await ids('/volumes', config.volumes),
    firewallIds: await ids('/firewalls', config.firewalls),
    primaryIpv4Id: await address(config.primaryIpv4),
    primaryIpv6Id: await address(config.primaryIpv6),
    warnings: warningsOf(config, typeChoice, image),
  };
}

function warningsOf({ imageArch }: HetznerConfig, { type, isLeaving }: TypeChoice, image: Image): string[] {
  return [
    ...(imageArch === '' || imageArch === type.architecture
      ? []
      : [`The type ${type.name} is of ${type.architecture}, so the image is, too, and not of ${imageArch}.`]),
    ...(isLeaving ? [`The type ${type.name} will not be to be had for long.`] : []),
    ...(image.isDeprecated ? [`The image ${image.name} is deprecated.`] : []),
  ];
}

async function findType(hetzner: Hetzner, config: HetznerConfig, nowMs: number): Promise<TypeChoice> {
  const query = config.type === '' ? {} : { name: config.type };
  const types: readonly ServerType[] = await hetzner.list('/server_types', query, serverTypeOf);
  return chooseType(types, config, nowMs);
}

async function findImage(hetzner: Hetzner, config: HetznerConfig, architecture: string): Promise<Image> {
  if (config.imageId !== 0) {
    const request = { method: 'GET', path: `/images/${config.imageId}` } as const;
    const image = await unlessMissing(() => hetzner.ask(request, (body) => imageOf(field(body, 'image'))));
    return chooseImage(image === undefined ? [] : [image], config, architecture);
  }
  const query =
    config.image === ''
      ? { type: 'system', architecture, status: 'available' }
      : { name: config.image, architecture, include_deprecated: true };
  return chooseImage(await hetzner.list('/images', query, imageOf), config, architecture);
}

/** Something of the project by id or name: `/networks`. */
export async function findNamed<T extends Named>(
  hetzner: Hetzner,
  path: string,
  idOrName: string,
  read: (value: unknown) => T | undefined,
): Promise<T | undefined> {
  if (/^\d{1,15}$/.test(idOrName)) {
    const request = { method: 'GET', path: `${path}/${idOrName}` } as const;
    const singular = path.slice(1).replace(/s$/, '');
    const byId = await unlessMissing(() => hetzner.ask(request, (body) => read(field(body, singular))));
    if (byId !== undefined) {
      return byId;
    }
  }
  return (await hetzner.list(path, { name: idOrName }, read))[0];
}

async function requireNamed(hetzner: Hetzner, path: string, idOrName: string): Promise<Named> {
  const found = await findNamed(hetzner, path, idOrName, namedOf);
  return found ?? nothing(path, idOrName);
}

async function findPrimaryIp(hetzner: Hetzner, wanted: string): Promise<Named> {
  const path = '/primary_ips';
  const found =
    (await findNamed(hetzner, path, wanted, namedOf)) ??
    (await hetzner.list(path, { ip: wanted }, namedOf))[0];
  return found ?? nothing(path, wanted);
}

function nothing(path: string, idOrName: string): never {
  const kind = path.slice(1).replace(/s$/, '').replace('_', ' ').replace('ip', 'IP');
  throw new MachineError('cloud-refused', `There is no ${kind} "${idOrName}" in the project of the token.`);
}
