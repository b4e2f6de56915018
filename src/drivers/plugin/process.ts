import type { Emit } from '../../core/events.ts';
import { MachineError } from '../../core/errors.ts';
import type { Host, PipedChild } from '../../host/types.ts';
import type { PluginProgram } from './find.ts';
import { readLines } from './lines.ts';

/** What is known of a plugin's environment, and who listens to it. */
export interface PluginEnvironment {
  readonly host: Host;
  readonly emit: Emit;
}

/** A plugin that runs and has said where it listens. */
export interface PluginProcess {
  readonly address: { readonly host: string; readonly port: number };
  /** The machine whose name stands before its messages. */
  machine: string | undefined;
  /** True when it has ended within so many milliseconds. */
  endsWithin(ms: number): Promise<boolean>;
  /** "ended with exit code 7", and the last lines that it wrote to stderr. Waits a moment for its end. */
  obituary(): Promise<{ readonly what: string; readonly lastWords: string }>;
  kill(signal: 'SIGTERM' | 'SIGKILL'): void;
}

const addressTimeoutMs = 10_000;
/** After the end of a process its last words may still be in the pipe. */
const lastWordsTimeoutMs = 1500;
/** Of a panic all is told, of other talk the end. */
const keptLinesMax = 400;
const lastWordsLinesMax = 5;

/**
 * Starts a plugin and waits for the line with its address.
 * @throws MachineError `plugin-failed`; the signal's reason when aborted. The process is gone then.
 */
export async function startPluginProcess(
  { host, emit }: PluginEnvironment,
  { driverName, path }: PluginProgram,
  signal: AbortSignal,
): Promise<PluginProcess> {
  signal.throwIfAborted();
  const child = await host.processes.startPiped(path, [], {
    env: { MACHINE_PLUGIN_TOKEN: '42', MACHINE_PLUGIN_DRIVER_NAME: driverName },
  });
  const running = new RunningPlugin(host, emit, child);
  try {
    await running.waitForAddress(path, signal);
    return running;
  } catch (error) {
    child.kill('SIGKILL');
    throw error;
  }
}

class RunningPlugin implements PluginProcess {
  machine: string | undefined;
  readonly #host: Host;
  readonly #emit: Emit;
  readonly #child: PipedChild;
  readonly #stderrLines: string[] = [];
  readonly #outputRead: Promise<unknown>;
  readonly #addressFound: Promise<PluginProcess['address']>;
  #address: PluginProcess['address'] | undefined;

  constructor(host: Host, emit: Emit, child: PipedChild) {
    this.#host = host;
    this.#emit = emit;
    this.#child = child;
    let found: (address: PluginProcess['address']) => void = () => undefined;
    this.#addressFound = new Promise((resolve) => {
      found = resolve;
    });
    const stdoutRead = readLines(child.stdout, (line) => {
      const address = this.#address === undefined ? parseAddress(line) : undefined;
      if (address === undefined) {
        this.#say('note', line);
      } else {
        this.#address = address;
        found(address);
      }
    });
    const stderrRead = readLines(child.stderr, (line) => {
      this.#stderrLines.push(line);
      this.#stderrLines.splice(0, this.#stderrLines.length - keptLinesMax);
      this.#say('debug', line);
    });
    this.#outputRead = Promise.all([stdoutRead, stderrRead]);
  }

  get address(): PluginProcess['address'] {
    return this.#address ?? { host: '127.0.0.1', port: 0 };
  }

  async waitForAddress(path: string, signal: AbortSignal): Promise<void> {
    const settled = new AbortController();
    const late = this.#host.clock
      .sleep(addressTimeoutMs, AbortSignal.any([signal, settled.signal]))
      .then(() => 'late' as const);
    late.catch(() => undefined);
    // Its output may still be on the way when it has ended.
    const ended = this.#child.ended.then(async () => this.#outputSettled()).then(() => 'ended' as const);
    const first = await Promise.race([this.#addressFound, late, ended]);
    settled.abort();
    if (first === 'late') {
      throw new MachineError('plugin-failed', 'Failed to dial the plugin server in 10s', {
        why: [`${path} runs, but printed no address`, ...this.#lastWords().split('\n')]
          .filter((line) => line !== '')
          .join(' | '),
      });
    }
    if (first === 'ended' && this.#address === undefined) {
      const { what, lastWords } = await this.obituary();
      throw new MachineError(
        'plugin-failed',
        `The plugin ${path} ${what} before it was ready.\n${lastWords}`,
      );
    }
  }

  async endsWithin(ms: number): Promise<boolean> {
    const settled = new AbortController();
    const late = this.#host.clock.sleep(ms, settled.signal).then(
      () => false,
      () => false,
    );
    const ended = await Promise.race([this.#child.ended.then(() => true), late]);
    settled.abort();
    return ended;
  }

  async obituary(): Promise<{ readonly what: string; readonly lastWords: string }> {
    if (!(await this.endsWithin(lastWordsTimeoutMs))) {
      return { what: 'does not answer any more', lastWords: this.#lastWords() };
    }
    await this.#outputSettled();
    const { exitCode, signal } = await this.#child.ended;
    const what =
      exitCode === null ? `was ended by ${signal ?? 'a signal'}` : `ended with exit code ${exitCode}`;
    return { what, lastWords: this.#lastWords() };
  }

  kill(signal: 'SIGTERM' | 'SIGKILL'): void {
    this.#child.kill(signal);
  }

  #lastWords(): string {
    const lines = this.#stderrLines.filter((line) => line.trim() !== '');
    const panic = lines.findIndex((line) => /^(panic|fatal error):/.test(line));
    return lines
      .slice(panic === -1 ? -lastWordsLinesMax : panic)
      .map((line) => line.replaceAll('\t', '    '))
      .join('\n');
  }

  async #outputSettled(): Promise<void> {
    const settled = new AbortController();
    const late = this.#host.clock.sleep(lastWordsTimeoutMs, settled.signal).catch(() => undefined);
    await Promise.race([this.#outputRead, late]);
    settled.abort();
  }

  #say(type: 'note' | 'debug', message: string): void {
    if (message !== '') {
      this.#emit({ type, message, ...(this.machine === undefined ? {} : { machine: this.machine }) });
    }
  }
}

/** `127.0.0.1:40123` or `[::1]:40123`; only this computer, whatever a plugin says. */
function parseAddress(line: string): PluginProcess['address'] | undefined {
  const [, host, port] = /^\s*(127(?:\.\d{1,3}){3}|localhost|\[::1\]):(\d{1,5})\s*$/.exec(line) ?? [];
  const number = Number(port);
  return host === undefined || number < 1 || number > 65_535
    ? undefined
    : { host: host.replace(/[[\]]/g, ''), port: number };
}
