/**
 * What the F and D computations give, stated in BigInt a second time (Unprivileged ISA 20240411,
 * chapters 21 and 22; IEEE 754-2019). Operands and results are encodings without boxes.
 */
import {
  BINARY32,
  BINARY64,
  type Exact,
  flag,
  type Format,
  infinityOf,
  roundExact,
  rounding,
} from './float-rounding.ts';

/** A result: an encoding, or an integer of 64 bits; and the flags raised. */
export interface FloatResult {
  readonly bits: bigint;
  readonly flags: number;
}

type Value =
  | { readonly kind: 'nan'; readonly signaling: boolean }
  | { readonly kind: 'infinite'; readonly negative: boolean }
  | { readonly kind: 'finite'; readonly negative: boolean; readonly exact: Exact };

/** The canonical NaN: sign 0, the quiet bit, nothing else (§21.3). */
export function canonicalNan(format: Format): bigint {
  return infinityOf(format) | (1n << BigInt(format.precision - 2));
}

const signOf = (format: Format, bits: bigint): boolean => bits >> BigInt(format.width - 1) === 1n;

function numberOf(format: Format, bits: bigint): Value {
  const negative = signOf(format, bits);
  const index = BigInt.asUintN(format.width - 1, bits);
  const infinity = infinityOf(format);
  if (index > infinity) {
    const quiet = (index >> BigInt(format.precision - 2)) & 1n;
    return { kind: 'nan', signaling: quiet === 0n };
  }
  if (index === infinity) return { kind: 'infinite', negative };
  const places = BigInt(format.precision - 1);
  const exponent = index >> places;
  const fraction = index & ((1n << places) - 1n);
  const significand = exponent === 0n ? fraction : fraction + (1n << places);
  const least = format.precision === 24 ? 149n : 1074n;
  const shift = (exponent === 0n ? 1n : exponent) - 1n;
  const exact = { numerator: significand << shift, denominator: 1n << least };
  return { kind: 'finite', negative, exact };
}

/** The value of a finite number as a signed rational. */
function signedRational(value: Extract<Value, { kind: 'finite' }>): [bigint, bigint] {
  const { numerator, denominator } = value.exact;
  return [value.negative ? -numerator : numerator, denominator];
}

const isZero = (value: Value): boolean => value.kind === 'finite' && value.exact.numerator === 0n;
const isNegative = (value: Value): boolean => value.kind !== 'nan' && value.negative;

function invalid(format: Format): FloatResult {
  return { bits: canonicalNan(format), flags: flag.invalid };
}

function nanResult(format: Format, operands: readonly Value[]): FloatResult {
  const isInvalid = operands.some((each) => each.kind === 'nan' && each.signaling);
  return { bits: canonicalNan(format), flags: isInvalid ? flag.invalid : 0 };
}

function infinite(format: Format, negative: boolean): FloatResult {
  return { bits: withSign(format, infinityOf(format), negative), flags: 0 };
}

const withSign = (format: Format, magnitude: bigint, negative: boolean): bigint =>
  magnitude | (negative ? 1n << BigInt(format.width - 1) : 0n);

/** Rounds numerator / denominator; an exact 0 has the sign `zeroIsNegative`. */
function roundSigned(
  format: Format,
  [numerator, denominator]: readonly [bigint, bigint],
  mode: number,
  zeroIsNegative: boolean,
): FloatResult {
  if (numerator === 0n) return { bits: withSign(format, 0n, zeroIsNegative), flags: 0 };
  const negative = numerator < 0n;
  const exact = { numerator: negative ? -numerator : numerator, denominator };
  return roundExact(format, negative, exact, mode);
}

/** a × b + c with one rounding; the sum of two numbers is 1 × a + b. */
function fused(
  format: Format,
  [a, b, c]: readonly [Value, Value, Value],
  mode: number,
  isProduct: boolean,
): FloatResult {
  const isInvalidProduct =
    (a.kind === 'infinite' && isZero(b)) || (b.kind === 'infinite' && isZero(a));
  if (isInvalidProduct) return invalid(format);
  if (a.kind === 'nan' || b.kind === 'nan' || c.kind === 'nan') return nanResult(format, [a, b, c]);
  const negative = a.negative !== b.negative;
  if (a.kind === 'infinite' || b.kind === 'infinite') {
    if (c.kind === 'infinite' && c.negative !== negative) return invalid(format);
    return infinite(format, negative);
  }
  if (c.kind === 'infinite') return infinite(format, c.negative);
  const [an, ad] = signedRational(a);
  const [bn, bd] = signedRational(b);
  const [cn, cd] = signedRational(c);
  const sum: [bigint, bigint] = [an * bn * cd + cn * ad * bd, ad * bd * cd];
  // The sign of an exact zero (IEEE 754-2019 §6.3): a product's own, a sum's from the mode.
  const sumOfZeros = negative === c.negative ? negative : mode === rounding.down;
  return roundSigned(format, sum, mode, isProduct ? negative : sumOfZeros);
}

