/**
 * IEEE 754-2019 rounding, stated by comparison: a result is the neighbour of the exact value among
 * the numbers that the format has, found by bisection over encodings. Slow and plain on purpose; the
 * machine's float unit shifts significands instead. Exact values are rationals of BigInts.
 */

/** A binary interchange format (IEEE 754-2019 §3.6). */
export interface Format {
  readonly width: number; //     bits of an encoding
  readonly precision: number; // p, with the hidden bit
}
export const BINARY32: Format = { width: 32, precision: 24 };
export const BINARY64: Format = { width: 64, precision: 53 };

/** Exception flags as fcsr has them (Unprivileged 20240411 §21.2). */
export const flag = { inexact: 1, underflow: 2, overflow: 4, divideByZero: 8, invalid: 16 } as const;

/** Rounding modes as frm has them. */
export const rounding = { nearestEven: 0, towardsZero: 1, down: 2, up: 3, nearestAway: 4 } as const;

/** A magnitude: numerator / denominator, or the square root of that. */
export interface Exact {
  readonly numerator: bigint; //   ≥ 0
  readonly denominator: bigint; // > 0
  readonly isRoot?: boolean;
}

const exponentBits = (format: Format): number => format.width - format.precision;
/** Encoding of +∞, which as an index stands for the number that would come after the largest. */
export const infinityOf = (format: Format): bigint =>
  ((1n << BigInt(exponentBits(format))) - 1n) << BigInt(format.precision - 1);
/** Exponent of the smallest subnormal: −149 or −1074. */
const leastExponent = (format: Format): number =>
  3 - (1 << (exponentBits(format) - 1)) - format.precision;

/** The number of encoding `index` without its sign, in units of the smallest subnormal. */
function magnitudeUnits(format: Format, index: bigint): bigint {
  const places = BigInt(format.precision - 1);
  const exponent = index >> places;
  const fraction = index & ((1n << places) - 1n);
  return exponent === 0n ? fraction : ((1n << places) | fraction) << (exponent - 1n);
}

/** `exact` in units of the smallest subnormal. */
function inUnits(format: Format, exact: Exact): Exact {
  const scale = BigInt(-leastExponent(format)) * (exact.isRoot ? 2n : 1n);
  return { ...exact, numerator: exact.numerator << scale };
}

/** −1, 0, 1 as candidate / divisor is below, at or above the value. */
function compare(candidate: bigint, divisor: bigint, value: Exact): number {
  const [left, right] = value.isRoot
    ? [candidate * candidate * value.denominator, value.numerator * divisor * divisor]
    : [candidate * value.denominator, value.numerator * divisor];
  return left < right ? -1 : left > right ? 1 : 0;
}

/** Whether a value between two neighbours goes to the farther one from zero. */
function goesUp(
  mode: number,
  negative: boolean,
  place: { readonly middle: number; readonly lowerIsOdd: boolean },
): boolean {
  switch (mode) {
    case rounding.nearestEven: // middle: −1 when the midpoint is below the value
      return place.middle < 0 || (place.middle === 0 && place.lowerIsOdd);
    case rounding.nearestAway:
      return place.middle <= 0;
    case rounding.down:
      return negative;
    case rounding.up:
      return !negative;
    default:
      return false;
  }
}

/** The encoding of the rounded value with its sign, and the flags that rounding raises. */
export function roundExact(
  format: Format,
  negative: boolean,
  exact: Exact,
  mode: number,
): { readonly bits: bigint; readonly flags: number } {
  const value = inUnits(format, exact);
  const infinity = infinityOf(format);
  const signBit = negative ? 1n << BigInt(format.width - 1) : 0n;
  let low = 0n; // greatest index whose number is not above the value
  let high = infinity + 1n;
  while (high - low > 1n) {
    const middle = (low + high) >> 1n;
    if (compare(magnitudeUnits(format, middle), 1n, value) <= 0) low = middle;
    else high = middle;
  }
  const isOverflow = low === infinity;
  if (!isOverflow && compare(magnitudeUnits(format, low), 1n, value) === 0)
    return { bits: signBit | low, flags: 0 };
  const neighbours = magnitudeUnits(format, low) + magnitudeUnits(format, low + 1n);
  const place = {
    middle: isOverflow ? -1 : compare(neighbours, 2n, value),
    lowerIsOdd: (low & 1n) === 1n,
  };
  const up = goesUp(mode, negative, place);
  if (isOverflow || (up && low + 1n === infinity)) {
    return {
      bits: signBit | (up ? infinity : infinity - 1n),
      flags: flag.overflow | flag.inexact,
    };
  }
  const tiny = isTiny(format, negative, value, mode);
  return {
    bits: signBit | (up ? low + 1n : low),
    flags: flag.inexact | (tiny ? flag.underflow : 0),
  };
}

/**
 * Tininess after rounding: with an unbounded exponent the result would be below the smallest normal
 * number n. Between n and its lower neighbour there, n − ε/2 with ε the smallest subnormal, the
 * mode decides.
 */
function isTiny(format: Format, negative: boolean, value: Exact, mode: number): boolean {
  const normal = 1n << BigInt(format.precision - 1);
  if (compare(normal, 1n, value) <= 0) return false;
  if (compare(2n * normal - 1n, 2n, value) >= 0) return true;
  const middle = compare(4n * normal - 1n, 4n, value);
  return !goesUp(mode, negative, { middle, lowerIsOdd: true });
}
