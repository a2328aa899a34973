/**
 * Test-only: damage to files, and what an answer to a damaged file must be. A seed repeats a campaign.
 */
import { nextBelow, nextUint32, type Prng } from '../base/index.ts';

/** Numbers at which readers go wrong. */
const INTERESTING = [0, 1, 2, 7, 0xff, 0x200, 0xfff, 0x1000, 0x7fff_ffff, 0x8000_0000, 0x8000_0001, 0xc000_0000, 0xffff_ffff];

/** Where and how a kind of file is damaged. */
export interface DamageOptions {
  /** Bytes at the start in which two thirds of the damage are: headers. All of the file when not given. */
  readonly head?: number;
  readonly littleEndian?: boolean;
}

/** A damaged copy: one to three bytes or words changed, ranges copied over others, the end cut off or something behind it. */
export function damage(prng: Prng, good: Uint8Array, options: DamageOptions = {}): Uint8Array<ArrayBuffer> {
  let bytes = good.slice();
  for (let count = 1 + nextBelow(prng, 3); count > 0; count--) bytes = damageOnce(prng, bytes, good.length, options);
  return bytes;
}

function damageOnce(
  prng: Prng,
  bytes: Uint8Array<ArrayBuffer>,
  goodBytes: number,
  { head = goodBytes, littleEndian = false }: DamageOptions,
): Uint8Array<ArrayBuffer> {
  const where = nextBelow(prng, 3) < 2 ? Math.min(head, bytes.length) : bytes.length;
  const kind = nextBelow(prng, 20);
  if (kind === 0) return bytes.slice(0, nextBelow(prng, bytes.length + 1));
  if (kind === 1) {
    const longer = new Uint8Array(bytes.length + 1 + nextBelow(prng, 64));
    longer.set(bytes);
    return longer;
  }
  if (where < 8) return bytes;
  if (kind === 2) bytes.copyWithin(nextBelow(prng, where), nextBelow(prng, bytes.length), nextBelow(prng, bytes.length + 1));
  else if (kind < 6) bytes[nextBelow(prng, where)]! ^= 1 << nextBelow(prng, 8);
  else if (kind < 11) bytes[nextBelow(prng, where)] = nextBelow(prng, 256);
  else {
    const view = new DataView(bytes.buffer, bytes.byteOffset);
    const at = nextBelow(prng, Math.floor(where / 4)) * 4;
    const value = pickWord(prng, goodBytes);
    if (kind < 17 || at + 8 > bytes.length) view.setUint32(at, value, littleEndian);
    else view.setBigUint64(at, (BigInt(value) << BigInt(nextBelow(prng, 33))) | BigInt(nextBelow(prng, 2)), littleEndian);
  }
  return bytes;
}

function pickWord(prng: Prng, goodBytes: number): number {
  const ticket = nextBelow(prng, 4);
  if (ticket === 0) return nextBelow(prng, 2 * goodBytes + 2);
  return ticket === 1 ? nextUint32(prng) : INTERESTING[nextBelow(prng, INTERESTING.length)]!;
}

/** What is wrong with the answer to a damaged file called `name`; undefined: it is one clear line that names the file. */
export function unclear(sentence: string, name: string): string | undefined {
  const isLine = /^[\x20-\x7e…–’]+\.$/.test(sentence) && sentence.length <= 400;
  if (!isLine) return `not one line of text: ${JSON.stringify(sentence)}`;
  return sentence.includes(name) ? undefined : `does not name ${name}: ${sentence}`;
}
