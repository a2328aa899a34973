// Goal: a device model's record is its whole state. Loaded into a fresh model it is the same object and behaves the same from then on;
// bytes that no model saved are refused by the name of a field, or are a state that works; a refusal changes nothing.
// Method: seeded random histories, once straight and once with the model replaced by a loaded one on the way; all fields compared; truncations and mutations at every byte; canaries.
import { expect, test } from 'vitest';
import { loadRecord, makePrng, nextBelow, type Prng, type Recorded, recordErrorSentence } from '../base/index.ts';
import { rulesOfClass } from '../base/checkpoint-rule.ts';
import { MemoryStore, RawImage } from '../formats/index.ts';
import type { BusDevice } from '../machine/index.ts';
import { GUEST_RAM_ADDRESS, GUEST_RAM_FIRST_PAGE, type VmMemory } from '../memory/index.ts';
import { localMac } from '../network/index.ts';
import { pciCommand } from '../pcie/index.ts';
import { blockHeader, makeGuestMemory, mmioRegister as reg, VirtioDriver } from '../testing/virtio-driver.ts';
import { PciDriver } from '../testing/virtio-pci.ts';
import { Aplic, GoldfishRtc, InterruptFile, Plic, TestFinisher, Uart16550 } from './index.ts';
import { type QueueMemory, VirtioBalloon, VirtioBlock, VirtioConsole, type VirtioDevice, VirtioEntropy, VirtioMmio, VirtioNet, VmBalloonPages } from './virtio/index.ts';

const RUNS = process.env['GLASSHOUSE_VERIFY'] ? 60 : 4;
const STEPS = 50;

/** One model under test, with all that it says to the outside. */
interface Rig {
  /** The model as it stands now. */
  readonly model: () => Recorded;
  /** Does something chosen by chance; what was seen. */
  readonly step: (random: Prng) => unknown;
  /** Puts a model made alike into the place of the present one; gives it. */
  readonly replace: () => Recorded;
  /** Levels of wires and all that was sent, since the start. */
  readonly outside: () => unknown;
}
type MakeRig = () => Rig;

const word = (random: Prng) => {
  const bits = nextBelow(random, 2 ** 32);
  return nextBelow(random, 3) === 0 ? bits : bits >>> nextBelow(random, 32);
};

/** A rig for a model whose steps need nothing but the model. */
function plainRig<Model extends Recorded>(make: () => Model, step: (model: Model, random: Prng) => unknown, outside: () => unknown): Rig {
  let model = make();
  return {
    model: () => model,
    step: (random) => step(model, random),
    replace() {
      model = make();
      return model;
    },
    outside,
  };
}

function access(device: BusDevice, random: Prng, offsets: readonly number[]): unknown {
  const offset = offsets[nextBelow(random, offsets.length)]!;
  const widths = [4, 2, 1].filter((it) => (device.widths & it) !== 0 && offset % it === 0);
  const width = widths[nextBelow(random, widths.length)]!;
  const value = (word(random) & (2 ** (8 * width) - 1)) >>> 0;
  return nextBelow(random, 3) === 0 ? device.read(offset, width) : device.write(offset, width, value);
}

function makeWire() {
  return {
    level: false,
    set(level: boolean): void {
      this.level = level;
    },
  };
}

const range = (count: number, stride: number, from = 0) => Array.from({ length: count }, (_, index) => from + index * stride);

const uartRig: MakeRig = () => {
  const seen: unknown[] = [];
  const wire = makeWire();
  const ports = { transmit: (byte: number) => void seen.push(byte), line: wire };
  const step = (uart: Uart16550, random: Prng) => (nextBelow(random, 3) === 0 ? uart.receive(nextBelow(random, 256)) : access(uart, random, range(8, 1)));
  return plainRig(() => new Uart16550(ports), step, () => [...seen, wire.level]);
};

const rtcRig: MakeRig = () => {
  const line = makeWire();
  let nowNs = 0;
  const ports = { nowNs: () => nowNs, line };
  const step = (rtc: GoldfishRtc, random: Prng) => {
    nowNs += nextBelow(random, 1 << 30);
    if (nextBelow(random, 4) === 0) rtc.settle();
    return [rtc.nextEventNs(), access(rtc, random, range(8, 4))];
  };
  return plainRig(() => new GoldfishRtc(ports, 1_700_000_000_000_000_000n), step, () => line.level);
};

