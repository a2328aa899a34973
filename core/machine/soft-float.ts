/**
 * The float unit: IEEE 754-2019 arithmetic on encodings of binary32 and binary64, exact to the last
 * bit and flag in every rounding mode. Numbers are unpacked to sign · significand · 2^exponent with
 * integers of any length, computed exactly, and rounded once. Compiled code does without it where
 * the result and the flags are certain (core/wasm/float-emitter.ts). Tininess is detected after
 * rounding, NaN results are canonical (Unprivileged ISA 20240411 §21.2, §21.3).
 */
import { unreachable } from '../base/assert.ts';
import type { FloatOperation } from '../isa/table/row.ts';

/** Exception flags, as bits of fflags. */
export const floatFlag = {
  inexact: 1,
  underflow: 2,
  overflow: 4,
  divideByZero: 8,
  invalid: 16,
} as const;

/** Rounding modes, as frm numbers them. */
const mode = { nearestEven: 0, towardsZero: 1, down: 2, up: 3, nearestAway: 4 } as const;

/** What an operation is given besides its operands, and the flags that it has raised. */
export interface FloatEnvironment {
  mode: number; // 0 … 4
  flags: number;
}

/** Constants of a format. */
interface Format {
  readonly width: bigint;
  readonly precision: number; //   bits of a significand
  readonly fractionBits: bigint;
  readonly leastExponent: number; // of the last bit of a subnormal
  readonly exponentMask: bigint; //  all ones: infinity, NaN
  readonly fractionMask: bigint;
  readonly signBit: bigint;
  readonly infinity: bigint;
  readonly nan: bigint; //           canonical
  readonly quietBit: bigint;
}

function makeFormat(width: number, precision: number): Format {
  const fractionBits = BigInt(precision - 1);
  const exponentMask = (1n << BigInt(width - precision)) - 1n;
  const infinity = exponentMask << fractionBits;
  const quietBit = 1n << (fractionBits - 1n);
  return {
    width: BigInt(width),
    precision,
    fractionBits,
    leastExponent: 3 - (1 << (width - precision - 1)) - precision,
    exponentMask,
    fractionMask: (1n << fractionBits) - 1n,
    signBit: 1n << BigInt(width - 1),
    infinity,
    nan: infinity | quietBit,
    quietBit,
  };
}

const SINGLE = makeFormat(32, 24);
const DOUBLE = makeFormat(64, 53);

/** The canonical NaN of binary32: what an operand reads as that is not boxed. */
export const SINGLE_NAN = SINGLE.nan;

/** A finite number; zero has significand 0. */
interface Finite {
  readonly negative: boolean;
  readonly significand: bigint;
  readonly exponent: number;
}

const magnitudeOf = (format: Format, bits: bigint): bigint => bits & ~format.signBit;
const isNegative = (format: Format, bits: bigint): boolean => (bits & format.signBit) !== 0n;
const isNan = (format: Format, bits: bigint): boolean => magnitudeOf(format, bits) > format.infinity;
const isInfinite = (format: Format, bits: bigint): boolean =>
  magnitudeOf(format, bits) === format.infinity;
const isSignaling = (format: Format, bits: bigint): boolean =>
  isNan(format, bits) && (bits & format.quietBit) === 0n;

function unpack(format: Format, bits: bigint): Finite {
  const biased = Number((bits >> format.fractionBits) & format.exponentMask);
  const fraction = bits & format.fractionMask;
  const negative = isNegative(format, bits);
  if (biased === 0) return { negative, significand: fraction, exponent: format.leastExponent };
  const significand = fraction | (format.fractionMask + 1n);
  return { negative, significand, exponent: format.leastExponent + biased - 1 };
}

/** Bits of a positive integer. */
function bitLength(value: bigint): number {
  const digits = value.toString(16);
  return 4 * digits.length - Math.clz32(Number.parseInt(digits[0]!, 16)) + 28;
}

