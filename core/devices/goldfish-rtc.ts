/**
 * Goldfish real-time clock: nanoseconds since 1970 as two words, and one alarm. Registers, by
 * offset (facts: Linux drivers/rtc/rtc-goldfish.c, include/clocksource/timer-goldfish.h):
 *
 *   0x00 time low (reading it latches the high half)   0x04 time high
 *   0x08 alarm low (writing it arms the alarm)         0x0c alarm high
 *   0x10 interrupt enable  0x14 clear alarm  0x18 alarm armed (read)  0x1c clear interrupt
 *
 * Writing the time moves the clock. Time is virtual: it starts at `epochNs` and never drifts.
 */
import { type CheckpointRules, checkpointRules } from '../base/checkpoint-rule.ts';
import { decodeRecord, encodeRecord, type Recorded, type RecordError, type RecordShape, wrongField } from '../base/record-shape.ts';
import { ok, type Result } from '../base/result.ts';
import type { BusDevice, InterruptLine } from '../machine/bus.ts';

export interface GoldfishRtcPorts {
  /** Virtual time since the machine began. Unit: ns. */
  nowNs(): number;
  readonly line: InterruptLine;
}

const HALF = 0x1_0000_0000n;

/** Software may set the clock back behind virtual time 0: then its origin lies before 1970, less than 2^53 ns. */
const RECORD = {
  name: 'rtc', version: 1,
  // biome-ignore format: a table, one row a line
  fields: [
    { name: 'originNs',     width: 'u64',  since: 1 },
    { name: 'originBefore', width: 'flag', since: 1 }, // before 1970
    { name: 'alarmNs',      width: 'u64',  since: 1 },
    { name: 'latchedHigh',  width: 'u32',  since: 1 },
    { name: 'armed',        width: 'flag', since: 1 },
    { name: 'enabled',      width: 'flag', since: 1 },
    { name: 'pending',      width: 'flag', since: 1 },
  ],
} as const satisfies RecordShape;

export class GoldfishRtc implements BusDevice, Recorded {
  static readonly [checkpointRules]: CheckpointRules = { ports: 'outside' };
  readonly name = 'rtc';
  readonly size = 0x24;
  readonly widths = 4;
  /** What the clock shows at virtual time 0. Unsigned 64 bits, ns since 1970. */
  private originNs: bigint;
  private latchedHigh = 0;
  private alarmNs = 0n;
  private armed = false;
  private enabled = false;
  private pending = false;
  private readonly ports: GoldfishRtcPorts;

  constructor(ports: GoldfishRtcPorts, epochNs: bigint) {
    this.ports = ports;
    this.originNs = epochNs;
  }

  read(offset: number): number {
    switch (offset) {
      case 0x00: {
        const timeNs = this.timeNs();
        this.latchedHigh = Number(timeNs >> 32n);
        return Number(timeNs % HALF);
      }
      case 0x04:
        return this.latchedHigh;
      case 0x08:
        return Number(this.alarmNs % HALF);
      case 0x0c:
        return Number(this.alarmNs >> 32n);
      case 0x10:
        return this.enabled ? 1 : 0;
      case 0x18:
        return this.armed ? 1 : 0;
      default:
        return 0;
    }
  }

  write(offset: number, _byteCount: number, value: number): boolean {
    const word = BigInt(value);
    switch (offset) {
      case 0x00:
        this.moveTo((this.timeNs() / HALF) * HALF + word);
        break;
      case 0x04:
        this.moveTo((this.timeNs() % HALF) + word * HALF);
        break;
      case 0x08:
        this.alarmNs = (this.alarmNs / HALF) * HALF + word;
        this.armed = true;
        break;
      case 0x0c:
        this.alarmNs = (this.alarmNs % HALF) + word * HALF;
        break;
      case 0x10:
        this.enabled = (value & 1) !== 0;
        break;
      case 0x14:
        this.armed = false;
        break;
      case 0x1c:
        this.pending = false;
        break;
      default:
        return true;
    }
    this.settle();
    return true;
  }

  /** Virtual time at which the alarm rings; Infinity when it does not. Unit: ns. */
  nextEventNs(): number {
    return this.armed ? Math.max(0, Number(this.alarmNs - this.originNs)) : Number.POSITIVE_INFINITY;
  }

  /** Rings when the time has come; called at {@link nextEventNs} or later. */
  settle(): void {
    if (this.armed && this.alarmNs <= this.timeNs()) {
      this.armed = false;
      this.pending = true;
    }
    this.ports.line.set(this.pending && this.enabled);
  }

  private timeNs(): bigint {
    return BigInt.asUintN(64, this.originNs + BigInt(this.ports.nowNs()));
  }

  private moveTo(timeNs: bigint): void {
    this.originNs = timeNs - BigInt(this.ports.nowNs());
  }

  saveRecord(): Uint8Array {
    const { originNs, alarmNs, latchedHigh, armed, enabled, pending } = this;
    const originBefore = originNs < 0n;
    return encodeRecord(RECORD, { originNs: originBefore ? -originNs : originNs, originBefore, alarmNs, latchedHigh, armed, enabled, pending });
  }

  openRecord(bytes: Uint8Array): Result<() => void, RecordError> {
    const read = decodeRecord(RECORD, bytes);
    if (!read.ok) return read;
    const { originNs, originBefore, ...rest } = read.value;
    if (originBefore && (originNs === 0n || originNs >= 1n << 53n)) return wrongField(RECORD, 'originNs', -Number(originNs));
    return ok(() => {
      Object.assign(this, rest);
      this.originNs = originBefore ? -originNs : originNs;
      this.settle();
    });
  }
}
