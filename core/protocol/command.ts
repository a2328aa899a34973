/**
 * Commands: everything that a person, a script or a walkthrough can do to a run. A command is plain
 * data; the coordinator validates it, stamps it with the virtual time of the next barrier and logs it.
 * Replaying the log gives the same run.
 */

/** A command as it is asked for. VM and host by id. */
export type Command =
  | { readonly kind: 'set-knob'; readonly knob: string; readonly value: number }
  | { readonly kind: 'inject-fault'; readonly fault: string }
  | { readonly kind: 'migrate'; readonly vm: number; readonly to: number }
  | { readonly kind: 'cancel-migration'; readonly vm: number }
  | { readonly kind: 'console-input'; readonly vm: number; readonly text: string };

/** A command in the log. */
export interface LoggedCommand {
  readonly atNs: number; //     virtual time at which every process applies it
  readonly sequence: number; // position in the log, 0 …
  readonly command: Command;
}

/** Why a command was refused. Rendered to one sentence at the edge. */
export interface Refusal {
  readonly kind: string; //     'unknown-knob', 'out-of-range', 'already-migrating', 'no-such-vm', 'same-host', 'destination-memory' …
  readonly sentence: string; // what was wrong and where
}
