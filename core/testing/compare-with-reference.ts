/**
 * Test-only: runs the machine (compiled interpreter, slow paths, two-stage paging) and the
 * reference step side by side on random guests and says at the first difference what differed.
 * Compared after every run: the whole saved hart, exit, budget left, the registers of a G-stage
 * fault, every byte the reference wrote; after every world all frames.
 *
 * In every second world the dirty log is armed, which the guest must not notice. After each episode
 * the logs are taken: the hash log must hold exactly the frames that the reference wrote, the dirty
 * log at least those (a refused second half or a failing sc may have opened a page for nothing).
 *
 * The machine caches translations and the reference does not: after a write to a page table the
 * machine's TLB is emptied, as the guest's sfence.vma would.
 */
import { assert } from '../base/assert.ts';
import { makePrng, nextBelow, type Prng } from '../base/prng.ts';
import {
  makeReferenceHart,
  type ReferenceHart,
  type ReferenceMemory,
  type ReferenceOutcome,
  referenceStep,
} from '../isa/reference-step.ts';
import { readStatus } from '../isa/reference/csr.ts';
import { DEFAULT_PROFILE, getProfile, type HartProfileId } from '../isa/table/index.ts';
import { hartFields, hartStateSize, hartStateVersion, Machine } from '../machine/index.ts';
import { frameAddress, MemorySystem, type VmMemory } from '../memory/index.ts';
import {
  csrSlot,
  exitReason,
  frameKind,
  HART_ADDRESS,
  hartOffset,
} from '../protocol/host-memory-layout.ts';
import { randomGuestPage, randomizeHart, randomMemory } from './random-guest.ts';

const FRAMES = 64;
const EPISODES_PER_WORLD = 12;
const STEPS_PER_EPISODE = 160;

/** What was compared, and how often each kind of thing happened. */
export interface ComparisonReport {
  /** Undefined when all agreed; else where and what. */
  readonly difference: string | undefined;
  readonly instructions: number;
  readonly seen: ReadonlyMap<string, number>;
}

interface Comparison {
  readonly prng: Prng;
  readonly system: MemorySystem;
  readonly machine: Machine;
  readonly vm: VmMemory;
  readonly reference: ReferenceHart;
  readonly memory: ReferenceMemory;
  /** The reference's RAM: host physical addresses from 0. */
  readonly ram: Uint8Array;
  readonly seen: Map<string, number>;
  /** Host physical addresses that the reference wrote in this run. */
  readonly written: { address: number; byteCount: number }[];
  /** Host frames that the reference wrote since the logs were last taken. */
  readonly writtenFrames: Set<number>;
  /** Host frames that hold the guest's page tables. */
  readonly tableFrames: Set<number>;
  instructions: number;
  /** Whether an entry of a page table changed in this run, other than in its A and D bits. */
  tablesChanged: boolean;
  /** Instruction count at the start of the present run, and its budget: they make the time. */
  clock: { start: number; budget: number };
}

/**
 * Compares at least `instructions` instructions. `spoil` may break the machine first (a canary).
 */
export function compareWithReference(options: {
  readonly seed: number;
  readonly instructions: number;
  readonly profile?: HartProfileId;
  readonly spoil?: (machine: Machine) => void;
}): ComparisonReport {
  const comparison = makeComparison(options.seed, options.profile ?? DEFAULT_PROFILE);
  options.spoil?.(comparison.machine);
  let difference: string | undefined;
  for (
    let world = 0;
    comparison.instructions < options.instructions && difference === undefined;
    world++
  ) {
    resetWorld(comparison, world % 2 === 1);
    for (let episode = 0; episode < EPISODES_PER_WORLD && difference === undefined; episode++) {
      difference = runEpisode(comparison) ?? compareLogs(comparison);
      if (difference !== undefined)
        difference = `seed ${options.seed} world ${world} episode ${episode}: ${difference}`;
    }
    difference ??= compareRam(comparison);
  }
  return { difference, instructions: comparison.instructions, seen: comparison.seen };
}

