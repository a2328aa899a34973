/**
 * Platform-level interrupt controller (RISC-V PLIC 1.0.0). Sources 1 … sourceCount have a gateway
 * each, level-sensitive; contexts (a hart in M or S mode) have enable bits, a threshold and a claim
 * register. Word accesses only.
 *
 *   0x00_0000 + 4 × source       priority, 0 … 7 (0 never interrupts)
 *   0x00_1000 + 4 × word         pending bits
 *   0x00_2000 + 0x80 × context   enable bits
 *   0x20_0000 + 0x1000 × context threshold, then claim/complete
 *
 * Whatever lies between reads 0. Of two pending sources the higher priority wins, then the lower
 * number. Completing a source that the context does not enable is ignored (chapter "Interrupt
 * Completion").
 */
import { type CheckpointRules, checkpointRules } from '../base/checkpoint-rule.ts';
import { assert } from '../base/assert.ts';
import { decodeRecord, encodeRecord, type Recorded, type RecordError, type RecordShape, wrongField } from '../base/record-shape.ts';
import { ok, type Result } from '../base/result.ts';
import type { BusDevice } from '../machine/bus.ts';

export interface PlicPorts {
  /** A context's notification wire: to meip or seip of its hart. Told only when it changes. */
  onNotification(context: number, level: boolean): void;
}

/** Highest priority: three bits, as on QEMU's virt machine. */
export const PLIC_PRIORITY_MAX = 7;
const PENDING = 0x1000;
const ENABLE = 0x2000;
const ENABLE_STRIDE = 0x80;
const CONTEXT = 0x20_0000;
const CONTEXT_STRIDE = 0x1000;

/** Notification wires follow from the rest. */
const RECORD = {
  name: 'plic', version: 1, fields: [],
  // biome-ignore format: a table, one row a line
  lists: [
    { name: 'sources', since: 1, max: 1023, rows: [ // from source 1 on
      { name: 'priority',  width: 'u8',   since: 1, max: PLIC_PRIORITY_MAX },
      { name: 'level',     width: 'flag', since: 1 },
      { name: 'pending',   width: 'flag', since: 1 },
      { name: 'claimed',   width: 'flag', since: 1 },
    ] },
    { name: 'thresholds', since: 1, max: 16_384, rows: [{ name: 'threshold', width: 'u8', since: 1, max: PLIC_PRIORITY_MAX }] },
    { name: 'enables', since: 1, max: 1 << 20, rows: [{ name: 'sources', width: 'u32', since: 1 }] }, // words of context 0, then 1 …
  ],
} as const satisfies RecordShape;

export class Plic implements BusDevice, Recorded {
  static readonly [checkpointRules]: CheckpointRules = { ports: 'outside' };
  readonly name = 'plic';
  readonly size = 0x60_0000;
  readonly widths = 4;
  readonly sourceCount: number;
  readonly contextCount: number;
  private readonly priority: Uint8Array;
  private readonly level: Uint8Array;
  private readonly pending: Uint8Array;
  /** A request of the gateway is with a handler: nothing new before its completion. */
  private readonly claimed: Uint8Array;
  private readonly enable: Uint32Array;
  private readonly threshold: Uint8Array;
  private readonly notified: Uint8Array;
  private readonly words: number;
  private readonly ports: PlicPorts;

  constructor(options: { readonly sourceCount: number; readonly contextCount: number }, ports: PlicPorts) {
    const { sourceCount, contextCount } = options;
    assert(sourceCount >= 1 && sourceCount <= 1023, 'a PLIC has 1 … 1023 sources');
    assert(CONTEXT + contextCount * CONTEXT_STRIDE <= this.size, 'contexts fit the window');
    this.sourceCount = sourceCount;
    this.contextCount = contextCount;
    this.words = (sourceCount >> 5) + 1;
    this.priority = new Uint8Array(sourceCount + 1);
    this.level = new Uint8Array(sourceCount + 1);
    this.pending = new Uint8Array(sourceCount + 1);
    this.claimed = new Uint8Array(sourceCount + 1);
    this.enable = new Uint32Array(this.words * contextCount);
    this.threshold = new Uint8Array(contextCount);
    this.notified = new Uint8Array(contextCount);
    this.ports = ports;
  }

