/**
 * One interrupt file of an incoming MSI controller (RISC-V AIA 1.0, chapter 3): pending and enable
 * bits of identities 1 … identityCount, delivery and threshold. Messages set pending bits; the hart
 * reads and writes the registers through its indirect CSRs and claims through mtopei, stopei or
 * vstopei. After reset nothing is pending, enabled or delivered. Left out: delivery from an APLIC
 * (eidelivery 0x40000000), big-endian messages.
 */
import { assert } from '../base/assert.ts';
import { type CheckpointRules, checkpointRules } from '../base/checkpoint-rule.ts';
import { decodeRecord, encodeRecord, type Recorded, type RecordError, type RecordShape, wrongField } from '../base/record-shape.ts';
import { ok, type Result } from '../base/result.ts';
import type { BusDevice } from '../machine/bus.ts';

/** Values of miselect, siselect, vsiselect that lead here (§3.7). */
export const fileRegister = { eidelivery: 0x70, eithreshold: 0x72, eip0: 0x80, eie0: 0xc0 } as const;

const RECORD = {
  name: 'interruptFile', version: 1,
  // biome-ignore format: a table, one row a line
  fields: [
    { name: 'delivers',  width: 'flag', since: 1 },
    { name: 'threshold', width: 'u16',  since: 1, max: 0x7ff },
  ],
  // biome-ignore format: a table, one row a line
  lists: [{ name: 'words', since: 1, max: 32, rows: [ // 64 identities each
    { name: 'pending', width: 'u64', since: 1 },
    { name: 'enable',  width: 'u64', since: 1 },
  ] }],
} as const satisfies RecordShape;

export class InterruptFile implements Recorded {
  static readonly [checkpointRules]: CheckpointRules = { onSignal: 'outside' };
  readonly identityCount: number;
  private readonly pending: BigUint64Array;
  private readonly enable: BigUint64Array;
  private delivers = false;
  private threshold = 0;
  private signal = false;
  private readonly onSignal: (level: boolean) => void;

  /** `identityCount` is 63 … 2047, one less than a multiple of 64. */
  constructor(identityCount: number, onSignal: (level: boolean) => void) {
    const words = (identityCount + 1) / 64;
    assert(Number.isInteger(words) && words >= 1 && words <= 32, 'a file has 64 n − 1 identities, n 1 … 32');
    this.identityCount = identityCount;
    this.pending = new BigUint64Array(words);
    this.enable = new BigUint64Array(words);
    this.onSignal = onSignal;
  }

  /** A message arrives; a number that is no identity is ignored. */
  receive(identity: number): void {
    if (identity < 1 || identity > this.identityCount) return;
    this.pending[identity >> 6]! |= 1n << BigInt(identity & 63);
    this.settle();
  }

  /** A register by the value of *iselect, 64 bits; undefined is an illegal instruction. */
  readRegister(select: number): bigint | undefined {
    if (select < 0x70 || select > 0xff) return undefined;
    if (select === fileRegister.eidelivery) return this.delivers ? 1n : 0n;
    if (select === fileRegister.eithreshold) return BigInt(this.threshold);
    if (select < fileRegister.eip0) return 0n;
    if ((select & 1) === 1) return undefined; // odd ones do not exist in 64-bit code
    const array = select < fileRegister.eie0 ? this.pending : this.enable;
    return array[(select & 63) >> 1] ?? 0n;
  }

  /** Writes it; false is an illegal instruction. */
  writeRegister(select: number, value: bigint): boolean {
    if (select < 0x70 || select > 0xff) return false;
    if (select === fileRegister.eidelivery) {
      if (value === 0n || value === 1n) this.delivers = value === 1n;
    } else if (select === fileRegister.eithreshold) {
      this.threshold = Number(value & 0x7ffn);
    } else if (select >= fileRegister.eip0) {
      if ((select & 1) === 1) return false;
      const array = select < fileRegister.eie0 ? this.pending : this.enable;
      const word = (select & 63) >> 1;
      if (word < array.length) array[word] = word === 0 ? value & ~1n : value;
    }
    this.settle();
    return true;
  }

  /** Value of *topei: the lowest pending and enabled identity below the threshold, twice; or 0. */
  top(): number {
    for (let word = 0; word < this.pending.length; word++) {
      const both = this.pending[word]! & this.enable[word]!;
      if (both === 0n) continue;
      const identity = word * 64 + lowestBit(both);
      return this.threshold === 0 || identity < this.threshold ? (identity << 16) | identity : 0;
    }
    return 0;
  }

  /** A write to *topei: the top identity is no longer pending. */
  claim(): void {
    const identity = this.top() >>> 16;
    if (identity === 0) return;
    this.pending[identity >> 6]! &= ~(1n << BigInt(identity & 63));
    this.settle();
  }

  private settle(): void {
    const asserted = this.delivers && this.top() !== 0;
    if (asserted === this.signal) return;
    this.signal = asserted;
    this.onSignal(asserted);
  }

  saveRecord(): Uint8Array {
    const { delivers, threshold, enable } = this;
    const words = Array.from(this.pending, (pending, index) => ({ pending, enable: enable[index]! }));
    return encodeRecord(RECORD, { delivers, threshold, words });
  }

  openRecord(bytes: Uint8Array): Result<() => void, RecordError> {
    const read = decodeRecord(RECORD, bytes);
    if (!read.ok) return read;
    const { delivers, threshold, words } = read.value;
    if (words.length !== this.pending.length) return wrongField(RECORD, 'words', words.length);
    const first = words[0]!;
    if (((first.pending | first.enable) & 1n) !== 0n) return wrongField(RECORD, 'words', 0); // identity 0 is none
    return ok(() => {
      words.forEach(({ pending, enable }, index) => {
        this.pending[index] = pending;
        this.enable[index] = enable;
      });
      this.delivers = delivers;
      this.threshold = threshold;
      // Told also when it has not changed: the other end may not know it.
      this.signal = delivers && this.top() !== 0;
      this.onSignal(this.signal);
    });
  }
}

function lowestBit(value: bigint): number {
  const low = Number(value & 0xffff_ffffn);
  return low !== 0 ? 31 - Math.clz32(low & -low) : 32 + lowestBit(value >> 32n);
}

/** Pages of interrupt files one after another, each with its doorbell seteipnum_le at 0 (§3.5). */
export class InterruptFilePages implements BusDevice {
  readonly name: string;
  readonly size: number;
  readonly widths = 4;
  /** A page without a file is read-only zeroes. */
  private readonly files: readonly (InterruptFile | undefined)[];

  constructor(name: string, files: readonly (InterruptFile | undefined)[]) {
    this.name = name;
    this.size = files.length * 4096;
    this.files = files;
  }

  read(): number {
    return 0;
  }

  write(offset: number, _byteCount: number, value: number): boolean {
    if (offset % 4096 === 0) this.files[offset / 4096]?.receive(value);
    return true;
  }
}
