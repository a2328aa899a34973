/**
 * The board at work: harts take turns on a grid of virtual time, devices do what is due between the
 * turns. Everything is a function of the files and options: no cut of a run changes it. A run may also be cut in the
 * middle of a turn (runTo): the hart under way is remembered, and those behind it in the turn stand back meanwhile.
 *
 * While two harts or more have work, each runs to the next point of a grid of SLICE_NS, in their
 * order; one hart alone runs longer. A wire to the running hart acts at its next instruction, a wire to
 * another hart at the next point of the grid, where that hart begins its turn. An instruction that
 * starts at t runs before whatever happens at T when t < T.
 */
import { type CheckpointRules, checkpointRules } from '../base/checkpoint-rule.ts';
import { frameAddress, gStageTableCount, MemorySystem, type VmMemory } from '../memory/index.ts';
import { assert } from '../base/assert.ts';
import { type Hash64, hashBytes, hashInteger, hashUint32, makeHash } from '../base/hash.ts';
import type { BusValue, InterruptLine } from '../machine/bus.ts';
import { BareMachine, type BareMachinePorts, GUEST_EXTERNAL_COUNT, GUEST_LINE } from '../machine/index.ts';
import type { PciFunction } from '../pcie/index.ts';
import { TICK_NS } from '../devices/index.ts';
import { getProfile, type HartProfileId } from '../isa/table/index.ts';
import { exitReason } from '../protocol/host-memory-layout.ts';
import type { BootImage } from './boot-image.ts';
import { type HtifPlaces, pollHtif } from './htif.ts';
import { fileAt } from './interrupt-controller.ts';
import { type AiaChoice, guestFileCountOf, hartLine, RAM_ADDRESS } from '../platform/memory-map.ts';
import { type SlotDevice, VirtDevices } from './virt-devices.ts';

/** Turn of a hart while several have work. Unit: ns. */
export const SLICE_NS = 5_000;
/** Longest turn of a hart alone; with HTIF, which is polled, shorter. Unit: ns. */
const ALONE_NS = 1_000_000;
const HTIF_NS = 10_000;
/** Bytes typed and not yet taken by the serial port. */
const TYPED_MAX = 65_536;

export interface VirtMachineOptions {
  readonly ramBytes: number;
  readonly hartCount: number;
  readonly profile: HartProfileId;
  /** Interrupt controller; the device tree of the boot image names the same. A PLIC when not given. */
  readonly aia?: AiaChoice;
  readonly picosecondsPerInstruction?: number;
  /** What the real-time clock shows at the start. Unit: ns since 1970. */
  readonly epochNs?: bigint;
  readonly slots?: readonly ((line: InterruptLine, ram: VmMemory, clock: SlotClock) => SlotDevice)[];
  /** Functions on the PCIe bus, as devices 1, 2, … */
  readonly functions?: readonly ((ram: VmMemory) => PciFunction)[];
  /** A byte for the console: the serial port, or HTIF. */
  readonly transmit: (byte: number) => void;
  /** The module of compileHostModule(), to share. */
  readonly compiled?: WebAssembly.Module;
}

/** Time for devices in slots. Unit: ns. */
export interface SlotClock {
  nowNs(): number;
  /** The device has something due then that it had not when it was asked last. */
  wakeAt(timeNs: number): void;
}

/** How the program ended the machine. */
export interface MachineEnd {
  readonly by: 'finisher' | 'htif';
  readonly how: 'pass' | 'fail' | 'reset';
  /** Failure code; of HTIF the number of the test that failed. 0 for a pass. */
  readonly code: number;
}

/** Why advance() came back. `asleep`: every hart waits for an interrupt that nothing will raise. */
export type Advance = 'ended' | 'asleep' | 'reached' | 'instructions';

/** A hart's place in time. */
interface Lane {
  timeNs: number;
  /** Picoseconds into the nanosecond. */
  remainderPs: number;
  waiting: boolean;
  /** Wires that the board drives, as bits: as wanted, and as the hart knows them. */
  wanted: number;
  told: number;
}

/** Wires to a hart: bits of mip, and those of its guest interrupt files. */
const WIRES = [...Object.values(hartLine), ...Array.from({ length: GUEST_EXTERNAL_COUNT }, (_, index) => GUEST_LINE + 1 + index)];

const PAGE_SIZE = 4096;
const EMPTY_PAGE = new Uint8Array(PAGE_SIZE);

/** 2026-01-01T00:00:00Z. */
const EPOCH_NS = 1_767_225_600_000_000_000n;