function invalid(format: Format, environment: FloatEnvironment): bigint {
  environment.flags |= floatFlag.invalid;
  return format.nan;
}

/** The result of an operation one of whose operands is a NaN. */
function nanOf(format: Format, environment: FloatEnvironment, ...operands: bigint[]): bigint {
  if (operands.some((bits) => isSignaling(format, bits))) environment.flags |= floatFlag.invalid;
  return format.nan;
}

const signed = (format: Format, magnitude: bigint, negative: boolean): bigint =>
  negative ? magnitude | format.signBit : magnitude;

/** `value` without its last `count` bits, rounded; raises inexact into the result's field. */
function roundOff(
  value: bigint,
  count: number,
  negative: boolean,
  rounding: number,
): { rounded: bigint; inexact: boolean } {
  if (count <= 0) return { rounded: value << BigInt(-count), inexact: false };
  const places = BigInt(count);
  const kept = value >> places;
  const rest = value - (kept << places);
  if (rest === 0n) return { rounded: kept, inexact: false };
  const half = 1n << (places - 1n);
  let increments = false;
  switch (rounding) {
    case mode.nearestEven:
      increments = rest > half || (rest === half && (kept & 1n) === 1n);
      break;
    case mode.nearestAway:
      increments = rest >= half;
      break;
    case mode.up:
      increments = !negative;
      break;
    case mode.down:
      increments = negative;
      break;
    default:
      break;
  }
  return { rounded: increments ? kept + 1n : kept, inexact: true };
}

/** Rounds and packs a number whose significand is not 0; raises what that raises. */
function pack(format: Format, value: Finite, environment: FloatEnvironment): bigint {
  const { negative, significand, exponent } = value;
  const excess = bitLength(significand) - format.precision;
  const lost = Math.max(excess, format.leastExponent - exponent);
  const { rounded, inexact } = roundOff(significand, lost, negative, environment.mode);
  // A carry out of the significand adds one to the exponent field by itself.
  const last = exponent + lost;
  const field = BigInt(last - format.leastExponent);
  const magnitude = rounded + (field << format.fractionBits);
  if (magnitude >= format.infinity) {
    environment.flags |= floatFlag.overflow | floatFlag.inexact;
    const staysFinite =
      environment.mode === mode.towardsZero ||
      environment.mode === (negative ? mode.up : mode.down);
    return signed(format, staysFinite ? format.infinity - 1n : format.infinity, negative);
  }
  if (inexact) {
    environment.flags |= floatFlag.inexact;
    if (lost > excess && isTinyAfterRounding(format, value, excess, environment.mode))
      environment.flags |= floatFlag.underflow;
  }
  return signed(format, magnitude, negative);
}

/** Whether `value`, below the normal numbers, stays there when rounded to the full precision. */
function isTinyAfterRounding(
  format: Format,
  value: Finite,
  excess: number,
  rounding: number,
): boolean {
  const { rounded } = roundOff(value.significand, excess, value.negative, rounding);
  const exponent = value.exponent + excess; // of the last bit
  return bitLength(rounded) + exponent <= format.leastExponent + format.precision - 1;
}

/** The sum of two finite numbers, rounded. */
function addFinite(format: Format, x: Finite, y: Finite, environment: FloatEnvironment): bigint {
  const exponent = Math.min(x.exponent, y.exponent);
  const aligned = (value: Finite): bigint => {
    const shifted = value.significand << BigInt(value.exponent - exponent);
    return value.negative ? -shifted : shifted;
  };
  const sum = aligned(x) + aligned(y);
  if (sum === 0n) {
    const negative =
      x.negative === y.negative ? x.negative : environment.mode === mode.down;
    return signed(format, 0n, negative);
  }
  const negative = sum < 0n;
  return pack(format, { negative, significand: negative ? -sum : sum, exponent }, environment);
}

