/** What the store holds when a command line of the table is run. */
export type Setting =
  /** No store. */
  | 'empty'
  /** One machine `default` of the driver none at tcp://127.0.0.1:23760 with the engine label a=b. */
  | 'one'
  /** Machines a, b, c and d of the driver none at tcp://127.0.0.1:1, where nothing listens. */
  | 'four'
  /** `half`, a folder without config.json; `px`, a record of a driver `foo` that is not there; and `a`. */
  | 'broken';

/**
 * One command line with everything that comes of it, called as docker-machine. In all texts PROG stands for the name
 * of the program, STORE for the path of the store, and DNE(x) for the sentence about a machine x that is not there.
 */
export interface GoldenRow {
  /** Split at blanks when it is one text. */
  readonly argv: string | readonly string[];
  readonly setting: Setting;
  /** On top of SHELL=/bin/bash. */
  readonly env?: Readonly<Record<string, string>>;
  readonly stdin?: string;
  readonly exit: number;
  /** Lines; HELP as the last one stands for whatever help follows. Without a last line "" there is no line end. */
  readonly stdout: readonly string[];
  readonly stderr: readonly string[];
  /** An engine answers at tcp://127.0.0.1:23760, with certificates of the store's CA. */
  readonly engine?: true;
  /** What `ls -q` prints afterwards, or part of a record as JSON by machine and dotted key. */
  readonly after?: {
    readonly names?: readonly string[];
    readonly record?: readonly [machine: string, key: string, value: unknown];
  };
  /** The subject in docs/compatibility.md under which it is told that docker-machine does otherwise. */
  readonly differs?: string | undefined;
}

/** The lines that begin a removal. */
export const aboutToRemove = (names: string): string[] => [
  `About to remove ${names}`,
  'WARNING: This action will delete both local reference and remote instance.',
];

/** The lines of a connection that failed, behind the sentence that differs from command to command. */
export const regenerateAdvice = [
  "You can attempt to regenerate them using 'docker-machine regenerate-certs [name]'.",
  'Be advised that this will trigger a Docker daemon restart which might stop running containers.',
  '',
  '',
];
