/** Options of a command: node's parseArgs, its complaints turned into one sentence; files read and written. */
import { readFileSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import type { Result } from '../../core/base/result.ts';
import { suggestion } from './arguments.ts';
import { BadInput } from './terminal.ts';

/** Largest guest file that is read. Unit: byte. */
const GUEST_SIZE_MAX = 512 * 1024 * 1024;

/** How an option is given: once with a value, several times with a value, or as a switch. */
export type OptionKinds = Readonly<Record<string, 'value' | 'values' | 'switch'>>;

/** Given options, by name; `operands` are the arguments that are no options. */
export interface GivenOptions {
  value(name: string): string | undefined;
  values(name: string): readonly string[];
  has(name: string): boolean;
  readonly operands: readonly string[];
}

/** Reads arguments; a wrong one is {@link BadInput}. */
export function readOptions(command: string, rest: readonly string[], kinds: OptionKinds): GivenOptions {
  const names = Object.keys(kinds);
  for (const [index, argument] of rest.entries()) {
    if (argument === '--') break;
    const name = argument.startsWith('--') ? argument.slice(2).split('=')[0]! : undefined;
    // Node's own complaint about a value that begins with a dash speaks of ambiguity, over three lines.
    const before = index === 0 ? '' : rest[index - 1]!;
    if (/^-\d/.test(argument) && before.startsWith('--') && !before.includes('=')) {
      throw new BadInput(`${before} is '${argument}'; a value cannot be negative.`);
    }
    if (name !== undefined && !names.includes(name)) {
      throw new BadInput(`${command} has no option '--${name}'${suggestion(name, names)}`);
    }
  }
  const options = Object.fromEntries(
    Object.entries(kinds).map(([name, kind]) => [
      name,
      kind === 'switch'
        ? { type: 'boolean' as const }
        : { type: 'string' as const, multiple: true },
    ]),
  );
  try {
    const { values, positionals } = parseArgs({ args: [...rest], options, allowPositionals: true });
    const listOf = (name: string) => (Array.isArray(values[name]) ? values[name].map(String) : []);
    for (const [name, kind] of Object.entries(kinds)) {
      if (kind === 'value' && listOf(name).length > 1) throw new BadInput(`--${name} is given twice.`);
    }
    return {
      value: (name) => listOf(name)[0],
      values: listOf,
      has: (name) => values[name] === true,
      operands: positionals,
    };
  } catch (cause) {
    if (cause instanceof BadInput) throw cause;
    const [sentence] = (cause instanceof Error ? cause.message : String(cause)).split('\n');
    throw new BadInput(`${command}: ${sentence}`);
  }
}

/** The value, or {@link BadInput} with the error's sentence. */
export function orBadInput<T>(result: Result<T, string>): T {
  if (!result.ok) throw new BadInput(result.error);
  return result.value;
}

/** The value's reading when it is given. */
export function optional<T>(
  text: string | undefined,
  read: (text: string) => Result<T, string>,
): T | undefined {
  return text === undefined ? undefined : orBadInput(read(text));
}

/** A guest file's bytes. */
export function readGuest(option: string, path: string): Uint8Array {
  let bytes: Uint8Array;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    throw new BadInput(`${option} '${path}' cannot be read: ${reasonOf(cause)}.`);
  }
  if (bytes.length > GUEST_SIZE_MAX) throw new BadInput(`${option} '${path}' is larger than 512 MiB.`);
  return new Uint8Array(bytes);
}

/** A text file's content. */
export function readText(option: string, path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (cause) {
    throw new BadInput(`${option} '${path}' cannot be read: ${reasonOf(cause)}.`);
  }
}

/** Makes sure before the run that its result can be written after it. */
export function checkWritable(option: string, path: string | undefined): void {
  if (path === undefined) return;
  try {
    writeFileSync(path, '', { flag: 'a' });
  } catch (cause) {
    throw new BadInput(`${option} '${path}' cannot be written: ${reasonOf(cause)}.`);
  }
}

function reasonOf(cause: unknown): string {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const reasons: Readonly<Record<string, string>> = {
    ENOENT: 'there is no such file or folder',
    EISDIR: 'it is a folder',
    ENOTDIR: 'a part of its path is no folder',
    EACCES: 'access is denied',
    EROFS: 'the file system is read-only',
  };
  return reasons[code] ?? (code || String(cause));
}
