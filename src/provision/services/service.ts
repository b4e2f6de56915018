import type { ServiceManagerName } from '../facts.ts';

/** How a host starts and stops the engine, as commands of a POSIX shell. */
export interface ServiceCommands {
  /** After files of the service itself were changed. */
  readonly readAgain: string;
  readonly start: string;
  readonly restart: string;
  /** Has the engine read its configuration again. */
  readonly reload: string;
  /** From now on it starts with the host. */
  readonly enable: string;
  /** What the engine said last. */
  readonly logs: string;
}

const systemd: ServiceCommands = {
  readAgain: 'systemctl daemon-reload',
  // What has just been installed was started once or twice, which counts against the limit of starts.
  start: 'systemctl reset-failed docker.service 2>/dev/null; systemctl start docker.service',
  restart: 'systemctl reset-failed docker.service 2>/dev/null; systemctl restart docker.service',
  reload: 'systemctl kill --kill-who=main --signal=HUP docker.service',
  enable: 'systemctl --quiet enable docker.service',
  logs: 'journalctl -u docker.service -n 12 --no-pager -o cat',
};

// The supervisor of OpenRC keeps what is open where it is started: the connection, on which progress is told (3), would never
// end.
const openrc: ServiceCommands = {
  readAgain: ':',
  start: 'rc-service docker start 3>&-',
  restart: 'rc-service docker restart 3>&-',
  reload: 'kill -HUP "$(pidof dockerd)"',
  enable: 'rc-update --quiet add docker default',
  logs: 'tail -n 12 /var/log/docker.log',
};

const boot2docker: ServiceCommands = {
  readAgain: ':',
  start: '/etc/init.d/docker start',
  restart: '/etc/init.d/docker restart',
  reload: '/etc/init.d/docker reload',
  enable: ':',
  logs: 'tail -n 12 /var/lib/boot2docker/log/docker.log',
};

const commandsOf: Partial<Readonly<Record<ServiceManagerName, ServiceCommands>>> = {
  systemd,
  openrc,
  boot2docker,
};

/** The commands of a service manager; undefined for one that cannot be used. */
export function serviceCommands(name: ServiceManagerName): ServiceCommands | undefined {
  return commandsOf[name];
}
