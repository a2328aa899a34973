/**
 * Random float encodings for tests, of all classes: zeros, subnormals, numbers next to the ends of
 * the range, small integers, ties, infinities, both kinds of NaN, and boxes that are none.
 */
import { nextBelow, nextUint32, type Prng } from '../base/index.ts';

const BOX = 0xffff_ffffn << 32n;

function bits64(prng: Prng): bigint {
  return (BigInt(nextUint32(prng)) << 32n) | BigInt(nextUint32(prng));
}

/** A fraction of `places` bits, often with few of them set or clear. */
function randomFraction(prng: Prng, places: number): bigint {
  const all = (1n << BigInt(places)) - 1n;
  const place = BigInt(nextBelow(prng, places));
  switch (nextBelow(prng, 6)) {
    case 0:
      return 0n;
    case 1:
      return all;
    case 2:
      return 1n << place;
    case 3:
      return all ^ (1n << place);
    case 4:
      return (bits64(prng) << place) & all;
    default:
      return bits64(prng) & all;
  }
}

/** A float of `byteCount` 4 (as a register holds it, seldom without its box) or 8. */
export function randomFloat(prng: Prng, byteCount: 4 | 8): bigint {
  const [places, exponents] = byteCount === 4 ? [23, 256] : [52, 2048];
  const near = (centre: number) => centre + nextBelow(prng, 9) - 4;
  let exponent: number;
  switch (nextBelow(prng, 8)) {
    case 0:
      exponent = 0;
      break;
    case 1:
      exponent = exponents - 1;
      break;
    case 2:
      exponent = 1 + nextBelow(prng, 3);
      break;
    case 3:
      exponent = exponents - 2 - nextBelow(prng, 3);
      break;
    case 4:
    case 5:
      exponent = near(exponents / 2 - 1);
      break;
    case 6:
      exponent = exponents / 2 - 1 + nextBelow(prng, 2 * places) - places;
      break;
    default:
      exponent = nextBelow(prng, exponents);
  }
  const sign = BigInt(nextBelow(prng, 2)) << BigInt(8 * byteCount - 1);
  const value = sign | (BigInt(exponent) << BigInt(places)) | randomFraction(prng, places);
  if (byteCount === 8) return value;
  return nextBelow(prng, 20) === 0 ? (bits64(prng) & BOX) | value : BOX | value;
}
