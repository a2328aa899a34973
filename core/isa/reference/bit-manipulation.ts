/**
 * What the bit-manipulation and conditional-zero instructions give, stated in BigInt, mostly bit by
 * bit as the manual's pseudo-code does (Unprivileged ISA 20240411, chapters 28 and 12). Values are
 * unsigned 64-bit.
 */

type Computation = (a: bigint, b: bigint) => bigint;

const unsigned = (v: bigint): bigint => BigInt.asUintN(64, v);
const signed = (v: bigint): bigint => BigInt.asIntN(64, v);
const low = (v: bigint): bigint => BigInt.asUintN(32, v);
/** The bits of v, most significant first. */
const bitsOf = (v: bigint, count: number): string => v.toString(2).padStart(count, '0');
const ones = (v: bigint): bigint => BigInt(bitsOf(v, 1).replaceAll('0', '').length);
/** The bytes of v, least significant first. */
const bytesOf = (v: bigint): bigint[] =>
  Array.from({ length: 8 }, (_, index) => (v >> BigInt(8 * index)) & 255n);
const fromBytes = (bytes: readonly bigint[]): bigint =>
  bytes.reduce((value, byte, index) => value | (byte << BigInt(8 * index)), 0n);

function leadingZeros(v: bigint, count: number): bigint {
  const first = bitsOf(v, count).indexOf('1');
  return BigInt(first < 0 ? count : first);
}

function trailingZeros(v: bigint, count: number): bigint {
  const last = bitsOf(v, count).lastIndexOf('1');
  return BigInt(last < 0 ? count : count - 1 - last);
}

/** v of `count` bits with its lowest `amount` (modulo count) bits moved to the top. */
function rotatedRight(v: bigint, amount: bigint, count: number): bigint {
  const text = bitsOf(v, count);
  const cut = count - Number(amount % BigInt(count));
  return BigInt(`0b${text.slice(cut)}${text.slice(0, cut)}`);
}

const rotatedLeft = (v: bigint, amount: bigint, count: number): bigint =>
  rotatedRight(v, BigInt(count) - (amount % BigInt(count)), count);

const bit = (index: bigint): bigint => 1n << (index % 64n);
const clear: Computation = (a, b) => (((a >> b % 64n) & 1n) === 1n ? a - bit(b) : a);
const extract: Computation = (a, b) => (a >> b % 64n) % 2n;
const invert: Computation = (a, b) => a ^ bit(b);
const set: Computation = (a, b) => a | bit(b);
const rotateRight: Computation = (a, b) => rotatedRight(a, b, 64);
const rotateRightWord: Computation = (a, b) => BigInt.asIntN(32, rotatedRight(low(a), b, 32));

// biome-ignore format: a row a line
const COMPUTATIONS: Readonly<Record<string, Computation>> = {
  'add.uw':    (a, b) => low(a) + b,
  'sh1add':    (a, b) => a * 2n + b,
  'sh1add.uw': (a, b) => low(a) * 2n + b,
  'sh2add':    (a, b) => a * 4n + b,
  'sh2add.uw': (a, b) => low(a) * 4n + b,
  'sh3add':    (a, b) => a * 8n + b,
  'sh3add.uw': (a, b) => low(a) * 8n + b,
  'slli.uw':   (a, b) => low(a) * 2n ** b,
  'andn':      (a, b) => a & ~b,
  'orn':       (a, b) => a | ~b,
  'xnor':      (a, b) => ~(a ^ b),
  'clz':       (a) => leadingZeros(a, 64),
  'clzw':      (a) => leadingZeros(low(a), 32),
  'ctz':       (a) => trailingZeros(a, 64),
  'ctzw':      (a) => trailingZeros(low(a), 32),
  'cpop':      ones,
  'cpopw':     (a) => ones(low(a)),
  'max':       (a, b) => (signed(a) > signed(b) ? a : b),
  'maxu':      (a, b) => (a > b ? a : b),
  'min':       (a, b) => (signed(a) < signed(b) ? a : b),
  'minu':      (a, b) => (a < b ? a : b),
  'sext.b':    (a) => BigInt.asIntN(8, a),
  'sext.h':    (a) => BigInt.asIntN(16, a),
  'zext.h':    (a) => BigInt.asUintN(16, a),
  'rol':       (a, b) => rotatedLeft(a, b, 64),
  'rolw':      (a, b) => BigInt.asIntN(32, rotatedLeft(low(a), b, 32)),
  'ror':       rotateRight,
  'rori':      rotateRight,
  'roriw':     rotateRightWord,
  'rorw':      rotateRightWord,
  'orc.b':     (a) => fromBytes(bytesOf(a).map((byte) => (byte === 0n ? 0n : 255n))),
  'rev8':      (a) => fromBytes(bytesOf(a).reverse()),
  'bclr':      clear,
  'bclri':     clear,
  'bext':      extract,
  'bexti':     extract,
  'binv':      invert,
  'binvi':     invert,
  'bset':      set,
  'bseti':     set,
  'czero.eqz': (a, b) => (b === 0n ? 0n : a),
  'czero.nez': (a, b) => (b === 0n ? a : 0n),
};

/** rd of `name`, unsigned 64-bit, or undefined when `name` is none of these. */
export function computeBits(name: string, a: bigint, b: bigint): bigint | undefined {
  const computation = COMPUTATIONS[name];
  return computation === undefined ? undefined : unsigned(computation(a, b));
}