export class VirtMachine {
  static readonly [checkpointRules]: CheckpointRules = { options: 'outside', image: 'outside' };
  readonly memory: MemorySystem;
  readonly ram: VmMemory;
  readonly harts: BareMachine;
  /** Made anew by a reset. */
  devices: VirtDevices;
  readonly htif: HtifPlaces | undefined;
  private readonly options: VirtMachineOptions;
  private readonly image: BootImage;
  private readonly picoseconds: number;
  private readonly lanes: Lane[] = [];
  private readonly typed: number[] = [];
  private sliceNs = 0;
  private endNs = 0;
  /** Hart of the present turn that runs next; −1 between two turns. */
  private cursor = -1;
  /** The run() under way: hart −1 when none. */
  private readonly entry = { hart: -1, timeNs: 0, remainderPs: 0, budget: 0 };
  private attempted = 0;
  /** Of every access to a device and every byte that came in. */
  private readonly digest: Hash64 = makeHash();
  private ending: MachineEnd | undefined;

  constructor(image: BootImage, options: VirtMachineOptions) {
    this.options = options;
    this.picoseconds = options.picosecondsPerInstruction ?? 1_000;
    const pageCount = options.ramBytes / 4096;
    this.memory = new MemorySystem(pageCount + gStageTableCount(pageCount));
    const made = this.memory.createVm({ vmId: 1, pageCount, allocated: true });
    assert(made.ok, 'a memory of the size of RAM and its tables holds them');
    this.ram = made.value;
    this.image = image;
    this.devices = this.makeDevices();
    this.harts = new BareMachine(this.memory, this.ram, this.hartPorts(), options.compiled);
    this.htif = htifPlaces(image);
    for (let hart = 0; hart < options.hartCount; hart++) this.lanes.push({ timeNs: 0, remainderPs: 0, waiting: false, wanted: 0, told: 0 });
    this.boot();
  }

  private makeDevices(): VirtDevices {
    const { options } = this;
    return new VirtDevices(
      {
        hartCount: options.hartCount,
        ...(options.aia === undefined ? {} : { aia: options.aia }),
        guestFileCount: guestFileCountOf(getProfile(options.profile).extensions),
        epochNs: options.epochNs ?? EPOCH_NS,
        rom: this.image.rom,
        slots: (options.slots ?? []).map((make) => (line: InterruptLine) => make(line, this.ram, this.slotClock())),
        functions: (options.functions ?? []).map((make) => make(this.ram)),
      },
      {
        nowNs: () => this.nowNs(),
        setInterrupt: (hart, code, level) => this.setWire(hart, code, level),
        onTimer: (hart) => this.onTimer(hart),
        transmit: (byte) => options.transmit(byte),
        onFinish: (how, code) => this.end({ by: 'finisher', how, code }),
      },
    );
  }

  /** RAM holds what was loaded, and every hart starts. */
  private boot(): void {
    const { image, options } = this;
    for (const piece of image.pieces) this.ram.write(piece.address, piece.bytes, 'restore');
    for (let hart = 0; hart < options.hartCount; hart++) {
      this.harts.resetHart(hart, {
        pc: image.entry,
        profile: options.profile,
        registers: { 10: hart, 11: image.treeAddress, 12: image.nextStageAddress },
      });
    }
  }

  /** Begins anew after the end, as at the start but that time goes on: empty RAM, devices made anew over the same disks. */
  reset(): void {
    assert(this.ending !== undefined, 'a machine that is reset has ended');
    this.ending = undefined;
    this.typed.length = 0;
    for (const lane of this.lanes) {
      moveTo(lane, this.sliceNs);
      Object.assign(lane, { waiting: false, wanted: 0, told: 0 });
    }
    this.devices = this.makeDevices();
    for (let page = 0; page < this.ram.pageCount; page++) {
      const address = frameAddress(this.memory.host, this.ram.frame(page));
      if (!this.harts.module.isZero(address, PAGE_SIZE)) this.ram.write(RAM_ADDRESS + page * PAGE_SIZE, EMPTY_PAGE, 'restore');
    }
    this.boot();
  }

  /** How the program ended, once it has. */
  ended(): MachineEnd | undefined {
    return this.ending;
  }

  /** Where all harts have come; at the end, where the furthest has. Unit: ns. */
  timeNs(): number {
    return this.sliceNs;
  }

  /** Instructions attempted by all harts, those that trapped included. */
  instructionsAttempted(): number {
    return this.attempted;
  }

  /** Whether a hart stands in wfi. */
  isWaiting(hart: number): boolean {
    return this.lanes[hart]!.waiting;
  }

