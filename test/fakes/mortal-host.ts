import type { Socket } from 'node:net';
import type { Files } from '../../src/host/types.ts';
import type { FakeHost } from './host.ts';

/** A host as one process sees it that can be killed. */
export interface MortalHost {
  readonly host: FakeHost;
  /** Everything the process did to its surroundings, in order. */
  readonly deeds: readonly string[];
  isDead(): boolean;
}

const writes: readonly (keyof Files)[] = [
  'writeAtomic',
  'writeNew',
  'appendDurable',
  'append',
  'overwrite',
  'makeDirectory',
  'rename',
  'link',
  'copy',
  'unpackBrotli',
  'chmod',
  'grow',
  'remove',
];

/**
 * The process with `pid` on a computer in memory, killed right before its n-th deed: a change of files, a program that
 * is run or signalled, a connection, something sent. From then on nothing that it calls has an effect, so that its
 * `catch` and `finally` do not matter either, and its sockets are closed. What runs detached goes on. Deeds that do not
 * count, by `counts`, are none at which it is killed.
 */
export function mortalHost(
  base: FakeHost,
  life: { readonly pid: number; readonly diesAt: number; readonly counts?: (deed: string) => boolean },
): MortalHost {
  const deeds: string[] = [];
  const sockets: Socket[] = [];
  let dead = false;
  base.processes.running.set(life.pid, `boot/${life.pid}`);
  const live = (): void => {
    if (dead) {
      throw new Error('The process was killed.');
    }
  };
  const act = (deed: string): void => {
    live();
    if (life.counts?.(deed) === false) {
      return;
    }
    if (deeds.length + 1 === life.diesAt) {
      dead = true;
      base.processes.running.delete(life.pid);
      for (const socket of sockets) {
        socket.destroy();
      }
      live();
    }
    deeds.push(deed);
  };
  const connect: FakeHost['network']['connect'] = async (address, options) => {
    act(`connect ${'path' in address ? address.path : address.port}`);
    const socket = await base.network.connect(address, options);
    sockets.push(socket);
    return watched(socket, () => {
      act('send');
    });
  };
  const host: FakeHost = {
    ...base,
    facts: { ...base.facts, pid: life.pid },
    files: guarded(base.files, (method, [path, second]) => {
      if (writes.includes(method as keyof Files)) {
        act(`${method} ${String(method === 'rename' || method === 'copy' ? second : path)}`);
      }
      live();
    }),
    processes: guarded(base.processes, (method, [program]) => {
      if (['run', 'spawnDetached', 'signal'].includes(method)) {
        act(`${method} ${typeof program === 'string' ? program : 'a process'}`);
      }
      live();
    }),
    network: { ...base.network, connect },
    clock: guarded(base.clock, (method) => {
      if (method === 'sleep') {
        live();
      }
    }),
  };
  return { host, deeds, isDead: () => dead };
}

/** Calls `before` ahead of every method. */
function guarded<T extends object>(target: T, before: (method: string, args: readonly unknown[]) => void): T {
  return new Proxy(target, {
    get: (_, name) => {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') {
        return value;
      }
      return (...args: unknown[]): unknown => {
        before(String(name), args);
        return Reflect.apply(value, target, args);
      };
    },
  });
}

/** Calls `before` ahead of everything that is sent. A process that is gone sends nothing, and is told nothing. */
function watched(socket: Socket, before: () => void): Socket {
  const send = socket.write.bind(socket);
  const end = socket.end.bind(socket);
  const attempt = (action: () => unknown): unknown => {
    try {
      before();
    } catch {
      return false;
    }
    return action();
  };
  return Object.assign(socket, {
    write: (...args: Parameters<typeof send>) => attempt(() => send(...args)),
    end: (...args: Parameters<typeof end>) => attempt(() => end(...args)),
  });
}