  /** The wire of a source, 1 … sourceCount. */
  setLevel(source: number, level: boolean): void {
    assert(source >= 1 && source <= this.sourceCount, `a source is 1 … ${this.sourceCount}`);
    this.level[source] = level ? 1 : 0;
    this.forward(source);
    this.notify();
  }

  read(offset: number): number {
    const index = offset >> 2;
    if (offset < PENDING) return this.priority[index] ?? 0;
    if (offset < ENABLE) return this.pendingWord((offset - PENDING) >> 2);
    if (offset < CONTEXT) {
      const at = this.enableIndex(offset);
      return at < 0 ? 0 : this.enable[at]!;
    }
    const context = Math.floor((offset - CONTEXT) / CONTEXT_STRIDE);
    if (context >= this.contextCount) return 0;
    if (offset % CONTEXT_STRIDE === 0) return this.threshold[context]!;
    return offset % CONTEXT_STRIDE === 4 ? this.claim(context) : 0;
  }

  write(offset: number, _byteCount: number, value: number): boolean {
    if (offset < PENDING) {
      const source = offset >> 2;
      if (source >= 1 && source <= this.sourceCount) {
        this.priority[source] = value & PLIC_PRIORITY_MAX;
      }
    } else if (offset >= ENABLE && offset < CONTEXT) {
      const at = this.enableIndex(offset);
      if (at >= 0) this.enable[at] = value & this.sourcesOfWord(at % this.words);
    } else if (offset >= CONTEXT) {
      const context = Math.floor((offset - CONTEXT) / CONTEXT_STRIDE);
      if (context >= this.contextCount) return true;
      if (offset % CONTEXT_STRIDE === 0) this.threshold[context] = value & PLIC_PRIORITY_MAX;
      else if (offset % CONTEXT_STRIDE === 4) this.complete(context, value);
    }
    this.notify();
    return true;
  }

  /** Source that a context would claim now, 0 for none: for inspectors. */
  topSource(context: number): number {
    return this.best(context, 0);
  }

  /** Pending and claimed state of a source: for inspectors. */
  sourceState(source: number): { readonly level: boolean; readonly pending: boolean; readonly claimed: boolean } {
    const is = (bits: Uint8Array) => bits[source] === 1;
    return { level: is(this.level), pending: is(this.pending), claimed: is(this.claimed) };
  }

  /** Priority of a source, 0 = never interrupts: for inspectors. */
  priorityOf(source: number): number {
    return this.priority[source]!;
  }

  /** Threshold of a context, and the level of its notification wire: for inspectors. */
  thresholdOf(context: number): number {
    return this.threshold[context]!;
  }

  isSignalling(context: number): boolean {
    return this.notified[context] === 1;
  }

  private forward(source: number): void {
    if (this.level[source] === 1 && this.claimed[source] === 0) this.pending[source] = 1;
  }

  /** Claims: the best enabled pending source, whatever the threshold (chapter "Interrupt Claims"). */
  private claim(context: number): number {
    const source = this.best(context, 0);
    if (source === 0) return 0;
    this.pending[source] = 0;
    this.claimed[source] = 1;
    this.notify();
    return source;
  }

  private complete(context: number, source: number): void {
    if (source < 1 || source > this.sourceCount || !this.isEnabled(context, source)) return;
    this.claimed[source] = 0;
    this.forward(source);
  }

  /** Whether a context hears of a source. */
  isEnabled(context: number, source: number): boolean {
    return ((this.enable[context * this.words + (source >> 5)]! >>> (source & 31)) & 1) === 1;
  }