  /** Bytes arrive at the serial port, as fast as it takes them. Gives how many found room in the queue. */
  type(bytes: Uint8Array): number {
    const taken = Math.min(bytes.length, TYPED_MAX - this.typed.length);
    for (let index = 0; index < taken; index++) this.typed.push(bytes[index]!);
    return taken;
  }

  /**
   * Goes on to `untilNs` or a little further (to the end of a turn), until the program ends, nothing will ever
   * happen again, or `instructionsMax` instructions have been attempted since the start.
   */
  advance(untilNs: number, instructionsMax: number): Advance {
    assert(this.cursor < 0, 'a machine that is cut in the middle of its turns goes on by runTo()');
    while (this.ending === undefined) {
      if (this.attempted >= instructionsMax) return 'instructions';
      if (this.sliceNs >= untilNs) return 'reached';
      const turn = this.begin(Number.POSITIVE_INFINITY);
      if (turn === 'asleep') return turn;
      if (turn === 'begun') this.goOn(Number.POSITIVE_INFINITY, instructionsMax);
    }
    return 'ended';
  }

  /**
   * Does what happens before `untilNs`, in the order of the turns, and no instruction that starts then or later. What was
   * reached does not depend on earlier cuts. Harts that wait for nothing let time pass.
   */
  runTo(untilNs: number): void {
    while (this.ending === undefined && (this.cursor >= 0 || this.sliceNs < untilNs)) {
      if (this.cursor < 0 && this.begin(untilNs) !== 'begun') continue;
      if (!this.goOn(untilNs, Number.MAX_SAFE_INTEGER)) return;
    }
  }

  /**
   * Begins a turn of all harts that have work; or, when none has, lets time pass to the next thing that happens, at most to
   * `limitNs`. `asleep`: nothing will happen ever, and there is no limit.
   */
  private begin(limitNs: number): 'begun' | 'passed' | 'asleep' {
    const { devices, lanes } = this;
    this.feed();
    devices.settle(this.sliceNs);
    for (let hart = 0; hart < lanes.length; hart++) this.wake(hart);
    const busy = lanes.filter((lane) => !lane.waiting).length;
    const eventNs = this.nextEventNs();
    if (busy === 0) {
      const nextNs = Math.min(eventNs, limitNs);
      if (nextNs === Number.POSITIVE_INFINITY) return 'asleep';
      this.sliceNs = Math.max(this.sliceNs, nextNs);
      for (const lane of lanes) moveTo(lane, this.sliceNs);
      return 'passed';
    }
    const alone = this.htif === undefined ? ALONE_NS : HTIF_NS;
    this.endNs = Math.min(nextOnGrid(this.sliceNs, busy > 1 ? SLICE_NS : alone), Math.max(eventNs, this.sliceNs + 1));
    this.cursor = 0;
    while (lanes[this.cursor]!.waiting) this.cursor++;
    return 'begun';
  }

  /** Goes on with the turn that was begun. False: the hart under way has come to `limitNs`, and the turn is not over. */
  private goOn(limitNs: number, instructionsMax: number): boolean {
    const { lanes } = this;
    while (this.cursor < lanes.length && this.ending === undefined) {
      if (!this.runHart(this.cursor, limitNs, instructionsMax)) return false;
      this.cursor++;
      while (lanes[this.cursor]?.waiting === true) this.cursor++;
    }
    this.cursor = -1;
    if (this.htif !== undefined && this.ending === undefined) this.poll(this.htif);
    const isCut = this.ending !== undefined || this.attempted >= instructionsMax;
    this.sliceNs = isCut ? Math.min(this.endNs, Math.max(...lanes.map((lane) => lane.timeNs))) : this.endNs;
    for (const lane of lanes) if (lane.waiting) moveTo(lane, this.sliceNs);
    return true;
  }

  /** Time at which the next instruction starts, as far as is known now; Infinity: none will. Unit: ns. */
  nextInstructionNs(): number {
    if (this.ending !== undefined) return Number.POSITIVE_INFINITY;
    if (this.cursor >= 0) {
      const lane = this.lanes[this.cursor]!;
      return lane.waiting ? Math.min(this.timerNs(this.cursor, lane.timeNs), this.endNs) : lane.timeNs;
    }
    return this.lanes.every(({ waiting }) => waiting) ? this.nextEventNs() : this.sliceNs;
  }

  /** Next thing that happens without a hart's doing, after the present slice's start. Unit: ns. */
  private nextEventNs(): number {
    let next = this.devices.nextEventNs();
    for (let hart = 0; hart < this.lanes.length; hart++) {
      const lane = this.lanes[hart]!;
      if (lane.waiting) next = Math.min(next, this.timerNs(hart, lane.timeNs));
    }
    return next;
  }