function add(format: Format, a: bigint, b: bigint, environment: FloatEnvironment): bigint {
  if (isNan(format, a) || isNan(format, b)) return nanOf(format, environment, a, b);
  if (isInfinite(format, a)) {
    return isInfinite(format, b) && a !== b ? invalid(format, environment) : a;
  }
  if (isInfinite(format, b)) return b;
  return addFinite(format, unpack(format, a), unpack(format, b), environment);
}

function multiply(format: Format, a: bigint, b: bigint, environment: FloatEnvironment): bigint {
  if (isNan(format, a) || isNan(format, b)) return nanOf(format, environment, a, b);
  const negative = isNegative(format, a) !== isNegative(format, b);
  const isZero = magnitudeOf(format, a) === 0n || magnitudeOf(format, b) === 0n;
  if (isInfinite(format, a) || isInfinite(format, b)) {
    return isZero ? invalid(format, environment) : signed(format, format.infinity, negative);
  }
  if (isZero) return signed(format, 0n, negative);
  return pack(format, productOf(unpack(format, a), unpack(format, b)), environment);
}

function productOf(x: Finite, y: Finite): Finite {
  return {
    negative: x.negative !== y.negative,
    significand: x.significand * y.significand,
    exponent: x.exponent + y.exponent,
  };
}

/** a · b + c, rounded once. ∞ · 0 is invalid also when c is a quiet NaN (§21.6). */
function multiplyAdd(
  format: Format,
  [a, b, c]: readonly [bigint, bigint, bigint],
  environment: FloatEnvironment,
): bigint {
  const isProductInvalid =
    (isInfinite(format, a) && magnitudeOf(format, b) === 0n) ||
    (isInfinite(format, b) && magnitudeOf(format, a) === 0n);
  if (isProductInvalid) return invalid(format, environment);
  if (isNan(format, a) || isNan(format, b) || isNan(format, c))
    return nanOf(format, environment, a, b, c);
  if (isInfinite(format, a) || isInfinite(format, b)) {
    const negative = isNegative(format, a) !== isNegative(format, b);
    const product = signed(format, format.infinity, negative);
    return isInfinite(format, c) && c !== product ? invalid(format, environment) : product;
  }
  if (isInfinite(format, c)) return c;
  const product = productOf(unpack(format, a), unpack(format, b));
  return addFinite(format, product, unpack(format, c), environment);
}

function divide(format: Format, a: bigint, b: bigint, environment: FloatEnvironment): bigint {
  if (isNan(format, a) || isNan(format, b)) return nanOf(format, environment, a, b);
  const negative = isNegative(format, a) !== isNegative(format, b);
  if (isInfinite(format, a)) {
    if (isInfinite(format, b)) return invalid(format, environment);
    return signed(format, format.infinity, negative);
  }
  if (isInfinite(format, b)) return signed(format, 0n, negative);
  const isDividendZero = magnitudeOf(format, a) === 0n;
  if (magnitudeOf(format, b) === 0n) {
    if (isDividendZero) return invalid(format, environment);
    environment.flags |= floatFlag.divideByZero;
    return signed(format, format.infinity, negative);
  }
  if (isDividendZero) return signed(format, 0n, negative);
  const x = unpack(format, a);
  const y = unpack(format, b);
  // Enough bits that the quotient has the precision and two more; a last bit stands for the rest.
  const room = Math.max(
    0,
    format.precision + 2 + bitLength(y.significand) - bitLength(x.significand),
  );
  const dividend = x.significand << BigInt(room);
  const quotient = dividend / y.significand;
  const rest = quotient * y.significand === dividend ? 0n : 1n;
  const exponent = x.exponent - y.exponent - room - 1;
  return pack(format, { negative, significand: (quotient << 1n) | rest, exponent }, environment);
}

/** ⌊√value⌋ by Newton's iteration from above. */
function integerSquareRoot(value: bigint): bigint {
  let root = 1n << BigInt((bitLength(value) + 1) >> 1);
  for (;;) {
    const better = (root + value / root) >> 1n;
    if (better >= root) return root;
    root = better;
  }
}

