/**
 * Reading what is typed on the command line: durations, sizes, rates, knobs, faults. Every refusal is one
 * sentence that names the argument, what was found and what is expected.
 */
import type { KnobRow } from '../../core/base/contract.ts';
import { findKnobValueError } from '../../core/base/knob-value.ts';
import type { Result } from '../../core/base/result.ts';
import { err, ok } from '../../core/base/result.ts';

/** Nanoseconds in a unit of time. */
const TIME_UNITS: Readonly<Record<string, number>> = {
  ns: 1,
  us: 1_000,
  µs: 1_000,
  μs: 1_000,
  ms: 1_000_000,
  s: 1_000_000_000,
  min: 60_000_000_000,
};
/** Bytes in a unit of memory (powers of 1,024, as QEMU's -m). */
const SIZE_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  K: 1024,
  KiB: 1024,
  M: 1024 ** 2,
  MiB: 1024 ** 2,
  G: 1024 ** 3,
  GiB: 1024 ** 3,
};
/** Bits per second in a unit of rate (powers of 1,000). */
const RATE_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  k: 1e3,
  K: 1e3,
  M: 1e6,
  G: 1e9,
  T: 1e12,
};
/** Plain counts may be shortened, too. */
const COUNT_UNITS: Readonly<Record<string, number>> = { '': 1, k: 1e3, K: 1e3, M: 1e6 };

const NUMBER = /^([0-9]+(?:\.[0-9]+)?(?:e[0-9]+)?)\s*(.*)$/;

function readQuantity(text: string, units: Readonly<Record<string, number>>): number | undefined {
  const match = NUMBER.exec(text.trim());
  if (match === null) return undefined;
  const unit = units[match[2]!];
  if (unit === undefined) return undefined;
  return Number(match[1]) * unit;
}

/** A duration such as 500ms, 2s, 10us, 1.5ms. Unit of the result: ns, whole. `name`: the option, for the sentence. */
export function readDuration(name: string, text: string): Result<number, string> {
  const ns = readQuantity(text, TIME_UNITS);
  if (ns === undefined) {
    return err(`${name} is '${text}'; expected a duration such as 500ms, 2s or 10us.`);
  }
  if (!Number.isSafeInteger(Math.round(ns))) return err(`${name} is '${text}', which is longer than 104 days.`);
  return ok(Math.round(ns));
}

/** A size such as 64M or 1G. Unit of the result: bytes, whole. */
export function readSize(name: string, text: string): Result<number, string> {
  const bytes = readQuantity(text, SIZE_UNITS);
  if (bytes === undefined || !Number.isSafeInteger(bytes)) {
    return err(`${name} is '${text}'; expected a size such as 64M or 1G.`);
  }
  return ok(bytes);
}

/** A whole number within bounds. */
export function readInteger(
  name: string,
  text: string,
  bounds: { readonly minimum: number; readonly maximum: number },
): Result<number, string> {
  const value = /^[0-9]+$/.test(text) ? Number(text) : Number.NaN;
  if (value >= bounds.minimum && value <= bounds.maximum) return ok(value);
  return err(
    `${name} is '${text}'; expected a whole number from ${bounds.minimum} to ${bounds.maximum}.`,
  );
}

/** A knob's setting `id=value`, with the units its row knows: 400G for bit/s, 30ms for ns, 64K for bytes, on/off. */
export function readKnob(
  text: string,
  knobs: readonly KnobRow[],
): Result<{ readonly id: string; readonly value: number }, string> {
  const at = text.indexOf('=');
  if (at < 1) return err(`--set '${text}' is not of the form knob=value.`);
  const id = text.slice(0, at);
  const row = knobs.find((knob) => knob.id === id);
  if (row === undefined) return err(`There is no knob '${id}'${suggestion(id, knobs.map((knob) => knob.id))}`);
  const given = text.slice(at + 1);
  const value = knobValue(row, given);
  if (value === undefined) {
    return err(`--set ${id} is '${given}'; expected ${expectation(row)}.`);
  }
  const error = findKnobValueError(row, value);
  if (error?.kind === 'off-step') {
    const two = `${error.below} or ${error.above} ${row.unit}`.trim();
    return err(`--set ${id} is '${given}'; it takes ${two} there, nothing between.`);
  }
  if (error !== undefined) {
    const range = `${row.minimum} and ${row.maximum} ${row.unit}`.trim();
    return err(`--set ${id} is '${given}'; it must lie between ${range}.`);
  }
  return ok({ id, value });
}

function knobValue(row: KnobRow, given: string): number | undefined {
  if (row.scale === 'switch') return { on: 1, off: 0, true: 1, false: 0, '1': 1, '0': 0 }[given];
  switch (row.unit) {
    case 'ns': {
      const ns = readQuantity(given, { '': 1, ...TIME_UNITS });
      return ns === undefined ? undefined : Math.round(ns);
    }
    case 'bit/s':
      return readQuantity(given.replace(/(bit\/s|b\/s|bps|bit)$/, '').trim(), RATE_UNITS);
    case 'bytes':
      return readQuantity(given, SIZE_UNITS);
    case '%':
      return readQuantity(given.replace(/%$/, ''), { '': 1 });
    default:
      return readQuantity(given, COUNT_UNITS);
  }
}

function expectation(row: KnobRow): string {
  if (row.scale === 'switch') return 'on or off';
  const examples: Readonly<Record<string, string>> = {
    ns: 'a duration such as 30ms',
    'bit/s': 'a rate such as 10G',
    bytes: 'a size such as 64K',
    '%': 'a percentage such as 2%',
  };
  return examples[row.unit] ?? `a number of ${row.unit || 'units'} such as ${row.default}`;
}

/** A fault to be injected at a virtual time; `target` is '' when none was named. */
export interface TimedFault {
  readonly id: string;
  readonly target: string;
  readonly atNs: number;
}

/** A fault `id@time` or `id=target@time`. */
export function readFault(text: string, known: readonly string[]): Result<TimedFault, string> {
  const at = text.indexOf('@');
  if (at < 1) return err(`--fault '${text}' is not of the form fault@time, such as cut-link@700ms.`);
  const [id = '', target = ''] = text.slice(0, at).split('=');
  if (!known.includes(id)) return err(`There is no fault '${id}'${suggestion(id, known)}`);
  const time = readDuration(`The time of --fault ${id}`, text.slice(at + 1));
  return time.ok ? ok({ id, target, atNs: time.value }) : time;
}

/** The end of a sentence about an unknown name: the nearest known one, and all there are. */
export function suggestion(found: string, known: readonly string[]): string {
  const nearest = known
    .map((name) => ({ name, distance: editDistance(found, name) }))
    .toSorted((left, right) => left.distance - right.distance)[0];
  const hint =
    nearest !== undefined && nearest.distance <= Math.max(2, Math.floor(found.length / 3))
      ? `; did you mean '${nearest.name}'?`
      : '.';
  return `${hint} Known: ${known.join(', ')}.`;
}

/** Least number of letters to add, drop or change (Levenshtein 1965). */
export function editDistance(left: string, right: string): number {
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index);
  for (let row = 1; row <= left.length; row++) {
    const current = [row];
    for (let column = 1; column <= right.length; column++) {
      const change = previous[column - 1]! + (left[row - 1] === right[column - 1] ? 0 : 1);
      current.push(Math.min(change, previous[column]! + 1, current[column - 1]! + 1));
    }
    previous = current;
  }
  return previous[right.length]!;
}
