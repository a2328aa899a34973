/**
 * Quantities as text: a number with at most three significant digits, a no-break space, and its unit.
 * Fixed formats, no locale, so that screenshots and reports agree everywhere.
 */

/** A formatted quantity. `text` is number, no-break space and unit together. */
export interface QuantityText {
  readonly number: string;
  readonly unit: string;
  readonly text: string;
}

const NO_BREAK_SPACE = '\u00a0';
const THIN_SPACE = '\u202f';

function quantity(number: string, unit: string): QuantityText {
  return { number, unit, text: unit === '' ? number : `${number}${NO_BREAK_SPACE}${unit}` };
}

/** Groups of three digits, by narrow no-break spaces: 16 384. */
export function grouped(value: number): string {
  const text = String(Math.round(value));
  return text.length <= 4 ? text : text.replace(/\B(?=(\d{3})+(?!\d))/g, THIN_SPACE);
}

/** Three significant digits without trailing zeros: 1, 1.25, 31.2, 540. */
export function threeDigits(value: number): string {
  const size = Math.abs(value);
  if (size >= 1000) return grouped(value);
  const digits = size >= 100 ? 0 : size >= 10 ? 1 : 2;
  const text = value.toFixed(digits);
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text;
}

function scaled(value: number, steps: readonly (readonly [number, string])[]): QuantityText {
  const size = Math.abs(value);
  const step = steps.find(([factor]) => size >= factor * 0.9995) ?? steps[steps.length - 1]!;
  return quantity(threeDigits(value / step[0]), step[1]);
}

const BITS_PER_SECOND = [[1e9, 'Gb/s'], [1e6, 'Mb/s'], [1e3, 'kb/s'], [1, 'b/s']] as const;
const BYTES_PER_SECOND = [[1e6, 'MB/s'], [1e3, 'kB/s'], [1, 'B/s']] as const;
const BYTES = [[1e9, 'GB'], [1e6, 'MB'], [1e3, 'kB'], [1, 'B']] as const;
const DURATION = [[1e9, 's'], [1e6, 'ms'], [1e3, 'µs'], [1, 'ns']] as const;

/** Formats a value in one of the units that contracts use. An unknown unit is printed as it is. */
export function formatQuantity(value: number, unit: string): QuantityText {
  switch (unit) {
    case 'bit/s': return scaled(value, BITS_PER_SECOND);
    case 'bytes/s': return scaled(value, BYTES_PER_SECOND);
    case 'bytes': return value === 0 ? quantity('0', 'B') : scaled(value, BYTES);
    case 'ns': return value === 0 ? quantity('0', 's') : scaled(value, DURATION);
    case '%': return quantity(threeDigits(value), '%');
    case 'pages': case 'rounds': case 'moves': case 'epochs': case 'hosts': case 'VMs': case 'sets': case 'alarms': case 'migrations': {
      return quantity(grouped(value), value === 1 ? unit.slice(0, -1) : unit);
    }
    case 'pages/s': return quantity(grouped(value), 'pages/s');
    default: return quantity(threeDigits(value), unit);
  }
}

/** A virtual time on the run's clock: seconds with six decimals, grouped: 1.234 567 s. */
export function formatClock(timeNs: number): QuantityText {
  const micros = Math.floor(timeNs / 1000);
  const seconds = Math.floor(micros / 1e6);
  const fraction = String(micros % 1e6).padStart(6, '0');
  return quantity(`${seconds}.${fraction.slice(0, 3)}${THIN_SPACE}${fraction.slice(3)}`, 's');
}

/** Virtual : wall as a person says it: 1 : 100, 4 : 1. `ratio` in virtual seconds per wall second. */
export function formatRatio(ratio: number): string {
  if (ratio <= 0) return 'no limit';
  const [left, right] = ratio >= 1 ? [ratio, 1] : [1, 1 / ratio];
  return `${threeDigits(left)}${NO_BREAK_SPACE}:${NO_BREAK_SPACE}${threeDigits(right)}`;
}

/** 0x0000_0000 style address, eight digits or more. */
export function formatAddress(value: number): string {
  return `0x${value.toString(16).padStart(8, '0')}`;
}