const finisherRig: MakeRig = () => {
  const seen: unknown[] = [];
  const step = (model: TestFinisher, random: Prng) => model.write(0, 4, [0x5555, 0x3333, 0x7777, 0][nextBelow(random, 4)]! + 0x1_0000 * nextBelow(random, 9));
  return plainRig(() => new TestFinisher({ onFinish: (how, code) => void seen.push(how, code) }), step, () => [...seen]);
};

const plicRig: MakeRig = () => {
  const levels = [false, false, false];
  const ports = { onNotification: (context: number, level: boolean) => void levels.splice(context, 1, level) };
  const offsets = [...range(10, 4), 0x1000, 0x1004, ...[0, 1, 2].flatMap((it) => [0x2000 + 0x80 * it, 0x2004 + 0x80 * it, 0x20_0000 + 0x1000 * it, 0x20_0004 + 0x1000 * it])];
  const step = (plic: Plic, random: Prng) => {
    if (nextBelow(random, 3) === 0) plic.setLevel(1 + nextBelow(random, 40), nextBelow(random, 2) === 0);
    return access(plic, random, offsets);
  };
  return plainRig(() => new Plic({ sourceCount: 40, contextCount: 3 }, ports), step, () => [...levels]);
};

/** A root with a child; the record of one of them is under test. */
const aplicRig = (delivery: 'direct' | 'msi', which: 'root' | 'child'): MakeRig => () => {
  const sent: unknown[] = [];
  const signals = [false, false];
  const ports = {
    onSignal: (hart: number, level: boolean) => void signals.splice(hart, 1, level),
    sendMsi: (address: number, identity: number) => void sent.push(address, identity),
  };
  const common = { delivery, sourceCount: 34, hartCount: 2 } as const;
  const made = () => {
    const child = new Aplic({ ...common, name: 'child', level: 'supervisor' }, ports);
    return { child, root: new Aplic({ ...common, name: 'root', level: 'machine', child }, ports) };
  };
  const registers = [0, ...range(34, 4, 4), ...range(4, 4, 0x1bc0), 0x1c00, 0x1c04, 0x1cdc, 0x1d00, 0x1ddc, 0x1e00, 0x1e04, 0x1edc, 0x1f00, 0x1fdc, 0x2000, 0x3000, ...range(34, 4, 0x3004), ...range(8, 4, 0x4000), ...range(8, 4, 0x4020)];
  const busy = [0, 0x1c00, 0x1cdc, 0x1e00, 0x1edc, 0x4000, 0x4020, 0x4018, 0x401c, 0x403c];
  let pair = made();
  return {
    model: () => pair[which],
    replace() {
      // The other of the two is not under test: it moves along.
      const next = made();
      const other = which === 'root' ? 'child' : 'root';
      expect(loadRecord(next[other], pair[other].saveRecord()).ok).toBe(true);
      pair = next;
      return pair[which];
    },
    step(random) {
      const domain = nextBelow(random, 2) === 0 ? pair.root : pair.child;
      if (nextBelow(random, 3) === 0) pair.root.setLevel(1 + nextBelow(random, 34), nextBelow(random, 2) === 0);
      if (nextBelow(random, 2) === 0) {
        const source = 1 + nextBelow(random, 34);
        domain.write(4 * source, 4, [0, 1, 4, 5, 6, 7, 0x400][nextBelow(random, 7)]!);
      }
      return access(domain, random, nextBelow(random, 2) === 0 ? busy : registers);
    },
    outside: () => [...sent, ...signals],
  };
};

const fileRig: MakeRig = () => {
  const wire = makeWire();
  const make = () => new InterruptFile(127, (level) => wire.set(level));
  const step = (file: InterruptFile, random: Prng) => {
    if (nextBelow(random, 3) === 0) file.receive(nextBelow(random, 140));
    if (nextBelow(random, 6) === 0) file.claim();
    const select = [0x70, 0x72, 0x80, 0x82, 0xc0, 0xc2][nextBelow(random, 6)]!;
    const value = select === 0x70 ? 1n : select === 0x72 ? BigInt(word(random) & 0x7f) : (BigInt(word(random)) << 32n) | BigInt(word(random));
    if (nextBelow(random, 2) === 0) file.writeRegister(select, value);
    return [file.top(), file.readRegister(select)];
  };
  return plainRig(make, step, () => wire.level);
};

/** What a virtio device's surroundings are; they stay when the device is replaced. */
interface Surroundings {
  readonly memory: VmMemory;
  readonly sent: unknown[];
  nowNs: number;
}
interface Kind {
  readonly make: (around: Surroundings) => VirtioDevice;
  /** Something that happens at the host's side, or a chain of the guest's. */
  readonly act: (device: VirtioDevice, driver: VirtioDriver, random: Prng, around: Surroundings) => unknown;
}

