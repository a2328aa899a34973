/**
 * A 16550A serial port (facts: National Semiconductor PC16550D data sheet, §8): eight byte registers
 * at a stride of one, FIFOs of 16 bytes, loopback, one interrupt line. A wider access goes to the
 * register at its address with its low byte, as on QEMU's virt machine.
 *
 *   0 RBR/THR or DLL   1 IER or DLM   2 IIR/FCR   3 LCR   4 MCR   5 LSR   6 MSR   7 SCR
 *
 * A transmitted byte leaves at once, so the transmitter is always empty; the receive timeout comes
 * as soon as fewer bytes wait than the trigger level. Left out: the line's speed, parity, framing
 * and break, DMA modes. The other end is there and ready: CTS, DSR and DCD are on.
 */
import { type CheckpointRules, checkpointRules } from '../base/checkpoint-rule.ts';
import { decodeRecord, encodeRecord, type Recorded, type RecordError, type RecordShape, wrongField } from '../base/record-shape.ts';
import { ok, type Result } from '../base/result.ts';
import type { BusDevice, InterruptLine } from '../machine/bus.ts';

export interface UartPorts {
  /** A byte leaves on the line. */
  transmit(byte: number): void;
  readonly line: InterruptLine;
}

/** Interrupt enable register. */
const IER = { receive: 1, transmit: 2, line: 4, modem: 8 } as const;
/** Interrupt identification, by falling priority; bit 0 set means none. */
const IIR = { none: 1, line: 6, receive: 4, timeout: 12, transmit: 2, modem: 0, fifos: 0xc0 } as const;
const LCR_DIVISOR = 0x80;
const MCR = { dtr: 1, rts: 2, out1: 4, out2: 8, loop: 0x10 } as const;
const LSR = { ready: 1, overrun: 2, empty: 0x60 } as const;
const MSR = { cts: 0x10, dsr: 0x20, ri: 0x40, dcd: 0x80 } as const;
const FIFO_SIZE = 16;
const TRIGGER_LEVELS = [1, 4, 8, 14] as const;

const RECORD = {
  name: 'serial', version: 1,
  // biome-ignore format: a table, one row a line
  fields: [
    { name: 'interruptEnable', width: 'u8',    since: 1, max: 0xf },
    { name: 'fifoControl',     width: 'u8',    since: 1, max: 0xc9 },
    { name: 'lineControl',     width: 'u8',    since: 1 },
    { name: 'modemControl',    width: 'u8',    since: 1, max: 0x1f },
    { name: 'modemStatus',     width: 'u8',    since: 1 },
    { name: 'scratch',         width: 'u8',    since: 1 },
    { name: 'divisor',         width: 'u16',   since: 1 },
    { name: 'overrun',         width: 'flag',  since: 1 },
    { name: 'transmitPending', width: 'flag',  since: 1 },
    { name: 'received',        width: 'bytes', since: 1, max: FIFO_SIZE },
  ],
} as const satisfies RecordShape;

export class Uart16550 implements BusDevice, Recorded {
  static readonly [checkpointRules]: CheckpointRules = { ports: 'outside' };
  readonly name = 'serial';
  readonly size = 8;
  readonly widths = 1 | 2 | 4;
  private readonly received: number[] = [];
  private interruptEnable = 0;
  private fifoControl = 0;
  private lineControl = 0;
  private modemControl = 0;
  private modemStatus: number = MSR.cts | MSR.dsr | MSR.dcd;
  private scratch = 0;
  private divisor = 0;
  private overrun = false;
  private transmitPending = false;
  private readonly ports: UartPorts;

  constructor(ports: UartPorts) {
    this.ports = ports;
  }

  /** Bytes that the receiver takes now without an overrun. */
  room(): number {
    return Math.max(0, this.capacity() - this.received.length);
  }

  /** A byte arrives on the line; lost, with the overrun bit set, when there is no room. */
  receive(byte: number): void {
    if ((this.modemControl & MCR.loop) === 0) this.accept(byte);
    this.settle();
  }

  read(offset: number): number {
    const value = this.readRegister(offset);
    this.settle();
    return value;
  }

  write(offset: number, _byteCount: number, word: number): boolean {
    const value = word & 0xff;
    const divisorLatch = (this.lineControl & LCR_DIVISOR) !== 0;
    switch (offset) {
      case 0:
        if (divisorLatch) this.divisor = (this.divisor & 0xff00) | value;
        else this.send(value);
        break;
      case 1:
        if (divisorLatch) this.divisor = (this.divisor & 0xff) | (value << 8);
        else this.enable(value & 0xf);
        break;
      case 2:
        this.controlFifos(value);
        break;
      case 3:
        this.lineControl = value;
        break;
      case 4:
        this.modemControl = value & 0x1f;
        this.updateModem();
        break;
      case 7:
        this.scratch = value;
        break;
      default: // the line and modem status registers are read-only here
    }
    this.settle();
    return true;
  }

