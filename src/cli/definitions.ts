import type { FlagDefinition } from '../drivers/driver.ts';

/** A flag of a command: like a driver's, but the environment variable is optional. */
export type CommandFlag = Omit<FlagDefinition, 'env'> & {
  readonly env?: string;
  /** docker-machine's help of a flag of its own; one that has it is also shown when called by that name. */
  readonly original?: string;
  /** For somebody who gives it at a terminal: why it has no effect, except on some commands. */
  readonly idle?: { readonly why: string; readonly except: readonly string[] };
};

/** How many arguments a command takes, and what they are. */
export type Arity =
  /** None. */
  | 'none'
  /** Whatever there is is ignored, or the verb looks itself. */
  | 'any'
  /** At most one machine. */
  | 'optional'
  /** One machine; without a name the one called `default`. */
  | 'one-or-default'
  /** Like one-or-default; further arguments are ignored. */
  | 'first-or-default'
  /** One or more machines; without a name the one called `default`. */
  | 'many-or-default'
  /** One or more machines. */
  | 'many';

/** Everything about a command that is known without loading it. */
export interface CommandDefinition {
  readonly name: string;
  readonly summary: string;
  /** As shown in the usage line. */
  readonly arguments?: string;
  readonly arity: Arity;
  readonly flags: readonly CommandFlag[];
  /** The verb gets its arguments as typed: flags that depend on others, or a foreign command line. */
  readonly unparsed?: boolean;
  /** Takes the flags of the driver that its flag `driver` names; goes with `unparsed`. */
  readonly driverFlags?: boolean;
  /** Works for a while and changes something: events are drawn, an interrupt is a request to roll back. */
  readonly progress?: boolean;
  /** Works until it is interrupted; then it is asked to end, and ends by itself. */
  readonly endsOnInterrupt?: boolean;
  /** Not shown in lists of commands: only the program itself calls it. */
  readonly hidden?: boolean;
  /** Further sentences of the help. */
  readonly details?: readonly string[];
  /** As docker-machine, the help is shown when the number of arguments is wrong. */
  readonly helpOnMisuse?: boolean;
}

type ValueOf<Type extends CommandFlag['type']> = Type extends 'bool'
  ? boolean
  : Type extends 'int' | 'size'
    ? number
    : Type extends 'list'
      ? readonly string[]
      : string;

/** Flag values by name; undefined when neither given nor defaulted. */
export type OptionsOfFlags<Flags extends readonly CommandFlag[]> = {
  readonly [Flag in Flags[number] as Flag['name']]:
    ValueOf<Flag['type']> | (Flag extends { readonly default: unknown } ? never : undefined);
};