function divide(format: Format, a: Value, b: Value, mode: number): FloatResult {
  if (a.kind === 'nan' || b.kind === 'nan') return nanResult(format, [a, b]);
  const negative = a.negative !== b.negative;
  if (a.kind === 'infinite') {
    return b.kind === 'infinite' ? invalid(format) : infinite(format, negative);
  }
  if (b.kind === 'infinite') return { bits: withSign(format, 0n, negative), flags: 0 };
  if (isZero(b)) {
    if (isZero(a)) return invalid(format);
    return { ...infinite(format, negative), flags: flag.divideByZero };
  }
  const [an, ad] = signedRational(a);
  const [bn, bd] = signedRational(b);
  const sign = bn < 0n ? -1n : 1n;
  return roundSigned(format, [an * bd * sign, ad * bn * sign], mode, negative);
}

function squareRoot(format: Format, a: Value, mode: number): FloatResult {
  if (a.kind === 'nan') return nanResult(format, [a]);
  if (isZero(a)) return { bits: withSign(format, 0n, a.negative), flags: 0 };
  if (a.negative) return invalid(format);
  if (a.kind === 'infinite') return infinite(format, false);
  return roundExact(format, false, { ...a.exact, isRoot: true }, mode);
}

/** −1, 0, 1; neither is a NaN. */
function order(a: Value, b: Value): number {
  const rank = (value: Value): number =>
    value.kind === 'infinite' ? (value.negative ? -1 : 1) : 0;
  if (rank(a) !== rank(b)) return rank(a) < rank(b) ? -1 : 1;
  if (a.kind !== 'finite' || b.kind !== 'finite') return 0;
  const [an, ad] = signedRational(a);
  const [bn, bd] = signedRational(b);
  const difference = an * bd - bn * ad;
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

function compareValues(name: string, a: Value, b: Value): FloatResult {
  if (a.kind === 'nan' || b.kind === 'nan') {
    const signals = [a, b].some((each) => each.kind === 'nan' && each.signaling);
    return { bits: 0n, flags: name !== 'feq' || signals ? flag.invalid : 0 };
  }
  const found = order(a, b);
  const holds = name === 'feq' ? found === 0 : name === 'flt' ? found < 0 : found <= 0;
  return { bits: holds ? 1n : 0n, flags: 0 };
}

/** fmin, fmax: minimumNumber and maximumNumber; −0 is below +0 (§21.6). */
function extreme(format: Format, name: string, [x, y]: readonly [bigint, bigint]): FloatResult {
  const [a, b] = [numberOf(format, x), numberOf(format, y)];
  const { flags } = nanResult(format, [a, b]);
  if (a.kind === 'nan') return { bits: b.kind === 'nan' ? canonicalNan(format) : y, flags };
  if (b.kind === 'nan') return { bits: x, flags };
  const found = order(a, b);
  const isLess = found < 0 || (found === 0 && a.negative && !b.negative);
  return { bits: isLess === (name === 'fmin') ? x : y, flags };
}

function injectSign(format: Format, name: string, a: bigint, b: bigint): FloatResult {
  const [signA, signB] = [signOf(format, a), signOf(format, b)];
  const sign = name === 'fsgnj' ? signB : name === 'fsgnjn' ? !signB : signA !== signB;
  return { bits: withSign(format, BigInt.asUintN(format.width - 1, a), sign), flags: 0 };
}

/** fclass: one of ten bits (§21.9). */
function classify(format: Format, bits: bigint): FloatResult {
  const value = numberOf(format, bits);
  const index = BigInt.asUintN(format.width - 1, bits);
  let place: number;
  if (value.kind === 'nan') place = value.signaling ? 8 : 9;
  else if (value.kind === 'infinite') place = value.negative ? 0 : 7;
  else if (index === 0n) place = value.negative ? 3 : 4;
  else if (index >> BigInt(format.precision - 1) === 0n) place = value.negative ? 2 : 5;
  else place = value.negative ? 1 : 6;
  return { bits: 1n << BigInt(place), flags: 0 };
}

/** Bounds of the integers that conversions go to (§21.7). */
// biome-ignore format: a row a line
const INTEGERS: Readonly<Record<string, readonly [least: bigint, greatest: bigint]>> = {
  w:  [-(1n << 31n), (1n << 31n) - 1n],
  wu: [0n,           (1n << 32n) - 1n],
  l:  [-(1n << 63n), (1n << 63n) - 1n],
  lu: [0n,           (1n << 64n) - 1n],
};

function toInteger(format: Format, to: string, bits: bigint, mode: number): FloatResult {
  const [least, greatest] = INTEGERS[to]!;
  const as64 = (value: bigint) =>
    BigInt.asUintN(64, to === 'wu' ? BigInt.asIntN(32, value) : value);
  const value = numberOf(format, bits);
  if (value.kind === 'nan') return { bits: as64(greatest), flags: flag.invalid };
  const saturated = { bits: as64(isNegative(value) ? least : greatest), flags: flag.invalid };
  if (value.kind === 'infinite') return saturated;
  const { numerator, denominator } = value.exact;
  const floor = numerator / denominator;
  const twiceRest = 2n * (numerator - floor * denominator);
  let magnitude = floor;
  if (twiceRest !== 0n) {
    const isHalf = twiceRest === denominator;
    const isMore = twiceRest > denominator;
    if (mode === rounding.nearestEven && (isMore || (isHalf && floor % 2n === 1n))) magnitude++;
    if (mode === rounding.nearestAway && (isMore || isHalf)) magnitude++;
    if (mode === rounding.up && !value.negative) magnitude++;
    if (mode === rounding.down && value.negative) magnitude++;
  }
  const result = value.negative ? -magnitude : magnitude;
  if (result < least || result > greatest) return saturated;
  return { bits: as64(result), flags: twiceRest === 0n ? 0 : flag.inexact };
}

function fromInteger(format: Format, from: string, source: bigint, mode: number): FloatResult {
  const bits = from.startsWith('w') ? 32 : 64;
  const value = from.endsWith('u') ? BigInt.asUintN(bits, source) : BigInt.asIntN(bits, source);
  return roundSigned(format, [value, 1n], mode, false);
}

function convertFormat(from: Format, to: Format, bits: bigint, mode: number): FloatResult {
  const value = numberOf(from, bits);
  if (value.kind === 'nan') return nanResult(to, [value]);
  if (value.kind === 'infinite') return infinite(to, value.negative);
  return roundSigned(to, signedRational(value), mode, value.negative);
}

/** Operands of a computation: encodings of the source format, or an integer in `a`. */
export interface FloatOperands {
  readonly a: bigint;
  readonly b: bigint;
  readonly c: bigint;
  readonly mode: number; // 0 … 4
}

const negated = (format: Format, bits: bigint): bigint => bits ^ (1n << BigInt(format.width - 1));

/** The computation of instruction `name` (fadd.s, fcvt.w.d, …), moves left out. */
export function computeFloat(name: string, operands: FloatOperands): FloatResult {
  const parts = name.split('.');
  const { a, b, c, mode } = operands;
  if (name === 'fcvt.s.d') return convertFormat(BINARY64, BINARY32, a, mode);
  if (name === 'fcvt.d.s') return convertFormat(BINARY32, BINARY64, a, mode);
  const [operation = '', to = '', from = ''] = parts;
  if (operation === 'fcvt') {
    if (to === 's' || to === 'd') {
      return fromInteger(to === 's' ? BINARY32 : BINARY64, from, a, mode);
    }
    return toInteger(from === 's' ? BINARY32 : BINARY64, to, a, mode);
  }
  const format = to === 's' ? BINARY32 : BINARY64;
  const value = (bits: bigint) => numberOf(format, bits);
  const one = value(roundExact(format, false, { numerator: 1n, denominator: 1n }, 0).bits);
  const minusZero = value(withSign(format, 0n, true));
  switch (operation) {
    case 'fadd':
      return fused(format, [one, value(a), value(b)], mode, false);
    case 'fsub':
      return fused(format, [one, value(a), value(negated(format, b))], mode, false);
    case 'fmul':
      return fused(format, [value(a), value(b), minusZero], mode, true);
    case 'fdiv':
      return divide(format, value(a), value(b), mode);
    case 'fsqrt':
      return squareRoot(format, value(a), mode);
    case 'fmadd':
      return fused(format, [value(a), value(b), value(c)], mode, false);
    case 'fmsub':
      return fused(format, [value(a), value(b), value(negated(format, c))], mode, false);
    case 'fnmsub':
      return fused(format, [value(negated(format, a)), value(b), value(c)], mode, false);
    case 'fnmadd':
      return fused(
        format,
        [value(negated(format, a)), value(b), value(negated(format, c))],
        mode,
        false,
      );
    case 'fmin':
    case 'fmax':
      return extreme(format, operation, [a, b]);
    case 'fclass':
      return classify(format, a);
    case 'fsgnj':
    case 'fsgnjn':
    case 'fsgnjx':
      return injectSign(format, operation, a, b);
    default:
      return compareValues(operation, value(a), value(b));
  }
}
