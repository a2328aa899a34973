/**
 * A console with one port: bytes out, and a bounded queue of bytes in. Output is taken at once and
 * never refused. Left out: several ports (VIRTIO_CONSOLE_F_MULTIPORT).
 * Standard: VIRTIO 1.2 §5.3.
 */
import { type CheckpointRules, checkpointRules } from '../../base/checkpoint-rule.ts';
import { decodeRecord, encodeRecord, type RecordError, type RecordShape } from '../../base/record-shape.ts';
import { ok, type Result } from '../../base/result.ts';
import type { VirtioCore, VirtioDevice } from './core.ts';
import type { Chain } from './queue.ts';

const SIZE_FEATURE = 0;
const EMERGENCY_WRITE_FEATURE = 2;
const RECEIVE = 0;
const TRANSMIT = 1;
/** Bytes of input that wait for the guest at most; more are dropped and counted. */
export const VIRTIO_CONSOLE_INPUT_MAX = 4096;

const RECORD = {
  name: 'console', version: 1,
  // biome-ignore format: a table, one row a line
  fields: [
    { name: 'overflowCount', width: 'u53',   since: 1 },
    { name: 'input',         width: 'bytes', since: 1, max: VIRTIO_CONSOLE_INPUT_MAX },
  ],
} as const satisfies RecordShape;

/** Who takes the output, in the order in which it is written. The bytes do not change afterwards. */
export interface ConsolePorts {
  onOutput(bytes: Uint8Array): void;
}

/** See the file's head. */
export class VirtioConsole implements VirtioDevice {
  static readonly [checkpointRules]: CheckpointRules = { ports: 'outside' };
  readonly name = 'console';
  readonly deviceId = 3;
  readonly featureBits = [SIZE_FEATURE, EMERGENCY_WRITE_FEATURE];
  readonly queueSizes = [64, 64];
  /** Input bytes dropped because the queue was full. */
  overflowCount = 0;
  private readonly ports: ConsolePorts;
  private readonly columns: number;
  private readonly rows: number;
  private input: number[] = [];
  private core: VirtioCore | undefined;

  constructor(ports: ConsolePorts, options: { readonly columns?: number; readonly rows?: number } = {}) {
    this.ports = ports;
    this.columns = options.columns ?? 80;
    this.rows = options.rows ?? 25;
  }

  /** Types bytes; gives how many were taken. */
  type(bytes: ArrayLike<number>): number {
    const taken = Math.min(bytes.length, VIRTIO_CONSOLE_INPUT_MAX - this.input.length);
    for (let at = 0; at < taken; at++) this.input.push(bytes[at]! & 0xff);
    this.overflowCount += bytes.length - taken;
    this.core?.notify(RECEIVE);
    return taken;
  }

  attach(core: VirtioCore): void {
    this.core = core;
  }

  /** §5.3.4: columns, rows, ports, emergency write. */
  config(): Uint8Array {
    const bytes = new Uint8Array(12);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, this.columns, true);
    view.setUint16(2, this.rows, true);
    view.setUint32(4, 1, true);
    return bytes;
  }

  /** §5.3.4: a byte written to emerg_wr is output, whatever the state of the device. */
  writeConfig(offset: number, _byteCount: number, value: number): void {
    if (offset === 8) this.ports.onOutput(new Uint8Array([value & 0xff]));
  }

  onReset(): void {
    // Input that waits is not the driver's: it stays.
  }

  onNotify(queue: number): void {
    const core = this.core!;
    if (queue === TRANSMIT) core.drain(TRANSMIT, (chain) => this.output(core, chain));
    else if (this.input.length > 0) this.deliver(core);
  }

  private output(core: VirtioCore, chain: Chain): number | undefined {
    const bytes = core.read(chain, 0, chain.readableBytes);
    if (bytes === undefined) return undefined;
    if (bytes.length > 0) this.ports.onOutput(bytes);
    return 0;
  }

  private deliver(core: VirtioCore): void {
    const most = core.queues[RECEIVE]!.size;
    for (let count = 0; count < most && this.input.length > 0; count++) {
      const chain = core.peek(RECEIVE);
      if (chain === undefined || !core.take(RECEIVE)) break;
      const bytes = Uint8Array.from(this.input.splice(0, chain.writableBytes));
      if (!core.write(chain, 0, bytes) || !core.put(RECEIVE, chain.head, bytes.length)) break;
    }
    core.signal(RECEIVE);
  }

  saveRecord(): Uint8Array {
    return encodeRecord(RECORD, { overflowCount: this.overflowCount, input: Uint8Array.from(this.input) });
  }

  openRecord(bytes: Uint8Array): Result<() => void, RecordError> {
    const read = decodeRecord(RECORD, bytes);
    if (!read.ok) return read;
    return ok(() => {
      this.overflowCount = read.value.overflowCount;
      this.input = [...read.value.input];
    });
  }
}