  /** Enabled pending source of the highest priority above `threshold`, 0 when there is none. */
  private best(context: number, threshold: number): number {
    let found = 0;
    let priority = threshold;
    for (let source = 1; source <= this.sourceCount; source++) {
      if (this.pending[source] === 0 || this.priority[source]! <= priority) continue;
      if (!this.isEnabled(context, source)) continue;
      found = source;
      priority = this.priority[source]!;
    }
    return found;
  }

  private notify(): void {
    for (let context = 0; context < this.contextCount; context++) {
      const level = this.best(context, this.threshold[context]!) === 0 ? 0 : 1;
      if (this.notified[context] === level) continue;
      this.notified[context] = level;
      this.ports.onNotification(context, level === 1);
    }
  }

  private pendingWord(word: number): number {
    let bits = 0;
    for (let bit = 0; bit < 32; bit++) bits |= (this.pending[word * 32 + bit] ?? 0) << bit;
    return bits >>> 0;
  }

  /** Place of an enable register in the array, −1 where there is none. */
  private enableIndex(offset: number): number {
    const context = Math.floor((offset - ENABLE) / ENABLE_STRIDE);
    const word = ((offset - ENABLE) % ENABLE_STRIDE) >> 2;
    return context < this.contextCount && word < this.words ? context * this.words + word : -1;
  }

  /** Bits of a word that stand for sources: not 0, not beyond the last. */
  private sourcesOfWord(word: number): number {
    const last = this.sourceCount - word * 32;
    const all = last >= 31 ? 0xffff_ffff : 2 ** (last + 1) - 1;
    return (word === 0 ? all & ~1 : all) >>> 0;
  }

  saveRecord(): Uint8Array {
    const is = (bits: Uint8Array, source: number) => bits[source] === 1;
    return encodeRecord(RECORD, {
      sources: Array.from({ length: this.sourceCount }, (_, index) => ({
        priority: this.priority[index + 1]!, level: is(this.level, index + 1),
        pending: is(this.pending, index + 1), claimed: is(this.claimed, index + 1),
      })),
      thresholds: Array.from(this.threshold, (threshold) => ({ threshold })),
      enables: Array.from(this.enable, (sources) => ({ sources })),
    });
  }

  /** A source whose wire is high has a request that is pending or claimed: the gateway forwards it at once. */
  openRecord(bytes: Uint8Array): Result<() => void, RecordError> {
    const read = decodeRecord(RECORD, bytes);
    if (!read.ok) return read;
    const { sources, thresholds, enables } = read.value;
    if (sources.length !== this.sourceCount) return wrongField(RECORD, 'sources', sources.length);
    if (thresholds.length !== this.contextCount) return wrongField(RECORD, 'thresholds', thresholds.length);
    if (enables.length !== this.enable.length) return wrongField(RECORD, 'enables', enables.length);
    const lost = sources.findIndex(({ level, pending, claimed }) => level && !pending && !claimed);
    if (lost >= 0) return wrongField(RECORD, 'level', lost + 1);
    const foreign = enables.find((it, index) => (it.sources & ~this.sourcesOfWord(index % this.words)) !== 0);
    if (foreign !== undefined) return wrongField(RECORD, 'enables', foreign.sources);
    return ok(() => {
      sources.forEach(({ priority, level, pending, claimed }, index) => {
        this.priority[index + 1] = priority;
        this.level[index + 1] = level ? 1 : 0;
        this.pending[index + 1] = pending ? 1 : 0;
        this.claimed[index + 1] = claimed ? 1 : 0;
      });
      this.threshold.set(thresholds.map((it) => it.threshold));
      this.enable.set(enables.map((it) => it.sources));
      this.notifyAll();
    });
  }

  /** Tells every context its level, also those that have not changed: the other end may not know it. */
  private notifyAll(): void {
    for (let context = 0; context < this.contextCount; context++) {
      const level = this.best(context, this.threshold[context]!) === 0 ? 0 : 1;
      this.notified[context] = level;
      this.ports.onNotification(context, level === 1);
    }
  }
}