  private readRegister(offset: number): number {
    const divisorLatch = (this.lineControl & LCR_DIVISOR) !== 0;
    switch (offset) {
      case 0:
        return divisorLatch ? this.divisor & 0xff : (this.received.shift() ?? 0);
      case 1:
        return divisorLatch ? this.divisor >> 8 : this.interruptEnable;
      case 2: {
        const cause = this.cause();
        if (cause === IIR.transmit) this.transmitPending = false;
        return cause | (this.hasFifos() ? IIR.fifos : 0);
      }
      case 3:
        return this.lineControl;
      case 4:
        return this.modemControl;
      case 5: {
        const status = LSR.empty | (this.received.length > 0 ? LSR.ready : 0);
        const overrun = this.overrun ? LSR.overrun : 0;
        this.overrun = false;
        return status | overrun;
      }
      case 6: {
        const status = this.modemStatus;
        this.modemStatus &= 0xf0;
        return status;
      }
      default:
        return this.scratch;
    }
  }

  private send(byte: number): void {
    this.transmitPending = true;
    if ((this.modemControl & MCR.loop) !== 0) this.accept(byte);
    else this.ports.transmit(byte);
  }

  /** Enabling the transmit interrupt while the holding register is empty raises it (§8.5). */
  private enable(value: number): void {
    const comes = value & ~this.interruptEnable & IER.transmit;
    if (comes !== 0) this.transmitPending = true;
    this.interruptEnable = value;
  }

  /** Bits 1, 2, 6, 7 only take effect together with bit 0; changing bit 0 empties the FIFOs (§8.4). */
  private controlFifos(value: number): void {
    const changed = (value & 1) !== (this.fifoControl & 1);
    this.fifoControl = (value & 1) === 0 ? 0 : value & 0xc9;
    const clears = changed || ((value & 1) !== 0 && (value & 2) !== 0);
    if (clears) this.received.length = 0;
  }

  private accept(byte: number): void {
    if (this.received.length < this.capacity()) {
      this.received.push(byte);
    } else {
      this.overrun = true;
      // Without FIFOs the new byte takes the old one's place; with them it is lost (§8.3).
      if (!this.hasFifos()) this.received[0] = byte;
    }
  }

  private hasFifos(): boolean {
    return (this.fifoControl & 1) !== 0;
  }

  private capacity(): number {
    return this.hasFifos() ? FIFO_SIZE : 1;
  }

  /** In loopback the four outputs are the four inputs (§8.7); bits 3 … 0 note what changed. */
  private updateModem(): void {
    const { modemControl: out } = this;
    const looped =
      ((out & MCR.rts) !== 0 ? MSR.cts : 0) |
      ((out & MCR.dtr) !== 0 ? MSR.dsr : 0) |
      ((out & MCR.out1) !== 0 ? MSR.ri : 0) |
      ((out & MCR.out2) !== 0 ? MSR.dcd : 0);
    const inputs = (out & MCR.loop) !== 0 ? looped : MSR.cts | MSR.dsr | MSR.dcd;
    const before = this.modemStatus & 0xf0;
    const changed = (before ^ inputs) & (MSR.cts | MSR.dsr | MSR.dcd);
    const ringEnded = before & ~inputs & MSR.ri; // only the trailing edge counts
    this.modemStatus = inputs | (this.modemStatus & 0xf) | ((changed | ringEnded) >> 4);
  }

  /** The interrupt of the highest priority that is enabled and pending. */
  private cause(): number {
    const { interruptEnable, received } = this;
    if ((interruptEnable & IER.line) !== 0 && this.overrun) return IIR.line;
    if ((interruptEnable & IER.receive) !== 0 && received.length > 0) {
      const trigger = this.hasFifos() ? TRIGGER_LEVELS[this.fifoControl >> 6]! : 1;
      return received.length >= trigger ? IIR.receive : IIR.timeout;
    }
    if ((interruptEnable & IER.transmit) !== 0 && this.transmitPending) return IIR.transmit;
    if ((interruptEnable & IER.modem) !== 0 && (this.modemStatus & 0xf) !== 0) return IIR.modem;
    return IIR.none;
  }

  private settle(): void {
    this.ports.line.set(this.cause() !== IIR.none);
  }

  saveRecord(): Uint8Array {
    const { interruptEnable, fifoControl, lineControl, modemControl, modemStatus, scratch, divisor, overrun, transmitPending } = this;
    return encodeRecord(RECORD, {
      interruptEnable, fifoControl, lineControl, modemControl, modemStatus, scratch, divisor, overrun, transmitPending,
      received: Uint8Array.from(this.received),
    });
  }

  openRecord(bytes: Uint8Array): Result<() => void, RecordError> {
    const read = decodeRecord(RECORD, bytes);
    if (!read.ok) return read;
    const { received, ...registers } = read.value;
    const { fifoControl } = registers;
    const hasFifos = (fifoControl & 1) !== 0;
    if ((fifoControl & ~0xc9) !== 0 || (!hasFifos && fifoControl !== 0)) return wrongField(RECORD, 'fifoControl', fifoControl);
    if (received.length > (hasFifos ? FIFO_SIZE : 1)) return wrongField(RECORD, 'received', received.length);
    return ok(() => {
      Object.assign(this, registers);
      this.received.splice(0, this.received.length, ...received);
      this.settle();
    });
  }
}
