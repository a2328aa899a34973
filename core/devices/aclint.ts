/**
 * Core-local interrupts as SiFive's CLINT lays them out (RISC-V ACLINT 1.0-rc4: MSWI and MTIMER, in
 * the compatible arrangement): a software-interrupt bit and a timer comparator a hart, one clock.
 *
 *   0x0000 + 4 × hart   msip: bit 0              0x4000 + 8 × hart   mtimecmp, 64 bits
 *   0xbff8              mtime, 64 bits, ticks of 100 ns
 *
 * Comparators start with all bits set, so that no timer is pending after reset. Everything else in
 * the window reads 0. Left out: SSWI.
 */
import { type CheckpointRules, checkpointRules } from '../base/checkpoint-rule.ts';
import type { BusDevice } from '../machine/bus.ts';

/** What the clock and the harts' wires are. */
export interface AclintPorts {
  /** Virtual time of the access. Unit: ns. */
  nowNs(): number;
  /** Bit 0 of a hart's msip changed. */
  onSoftware(hart: number, level: boolean): void;
  /** A hart's comparator, or the clock under it, was written. */
  onTimer(hart: number): void;
}

/** Length of a tick of mtime. Unit: ns. */
export const TICK_NS = 100;
const MTIMECMP = 0x4000;
const MTIME = 0xbff8;
/** Deadlines further away (46 days) are none: virtual time in ns stays below 2^53. */
const TICKS_AHEAD_MAX = 40_000_000_000_000n;
const ALL = 0xffff_ffff_ffff_ffffn;

export class Aclint implements BusDevice {
  static readonly [checkpointRules]: CheckpointRules = { ports: 'outside' };
  readonly name = 'clint';
  readonly size = 0x1_0000;
  readonly widths = 4 | 8;
  private readonly software: Uint8Array;
  private readonly comparators: BigUint64Array;
  /** mtime minus the ticks of virtual time, modulo 2^64: other than 0 once software wrote it. */
  private offset = 0n;
  private readonly ports: AclintPorts;

  constructor(hartCount: number, ports: AclintPorts) {
    this.software = new Uint8Array(hartCount);
    this.comparators = new BigUint64Array(hartCount).fill(ALL);
    this.ports = ports;
  }

  read(offset: number): number {
    if (offset < MTIMECMP) return this.software[offset >> 2] ?? 0;
    if (offset >= MTIME) return half(this.ticksAt(this.ports.nowNs()), offset);
    return half(this.comparators[(offset - MTIMECMP) >> 3] ?? 0n, offset);
  }

  write(offset: number, _byteCount: number, value: number): boolean {
    if (offset < MTIMECMP) {
      const hart = offset >> 2;
      if (hart >= this.software.length) return true;
      this.software[hart] = value & 1;
      this.ports.onSoftware(hart, (value & 1) !== 0);
    } else if (offset >= MTIME) {
      const nowNs = this.ports.nowNs();
      const ticks = withHalf(this.ticksAt(nowNs), offset, value);
      this.offset = BigInt.asUintN(64, ticks - BigInt(Math.floor(nowNs / TICK_NS)));
      for (let hart = 0; hart < this.comparators.length; hart++) this.ports.onTimer(hart);
    } else {
      const hart = (offset - MTIMECMP) >> 3;
      if (hart >= this.comparators.length) return true;
      this.comparators[hart] = withHalf(this.comparators[hart]!, offset, value);
      this.ports.onTimer(hart);
    }
    return true;
  }

  /** mtime at an instant: unsigned 64 bits. */
  ticksAt(nowNs: number): bigint {
    return BigInt.asUintN(64, BigInt(Math.floor(nowNs / TICK_NS)) + this.offset);
  }

  /** The same as a number; once software has moved the clock far ahead, its low 52 bits. */
  timeAt(nowNs: number): number {
    if (this.offset === 0n) return Math.floor(nowNs / TICK_NS);
    return Number(BigInt.asUintN(52, this.ticksAt(nowNs)));
  }

  /** Whether a hart's timer interrupt is pending at an instant: mtime ≥ mtimecmp, unsigned. */
  isTimerPending(hart: number, nowNs: number): boolean {
    return this.ticksAt(nowNs) >= this.comparators[hart]!;
  }

  /** First instant after `nowNs` at which a hart's timer interrupt begins to pend; Infinity: none. */
  nextTimerNs(hart: number, nowNs: number): number {
    const ticks = this.ticksAt(nowNs);
    const comparator = this.comparators[hart]!;
    if (comparator <= ticks || comparator - ticks > TICKS_AHEAD_MAX) return Number.POSITIVE_INFINITY;
    return (Math.floor(nowNs / TICK_NS) + Number(comparator - ticks)) * TICK_NS;
  }
}

/** The half of a doubleword at an offset that is a multiple of 4. */
function half(value: bigint, offset: number): number {
  return Number(BigInt.asUintN(32, (offset & 4) === 0 ? value : value >> 32n));
}

function withHalf(value: bigint, offset: number, word: number): bigint {
  const low = BigInt.asUintN(32, value);
  if ((offset & 4) === 0) return value - low + BigInt(word);
  return low + (BigInt(word) << 32n);
}
