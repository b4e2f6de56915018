import type { Finding } from '../../drivers/driver.ts';

/** What one finding says; words in braces are filled in. */
interface FindingEntry {
  readonly severity: Finding['severity'];
  readonly what: string;
  readonly why?: string;
  /** Commands or sentences, the best first. */
  readonly try?: readonly string[];
}

/** Everything that doctor itself can find, besides what drivers say. Codes are stable: scripts match on them. */
export const findings = {
  'docker-client': { severity: 'ok', what: 'docker client: {path}' },
  'docker-client-missing': {
    severity: 'warning',
    what: 'The docker client was not found on PATH.',
    try: ['Install it: https://docs.docker.com/engine/install/binaries/'],
  },
  image: { severity: 'ok', what: 'image {version} in {path}' },
  'image-missing': {
    severity: 'warning',
    what: 'No machine image for {architecture} is on this computer.',
    try: ['tsmachine image build'],
  },
  'image-intact': { severity: 'ok', what: 'image {version} in {path} is intact' },
  'image-changed': {
    severity: 'error',
    what: '{problem}',
    try: [
      'Stop the machines that boot this image, remove its directory, and start them again: they bring it anew.',
    ],
  },
  driver: { severity: 'ok', what: 'loads; what more it needs depends on its flags' },
  'driver-unused': { severity: 'ok', what: 'cannot be used here: {obstacle}' },
  store: { severity: 'ok', what: 'store: {path}' },
  'store-empty': { severity: 'ok', what: '{path} will be made by the first create' },
  'store-machines': { severity: 'ok', what: '{machines}: {makers}' },
  'store-unsafe': {
    severity: 'error',
    what: 'Other users can change {path}.',
    why: 'Its permissions are {mode}.',
    try: ["chmod go-w '{path}'"],
  },
  'file-open': {
    severity: 'error',
    what: 'Other users can read {path}.',
    why: 'Its permissions are {mode}, and {kind} is for its owner alone.',
    try: ["chmod 600 '{path}'"],
  },
  'names-alike': {
    severity: 'warning',
    what: 'The machines {names} differ in upper and lower case alone.',
    why: 'On macOS and Windows they would be one directory.',
    try: ['Create one of them again under another name.'],
  },
  leftovers: {
    severity: 'warning',
    what: 'Commands that were killed left behind: {paths}',
    why: 'They do no harm.',
    try: ['The next "tsmachine rm" of any machine sweeps them up.'],
  },
  tombstone: {
    severity: 'warning',
    what: 'The machine "{name}" of the driver {driver} was removed here by force on {day}, but not at its provider.',
    why: '{error}',
    try: ['Look for what remains of it there, remove that, and delete {path}, which holds its record.'],
  },
  'tombstone-unreadable': {
    severity: 'warning',
    what: '{path} does not say which machine was removed by force.',
    try: ['Read it, and delete it.'],
  },
  'lock-held': { severity: 'ok', what: '"{command}" is at work: process {pid}, since {since}' },
  certificate: { severity: 'ok', what: '{path}: valid for {days} days' },
  'certificate-ends': { severity: 'warning', what: '{path} ends in {days} days, on {day}.' },
  'certificate-ended': { severity: 'error', what: '{path} has expired on {day}.' },
  'certificate-early': {
    severity: 'error',
    what: '{path} is not valid before {day}.',
    why: 'By the clock of this computer it is {today}.',
    try: ['Set the clock.'],
  },
  'certificate-unreadable': { severity: 'error', what: '{path} holds no certificate that can be read.' },
  'certificate-other-ca': {
    severity: 'error',
    what: '{path} was not issued by the CA beside it.',
    why: 'The engine and its clients then refuse each other.',
  },
  'certificate-other-key': {
    severity: 'error',
    what: '{path} does not belong to {keyPath}.',
    why: 'One of the two was replaced without the other.',
  },
  'certificate-key-missing': { severity: 'error', what: '{path} has no key: {keyPath} is missing.' },
  'ca-key-missing': {
    severity: 'warning',
    what: '{path} is missing.',
    why: 'Without the key of the CA no certificate can be issued or renewed.',
    try: ['Restore it from a backup.'],
  },
  'ca-of-another-store': {
    severity: 'warning',
    what: '{path} is not the CA of this store.',
    why: 'The certificates of the store do not open this machine; those in its directory may.',
    try: ['tsmachine regenerate-certs --client-certs {name}'],
  },
  'name-unusable': {
    severity: 'error',
    what: 'machines/{name} cannot be a machine: {problem}',
    why: 'docker-machine lists every directory there whose name does not begin with a dot.',
    try: ['Move the directory away by hand.'],
  },
  'made-by-docker-machine': {
    severity: 'ok',
    what: 'made by docker-machine with the driver {driver}; its record has version {version}',
  },
  'made-by-tsmachine': { severity: 'ok', what: 'made by tsmachine on {day} with the driver {driver}' },
  'record-old': {
    severity: 'ok',
    what: 'its record of version {version} is read as one of version 3, and written as such when something changes',
  },
  'record-damaged': {
    severity: 'warning',
    what: '{path} is damaged; its earlier copy {backup} is used instead.',
    why: '{problem}',
    try: ["cp '{backup}' '{path}'"],
  },
  'record-broken': {
    severity: 'error',
    what: '{path} is damaged, and there is no usable copy beside it.',
    why: '{problem}',
    try: ['Restore it from a backup.', 'tsmachine rm -f {name}'],
  },
  'record-wrong': {
    severity: 'error',
    what: '{path} cannot be used.',
    why: '{problem}',
    try: ['Mend the field that is named, or restore {backup}.', 'tsmachine rm -f {name}'],
  },
  'record-from-future': {
    severity: 'error',
    what: '{path} was written by a newer program, and is left untouched.',
    why: '{problem}',
    try: ['Upgrade tsmachine.'],
  },
  'record-missing': {
    severity: 'error',
    what: 'There is a directory, but no record in it: {path} is missing.',
    why: 'A create that was killed leaves this, or somebody deleted the file.',
    try: ['tsmachine rm -y {name}'],
  },
  'record-unsaved': {
    severity: 'error',
    what: '{path} is missing, and {temporary} is there.',
    why: 'docker-machine deletes the record before it puts the new one in place, and was stopped in between.',
    try: ["mv '{temporary}' '{path}'"],
  },
  'record-of-another-store': {
    severity: 'warning',
    what: 'Its record names files of another store: {otherPath}',
    why: 'The store was moved or copied; docker-machine writes absolute paths, and looks for certificates and keys there.',
    try: ['Replace that path by {storePath} in {path}.'],
  },
  'create-unfinished': {
    severity: 'warning',
    what: 'Its create was never finished; the last step was: {step}.',
    try: ['tsmachine create --resume {name}', 'tsmachine rm {name}'],
  },
  'removal-unfinished': {
    severity: 'warning',
    what: 'Its removal was never finished.',
    try: ['tsmachine rm {name}'],
  },
  'own-data-unusable': {
    severity: 'error',
    what: '{path} cannot be used.',
    why: '{problem}',
    try: ['Upgrade tsmachine, or restore the file.', 'tsmachine rm -f {name}'],
  },
  'journal-unusable': {
    severity: 'error',
    what: '{problem}',
    why: 'It says what was begun and may have to be undone.',
    try: ['tsmachine rm -f {name}'],
  },
  'driver-missing': {
    severity: 'error',
    what: 'Its driver {driver} is not on this computer.',
    why: 'It is neither built in nor installed, and {program} is not on PATH.',
    try: [
      'Put {program} on PATH.',
      'tsmachine driver add tsmachine-driver-{driver}',
      'tsmachine rm -f {name} forgets the machine; what its driver has made elsewhere stays there.',
    ],
  },
  'driver-of-docker-machine': {
    severity: 'error',
    what: 'Its driver {driver} is not on this computer.',
    why: 'docker-machine contains it, and tsmachine uses it from there, but no docker-machine is on PATH.',
    try: [
      'Put the real docker-machine (or rancher-machine) on PATH.',
      'tsmachine driver add tsmachine-driver-{driver}',
      'tsmachine rm -f {name} forgets the machine; what its driver has made elsewhere stays there.',
    ],
  },
  'ssh-key-missing': {
    severity: 'error',
    what: 'Its SSH key {path} is missing.',
    why: 'Without it nobody gets into the machine.',
    try: ['Restore the key from a backup.'],
  },
  machine: { severity: 'ok', what: 'is {state}' },
  'machine-answers': { severity: 'ok', what: 'answers at {url}' },
  'ssh-answers': { severity: 'ok', what: 'takes SSH: {endpoint}' },
  'engine-down': {
    severity: 'error',
    what: 'Its engine does not run.',
    try: ['tsmachine logs {name}', 'tsmachine restart {name}'],
  },
  'clock-right': { severity: 'ok', what: 'its clock is right' },
  'clock-wrong': {
    severity: 'error',
    what: 'Its clock is {seconds} s {way} that of this computer.',
    why: 'Certificates and signatures seem expired or not valid yet then.',
    try: ['tsmachine restart {name}'],
  },
  disk: { severity: 'ok', what: '{free} of {total} GiB are free for images, containers and volumes' },
  'disk-full': {
    severity: 'error',
    what: 'Its disk is full: {free} of {total} GiB are free, or there is no room for further files.',
    try: ['docker system prune', 'tsmachine set {name} --disk MB, where its driver can'],
  },
  'memory-low': {
    severity: 'warning',
    what: 'Its memory is used up: {free} of {total} GiB can be had.',
    why: 'The next program that wants more ends another.',
    try: ['tsmachine set {name} --memory MB, where its driver can'],
  },
  layer: {
    severity: 'error',
    what: 'What is broken is: {layer}. What lies below it works.',
    try: ['{advice}'],
  },
  'layer-boot': {
    severity: 'error',
    what: 'What is broken is: boot. The start of the machine ended at {phase}.',
    try: ['tsmachine logs {name}', 'tsmachine restart {name}'],
  },
  'bind-outside-shares': {
    severity: 'warning',
    what: 'The container "{container}" mounts {path}, which the machine does not see: it has an empty directory there.',
    why: 'Only shared directories of this computer are visible in the machine.',
    try: ["tsmachine set {name} --share '{path}'", 'tsmachine restart {name}'],
  },
  'machine-error': {
    severity: 'error',
    what: 'Its driver reports an error.',
    why: '{problem}',
    try: ['tsmachine status {name}'],
  },
} as const satisfies Readonly<Record<string, FindingEntry>>;