const bytesOf = (count: number, random: Prng) => Uint8Array.from({ length: count }, () => nextBelow(random, 256));

const KINDS: Readonly<Record<string, Kind>> = {
  block: {
    make: (around) => new VirtioBlock({ image: around.sent[0] as RawImage, latencyNs: 1000, nowNs: () => around.nowNs }),
    act(device, driver, random, around) {
      around.nowNs += nextBelow(random, 1500);
      if (nextBelow(random, 2) === 0) device.service!(around.nowNs);
      const type = [0, 1, 1, 4, 8, 11, 99][nextBelow(random, 7)]!;
      const readable = [blockHeader(type, nextBelow(random, 20)), ...(type === 1 ? [bytesOf(512, random)] : [])];
      return [device.dueNs, driver.add(0, readable, type === 0 ? [512, 1] : [1])];
    },
  },
  net: {
    make: ({ sent }) => new VirtioNet({ mac: localMac(7) }, { transmit: (frame) => void sent.push(...frame) }),
    act(device, driver, random) {
      const net = device as VirtioNet;
      if (nextBelow(random, 8) === 0) net.setLink(nextBelow(random, 3) !== 0);
      if (nextBelow(random, 2) === 0) return net.receive(bytesOf(14 + nextBelow(random, 50), random));
      if (nextBelow(random, 2) === 0) return driver.add(0, [], [200]);
      return driver.add(1, [new Uint8Array(12), bytesOf(10 + nextBelow(random, 40), random)], []);
    },
  },
  console: {
    make: ({ sent }) => new VirtioConsole({ onOutput: (bytes) => void sent.push(...bytes) }),
    act(device, driver, random) {
      const chance = nextBelow(random, 3);
      if (chance === 0) return (device as VirtioConsole).type(bytesOf(nextBelow(random, 9), random));
      return chance === 1 ? driver.add(0, [], [4]) : driver.add(1, [bytesOf(3, random)], []);
    },
  },
  entropy: {
    make: () => new VirtioEntropy({ seed: 3, stream: 1 }),
    act: (_device, driver, random) => driver.add(0, [], [1 + nextBelow(random, 20)]),
  },
  balloon: {
    make: ({ memory }) => new VirtioBalloon(new VmBalloonPages(memory)),
    act(device, driver, random) {
      const balloon = device as VirtioBalloon;
      if (nextBelow(random, 4) === 0) balloon.setTarget(nextBelow(random, 50));
      if (nextBelow(random, 4) === 0) balloon.writeConfig(4, 4, nextBelow(random, 50));
      const pages = new Uint8Array(8);
      // Pages far from the driver's own, and one that is no RAM.
      new DataView(pages.buffer).setUint32(0, GUEST_RAM_FIRST_PAGE + 400 + nextBelow(random, 12), true);
      new DataView(pages.buffer).setUint32(4, GUEST_RAM_FIRST_PAGE + 400 + nextBelow(random, 200), true);
      return [balloon.pageCount, driver.add(nextBelow(random, 2), [pages], [])];
    },
  },
};

/** Memory whose pages a snapshot holds up at times. */
class HeldMemory implements QueueMemory {
  held = false;
  private readonly inner: QueueMemory;

  constructor(inner: QueueMemory) {
    this.inner = inner;
  }

  read(address: number, byteCount: number): Uint8Array | undefined {
    return this.inner.read(address, byteCount);
  }

  write(address: number, bytes: Uint8Array): boolean {
    return this.inner.write(address, bytes);
  }

  isReady(address: number, byteCount: number, writes: boolean): boolean {
    return !(writes && this.held) && this.inner.isReady?.(address, byteCount, writes) !== false;
  }
}

