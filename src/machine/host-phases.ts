import { MachineError } from '../core/errors.ts';
import { chooseSource, installEngine, requireUsable, setUpHost } from '../provision/host.ts';
import { isNothing, type SetupPlan } from '../provision/setup.ts';
import { toldBundle } from './follow/trust.ts';
import { recordAddresses } from './addresses.ts';
import { refreshCertificates } from './credentials.ts';
import { awaitEngineOfFirstBoot } from './first-boot.ts';
import { requireEngineEndpoint } from './engine-endpoint.ts';
import type { HostLink } from './host-link.ts';
import { machinePaths } from './machine-paths.ts';
import { driverContext, type OpenMachine } from './open.ts';
import type { OwnData } from './own-data.ts';
import { requireServed } from './served.ts';
import type { Session } from './session.ts';

/** What a phase works on. */
export interface HostWork {
  readonly session: Session;
  readonly machine: OpenMachine;
  readonly own: Pick<OwnData, 'tlsKeyType' | 'extraAuthorities'>;
  readonly link: HostLink;
}

/** One part of setting up a host. Each can be done again; one that finds nothing to do writes nothing. */
export interface HostPhase {
  readonly name: string;
  /** docker-machine's line. */
  readonly summary: string;
  run(work: HostWork): Promise<void>;
}

/** How far setting up goes. */
export interface HostPhaseOptions {
  /** Issues a new server certificate also when the present one is good. */
  readonly newCertificate?: boolean;
  /** The machine booted with a host key that was given to it by its provider. */
  readonly hasGivenKey?: boolean;
}

/** From a host that somebody or something started, to an engine that answers over mutual TLS. In order. */
export function hostPhases(options: HostPhaseOptions = {}): readonly HostPhase[] {
  return [
    { name: 'reach', summary: 'Waiting for SSH to be available...', run: reach },
    { name: 'detect', summary: 'Detecting the provisioner...', run: detect },
    ...(options.hasGivenKey === true
      ? [{ name: 'host-key', summary: 'Giving the machine an SSH host key of its own...', run: changeKey }]
      : []),
    { name: 'engine', summary: 'Looking for Docker...', run: install },
    ...(options.hasGivenKey === true
      ? [{ name: 'first-key', summary: 'Removing the SSH host key of the first boot...', run: forgetKey }]
      : []),
    {
      name: 'certificates',
      summary: 'Copying certs to the local machine directory...',
      run: (work) => makeCertificates(work, options),
    },
    {
      name: 'configure',
      summary: 'Copying certs to the remote machine...',
      run: configure,
    },
    { name: 'verify', summary: 'Checking connection to Docker...', run: verify },
  ];
}

async function reach({ session, machine, link }: HostWork): Promise<void> {
  await link.reach();
  await recordAddresses(session, machine, await machine.driver.inspect(driverContext(session, machine)));
}

async function detect(work: HostWork): Promise<void> {
  const facts = await work.link.facts();
  const family = requireUsable(facts);
  say(work, `Provisioning with ${family.title(facts.os)}...`);
}

async function changeKey({ session, machine, link }: HostWork): Promise<void> {
  const { changeGivenKey } = await import('./host-key.ts');
  await changeGivenKey({ session, machine, link });
}

async function forgetKey({ session, machine, link }: HostWork): Promise<void> {
  const { forgetGivenKey } = await import('./host-key.ts');
  await forgetGivenKey({ session, machine, link });
}

async function install(work: HostWork): Promise<void> {
  const { session, link, machine } = work;
  const isFirstBoot = await awaitEngineOfFirstBoot(session, { name: machine.name, link });
  const options = machine.record.HostOptions.EngineOptions;
  const facts = await link.facts();
  const source = chooseSource(facts, { installUrl: options?.InstallURL ?? '', env: options?.Env ?? [] });
  if (source.kind === 'present') {
    const version = facts.engine === undefined ? '' : ` ${facts.engine.version}`;
    if (!isFirstBoot) {
      say(work, `Docker${version} is there already and stays as it is.`);
    }
    return;
  }
  say(work, `Installing Docker ${source.why}...`);
  await installEngine(await link.access(), source);
  link.forget();
  const after = await link.facts();
  if (chooseSource(after, { installUrl: 'none', env: [] }).kind !== 'present') {
    throw new MachineError('provision-failed', 'There is no engine on the host after it was installed.');
  }
}

