import { askHostKeys } from '../../cloud/console-keys.ts';
import { field, textField } from '../../cloud/json-fields.ts';
import { ownerTags } from '../../cloud/ownership.ts';
import type { CheckContext } from '../driver.ts';
import type { FoundMachine, MachineResource } from '../owned.ts';
import { firewallOf, instanceOf, type Instance } from './api/answers.ts';
import { openGoogle, type Google } from './api/google.ts';
import { projectOfNetwork } from './choose.ts';
import type { GoogleConfig } from './config.ts';
import { firewallLabel, tagsOfDescription } from './labels.ts';
import { lastPart } from './names.ts';
import { accessOfCheck } from './world.ts';

/** The record of an instance that carries our mark. See DriverImplementation.adoptOwned. */
export async function adoptOwned(
  context: CheckContext<GoogleConfig>,
  { id, machineId, name, place }: MachineResource,
  storeId: string,
): Promise<FoundMachine | undefined> {
  const { config, signal } = context;
  const google = openGoogle(accessOfCheck(context));
  const path = `projects/${config.project}/zones/${place}/instances/${name}`;
  const value = await google.find(path);
  const instance = instanceOf(value);
  if (
    instance?.id !== id ||
    instance.labels[ownerTags.machine] !== machineId ||
    instance.labels[ownerTags.owner] !== storeId
  ) {
    return undefined;
  }
  const firewallTag = instance.labels[firewallLabel] ?? '';
  const machineType = lastPart(textField(value, 'machineType') ?? '');
  return {
    config: {
      Zone: place,
      ...(machineType === '' ? {} : { MachineType: machineType }),
      Preemptible: field(value, 'scheduling', 'preemptible') === true,
      Tags: instance.tags.filter((tag) => tag !== firewallTag).join(','),
      Labels: userLabels(instance),
      UseExisting: false,
    },
    state: {
      instanceId: id,
      networkPath: instance.network ?? '',
      firewallTag,
      firewallRules: await rulesOf(google, config, { instance, firewallTag, storeId }),
    },
    hasFixedName: true,
    ...(await askHostKeys(signal, async () =>
      textField(await google.find(`${path}/serialPort`), 'contents'),
    )),
    otherWay: `Give it another key: gcloud compute instances add-metadata ${name} --project ${config.project} --zone ${place} --metadata ssh-keys="${config.sshUser}:$(cat KEY.pub)"`,
  };
}

function userLabels({ labels }: Instance): string {
  const ours: readonly string[] = [...Object.values(ownerTags), firewallLabel];
  return Object.entries(labels)
    .filter(([key]) => !ours.includes(key))
    .flat()
    .join(',');
}

/** Rules of the store that hold for the machine. */
async function rulesOf(
  google: Google,
  config: GoogleConfig,
  {
    instance,
    firewallTag,
    storeId,
  }: { readonly instance: Instance; readonly firewallTag: string; readonly storeId: string },
): Promise<readonly string[]> {
  const project = projectOfNetwork(instance.network ?? '', config);
  const rules = await google.list(`projects/${project}/global/firewalls`, {
    filter: `description eq ".*${ownerTags.owner}=${storeId}.*"`,
  });
  return rules
    .flatMap((value) => firewallOf(value) ?? [])
    .filter(
      ({ description, targetTags }) =>
        targetTags.includes(firewallTag) && tagsOfDescription(description)[ownerTags.owner] === storeId,
    )
    .map(({ name }) => name);
}