function makeComparison(seed: number, profile: HartProfileId): Comparison {
  const system = new MemorySystem(FRAMES);
  const clock = { start: 0, budget: 0 };
  const machine = new Machine(system, {
    timeNs: (_slot, left) => (clock.start + clock.budget - left - 1) * 100,
  });
  const made = system.createVm({ vmId: 1, pageCount: randomGuestPage.count, allocated: true });
  assert(made.ok, 'the host has room');
  const ram = new Uint8Array(FRAMES * 4096);
  const view = new DataView(ram.buffer);
  const written: { address: number; byteCount: number }[] = [];
  const read = (at: bigint, byteCount: number): bigint => {
    if (byteCount === 8) return view.getBigUint64(Number(at), true);
    let value = 0n;
    for (let index = byteCount - 1; index >= 0; index--)
      value = (value << 8n) | BigInt(ram[Number(at) + index]!);
    return value;
  };
  const write = (at: bigint, byteCount: number, value: bigint) => {
    const old = read(at, byteCount);
    const onlySetsAccessed = byteCount === 8 && (old ^ value) === (value & ~old & 0xc0n);
    if (!onlySetsAccessed && comparison.tableFrames.has(Number(at) >>> 12))
      comparison.tablesChanged = true;
    for (let index = 0; index < byteCount; index++)
      ram[Number(at) + index] = Number((value >> BigInt(8 * index)) & 255n);
    written.push({ address: Number(at), byteCount });
    comparison.writtenFrames.add(Number(at) >>> 12);
  };
  const comparison: Comparison = {
    prng: makePrng({ seed, stream: 0 }),
    system,
    machine,
    vm: made.value,
    reference: makeReferenceHart(0n, getProfile(profile)),
    memory: { read, write, time: () => BigInt(comparison.instructions) },
    ram,
    seen: new Map(),
    written,
    writtenFrames: new Set(),
    tableFrames: new Set(),
    instructions: 0,
    tablesChanged: false,
    clock,
  };
  comparison.reference.hgatp = (8n << 60n) | BigInt(made.value.gStage.rootFrame);
  return comparison;
}

/**
 * New random bytes in every page, some pages absent, some G-stage leaves restricted; `armed`: with
 * dirty log.
 */
function resetWorld(comparison: Comparison, armed: boolean): void {
  const { vm, system, prng, ram } = comparison;
  vm.dirtyLog.disarm();
  const bytes = randomMemory(prng, comparison.reference.profile.extensions);
  for (const page of randomGuestPage.absent) if (nextBelow(prng, 3) > 0) vm.release(page);
  for (let page = 0; page < randomGuestPage.count; page++) {
    if (page === randomGuestPage.data) vm.release(page); // comes back in another frame, perhaps
    if (!randomGuestPage.absent.some((absent) => absent === page))
      assert(vm.allocate(page), 'the host has room');
    vm.writePage(page, bytes.subarray(page * 4096, page * 4096 + 4096), 'restore');
    vm.gStage.setWritable(page, true);
    if (page !== randomGuestPage.handler && nextBelow(prng, 20) === 0)
      restrict(comparison, page, !armed);
  }
  system.tlb.flushVm(vm.slot);
  const start = system.host.layout.ramAddress;
  ram.set(system.host.bytes.subarray(start, start + ram.length));
  comparison.tableFrames.clear();
  for (const page of [9, 10, 11]) comparison.tableFrames.add(vm.frame(page));
  if (armed) vm.dirtyLog.arm();
  system.tools.takeWritten();
  comparison.writtenFrames.clear();
}

/**
 * Makes the G-stage leaf of a page as no hypervisor of ours does: A and D clear, not executable,
 * not writable (unless the dirty log will be armed, which owns the W bit).
 */
function restrict(comparison: Comparison, page: number, mayTakeWrite: boolean): void {
  const { vm, system, prng } = comparison;
  const frame = vm.frame(page);
  if (frame < 0) return;
  const clear = [0xc0, 0x80, 0x08, 0x04][nextBelow(prng, mayTakeWrite ? 4 : 3)]!;
  const { words, layout } = system.host;
  const leaf = vm.gStage.leaf(page);
  for (
    let word = layout.ramAddress >> 2;
    word < (layout.ramAddress >> 2) + FRAMES * 1024;
    word += 2
  ) {
    const isTable = system.frames.kind((word * 4 - layout.ramAddress) >>> 12) === frameKind.table;
    if (isTable && words[word] === leaf && words[word + 1] === 0) words[word] = leaf & ~clear;
  }
}

/** One random start and what follows from it. Gives a sentence when something differs. */
function runEpisode(comparison: Comparison): string | undefined {
  const { prng, reference, machine, vm } = comparison;
  randomizeHart(prng, reference);
  const state = recordOf(reference);
  assert(machine.loadHart(0, state, vm).ok, 'a reference hart makes a valid record');
  for (let steps = 0, lost = 0; steps < STEPS_PER_EPISODE && lost < 2; ) {
    // The machine takes an interrupt at the end of the instruction that unmasks it, the reference
    // before the next one.
    if (nextBelow(prng, 30) === 0 && !isInterruptTakeable(reference)) setInterrupt(comparison);
    const budget = nextBelow(prng, 3) === 0 ? 1 + nextBelow(prng, 24) : 1;
    const { outcome, count } = runReference(comparison, budget);
    steps += count;
    if (outcome.name === undefined && outcome.end !== 'retired') lost++; // pc leads nowhere
    const ranBudget = outcome.end === 'retired' || outcome.end === 'trapped' ? count : budget;
    const ran = machine.run(0, ranBudget);
    const difference = compareRun(comparison, outcome, ran, ranBudget - count);
    if (difference !== undefined) {
      const name = outcome.name ?? 'no instruction';
      return `after step ${steps} (${name}, ${outcome.end}): ${difference}`;
    }
    goOn(comparison, outcome);
    if (comparison.tablesChanged) comparison.system.tlb.flushHart(0);
  }
  return undefined;
}

