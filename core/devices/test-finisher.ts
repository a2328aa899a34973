/**
 * SiFive's test finisher: a program ends the machine by one store. The low half of the word says
 * how, the high half is the code of a failure (facts: Linux binding sifive,test0; QEMU 7.2
 * hw/misc/sifive_test.c, include/hw/misc/sifive_test.h). Reads give 0, other words do nothing.
 */
import { type CheckpointRules, checkpointRules } from '../base/checkpoint-rule.ts';
import { decodeRecord, encodeRecord, type Recorded, type RecordError, type RecordShape } from '../base/record-shape.ts';
import { ok, type Result } from '../base/result.ts';
import type { BusDevice } from '../machine/bus.ts';

/** How the program wants the machine to end. `code` is 0 unless it failed. */
export interface FinisherPorts {
  onFinish(how: 'pass' | 'fail' | 'reset', code: number): void;
}

const FAIL = 0x3333;
const PASS = 0x5555;
const RESET = 0x7777;

/** It has no state; its record says so. */
const RECORD = { name: 'finisher', version: 1, fields: [] } as const satisfies RecordShape;

export class TestFinisher implements BusDevice, Recorded {
  static readonly [checkpointRules]: CheckpointRules = { ports: 'outside' };
  readonly name = 'test';
  readonly size = 0x1000;
  readonly widths = 2 | 4;
  private readonly ports: FinisherPorts;

  constructor(ports: FinisherPorts) {
    this.ports = ports;
  }

  read(): number {
    return 0;
  }

  write(offset: number, _byteCount: number, value: number): boolean {
    if (offset !== 0) return true;
    const how = value & 0xffff;
    if (how === PASS) this.ports.onFinish('pass', 0);
    else if (how === FAIL) this.ports.onFinish('fail', value >>> 16);
    else if (how === RESET) this.ports.onFinish('reset', 0);
    return true;
  }

  saveRecord(): Uint8Array {
    return encodeRecord(RECORD, {});
  }

  openRecord(bytes: Uint8Array): Result<() => void, RecordError> {
    const read = decodeRecord(RECORD, bytes);
    return read.ok ? ok(() => undefined) : read;
  }
}
