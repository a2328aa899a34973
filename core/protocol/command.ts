/**
 * Commands: everything that a person, a script or a walkthrough can do to a run. A command is plain
 * data; the coordinator validates it, stamps it with the virtual time of the next barrier and logs it.
 * Replaying the log gives the same run.
 */

/** A command as it is asked for. VM and host by id. */
export type Command =
  | { readonly kind: 'set-knob'; readonly knob: string; readonly value: number }
  | {
      readonly kind: 'inject-fault';
      readonly fault: string;
      readonly target?: string; // 'host:1', 'link:0-1', 'vm:1'; without one, what the lab says
    }
  | { readonly kind: 'migrate'; readonly vm: number; readonly to: number }
  | { readonly kind: 'cancel-migration'; readonly vm: number }
  | { readonly kind: 'console-input'; readonly vm: number; readonly text: string }
  | { readonly kind: 'ask'; readonly ask: string; readonly arguments: RequestArguments };

/** Arguments of a request, by the ids of its row in the mechanism's contract. */
export type RequestArguments = Readonly<Record<string, number | string>>;

/** Something asked of a mechanism: a row of its contract's `requests`, with arguments. */
export interface MechanismRequest {
  readonly name: string;
  readonly arguments: RequestArguments;
}

/** What a command asks of a mechanism; undefined when it is for the world itself. */
export function requestOf(command: Command): MechanismRequest | undefined {
  switch (command.kind) {
    case 'set-knob':
    case 'inject-fault':
    case 'console-input':
      return undefined;
    case 'ask':
      return { name: command.ask, arguments: command.arguments };
    default: {
      const { kind, ...rest } = command;
      return { name: kind, arguments: rest };
    }
  }
}

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
