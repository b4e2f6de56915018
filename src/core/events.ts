/**
 * What happens while a command works, as data. Renderers of the command line draw it; a user of the
 * library listens to it. Nobody below src/cli prints.
 */
export type MachineEvent =
  | {
      readonly type: 'step-begin';
      readonly machine: string;
      readonly step: string;
      readonly summary: string;
      /** Takes no time and goes without saying. */
      readonly isRoutine?: boolean;
    }
  | {
      readonly type: 'step-done';
      readonly machine: string;
      readonly step: string;
      readonly adopted?: boolean;
    }
  | {
      readonly type: 'step-failed';
      readonly machine: string;
      readonly step: string;
      readonly message: string;
    }
  | { readonly type: 'step-undone'; readonly machine: string; readonly step: string }
  /** A phase that the guest itself reported while it starts; `atSeconds` counts from the guest's power-on. */
  | { readonly type: 'phase'; readonly machine: string; readonly phase: string; readonly atSeconds: number }
  /** How far a long transfer or build has come. */
  | { readonly type: 'progress'; readonly label: string; readonly done: number; readonly total?: number }
  /** What only somebody who looks for a mistake wants to read; shown with --debug. */
  | { readonly type: 'debug'; readonly message: string; readonly machine?: string }
  | { readonly type: 'note'; readonly message: string; readonly machine?: string }
  | { readonly type: 'warn'; readonly message: string; readonly machine?: string };

/** Receives events as they happen. */
export type Emit = (event: MachineEvent) => void;