function squareRoot(format: Format, a: bigint, environment: FloatEnvironment): bigint {
  if (isNan(format, a)) return nanOf(format, environment, a);
  if (magnitudeOf(format, a) === 0n) return a;
  if (isNegative(format, a)) return invalid(format, environment);
  if (isInfinite(format, a)) return a;
  const { significand, exponent } = unpack(format, a);
  let room = Math.max(0, 2 * format.precision + 4 - bitLength(significand));
  if ((exponent - room) % 2 !== 0) room++;
  const radicand = significand << BigInt(room);
  const root = integerSquareRoot(radicand);
  const rest = root * root === radicand ? 0n : 1n;
  const value = {
    negative: false,
    significand: (root << 1n) | rest,
    exponent: (exponent - room) / 2 - 1,
  };
  return pack(format, value, environment);
}

/** A number so that numbers are ordered as integers; −0 is below +0. Not for NaNs. */
const orderOf = (format: Format, bits: bigint): bigint =>
  isNegative(format, bits) ? -1n - magnitudeOf(format, bits) : bits;

function extreme(
  format: Format,
  [a, b]: readonly [bigint, bigint],
  wantsLess: boolean,
  environment: FloatEnvironment,
): bigint {
  const nan = nanOf(format, environment, a, b);
  if (isNan(format, a)) return isNan(format, b) ? nan : b;
  if (isNan(format, b)) return a;
  return orderOf(format, a) < orderOf(format, b) === wantsLess ? a : b;
}

function compare(
  format: Format,
  operation: 'equal' | 'less' | 'lessOrEqual',
  [a, b]: readonly [bigint, bigint],
  environment: FloatEnvironment,
): bigint {
  if (isNan(format, a) || isNan(format, b)) {
    if (operation === 'equal') nanOf(format, environment, a, b);
    else invalid(format, environment);
    return 0n;
  }
  const areZeros = magnitudeOf(format, a) === 0n && magnitudeOf(format, b) === 0n;
  const [x, y] = areZeros ? [0n, 0n] : [orderOf(format, a), orderOf(format, b)];
  const holds = operation === 'equal' ? x === y : operation === 'less' ? x < y : x <= y;
  return holds ? 1n : 0n;
}

/** The bit of fclass that describes `bits` (§21.9). */
function classify(format: Format, bits: bigint): bigint {
  const magnitude = magnitudeOf(format, bits);
  if (magnitude > format.infinity) return isSignaling(format, bits) ? 1n << 8n : 1n << 9n;
  const isSubnormal = magnitude <= format.fractionMask;
  const place =
    magnitude === format.infinity ? 0n : magnitude === 0n ? 3n : isSubnormal ? 2n : 1n;
  return 1n << (isNegative(format, bits) ? place : 7n - place);
}

/** Width and sign of the integer of a conversion. */
const INTEGER = {
  toInt32: [32, true],
  toUint32: [32, false],
  toInt64: [64, true],
  toUint64: [64, false],
  fromInt32: [32, true],
  fromUint32: [32, false],
  fromInt64: [64, true],
  fromUint64: [64, false],
} as const;

/** Rounds to an integer; out of range saturates, a NaN gives the greatest (§21.7). */
function toInteger(
  format: Format,
  operation: keyof typeof INTEGER,
  bits: bigint,
  environment: FloatEnvironment,
): bigint {
  const [width, isSigned] = INTEGER[operation];
  const least = isSigned ? -(1n << BigInt(width - 1)) : 0n;
  const greatest = (1n << BigInt(isSigned ? width - 1 : width)) - 1n;
  const register = (value: bigint) => BigInt.asUintN(64, BigInt.asIntN(width, value));
  const isBelow = isNegative(format, bits) && !isNan(format, bits);
  const saturated = () => {
    environment.flags |= floatFlag.invalid;
    return register(isBelow ? least : greatest);
  };
  if (magnitudeOf(format, bits) >= format.infinity) return saturated();
  const { negative, significand, exponent } = unpack(format, bits);
  const { rounded, inexact } = roundOff(significand, -exponent, negative, environment.mode);
  const value = negative ? -rounded : rounded;
  if (value < least || value > greatest) return saturated();
  if (inexact) environment.flags |= floatFlag.inexact;
  return register(value);
}