  /** Tells a hart its wires at the start of a turn, and lets it go on if one wakes it. */
  private wake(hart: number): void {
    const lane = this.lanes[hart]!;
    this.tell(hart);
    this.tellTimer(hart);
    if (lane.waiting && this.harts.isWoken(hart, this.ticks(lane.timeNs))) lane.waiting = false;
  }

  /**
   * Runs a hart until its next instruction starts at endNs or later, or it waits. False: it starts before, but not before
   * `limitNs`.
   */
  private runHart(hart: number, limitNs: number, instructionsMax: number): boolean {
    const lane = this.lanes[hart]!;
    const { entry, harts } = this;
    while (lane.timeNs < this.endNs && this.ending === undefined) {
      if (lane.timeNs >= limitNs) return false;
      this.tellTimer(hart);
      if (lane.waiting) {
        if (harts.isWoken(hart, this.ticks(lane.timeNs))) {
          lane.waiting = false;
        } else {
          const wakeNs = this.timerNs(hart, lane.timeNs);
          if (wakeNs >= this.endNs) return true;
          if (wakeNs >= limitNs) return false;
          moveTo(lane, wakeNs);
          continue;
        }
      }
      const rest = instructionsMax - this.attempted;
      if (rest <= 0) return true;
      const stopNs = Math.min(this.endNs, limitNs, this.timerNs(hart, lane.timeNs));
      const picoseconds = (stopNs - lane.timeNs) * 1000 - lane.remainderPs;
      const budget = Math.min(Math.ceil(picoseconds / this.picoseconds), rest);
      entry.timeNs = lane.timeNs;
      entry.remainderPs = lane.remainderPs;
      entry.budget = budget;
      entry.hart = hart;
      const { exit, left } = harts.run(hart, budget);
      entry.hart = -1;
      this.attempted += budget - left;
      const ranPs = lane.remainderPs + (budget - left) * this.picoseconds;
      lane.timeNs += Math.floor(ranPs / 1000);
      lane.remainderPs = ranPs % 1000;
      if (exit === exitReason.wait) lane.waiting = true;
    }
    return true;
  }

  /** When a hart's own timers begin to pend: mtimecmp, stimecmp, vstimecmp. Infinity: never. Unit: ns. */
  private timerNs(hart: number, nowNs: number): number {
    const ticks = this.ticks(nowNs);
    const ownTicks = this.harts.timerDeadline(hart, ticks) - ticks;
    const ownNs = (Math.floor(nowNs / TICK_NS) + ownTicks) * TICK_NS;
    const soonest = Math.min(this.devices.clint.nextTimerNs(hart, nowNs), ownNs);
    return soonest < Number.MAX_SAFE_INTEGER ? soonest : Number.POSITIVE_INFINITY;
  }

  private tellTimer(hart: number): void {
    const pending = this.devices.clint.isTimerPending(hart, this.lanes[hart]!.timeNs);
    this.want(hart, hartLine.timer, pending);
    this.tell(hart);
  }

  private want(hart: number, code: number, level: boolean): void {
    const lane = this.lanes[hart]!;
    lane.wanted = level ? lane.wanted | (1 << code) : lane.wanted & ~(1 << code);
  }

  private tell(hart: number): void {
    const lane = this.lanes[hart]!;
    const changed = lane.wanted ^ lane.told;
    if (changed === 0) return;
    lane.told = lane.wanted;
    for (const code of WIRES) {
      if (((changed >> code) & 1) === 1) this.harts.setInterrupt(hart, code, ((lane.wanted >> code) & 1) === 1);
    }
  }

  private setWire(hart: number, code: number, level: boolean): void {
    const before = this.lanes[hart]!.wanted;
    this.want(hart, code, level);
    if (this.lanes[hart]!.wanted === before) return;
    if (this.entry.hart === hart) this.tell(hart);
    else this.endTurnSoon();
  }

  private onTimer(hart: number): void {
    if (this.entry.hart === hart) this.harts.requestExit(hart); // its budget counted on the old deadline
    else this.endTurnSoon();
  }

  /** Another hart has something new: the turn ends at the next point of the grid. */
  private endTurnSoon(): void {
    if (this.entry.hart < 0) return;
    this.endTurnAt(nextOnGrid(this.nowNs(), SLICE_NS));
  }

  /** Something that a device began in the middle of a turn is due: the turn ends there, on the grid with others. */
  private slotClock(): SlotClock {
    return {
      nowNs: () => this.nowNs(),
      wakeAt: (timeNs) => {
        if (this.entry.hart >= 0) this.endTurnAt(Math.max(timeNs, nextOnGrid(this.nowNs(), SLICE_NS)));
      },
    };
  }

