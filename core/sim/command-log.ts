/**
 * The command log: what was asked of a run, when, in which order. With the scenario and the seed it is
 * the whole run. Text form: one JSON array, for run files and failure reports.
 */
import { assert } from '../base/assert.ts';
import type { Result } from '../base/result.ts';
import { err, ok } from '../base/result.ts';
import type { Command, LoggedCommand } from '../protocol/command.ts';

/** An appendable log. `entries[n].sequence` is n, times never fall. */
export interface CommandLog {
  readonly entries: LoggedCommand[];
}

/** Why a text is no command log. `index` is the entry's position, −1 for the whole. */
export type CommandLogError =
  | { readonly kind: 'not-json'; readonly index: -1; readonly found: string }
  | { readonly kind: 'not-a-list'; readonly index: -1; readonly found: string }
  | { readonly kind: 'too-long'; readonly index: -1; readonly found: string }
  | { readonly kind: 'bad-time'; readonly index: number; readonly found: string }
  | { readonly kind: 'unknown-command'; readonly index: number; readonly found: string }
  | { readonly kind: 'bad-field'; readonly index: number; readonly found: string };

/** Most entries in a log: a drag of a slider for an hour is 200,000. */
export const COMMAND_COUNT_MAX = 1_000_000;

/** Longest text typed into a console by one command. Unit: UTF-16 units. */
export const CONSOLE_INPUT_LENGTH_MAX = 4_096;

/** Most arguments of one request. */
const ARGUMENT_COUNT_MAX = 16;

/** An empty log. */
export function makeCommandLog(): CommandLog {
  return { entries: [] };
}

/** Appends `command` at `atNs`, which is not before the last entry's time. Returns the entry. */
export function appendCommand(log: CommandLog, atNs: number, command: Command): LoggedCommand {
  const last = log.entries.at(-1);
  assert(Number.isSafeInteger(atNs) && atNs >= 0, 'a command’s time is a virtual time');
  assert(last === undefined || last.atNs <= atNs, 'the command log goes forward in time');
  assert(log.entries.length < COMMAND_COUNT_MAX, 'the command log has room');
  const logged: LoggedCommand = { atNs, sequence: log.entries.length, command };
  log.entries.push(logged);
  return logged;
}

/** The log as text. */
export function serialiseCommandLog(log: CommandLog): string {
  return JSON.stringify(log.entries);
}

/** Fields of each kind of command: the trust door of logs and run files. */
type FieldType = 'number' | 'integer' | 'text' | 'text?' | 'arguments';
const fieldsOf: Readonly<Record<Command['kind'], Readonly<Record<string, FieldType>>>> = {
  'set-knob': { knob: 'text', value: 'number' },
  'inject-fault': { fault: 'text', target: 'text?' },
  migrate: { vm: 'integer', to: 'integer' },
  'cancel-migration': { vm: 'integer' },
  'console-input': { vm: 'integer', text: 'text' },
  ask: { ask: 'text', arguments: 'arguments' },
};

/** Reads {@link serialiseCommandLog}'s text. Checks form, not sense: unknown knobs are for the world to refuse. */
export function parseCommandLog(text: string): Result<CommandLog, CommandLogError> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    return err({ kind: 'not-json', index: -1, found: cause instanceof Error ? cause.message : '' });
  }
  return readCommandLog(value);
}

/** As {@link parseCommandLog}, from an already parsed value. */
export function readCommandLog(value: unknown): Result<CommandLog, CommandLogError> {
  if (!Array.isArray(value)) return err({ kind: 'not-a-list', index: -1, found: typeof value });
  if (value.length > COMMAND_COUNT_MAX) {
    return err({ kind: 'too-long', index: -1, found: `${value.length} entries` });
  }
  const log = makeCommandLog();
  for (const [index, entry] of value.entries()) {
    const record = recordOf(entry);
    const atNs = record['atNs'];
    const last = log.entries.at(-1)?.atNs ?? 0;
    if (typeof atNs !== 'number' || !Number.isSafeInteger(atNs) || atNs < last) {
      return err({ kind: 'bad-time', index, found: String(atNs) });
    }
    const command = readCommand(record['command']);
    if (!command.ok) return err({ ...command.error, index });
    appendCommand(log, atNs, command.value);
  }
  return ok(log);
}

/** Reads one command from a plain value; further fields are dropped. `index` in the error is −1. */
export function readCommand(
  value: unknown,
): Result<Command, { readonly kind: 'unknown-command' | 'bad-field'; readonly index: number; readonly found: string }> {
  const record = recordOf(value);
  const kind = record['kind'];
  if (typeof kind !== 'string' || !Object.hasOwn(fieldsOf, kind)) {
    return err({ kind: 'unknown-command', index: -1, found: String(kind) });
  }
  const command: Record<string, unknown> = { kind };
  for (const [field, type] of Object.entries(fieldsOf[kind as Command['kind']])) {
    const found = record[field];
    if (type === 'text?' && found === undefined) continue;
    if (!isOfType(found, type)) {
      return err({ kind: 'bad-field', index: -1, found: `${field} = ${shown(found)}` });
    }
    command[field] = found;
  }
  return ok(command as Command);
}

function isOfType(found: unknown, type: FieldType): boolean {
  switch (type) {
    case 'text':
    case 'text?':
      return typeof found === 'string' && found.length <= CONSOLE_INPUT_LENGTH_MAX;
    case 'integer':
      return Number.isSafeInteger(found);
    case 'number':
      return Number.isFinite(found);
    case 'arguments': {
      if (typeof found !== 'object' || found === null || Array.isArray(found)) return false;
      const values = Object.values(found);
      return (
        values.length <= ARGUMENT_COUNT_MAX &&
        values.every((value) => isOfType(value, 'text') || isOfType(value, 'number'))
      );
    }
  }
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

function shown(value: unknown): string {
  if (typeof value !== 'string') return String(value);
  return value.length > 40 ? `a text of ${value.length} characters` : `"${value}"`;
}

/** One sentence for a person. */
export function sentenceOfCommandLogError(error: CommandLogError): string {
  const place = error.index < 0 ? 'The command log' : `Entry ${error.index} of the command log`;
  switch (error.kind) {
    case 'not-json':
      return `${place} is not JSON: ${error.found}.`;
    case 'not-a-list':
      return `${place} must be a list, not ${error.found}.`;
    case 'too-long':
      return `${place} holds ${error.found}; at most ${COMMAND_COUNT_MAX} are taken.`;
    case 'bad-time':
      return `${place} has atNs = ${error.found}; expected whole nanoseconds, not before the entry above.`;
    case 'unknown-command':
      return `${place} has the unknown kind "${error.found}"; known: ${Object.keys(fieldsOf).join(', ')}.`;
    case 'bad-field':
      return `${place} has a field it cannot take: ${error.found}.`;
  }
}