function setInterrupt(comparison: Comparison): void {
  const { prng, reference, machine } = comparison;
  const cause = [2, 6, 10][nextBelow(prng, 3)]!;
  const pending = nextBelow(prng, 2) === 1;
  machine.setInterruptPending(0, cause, pending);
  const bit = 1n << BigInt(cause);
  reference.hvip = pending ? reference.hvip | bit : reference.hvip & ~bit;
}

/** Up to `budget` reference steps, ended early by an exit or by a write to a page table. */
function runReference(
  comparison: Comparison,
  budget: number,
): { outcome: ReferenceOutcome; count: number } {
  const { reference, memory, written, seen } = comparison;
  comparison.clock.start = comparison.instructions;
  written.length = 0;
  comparison.tablesChanged = false;
  for (let count = 1; ; count++) {
    const outcome = referenceStep(reference, memory);
    comparison.instructions++;
    note(seen, outcome);
    const goesOn = outcome.end === 'retired' || outcome.end === 'trapped';
    if (goesOn && !comparison.tablesChanged && count < budget) continue;
    comparison.clock.budget = goesOn ? count : budget;
    return { outcome, count };
  }
}

function note(seen: Map<string, number>, outcome: ReferenceOutcome): void {
  const add = (what: string) => seen.set(what, (seen.get(what) ?? 0) + 1);
  add(outcome.end);
  if (outcome.name !== undefined) add(`${outcome.name} ${outcome.end}`);
  if (outcome.interrupt !== undefined) add(`interrupt ${outcome.interrupt}`);
  if (outcome.fault?.kind === 'trap') add(`cause ${outcome.fault.cause}`);
  if (outcome.fault?.kind === 'guestPageFault') add(`guest ${outcome.fault.access}`);
}

const EXIT_OF_END = {
  retired: exitReason.budget,
  trapped: exitReason.budget,
  environmentCall: exitReason.environmentCall,
  wait: exitReason.wait,
  guestPageFault: exitReason.guestPageFault,
} as const;

function compareRun(
  comparison: Comparison,
  outcome: ReferenceOutcome,
  ran: { readonly exit: number; readonly left: number },
  left: number,
): string | undefined {
  const { reference, machine, system } = comparison;
  if (ran.exit !== EXIT_OF_END[outcome.end])
    return `exit ${ran.exit} instead of ${EXIT_OF_END[outcome.end]}`;
  if (ran.left !== left) return `budget left ${ran.left} instead of ${left}`;
  if (outcome.fault?.kind === 'guestPageFault') {
    const { access, virtualAddress, guestPhysicalAddress } = outcome.fault;
    const word = (slot: number) =>
      BigInt.asUintN(64, system.host.longs[(HART_ADDRESS + hartOffset.csr + 8 * slot) >> 3]!);
    const found = [
      word(csrSlot.scause),
      word(csrSlot.stval),
      word(csrSlot.htval),
      word(csrSlot.sepc),
    ].join();
    const cause = { fetch: 20n, load: 21n, store: 23n }[access];
    const expected = [cause, virtualAddress, guestPhysicalAddress >> 2n, reference.pc].join();
    if (found !== expected) return `guest-page fault ${found} instead of ${expected}`;
  }
  for (const { address, byteCount } of comparison.written) {
    if (system.frames.kind(address >>> 12) === frameKind.table) continue;
    const start = frameAddress(system.host, 0) + address;
    for (let index = 0; index < byteCount; index++) {
      const [found, expected] = [system.host.bytes[start + index], comparison.ram[address + index]];
      if (found !== expected)
        return `byte at host physical ${address + index} is ${found} instead of ${expected}`;
    }
  }
  if (isInterruptTakeable(reference)) return undefined; // the machine may have taken it already
  return compareRecords(reference, machine.saveHart(0));
}

function isInterruptTakeable(hart: ReferenceHart): boolean {
  if (hart.privilege === 1 && (hart.sstatus & 2n) === 0n) return false;
  return ((hart.hvip >> 1n) & 0x222n & hart.sie) !== 0n;
}

/** After an exit both go on behind the instruction, as a hypervisor would make them. */
function goOn(comparison: Comparison, outcome: ReferenceOutcome): void {
  if (outcome.end !== 'environmentCall' && outcome.end !== 'guestPageFault') return;
  comparison.reference.pc = BigInt.asUintN(64, comparison.reference.pc + 4n);
  comparison.machine.skipInstruction(0);
}

