import { isOpenPort } from '../../cloud/open-ports.ts';
import { isRange } from '../../cloud/public-address.ts';
import { recordFields } from '../record-fields.ts';
import type { Labels } from './labels.ts';

/** What the driver knows beside the record: tsmachine.json. 0 and empty texts stand for "not known". */
export interface HetznerState {
  readonly endpoint: string;
  /** Context of the program hcloud whose token was used. */
  readonly context: string;
  /** Address ranges from which the ports are open; empty for the address of whoever made the machine. */
  readonly openTo: readonly string[];
  readonly openPorts: readonly string[];
  readonly keyLabels: Labels;
  readonly ownKeyPath: string;
  readonly userDataFile: string;
  /** The flag of user data named a file. */
  readonly isUserDataPath: boolean;
  readonly placementGroup: string;
  readonly isAutoSpread: boolean;
  /** Ids of what names of flags stood for. */
  readonly imageId: number;
  readonly networkIds: readonly number[];
  readonly volumeIds: readonly number[];
  readonly firewallIds: readonly number[];
  readonly primaryIpv4Id: number;
  readonly primaryIpv6Id: number;
  /** What was asked for, before it was: the answer may be lost. */
  readonly hasAskedKey: boolean;
  readonly hasAskedFirewall: boolean;
  readonly hasAskedGroup: boolean;
  readonly hasAskedServer: boolean;
  readonly groupId: number;
  /** Names of the SSH keys that the server gets. */
  readonly keyNames: readonly string[];
  /** What the making of the server is waited for by. */
  readonly actionIds: readonly number[];
  /** Tells whether a token is the one with which the machine was made, and nothing else of it. */
  readonly tokenMark: string;
}

const id = { min: 0, max: Number.MAX_SAFE_INTEGER } as const;

/** Checks it field by field. @throws MachineError `record-invalid`. */
export function readState(raw: Readonly<Record<string, unknown>>): HetznerState {
  const { text, whole, flag, list, wholes, texts } = recordFields(raw);
  return {
    endpoint: text('endpoint'),
    context: text('context'),
    openTo: list('openTo').filter(isRange),
    openPorts: list('openPorts').filter(isOpenPort),
    keyLabels: texts('keyLabels'),
    ownKeyPath: text('ownKeyPath'),
    userDataFile: text('userDataFile'),
    isUserDataPath: flag('isUserDataPath'),
    placementGroup: text('placementGroup'),
    isAutoSpread: flag('isAutoSpread'),
    imageId: whole('imageId', id),
    networkIds: wholes('networkIds'),
    volumeIds: wholes('volumeIds'),
    firewallIds: wholes('firewallIds'),
    primaryIpv4Id: whole('primaryIpv4Id', id),
    primaryIpv6Id: whole('primaryIpv6Id', id),
    hasAskedKey: flag('hasAskedKey'),
    hasAskedFirewall: flag('hasAskedFirewall'),
    hasAskedGroup: flag('hasAskedGroup'),
    hasAskedServer: flag('hasAskedServer'),
    groupId: whole('groupId', id),
    keyNames: list('keyNames'),
    actionIds: wholes('actionIds'),
    tokenMark: text('tokenMark', /^[0-9a-f]{16}$/),
  };
}