function fromInteger(
  format: Format,
  operation: keyof typeof INTEGER,
  source: bigint,
  environment: FloatEnvironment,
): bigint {
  const [width, isSigned] = INTEGER[operation];
  const value = isSigned ? BigInt.asIntN(width, source) : BigInt.asUintN(width, source);
  if (value === 0n) return 0n;
  const negative = value < 0n;
  const significand = negative ? -value : value;
  return pack(format, { negative, significand, exponent: 0 }, environment);
}

function convert(from: Format, to: Format, bits: bigint, environment: FloatEnvironment): bigint {
  if (isNan(from, bits)) {
    nanOf(from, environment, bits);
    return to.nan;
  }
  const negative = isNegative(from, bits);
  if (isInfinite(from, bits)) return signed(to, to.infinity, negative);
  const value = unpack(from, bits);
  if (value.significand === 0n) return signed(to, 0n, negative);
  return pack(to, value, environment);
}

/**
 * `operation` in the format of `byteCount` (4 or 8). Operands are encodings (for fromOtherFormat of
 * the other format, for from… an integer of 64 bits); the result is an encoding or, for to…,
 * comparisons and classify, an integer. Moves are not computations.
 */
export function computeFloat(
  operation: Exclude<FloatOperation, 'moveToInteger' | 'moveFromInteger'>,
  byteCount: 4 | 8,
  [a, b, c]: readonly [bigint, bigint, bigint],
  environment: FloatEnvironment,
): bigint {
  const format = byteCount === 4 ? SINGLE : DOUBLE;
  const { signBit } = format;
  switch (operation) {
    case 'add':
      return add(format, a, b, environment);
    case 'subtract': // a NaN stays one of its kind when its sign turns
      return add(format, a, b ^ signBit, environment);
    case 'multiply':
      return multiply(format, a, b, environment);
    case 'divide':
      return divide(format, a, b, environment);
    case 'squareRoot':
      return squareRoot(format, a, environment);
    case 'multiplyAdd':
      return multiplyAdd(format, [a, b, c], environment);
    case 'multiplySubtract':
      return multiplyAdd(format, [a, b, c ^ signBit], environment);
    case 'negatedMultiplySubtract':
      return multiplyAdd(format, [a ^ signBit, b, c], environment);
    case 'negatedMultiplyAdd':
      return multiplyAdd(format, [a ^ signBit, b, c ^ signBit], environment);
    case 'injectSign':
      return (a & ~signBit) | (b & signBit);
    case 'injectNegatedSign':
      return (a & ~signBit) | (~b & signBit);
    case 'injectXorSign':
      return a ^ (b & signBit);
    case 'minimum':
    case 'maximum':
      return extreme(format, [a, b], operation === 'minimum', environment);
    case 'equal':
    case 'less':
    case 'lessOrEqual':
      return compare(format, operation, [a, b], environment);
    case 'classify':
      return classify(format, a);
    case 'toInt32':
    case 'toUint32':
    case 'toInt64':
    case 'toUint64':
      return toInteger(format, operation, a, environment);
    case 'fromInt32':
    case 'fromUint32':
    case 'fromInt64':
    case 'fromUint64':
      return fromInteger(format, operation, a, environment);
    case 'fromOtherFormat':
      return convert(byteCount === 4 ? DOUBLE : SINGLE, format, a, environment);
    default:
      return unreachable(operation, 'a float operation');
  }
}
