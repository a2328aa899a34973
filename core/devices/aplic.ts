/**
 * Advanced platform-level interrupt controller (RISC-V AIA 1.0, chapter 4): one interrupt domain,
 * machine or supervisor level, which may delegate sources to one child domain. A domain delivers
 * either directly, by a wire to each hart, or as message-signalled interrupts (MSIs) to interrupt
 * files; which, is fixed when it is made (domaincfg.DM is read-only, as is BE, which is 0).
 *
 *   0x0000 domaincfg          0x0004 + 4 × (source − 1) sourcecfg
 *   0x1bc0 … 0x1bcc MSI addresses (root only)
 *   0x1c00 setip  0x1cdc setipnum   0x1d00 in_clrip  0x1ddc clripnum
 *   0x1e00 setie  0x1edc setienum   0x1f00 clrie     0x1fdc clrienum
 *   0x2000 setipnum_le              0x3000 genmsi    0x3004 + 4 × (source − 1) target
 *   0x4000 + 32 × hart interrupt delivery control: idelivery, iforce, ithreshold, topi, claimi
 *
 * All else reads 0; words only. Registers are 0 after reset. A write to sourcecfg makes a level source pending when its
 * input is asserted (§4.5.2 leaves that open). Hart indexes are the harts' numbers at both levels.
 */
import { assert } from '../base/assert.ts';
import { type CheckpointRules, checkpointRules } from '../base/checkpoint-rule.ts';
import { decodeRecord, encodeRecord, type Recorded, type RecordError, type RecordShape, type RecordValues, wrongField } from '../base/record-shape.ts';
import { ok, type Result } from '../base/result.ts';
import type { BusDevice } from '../machine/bus.ts';
import { MsiAddresses } from './msi-addresses.ts';

export interface AplicPorts {
  /** Direct delivery: the wire to a hart's external interrupt at the domain's level. Told when it changes. */
  onSignal(hart: number, level: boolean): void;
  /** MSI delivery: a word written to physical memory. */
  sendMsi(address: number, identity: number): void;
}

export interface AplicOptions {
  readonly name: string;
  readonly level: 'machine' | 'supervisor';
  readonly delivery: 'direct' | 'msi';
  readonly sourceCount: number;
  readonly hartCount: number;
  /** The domain that this one may delegate sources to; it is made first. */
  readonly child?: Aplic;
}

/** sourcecfg.SM (§4.5.2). */
export const sourceMode = { inactive: 0, detached: 1, edge1: 4, edge0: 5, level1: 6, level0: 7 } as const;
const DELEGATE = 1 << 10;
const ENABLE = 1 << 8;
const DOMAIN_CONSTANT = 0x8000_0000;
const DM_MSI = 1 << 2;

/** Wires to the harts follow from the rest. */
const RECORD = {
  name: 'aplic', version: 1,
  // biome-ignore format: a table, one row a line
  fields: [
    { name: 'enabled',   width: 'flag', since: 1 },
    { name: 'generated', width: 'u32',  since: 1 },
  ],
  // biome-ignore format: a table, one row a line
  lists: [
    { name: 'sources', since: 1, max: 1023, rows: [ // from source 1 on
      { name: 'config',  width: 'u16',  since: 1 },
      { name: 'target',  width: 'u32',  since: 1 },
      { name: 'wire',    width: 'flag', since: 1 },
      { name: 'pending', width: 'flag', since: 1 },
      { name: 'enable',  width: 'flag', since: 1 },
    ] },
    { name: 'deliveries', since: 1, max: 512, rows: [
      { name: 'enabled',   width: 'flag', since: 1 },
      { name: 'forced',    width: 'flag', since: 1 },
      { name: 'threshold', width: 'u8',   since: 1 },
    ] },
    { name: 'addresses', since: 1, max: 4, rows: [{ name: 'word', width: 'u32', since: 1 }] },
  ],
} as const satisfies RecordShape;
type SavedSource = RecordValues<typeof RECORD>['sources'][number];

/** Interrupt delivery control of a hart. */
interface Delivery {
  enabled: boolean;
  forced: boolean;
  threshold: number;
  signal: boolean;
}