/**
 * The frames that the reference wrote against the hash log and, when it is armed, the dirty log.
 */
function compareLogs(comparison: Comparison): string | undefined {
  const { system, vm, writtenFrames } = comparison;
  const expected = [...writtenFrames]
    .filter((frame) => system.map.slotOfFrame(frame) >= 0)
    .sort((a, b) => a - b);
  const found: number[] = [];
  system.takeWrittenPages((_slot, _page, frame) => found.push(frame));
  writtenFrames.clear();
  if (found.join() !== expected.join())
    return `the hash log holds frames ${found} instead of ${expected}`;
  if (!vm.dirtyLog.armed()) return undefined;
  const bitmap = new Uint32Array(vm.dirtyLog.wordCount());
  vm.dirtyLog.takeAndRearm(bitmap);
  const isLogged = (page: number) => ((bitmap[page >>> 5]! >>> (page & 31)) & 1) !== 0;
  const missed = expected.find((frame) => !isLogged(system.map.pageOfFrame(frame)));
  return missed === undefined ? undefined : `the dirty log misses frame ${missed}`;
}

/** All frames but the G-stage's own tables, whose W bits the dirty log changes. */
function compareRam(comparison: Comparison): string | undefined {
  const { host, frames } = comparison.system;
  for (let frame = 0; frame < FRAMES; frame++) {
    if (frames.kind(frame) === frameKind.table) continue;
    const start = frameAddress(host, frame);
    for (let at = 0; at < 4096; at++) {
      if (host.bytes[start + at] === comparison.ram[frame * 4096 + at]) continue;
      return `byte ${at} of frame ${frame} differs at the end of a world`;
    }
  }
  return undefined;
}

function compareRecords(hart: ReferenceHart, found: Uint8Array): string | undefined {
  const expected = recordOf(hart);
  let at = 8;
  for (const field of hartFields(hartStateVersion(hart.profile.number))) {
    const show = (bytes: Uint8Array) =>
      [...bytes.subarray(at, at + field.byteCount)]
        .map((byte) => byte.toString(16).padStart(2, '0'))
        .join('');
    const skip = field.name === 'reservationAddress' && expected[reservationAt] === 0;
    for (let index = at; index < at + field.byteCount && !skip; index++) {
      if (found[index] !== expected[index])
        return `${field.name} is ${show(found)} instead of ${show(expected)}`;
    }
    at += field.byteCount;
  }
  return undefined;
}

/** Where a field begins in a saved hart. */
function fieldAt(name: string): number {
  let at = 8;
  for (const field of hartFields(1)) {
    if (field.name === name) return at;
    at += field.byteCount;
  }
  return at;
}

const reservationAt = fieldAt('reservationValid');

/** A reference hart as the bytes of a saved hart. */
function recordOf(hart: ReferenceHart): Uint8Array {
  const version = hartStateVersion(hart.profile.number);
  const bytes = new Uint8Array(hartStateSize(version));
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x5452_4148, true);
  view.setUint32(4, version, true);
  const values: Record<string, bigint> = {
    pc: hart.pc,
    reservationAddress: hart.reservation?.guestPhysicalAddress ?? 0n,
    instructionsRetired: hart.instret,
    instructionsAttempted: hart.cycle,
    vsstatus: readStatus(hart),
    vsie: hart.sie,
    vstvec: hart.stvec,
    vsscratch: hart.sscratch,
    vsepc: hart.sepc,
    vscause: hart.scause,
    vstval: hart.stval,
    vsatp: hart.satp,
    hvip: hart.hvip,
    scounteren: hart.scounteren,
    senvcfg: hart.senvcfg,
  };
  let at = 8;
  for (const field of hartFields(version)) {
    if (field.name === 'x') {
      for (let index = 0; index < 32; index++)
        view.setBigUint64(at + 8 * index, hart.x[index]!, true);
    } else if (field.name === 'privilege') view.setUint32(at, hart.privilege, true);
    else if (field.name === 'profile') view.setUint32(at, hart.profile.number, true);
    else if (field.name === 'fcsr') view.setUint32(at, Number(hart.fcsr), true);
    else if (field.name === 'f') {
      for (let index = 0; index < 32; index++)
        view.setBigUint64(at + 8 * index, hart.f[index]!, true);
    } else if (field.name === 'virtualMode') view.setUint32(at, 1, true);
    else if (field.name === 'reservationValid')
      view.setUint32(at, hart.reservation?.byteCount ?? 0, true);
    else view.setBigUint64(at, values[field.name]!, true);
    at += field.byteCount;
  }
  return bytes;
}