const virtioRig = (name: string, transport: 'mmio' | 'pci'): MakeRig => () => {
  const kind = KINDS[name]!;
  const memory = makeGuestMemory(512);
  const image = new RawImage(new MemoryStore({ bytesMax: 1 << 14, bytes: new Uint8Array(1 << 14) }));
  const around: Surroundings = { memory, sent: name === 'block' ? [image] : [], nowNs: 0 };
  let held: HeldMemory | undefined;
  let place: BusDevice | undefined;
  let device = kind.make(around);
  let mmio: VirtioMmio | undefined;
  let pci: PciDriver | undefined;
  let makeTransport = (): void => undefined;
  const driver = new VirtioDriver(device, memory, (_device, queueMemory, interrupt) => {
    held = new HeldMemory(queueMemory);
    makeTransport = () => {
      const options = { device, memory: held!, interrupt };
      if (transport === 'mmio') mmio = new VirtioMmio(options);
      else pci = new PciDriver(options);
      place = mmio ?? pci;
    };
    makeTransport();
    return {
      name: 'replaceable', size: 0x1000, widths: 7,
      read: (offset, byteCount) => place!.read(offset, byteCount),
      write: (offset, byteCount, value) => place!.write(offset, byteCount, value),
    };
  });
  const model = (): Recorded => mmio ?? pci!.function;
  const core = () => (mmio ?? pci!.function).core;
  const act = (random: Prng): unknown => {
    const chance = nextBelow(random, 24);
    if (chance === 0) return driver.start({ without: nextBelow(random, 2) === 0 ? [29] : [], queueSize: 8 });
    if (chance === 1) held!.held = !held!.held;
    if (chance === 2 && !held!.held) core().retry();
    if (chance === 3) return driver.read([reg.deviceFeatures, reg.status, reg.queueSizeMax, reg.interruptStatus, reg.configGeneration][nextBelow(random, 5)]!);
    if (chance === 4) driver.write([reg.deviceFeaturesSelect, reg.driverFeaturesSelect, reg.queueSelect][nextBelow(random, 3)]!, nextBelow(random, 4));
    if (chance === 5) driver.write(reg.interruptAcknowledge, nextBelow(random, 4));
    if (chance === 6 && nextBelow(random, 4) === 0) driver.write([reg.status, reg.queueSize, reg.descriptors + 4, reg.queueReady][nextBelow(random, 4)]!, word(random));
    if (chance === 7) pci?.setConfig(4, 2, nextBelow(random, 2) === 0 ? 6 : 6 | pciCommand.interruptDisable);
    if (chance === 8) pci?.setConfig(4, 2, nextBelow(random, 3) === 0 ? 2 : 6);
    if (driver.queues.length === 0 || driver.queues.some((queue) => queue.free.length < 3)) return driver.queues.map((queue) => driver.collect(queue.index));
    return [kind.act(device, driver, random, around), nextBelow(random, 3) === 0 && driver.queues.forEach((queue) => void driver.notify(queue.index))];
  };
  driver.start({ queueSize: 8 });
  return {
    model,
    step(random) {
      try {
        return act(random);
      } catch (error) {
        // The driver is a test's: it gives up when the device was told nonsense. The model itself throws nothing.
        expect(String(error)).toMatch(/AssertionError: (the device|the driver|the address|the queue|the register)/);
        return String(error);
      }
    },
    replace() {
      const bridge = pci?.bridge.saveRecord();
      device = kind.make(around);
      const { isr } = (pci ?? {}) as unknown as { readonly isr?: number };
      makeTransport();
      if (pci !== undefined) Object.assign(pci, { isr }); // what the driver has read, not the device's
      if (bridge !== undefined) expect(loadRecord(pci!.bridge, bridge).ok).toBe(true);
      return model();
    },
    outside: () => [around.sent.filter((it) => typeof it === 'number'), driver.line, core().report(), memoryDigest(driver)],
  };
};

function memoryDigest(driver: VirtioDriver): number {
  let sum = 0;
  for (const byte of driver.get(GUEST_RAM_ADDRESS + 0x1_0000, 0x1000)) sum = (Math.imul(sum, 31) + byte) | 0;
  return sum;
}

const RIGS: Readonly<Record<string, MakeRig>> = {
  'serial port': uartRig, 'real-time clock': rtcRig, finisher: finisherRig, plic: plicRig, 'interrupt file': fileRig,
  'aplic, direct, root': aplicRig('direct', 'root'), 'aplic, direct, child': aplicRig('direct', 'child'),
  'aplic, messages, root': aplicRig('msi', 'root'), 'aplic, messages, child': aplicRig('msi', 'child'),
  ...Object.fromEntries(Object.keys(KINDS).flatMap((kind) => (['mmio', 'pci'] as const).map((way) => [`virtio ${kind} over ${way}`, virtioRig(kind, way)]))),
};

/** All fields of a model below it, those outside and those that only point outside left out. */
function fieldsOf(value: unknown, seen = new Set<object>()): unknown {
  if (typeof value !== 'object' || value === null) return typeof value === 'function' ? 'function' : value;
  if (seen.has(value)) return 'seen';
  seen.add(value);
  if (ArrayBuffer.isView(value)) return (value as Uint8Array).join();
  if (value instanceof Set) return [...value].map(String).sort();
  if (value instanceof HeldMemory || value instanceof RawImage) return 'surroundings';
  if (value instanceof Map) return [...value].map((entry) => fieldsOf(entry, seen));
  const rules = rulesOfClass(value);
  // The parts that a device is attached to: not its own.
  const skip = ['ports', 'options', 'parent', 'transport', 'nowNs'];
  const kept = Object.entries(value).filter(([key]) => rules?.[key] !== 'outside' && !skip.includes(key));
  return kept.map(([key, it]) => [key, fieldsOf(it, seen)]);
}