export class Aplic implements BusDevice, Recorded {
  static readonly [checkpointRules]: CheckpointRules = { ports: 'outside' };
  readonly name: string;
  readonly size = 0x8000;
  readonly widths = 4;
  readonly sourceCount: number;
  private readonly options: AplicOptions;
  private readonly isMsi: boolean;
  private readonly ports: AplicPorts;
  private enabled = false;
  private readonly config: Uint16Array;
  private readonly target: Uint32Array;
  private readonly wire: Uint8Array;
  private readonly pending: Uint8Array;
  private readonly enable: Uint8Array;
  private readonly deliveries: Delivery[] = [];
  private readonly addresses: MsiAddresses;
  private generated = 0;
  /** Whose sourcecfg says which sources exist here; undefined for the root, which has all. */
  private parent: Aplic | undefined;

  constructor(options: AplicOptions, ports: AplicPorts) {
    const { sourceCount, hartCount } = options;
    assert(sourceCount >= 1 && sourceCount <= 1023, 'an APLIC has 1 … 1023 sources');
    assert(hartCount >= 1 && 0x4000 + 32 * hartCount <= this.size, 'the delivery controls fit the window');
    this.options = options;
    this.name = options.name;
    this.sourceCount = sourceCount;
    this.isMsi = options.delivery === 'msi';
    this.ports = ports;
    this.config = new Uint16Array(sourceCount + 1);
    this.target = new Uint32Array(sourceCount + 1);
    this.wire = new Uint8Array(sourceCount + 1);
    this.pending = new Uint8Array(sourceCount + 1);
    this.enable = new Uint8Array(sourceCount + 1);
    for (let hart = 0; hart < hartCount; hart++) {
      this.deliveries.push({ enabled: false, forced: false, threshold: 0, signal: false });
    }
    this.addresses = new MsiAddresses();
    if (options.child !== undefined) options.child.parent = this;
  }

  /** The wire of a source, at the root; every domain sees it, the one that has the source acts. */
  setLevel(source: number, level: boolean): void {
    assert(source >= 1 && source <= this.sourceCount, `a source is 1 … ${this.sourceCount}`);
    const before = this.rectified(source);
    this.wire[source] = level ? 1 : 0;
    this.onInput(source, before);
    this.options.child?.setLevel(source, level);
    this.settle();
  }

  read(offset: number): number {
    const index = offset >> 2;
    if (offset === 0) return DOMAIN_CONSTANT + (this.enabled ? ENABLE : 0) + (this.isMsi ? DM_MSI : 0);
    if (offset < 0x1000) return this.config[index] ?? 0;
    if (offset >= 0x1bc0 && offset < 0x1bd0) return this.hasAddresses() ? this.addresses.read(index & 3) : 0;
    if (offset >= 0x1c00 && offset < 0x1c80) return this.bits(index & 31, (source) => this.pending[source] === 1);
    if (offset >= 0x1d00 && offset < 0x1d80) return this.bits(index & 31, (source) => this.rectified(source));
    if (offset >= 0x1e00 && offset < 0x1e80) return this.bits(index & 31, (source) => this.enable[source] === 1);
    if (offset === 0x3000) return this.generated;
    if (offset > 0x3000 && offset < 0x4000) return this.target[index & 1023] ?? 0;
    return offset >= 0x4000 ? this.readDelivery((offset - 0x4000) >> 5, offset & 31) : 0;
  }

  write(offset: number, _byteCount: number, value: number): boolean {
    const index = offset >> 2;
    if (offset === 0) this.enabled = (value & ENABLE) !== 0;
    else if (offset < 0x1000) this.configure(index, value);
    else if (offset >= 0x1bc0 && offset < 0x1bd0) {
      if (this.hasAddresses()) this.addresses.write(index & 3, value);
    } else if (offset >= 0x1c00 && offset < 0x2008) this.writeBits(offset, value);
    else if (offset === 0x3000) this.generate(value);
    else if (offset > 0x3000 && offset < 0x4000) this.aim(index & 1023, value);
    else if (offset >= 0x4000) this.writeDelivery((offset - 0x4000) >> 5, offset & 31, value);
    this.settle();
    return true;
  }