async function makeCertificates(work: HostWork, options: HostPhaseOptions): Promise<void> {
  const { session, machine, own } = work;
  const what = { ...machine, tlsKeyType: own.tlsKeyType };
  await refreshCertificates(session, what, { guestFiles: false, force: options.newCertificate === true });
}

async function configure(work: HostWork): Promise<void> {
  const { session, machine, link } = work;
  const { files } = session.host;
  const paths = machinePaths(machine.directory);
  const endpoint = await requireEngineEndpoint(session, machine);
  const [ca, server, serverKey] = await Promise.all([
    files.readText(paths.ca),
    files.readText(paths.serverCert),
    files.readText(paths.serverKey),
  ]);
  say(work, 'Setting Docker configuration on the remote daemon...');
  const plan = await setUpHost(await link.access(), await link.facts(), {
    machineName: machine.name,
    driverName: machine.record.DriverName,
    address: endpoint.host,
    enginePort: endpoint.port,
    options: machine.record.HostOptions.EngineOptions,
    certificates: { ca, server, serverKey },
    extraAuthorities: await toldBundle(session, machine.name, work.own),
  });
  link.forget();
  for (const line of describePlan(plan)) {
    say(work, line);
  }
}

/** What was done, in words. */
export function describePlan(plan: SetupPlan): string[] {
  if (isNothing(plan)) {
    return ['Everything is as it should be: nothing was written, nothing was restarted.'];
  }
  const written = [
    ...plan.files.map(({ path }) => path),
    ...(plan.handOver === undefined ? [] : ['the certificates']),
  ];
  return [
    ...(written.length === 0 ? [] : [`Written: ${written.join(', ')}`]),
    ...(plan.removed.length === 0 ? [] : [`Removed: ${plan.removed.join(', ')}`]),
    ...(plan.replaced === undefined ? [] : [replacedLine(plan.replaced)]),
    ...(plan.hostName === undefined ? [] : [`The host is now called ${plan.hostName}.`]),
    ...engineLines(plan),
  ];
}

function replacedLine({ owner, since, suffix }: NonNullable<SetupPlan['replaced']>): string {
  const who = owner === '' ? 'another CA, which cannot be read' : `the CA of "${owner}"`;
  const when = since === undefined ? '' : ` (made ${since})`;
  return `The engine trusted ${who}${when} until now; whoever uses it is locked out. Its files are kept as *.pem${suffix}.`;
}

function engineLines({ engine, containers }: SetupPlan): string[] {
  switch (engine) {
    case 'nothing':
      return ['The engine was not restarted.'];
    case 'reload':
      return ['The engine has read its configuration again; it was not restarted.'];
    case 'start':
      return ['The engine was started.'];
    case 'restart':
      return [restartLine(containers)];
  }
}

function restartLine(containers: SetupPlan['containers']): string {
  switch (containers) {
    case 'none':
      return 'The engine was restarted.';
    case 'keep':
    case 'kept-already':
      return 'The engine was restarted; its containers went on.';
    case 'restarted':
      return 'The engine was restarted, and its containers with it: as part of a swarm it cannot keep them.';
  }
}

async function verify(work: HostWork): Promise<void> {
  const { session, machine, link } = work;
  const { url, port } = await requireEngineEndpoint(session, machine);
  try {
    await requireServed(session, machine, url);
  } catch (error) {
    session.signal.throwIfAborted();
    const { firewall } = await link.facts();
    if (firewall === undefined) {
      throw error;
    }
    throw new MachineError(
      'engine-unreachable',
      `The engine runs, but port ${port} of the host does not answer from here.`,
      {
        why: `The firewall of the host (${firewall}) is active.`,
        remedies: [
          firewall === 'ufw'
            ? `Run on the host: ufw allow ${port}/tcp`
            : `Run on the host: firewall-cmd --permanent --add-port=${port}/tcp && firewall-cmd --reload`,
        ],
        cause: error,
      },
    );
  } finally {
    await link.close();
  }
  say(work, 'Docker is up and running!');
}

function say({ session, machine }: HostWork, message: string): void {
  session.emit({ type: 'note', machine: machine.name, message });
}