/** Runs a history; at step `at` the model is replaced, and loaded unless told otherwise. */
function history(make: MakeRig, seed: number, at: number, loads = true): { readonly trace: unknown[]; readonly record: Uint8Array } {
  const rig = make();
  const random = makePrng({ seed, stream: 1 });
  const trace: unknown[] = [];
  for (let step = 0; step < STEPS; step++) {
    if (step === at) {
      const before = rig.model();
      const bytes = before.saveRecord();
      const outside = rig.outside();
      const after = rig.replace();
      if (loads) {
        const loaded = loadRecord(after, bytes);
        expect(loaded.ok ? '' : recordErrorSentence(loaded.error)).toBe('');
        expect(fieldsOf(after)).toEqual(fieldsOf(before));
        expect(rig.outside()).toEqual(outside);
        expect(after.saveRecord()).toEqual(bytes);
      }
    }
    trace.push(rig.step(random), rig.outside());
  }
  return { trace, record: rig.model().saveRecord() };
}

for (const [name, make] of Object.entries(RIGS)) {
  test(`${name}: loaded elsewhere it goes on as if nothing had been`, () => {
    for (let seed = 1; seed <= RUNS; seed++) {
      const straight = history(make, seed, -1);
      expect(history(make, seed, (seed * 7) % STEPS)).toEqual(straight);
    }
    // Canary: without its record it does not go on so (the finisher has no state).
    const differs = [1, 2, 3, 4, 5, 6].some((seed) => JSON.stringify(text(history(make, seed, 30, false))) !== JSON.stringify(text(history(make, seed, -1))));
    expect(differs).toBe(name !== 'finisher');
  });

  test(`${name}: other bytes are refused by name, or are a state that works`, () => {
    const random = makePrng({ seed: 5, stream: 2 });
    let refused = 0;
    let taken = 0;
    for (let seed = 1; seed <= Math.ceil(RUNS / 6); seed++) {
      const source = make();
      for (let step = 0; step < STEPS; step++) source.step(random);
      const good = source.model().saveRecord();
      const places = good.length <= 100 || process.env['GLASSHOUSE_VERIFY'] ? range(good.length, 1) : range(100, 1).map(() => nextBelow(random, good.length));
      for (const at of places) {
        expect(judge(source, good.subarray(0, at)), `cut at byte ${at}`).toBe(false);
        const mutated = good.slice();
        mutated[at] = mutated[at]! ^ (1 << nextBelow(random, 8)) || nextBelow(random, 256);
        if (judge(source, mutated)) taken++;
        else refused++;
      }
      expect(judge(source, Uint8Array.of(...good, 0))).toBe(false);
      const newer = good.slice();
      newer[0] = 2;
      expect(loadRecord(source.model(), newer)).toEqual({ ok: false, error: { kind: 'record-version', found: 2, expected: 1 } });
      // What was taken over on the way is a state that works.
      const after = source.model();
      for (let step = 0; step < 20; step++) source.step(random);
      expect(after).toBe(source.model());
    }
    expect(refused).toBeGreaterThan(0);
    if (name !== 'finisher') expect(taken).toBeGreaterThan(0);
  });
}

/** Loads bytes; true: they were taken over, and save as they were. False: refused with a sentence, and nothing changed. */
function judge(rig: Rig, bytes: Uint8Array): boolean {
  const model = rig.model();
  const before = model.saveRecord();
  const loaded = loadRecord(model, bytes);
  if (loaded.ok) {
    expect(model.saveRecord()).toEqual(bytes);
    return true;
  }
  expect(recordErrorSentence(loaded.error)).toMatch(/record/);
  expect(model.saveRecord()).toEqual(before);
  return false;
}

/** Bigints and typed arrays as something that JSON knows. */
function text(value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`;
  if (ArrayBuffer.isView(value)) return [...(value as Uint8Array)];
  if (Array.isArray(value)) return value.map(text);
  if (typeof value === 'object' && value !== null) return Object.entries(value).map(([key, it]) => [key, text(it)]);
  return value === undefined ? 'undefined' : value;
}