  /** Whether a source is delegated to the child: it then exists there. */
  delegates(source: number): boolean {
    return (this.config[source]! & DELEGATE) !== 0;
  }

  /** Whether it sends messages to interrupt files; else it drives wires. */
  get sendsMessages(): boolean {
    return this.isMsi;
  }

  /** A source as it stands here: for inspectors. */
  sourceState(source: number): { readonly active: boolean; readonly level: boolean; readonly pending: boolean; readonly enabled: boolean; readonly target: number } {
    return {
      active: this.isActive(source), level: this.wire[source] === 1, pending: this.pending[source] === 1, enabled: this.enable[source] === 1,
      target: this.target[source]!,
    };
  }

  /** What each hart's delivery control does, without messages: for inspectors. Nothing is claimed. */
  deliveryStates(): { readonly threshold: number; readonly top: number; readonly signals: boolean }[] {
    return this.deliveries.map(({ threshold, signal }, hart) => ({ threshold, top: this.top(hart) >>> 16, signals: signal }));
  }

  private isActive(source: number): boolean {
    const config = this.config[source];
    return config !== undefined && config !== 0 && (config & DELEGATE) === 0;
  }

  /** The input after inversion; 0 for a source that is inactive or detached (§4.5.2). */
  private rectified(source: number): boolean {
    const mode = this.isActive(source) ? this.config[source]! : 0;
    if (mode < sourceMode.edge1) return false;
    const inverted = mode === sourceMode.edge0 || mode === sourceMode.level0;
    return (this.wire[source] === 1) !== inverted;
  }

  private isLevel(source: number): boolean {
    return this.isActive(source) && this.config[source]! >= sourceMode.level1;
  }

  /** The rules of §4.7 for a change of the input. */
  private onInput(source: number, before: boolean): void {
    const now = this.rectified(source);
    if (this.isLevel(source) && !now) this.pending[source] = 0;
    else if (now && !before) this.pending[source] = 1;
  }

  private configure(source: number, value: number): void {
    if (source > this.sourceCount) return;
    if (this.parent !== undefined && !this.parent.delegates(source)) return;
    const { child } = this.options;
    let config = value & 7;
    if ((value & DELEGATE) !== 0) config = child === undefined ? 0 : DELEGATE; // its one child has index 0
    else if (config === 2 || config === 3) config = sourceMode.inactive;
    const delegated = this.delegates(source);
    this.config[source] = config;
    if (delegated && config !== DELEGATE) child?.withdraw(source);
    if (!this.isActive(source)) {
      this.clear(source);
    } else {
      if (this.target[source] === 0 && !this.isMsi) this.target[source] = 1; // priority 0 does not exist
      if (this.isLevel(source)) this.pending[source] = this.rectified(source) ? 1 : 0;
    }
  }

  /** The parent took a source back. */
  private withdraw(source: number): void {
    this.config[source] = 0;
    this.clear(source);
    this.options.child?.withdraw(source);
    this.settle();
  }

  private clear(source: number): void {
    this.pending[source] = 0;
    this.enable[source] = 0;
    this.target[source] = 0;
  }

  /** Software sets or clears a pending bit (§4.7). */
  private setPending(source: number, wanted: boolean): void {
    if (!this.isActive(source)) return;
    if (this.isLevel(source)) {
      if (!this.isMsi) return; //               a copy of the input
      if (wanted && !this.rectified(source)) return;
    }
    this.pending[source] = wanted ? 1 : 0;
  }

  private setEnable(source: number, wanted: boolean): void {
    if (this.isActive(source)) this.enable[source] = wanted ? 1 : 0;
  }

