/**
 * Golden runs of random unprivileged programs, made with QEMU: the text format, and the memory that
 * a program starts with. Any execution of RV64IMA can replay them: put `words` at `origin`, fill
 * the windows, set the registers, run until pc is `origin + 4 × words.length`, compare registers
 * and the windows' digest.
 */

/** One run. Registers are x0 … x31, unsigned 64-bit. */
export interface ProgramVector {
  readonly origin: bigint;
  readonly seed: number; //              of the windows' first content
  readonly words: readonly number[];
  readonly initial: readonly bigint[];
  readonly final: readonly bigint[];
  readonly digest: bigint; //            of the windows afterwards, see windowDigest
}

/** Where programs read and write. */
export const VECTOR_WINDOWS = [
  { address: 0x8040_0000n, byteCount: 256 },
  { address: 0x8040_0800n, byteCount: 256 },
] as const;

const GOLDEN_RATIO = 0x9e37_79b9_7f4a_7c15n;
const PRIME = 0x100_0000_01b3n;

/**
 * Double word `index` (counted over both windows) before a run: (seed + index + 1) × 2^64/φ, modulo
 * 2^64.
 */
export function windowContent(seed: number, index: number): bigint {
  return BigInt.asUintN(64, BigInt(seed + index + 1) * GOLDEN_RATIO);
}

/** FNV-1a over double words instead of bytes. */
export function windowDigest(doubleWords: readonly bigint[]): bigint {
  return doubleWords.reduce(
    (hash, each) => BigInt.asUintN(64, (hash ^ each) * PRIME),
    GOLDEN_RATIO,
  );
}

const hexadecimal = (value: bigint): string => value.toString(16);

function registersText(values: readonly bigint[], before: readonly bigint[] | undefined): string {
  const shown = values.flatMap((value, index) =>
    value === (before?.[index] ?? 0n) ? [] : [`${index}=${hexadecimal(value)}`],
  );
  return shown.join(' ');
}

/**
 * Five lines for `vector`: place, first registers that are not 0, words, last registers that
 * changed, digest.
 */
export function formatVector(vector: ProgramVector): string {
  const { origin, seed, words, initial, final, digest } = vector;
  return [
    `program ${hexadecimal(origin)} ${seed}`,
    `initial ${registersText(initial, undefined)}`,
    `words ${words.map((word) => word.toString(16)).join(' ')}`,
    `final ${registersText(final, initial)}`,
    `digest ${hexadecimal(digest)}`,
    '',
  ].join('\n');
}

function registersFrom(line: string, before: readonly bigint[]): readonly bigint[] {
  const values = [...before];
  for (const pair of line
    .split(' ')
    .slice(1)
    .filter((each) => each !== '')) {
    const [index, value] = pair.split('=');
    values[Number(index)] = BigInt(`0x${value}`);
  }
  return values;
}

/** The vectors in `text`. */
export function parseVectors(text: string): readonly ProgramVector[] {
  const lines = text.trim().split('\n');
  const zeros = Array.from({ length: 32 }, () => 0n);
  const vectors: ProgramVector[] = [];
  for (let index = 0; index + 5 <= lines.length; index += 5) {
    const [, origin, seed] = lines[index]!.split(' ');
    const initial = registersFrom(lines[index + 1]!, zeros);
    vectors.push({
      origin: BigInt(`0x${origin}`),
      seed: Number(seed),
      words: lines[index + 2]!.split(' ')
        .slice(1)
        .map((word) => Number.parseInt(word, 16)),
      initial,
      final: registersFrom(lines[index + 3]!, initial),
      digest: BigInt(`0x${lines[index + 4]!.split(' ')[1]}`),
    });
  }
  return vectors;
}