  private endTurnAt(timeNs: number): void {
    if (timeNs >= this.endNs) return;
    this.endNs = timeNs;
    this.harts.requestExit(this.entry.hart);
  }

  private end(how: MachineEnd): void {
    this.ending ??= how;
    if (this.entry.hart >= 0) this.harts.requestExit(this.entry.hart);
  }

  private poll(places: HtifPlaces): void {
    pollHtif(this.ram, places, {
      transmit: (byte) => this.options.transmit(byte),
      onExit: (code) => this.end({ by: 'htif', how: code === 0 ? 'pass' : 'fail', code }),
    });
  }

  private feed(): void {
    while (this.typed.length > 0 && this.devices.serial.room() > 0) {
      const byte = this.typed.shift()!;
      hashUint32(this.digest, byte);
      this.devices.serial.receive(byte);
    }
  }

  /** Virtual time of the instruction under way, or of the turn's start between instructions. Unit: ns. */
  nowNs(): number {
    const { entry } = this;
    return entry.hart < 0 ? this.sliceNs : this.instructionNs(this.harts.budgetLeft(entry.hart));
  }

  private instructionNs(budgetLeft: number): number {
    const { timeNs, remainderPs, budget } = this.entry;
    return timeNs + Math.floor((remainderPs + (budget - budgetLeft - 1) * this.picoseconds) / 1000);
  }

  /** mtime as harts see it in `time`. */
  private ticks(nowNs: number): number {
    return this.devices.clint.timeAt(nowNs);
  }

  private hartPorts(): BareMachinePorts {
    return {
      interruptFile: (hart, level) => fileAt(this.devices.files[hart], level),
      timeTicks: (_hart, budgetLeft) => this.ticks(this.instructionNs(budgetLeft)),
      load: (_hart, address, byteCount, into) => {
        const answered = this.devices.bus.read(address, byteCount, into);
        this.note(address, byteCount, into);
        if (this.typed.length > 0) this.feed(); // a byte that was taken makes room
        this.lookAhead();
        return answered;
      },
      store: (_hart, address, byteCount, value) => {
        const answered = this.devices.bus.write(address, byteCount, value.low, value.high);
        this.note(address, -byteCount, value);
        this.lookAhead();
        return answered;
      },
    };
  }

  private note(address: number, access: number, value: BusValue): void {
    hashUint32(this.digest, address);
    hashUint32(this.digest, access);
    hashUint32(this.digest, value.low);
    hashUint32(this.digest, value.high);
  }

  /**
   * Mixes harts, their places in time and the devices into a hash: a device's state follows from the accesses and the typed
   * bytes that it ever had, and from memory, which is not in it.
   */
  hashInto(hash: Hash64): void {
    hashUint32(hash, this.digest.low);
    hashUint32(hash, this.digest.high);
    for (const [hart, lane] of this.lanes.entries()) {
      hashBytes(hash, this.harts.saveHart(hart));
      hashInteger(hash, lane.timeNs);
      hashInteger(hash, lane.remainderPs);
      hashUint32(hash, lane.waiting ? 1 : 0);
      hashUint32(hash, lane.wanted);
      hashUint32(hash, lane.told);
    }
    for (const slot of this.devices.slots) slot.hashInto?.(hash);
    hashInteger(hash, this.sliceNs);
    hashInteger(hash, this.cursor < 0 ? 0 : this.endNs);
    hashInteger(hash, this.cursor + 1);
    hashInteger(hash, this.typed.length);
    hashUint32(hash, this.ending === undefined ? 0 : 1);
  }

  /** An access may have made a device due before the turn ends. */
  private lookAhead(): void {
    const dueNs = this.devices.nextEventNs();
    if (dueNs < this.endNs) this.endTurnAt(Math.max(dueNs, this.nowNs() + 1));
  }
}

function nextOnGrid(timeNs: number, gridNs: number): number {
  return (Math.floor(timeNs / gridNs) + 1) * gridNs;
}

function moveTo(lane: Lane, timeNs: number): void {
  if (lane.timeNs >= timeNs) return;
  lane.timeNs = timeNs;
  lane.remainderPs = 0;
}

function htifPlaces(image: BootImage): HtifPlaces | undefined {
  const find = (name: string) => image.symbols.find((symbol) => symbol.name === name)?.address;
  const tohost = find('tohost');
  if (tohost === undefined) return undefined;
  const fromhost = find('fromhost');
  return { tohost: Number(tohost), fromhost: fromhost === undefined ? undefined : Number(fromhost) };
}