  private writeBits(offset: number, value: number): void {
    const setsPending = (source: number) => this.setPending(source, true);
    const clearsPending = (source: number) => this.setPending(source, false);
    const enables = (source: number) => this.setEnable(source, true);
    const disables = (source: number) => this.setEnable(source, false);
    const actions = [setsPending, clearsPending, enables, disables];
    if (offset === 0x2000) {
      setsPending(value);
      return;
    }
    const action = actions[(offset - 0x1c00) >> 8];
    if (action === undefined) return;
    if ((offset & 0xff) === 0xdc) {
      if (value >= 1 && value <= this.sourceCount) action(value);
    } else if ((offset & 0xff) < 0x80) {
      const first = ((offset & 0x7f) >> 2) * 32;
      for (let bit = 0; bit < 32; bit++) if (((value >>> bit) & 1) === 1) action(first + bit);
    }
  }

  private bits(word: number, is: (source: number) => boolean): number {
    let value = 0;
    for (let bit = 0; bit < 32; bit++) {
      const source = word * 32 + bit;
      if (source >= 1 && source <= this.sourceCount && is(source)) value |= 1 << bit;
    }
    return value >>> 0;
  }

  private aim(source: number, value: number): void {
    if (source > this.sourceCount || !this.isActive(source)) return;
    const guest = this.options.level === 'supervisor' ? 0x3_f000 : 0;
    if (this.isMsi) this.target[source] = (value & (0xfffc_0000 | guest | 0x7ff)) >>> 0;
    else this.target[source] = ((value & 0xfffc_0000) | Math.max(1, value & 0xff)) >>> 0;
  }

  private hasAddresses(): boolean {
    return this.isMsi && this.parent === undefined;
  }

  private generate(value: number): void {
    if (!this.isMsi) return;
    this.generated = (value & (0xfffc_0000 | 0x7ff)) >>> 0;
    this.send(value >>> 18, 0, value & 0x7ff);
  }

  private send(hart: number, guest: number, identity: number): void {
    let root: Aplic = this;
    while (root.parent !== undefined) root = root.parent;
    this.ports.sendMsi(root.addresses.addressOf(this.options.level, hart, guest), identity);
  }

  private readDelivery(hart: number, register: number): number {
    const control = this.deliveries[hart];
    if (control === undefined || this.isMsi) return 0;
    if (register === 0x00) return control.enabled ? 1 : 0;
    if (register === 0x04) return control.forced ? 1 : 0;
    if (register === 0x08) return control.threshold;
    if (register === 0x18) return this.top(hart);
    return register === 0x1c ? this.claim(hart) : 0;
  }

  private writeDelivery(hart: number, register: number, value: number): void {
    const control = this.deliveries[hart];
    if (control === undefined || this.isMsi) return;
    if (register === 0x00) control.enabled = (value & 1) !== 0;
    else if (register === 0x04) control.forced = (value & 1) !== 0;
    else if (register === 0x08) control.threshold = value & 0xff;
  }

  /** The hart's best pending and enabled source below the threshold: identity << 16 | priority, or 0. */
  private top(hart: number): number {
    const threshold = this.deliveries[hart]!.threshold;
    let priority = threshold === 0 ? 256 : threshold;
    let found = 0;
    for (let source = 1; source <= this.sourceCount; source++) {
      if (this.pending[source] === 0 || this.enable[source] === 0) continue;
      const target = this.target[source]!;
      if (target >>> 18 !== hart || (target & 0xff) >= priority) continue;
      priority = target & 0xff;
      found = source;
    }
    return found === 0 ? 0 : (found << 16) | priority;
  }

  private claim(hart: number): number {
    const top = this.top(hart);
    if (top === 0) this.deliveries[hart]!.forced = false;
    else if (!this.isLevel(top >>> 16)) this.pending[top >>> 16] = 0;
    this.settle();
    return top;
  }

  /** Sends what is pending, or sets the wires. */
  private settle(): void {
    if (this.isMsi) {
      this.forward();
      return;
    }
    for (let hart = 0; hart < this.deliveries.length; hart++) {
      const control = this.deliveries[hart]!;
      const asserted = this.isAsserted(hart);
      if (asserted === control.signal) continue;
      control.signal = asserted;
      this.ports.onSignal(hart, asserted);
    }
  }

  private isAsserted(hart: number): boolean {
    const control = this.deliveries[hart]!;
    return this.enabled && control.enabled && (control.forced || this.top(hart) !== 0);
  }