/** A stable code of doctor's own. */
export type FindingCode = keyof typeof findings;

type WordsIn<Text> = Text extends `${string}{${infer Word}}${infer Rest}` ? Word | WordsIn<Rest> : never;
type TextsOf<Entry> = Entry extends { readonly what: infer What }
  ? | What
    | (Entry extends { readonly why: infer Why } ? Why : never)
    | (Entry extends { readonly try: readonly (infer Try)[] } ? Try : never)
  : never;
/** What has to be filled in. */
type FactsOf<Code extends FindingCode> = Readonly<
  Record<WordsIn<TextsOf<(typeof findings)[Code]>>, string | number>
>;

/** Something that was found. */
export interface Found {
  readonly severity: Finding['severity'];
  readonly code: string;
  readonly message: string;
  readonly why?: string;
  /** Commands or sentences, the best first. */
  readonly remedies: readonly string[];
}

/** An entry of the table with its words filled in. `remedies` replaces those of the table. */
export function found<Code extends FindingCode>(
  code: Code,
  facts: FactsOf<Code>,
  remedies?: readonly string[],
): Found {
  const entry: FindingEntry = findings[code];
  const words: Readonly<Record<string, string | number>> = facts;
  const fill = (text: string): string =>
    text.replace(/\{(\w+)\}/g, (_, word: string) => String(words[word] ?? ''));
  return {
    severity: entry.severity,
    code,
    message: fill(entry.what),
    ...(entry.why === undefined ? {} : { why: fill(entry.why) }),
    remedies: remedies ?? (entry.try ?? []).map(fill),
  };
}