  private forward(): void {
    if (!this.enabled) return;
    for (let source = 1; source <= this.sourceCount; source++) {
      if (this.pending[source] === 0 || this.enable[source] === 0) continue;
      this.pending[source] = 0;
      const target = this.target[source]!;
      this.send(target >>> 18, (target >>> 12) & 63, target & 0x7ff);
    }
  }

  saveRecord(): Uint8Array {
    const { enabled, generated } = this;
    const is = (bits: Uint8Array, source: number) => bits[source] === 1;
    return encodeRecord(RECORD, {
      enabled, generated,
      sources: Array.from({ length: this.sourceCount }, (_, index) => ({
        config: this.config[index + 1]!, target: this.target[index + 1]!, wire: is(this.wire, index + 1),
        pending: is(this.pending, index + 1), enable: is(this.enable, index + 1),
      })),
      deliveries: this.deliveries,
      addresses: this.addresses.all().map((word) => ({ word })),
    });
  }

  openRecord(bytes: Uint8Array): Result<() => void, RecordError> {
    const read = decodeRecord(RECORD, bytes);
    if (!read.ok) return read;
    const { enabled, generated, sources, deliveries, addresses } = read.value;
    if (sources.length !== this.sourceCount) return wrongField(RECORD, 'sources', sources.length);
    if (deliveries.length !== this.deliveries.length) return wrongField(RECORD, 'deliveries', deliveries.length);
    const words = addresses.map(({ word }) => word);
    if (words.length !== 4 || MsiAddresses.findForeign(words) >= 0) return wrongField(RECORD, 'addresses', words.length);
    if (!this.isMsi && generated !== 0) return wrongField(RECORD, 'generated', generated);
    const idle = deliveries.every((it) => !it.enabled && !it.forced && it.threshold === 0);
    if (this.isMsi && !idle) return wrongField(RECORD, 'deliveries', deliveries.length);
    for (const [index, source] of sources.entries()) {
      const field = this.wrongSource(source, enabled);
      if (field !== undefined) return wrongField(RECORD, field, index + 1);
    }
    return ok(() => {
      this.enabled = enabled;
      this.generated = generated;
      sources.forEach(({ config, target, wire, pending, enable }, index) => {
        this.config[index + 1] = config;
        this.target[index + 1] = target;
        this.wire[index + 1] = wire ? 1 : 0;
        this.pending[index + 1] = pending ? 1 : 0;
        this.enable[index + 1] = enable ? 1 : 0;
      });
      this.addresses.putBack(words);
      deliveries.forEach((it, hart) => {
        // The wire is told below, whatever it was.
        Object.assign(this.deliveries[hart]!, it);
        this.deliveries[hart]!.signal = !this.isMsi && !this.isAsserted(hart);
      });
      this.settle();
    });
  }

  /** Field of a saved source that no history of this domain leaves so; undefined: it is sound. */
  private wrongSource(source: SavedSource, enabled: boolean): string | undefined {
    const { config, target, wire, pending, enable } = source;
    const isDelegated = config === DELEGATE;
    const known = (Object.values(sourceMode) as number[]).includes(config);
    if (!known && !(isDelegated && this.options.child !== undefined)) return 'config';
    if (config === sourceMode.inactive || isDelegated) return target !== 0 ? 'target' : pending ? 'pending' : enable ? 'enable' : undefined;
    const guest = this.options.level === 'supervisor' ? 0x3_f000 : 0;
    const mask = this.isMsi ? 0xfffc_0000 | guest | 0x7ff : 0xfffc_00ff;
    if ((target & ~mask) !== 0 || (!this.isMsi && (target & 0xff) === 0)) return 'target';
    const inverted = config === sourceMode.edge0 || config === sourceMode.level0;
    const rectified = config >= sourceMode.edge1 && wire !== inverted;
    const isLevel = config >= sourceMode.level1;
    if (isLevel && (this.isMsi ? pending && !rectified : pending !== rectified)) return 'pending';
    // What may be sent was sent.
    return this.isMsi && enabled && pending && enable ? 'pending' : undefined;
  }
}
