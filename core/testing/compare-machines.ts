/**
 * Test-only: runs the bare-metal machine and its reference step side by side from random states and says at the first
 * difference what differed: registers, mode, every CSR that is storage, lines, counters, reservation, and the bytes
 * that the reference wrote; after every world all of RAM. The machine caches translations and the reference does not:
 * after a write to a page table the machine's TLBs are emptied.
 */
import { assert } from '../base/assert.ts';
import { InterruptFile } from '../devices/index.ts';
import { makePrng, nextBelow, type Prng } from '../base/prng.ts';
import { A, message, type ReferenceFile, topIdentity } from '../isa/reference/bare/aia.ts';
import { bareReferenceStep, type BareOutcome } from '../isa/reference/bare/step.ts';
import { type BareReferenceHart, type BareReferencePort, get, isVirtual, makeBareReferenceHart, type Mode, N } from '../isa/reference/bare/hart.ts';
import { getProfile, type HartProfileId } from '../isa/table/index.ts';
import { findBareCsr } from '../machine/bare/csr-table.ts';
import { bareAddress, bareSlot, bareWord, PMPADDR_SLOT } from '../machine/bare/registers.ts';
import { hartWord, registerWord, writeCounter } from '../machine/hart.ts';
import { BareMachine, GUEST_LINE } from '../machine/index.ts';
import { frameAddress, MemorySystem, type VmMemory } from '../memory/index.ts';
import { exitReason, hartOffset } from '../protocol/host-memory-layout.ts';
import { type CodeKind, DEVICE, IDENTITIES, machinePage, randomizeMachineHart, randomMachineMemory, randomStart, TABLE_PAGES } from './random-machine.ts';

const EPISODES_PER_WORLD = 24;
const KINDS: readonly CodeKind[] = ['mixed', 'plain', 'registers'];
const STEPS_PER_EPISODE = 80;
const RAM = 0x8000_0000;
const HART = bareAddress(0);

/** What was compared, and how often each kind of thing happened. */
export interface MachineComparison {
  /** Undefined when all agreed; else where and what. */
  readonly difference: string | undefined;
  readonly instructions: number;
  readonly seen: ReadonlyMap<string, number>;
}

interface Pair {
  readonly prng: Prng;
  readonly system: MemorySystem;
  readonly vm: VmMemory;
  readonly machine: BareMachine;
  readonly reference: BareReferenceHart;
  readonly port: BareReferencePort;
  readonly bytes: Uint8Array; // the reference's RAM
  readonly written: { address: number; byteCount: number }[];
  readonly seen: Map<string, number>;
  readonly clock: { now: number; start: number; budget: number };
  /** The machine's interrupt files, in the order of the reference's; empty without the AIA. */
  readonly files: readonly InterruptFile[];
  instructions: number;
  tablesChanged: boolean;
}

/** Storage that both keep: slot in the record and CSR number. */
const KEPT: readonly (readonly [slot: number, number: number])[] = Object.entries(bareSlot).flatMap(([name, slot]) => {
  const number = ({ ...N, ...A } as Readonly<Record<string, number>>)[name];
  return number === undefined ? [] : [[slot, number] as const];
});
/** Compares at least `instructions` instructions. `spoil` may break the machine first (a canary). */
export function compareMachines(options: {
  readonly seed: number;
  readonly instructions: number;
  readonly profile?: HartProfileId;
  /** Kinds of code, world by world; all when not given. */
  readonly kinds?: readonly CodeKind[];
  /** A hart that has left the mode in which it began is put back there more often than not, as by a handler. */
  readonly resumes?: boolean;
  readonly spoil?: (machine: BareMachine) => void;
}): MachineComparison {
  const kinds = options.kinds ?? KINDS;
  const pair = makePair(options.seed, options.profile ?? 'rv64gch-sstc');
  options.spoil?.(pair.machine);
  let difference: string | undefined;
  for (let world = 0; pair.instructions < options.instructions && difference === undefined; world++) {
    const kind = kinds[world % kinds.length]!;
    resetWorld(pair, kind);
    for (let episode = 0; episode < EPISODES_PER_WORLD && difference === undefined; episode++) {
      difference = runEpisode(pair, kind, options.resumes === true);
      if (difference !== undefined) difference = `seed ${options.seed} world ${world} episode ${episode}: ${difference}`;
    }
    difference ??= compareRam(pair);
  }
  return { difference, instructions: pair.instructions, seen: pair.seen };
}

/** What the device answers: a value that follows from the address; nothing beyond 0xf00. */
function deviceValue(address: number, byteCount: number): bigint | undefined {
  const offset = address - Number(DEVICE);
  if (offset < 0 || offset >= 0xf00) return undefined;
  return BigInt.asUintN(8 * byteCount, BigInt(offset + 1) * 0x9e37_79b9_7f4a_7c15n);
}

/** Lines that devices move: the external ones are the interrupt files' where there are such. */
const LINE_CODES = { wires: [3, 7, 9, 11], files: [3, 7, 3, 7] } as const;

/** Stores from 0x800 on move a line: its number in bits 2 … 1 of the value, its level in bit 0. */
function deviceLine(address: number, value: bigint, hasFiles: boolean): { readonly code: number; readonly level: boolean } | undefined {
  if (address < Number(DEVICE) + 0x400 || (hasFiles && address >= Number(DEVICE) + 0xc00)) return undefined;
  return { code: LINE_CODES[hasFiles ? 'files' : 'wires'][Number((value >> 1n) & 3n)]!, level: (value & 1n) === 1n };
}

/** Stores from 0xc00 on are messages to interrupt files where there are such. */
function deviceMessage(address: number, value: bigint): { readonly file: number; readonly identity: number } | undefined {
  if (address < Number(DEVICE) + 0xc00) return undefined;
  return { file: Number((value >> 8n) & 7n) % 5, identity: Number(value & 127n) };
}

/** Wires of the interrupt files: of M, of HS, of guests 1, 2 and 3. */
const FILE_WIRES = [11, 9, GUEST_LINE + 1, GUEST_LINE + 2, GUEST_LINE + 3];

function makePair(seed: number, profile: HartProfileId): Pair {
  const system = new MemorySystem(machinePage.count + 24);
  const made = system.createVm({ vmId: 1, pageCount: machinePage.count, allocated: true });
  assert(made.ok, 'the host has room');
  const clock = { now: 0, start: 0, budget: 0 };
  const hasFiles = (getProfile(profile).extensions as readonly string[]).includes('Smaia');
  const files = hasFiles ? FILE_WIRES.map((wire) => new InterruptFile(IDENTITIES, (level) => machine.setInterrupt(0, wire, level))) : [];
  const machine: BareMachine = new BareMachine(system, made.value, {
    interruptFile: (_hart, level) => files[level === 'machine' ? 0 : level === 'supervisor' ? 1 : 1 + level],
    timeTicks: (_hart, left) => clock.start + clock.budget - left - 1,
    load(_hart, address, byteCount, into) {
      const value = deviceValue(address, byteCount);
      if (value === undefined) return false;
      into.low = Number(BigInt.asUintN(32, value));
      into.high = Number(value >> 32n);
      return true;
    },
    store(_hart, address, byteCount, { low, high }) {
      if (deviceValue(address, byteCount) === undefined) return false;
      const whole = BigInt(low >>> 0) | (BigInt(high >>> 0) << 32n);
      const line = deviceLine(address, whole, hasFiles);
      const told = hasFiles ? deviceMessage(address, whole) : undefined;
      if (told !== undefined) files[told.file]!.receive(told.identity);
      if (line !== undefined) machine.setInterrupt(0, line.code, line.level);
      return true;
    },
  });
  const bytes = new Uint8Array(machinePage.count * 4096);
  const pair: Pair = {
    prng: makePrng({ seed, stream: 3 }),
    system,
    vm: made.value,
    machine,
    reference: makeBareReferenceHart(0n, getProfile(profile)),
    port: makePort(() => pair),
    bytes,
    written: [],
    seen: new Map(),
    clock,
    files,
    instructions: 0,
    tablesChanged: false,
  };
  return pair;
}

function makePort(pairOf: () => Pair): BareReferencePort {
  const offsetOf = (address: bigint) => Number(address) - RAM;
  return {
    isRam: (address, byteCount) => {
      const offset = offsetOf(address);
      return address < 1n << 40n && offset >= 0 && offset + byteCount <= machinePage.count * 4096;
    },
    read(address, byteCount) {
      const { bytes } = pairOf();
      let value = 0n;
      for (let index = byteCount - 1; index >= 0; index--) value = (value << 8n) | BigInt(bytes[offsetOf(address) + index]!);
      return value;
    },
    write(address, byteCount, value) {
      const pair = pairOf();
      const at = offsetOf(address);
      const old = this.read(address, byteCount);
      const onlySetsAccessed = byteCount === 8 && (old ^ value) === (value & ~old & 0xc0n);
      if (!onlySetsAccessed && TABLE_PAGES.some((page) => page === at >>> 12)) pair.tablesChanged = true;
      for (let index = 0; index < byteCount; index++) pair.bytes[at + index] = Number((value >> BigInt(8 * index)) & 255n);
      pair.written.push({ address: at, byteCount });
    },
    load: (address, byteCount) => (address < 1n << 53n ? deviceValue(Number(address), byteCount) : undefined),
    store(address, byteCount, value) {
      if (address >= 1n << 53n || deviceValue(Number(address), byteCount) === undefined) return false;
      const pair = pairOf();
      const hasFiles = pair.files.length > 0;
      const line = deviceLine(Number(address), value, hasFiles);
      if (line !== undefined) setLine(pair.reference, line.code, line.level);
      const told = hasFiles ? deviceMessage(Number(address), value) : undefined;
      if (told !== undefined) message(pair.reference, told.file, told.identity);
      return true;
    },
    time: () => BigInt(pairOf().clock.now),
  };
}

function setLine(hart: BareReferenceHart, code: number, level: boolean): void {
  const bit = 1n << BigInt(code);
  hart.lines = level ? hart.lines | bit : hart.lines & ~bit;
}

function resetWorld(pair: Pair, kind: CodeKind): void {
  const bytes = randomMachineMemory(pair.prng, pair.reference.profile.extensions, kind);
  pair.bytes.set(bytes);
  assert(pair.vm.write(RAM, bytes, 'restore'), 'the pages are there');
  pair.machine.context.flushAll(HART);
  pair.system.tools.takeWritten();
}

function runEpisode(pair: Pair, kind: CodeKind, resumes: boolean): string | undefined {
  const { prng, reference, clock, machine } = pair;
  randomizeMachineHart(prng, reference, BigInt(clock.now), kind);
  loadIntoMachine(pair);
  const began = reference.mode;
  for (let steps = 0, lost = 0; steps < STEPS_PER_EPISODE && lost < 12; ) {
    if (nextBelow(prng, 25) === 0) {
      const code = LINE_CODES[pair.files.length > 0 ? 'files' : 'wires'][nextBelow(prng, 4)]!;
      const level = nextBelow(prng, 2) === 1;
      machine.setInterrupt(0, code, level);
      setLine(reference, code, level);
      if (pair.files.length > 0) {
        const [file, identity] = [nextBelow(prng, 5), nextBelow(prng, IDENTITIES + 2)];
        pair.files[file]!.receive(identity);
        message(reference, file, identity);
      }
    }
    const wanted = nextBelow(prng, 3) === 0 ? 1 + nextBelow(prng, resumes ? 4 : 24) : 1;
    const start = clock.now;
    const until = machine.timerDeadline(0, start);
    const { outcome, count } = runReference(pair, Math.min(wanted, until - start));
    steps += count;
    // What fetches nothing or has left its mode seldom comes back by itself.
    if (outcome.name === undefined && outcome.end === 'trapped') lost += 4;
    else if (kind === 'registers' && outcome.end === 'trapped') lost++;
    if (reference.mode !== began) lost += began === 'U' || began === 'VU' ? 4 : 1;
    clock.start = start;
    clock.budget = count;
    const ran = machine.run(0, count);
    clock.start = clock.now;
    clock.budget = 0;
    const difference = compareAll(pair, outcome, ran);
    if (difference !== undefined) {
      return `after step ${steps} (${outcome.name ?? 'no instruction'}, ${outcome.end} ${outcome.exception?.cause ?? ''}): ${difference}`;
    }
    if (pair.tablesChanged) machine.context.flushAll(HART);
    if (resumes && reference.mode !== began && nextBelow(prng, 4) !== 0) resume(pair, began);
  }
  return undefined;
}

/** Puts both back into a mode, at code that it can fetch. */
function resume(pair: Pair, mode: Mode): void {
  const { reference } = pair;
  reference.mode = mode;
  reference.pc = randomStart(pair.prng, reference);
  reference.reservation = undefined;
  loadIntoMachine(pair);
}

function runReference(pair: Pair, budget: number): { readonly outcome: BareOutcome; readonly count: number } {
  const { reference, port, clock } = pair;
  pair.written.length = 0;
  pair.tablesChanged = false;
  for (let count = 1; ; count++) {
    const before = reference.mode;
    const outcome = bareReferenceStep(reference, port);
    clock.now++;
    pair.instructions++;
    note(pair, before, outcome);
    if (count < budget && outcome.end !== 'wait' && !pair.tablesChanged && !endsRun(outcome)) continue;
    return { outcome, count };
  }
}

/** Whether the machine may leave behind this instruction: it may have moved a comparator. */
function endsRun(outcome: BareOutcome): boolean {
  return outcome.end === 'retired' && outcome.name?.startsWith('csrr') === true;
}

function note(pair: Pair, before: Mode, outcome: BareOutcome): void {
  const { seen } = pair;
  const add = (what: string) => seen.set(what, (seen.get(what) ?? 0) + 1);
  add(`${before} ${outcome.end}`);
  add(`end ${pair.reference.mode}`);
  if (outcome.name !== undefined) add(`${outcome.name} ${outcome.end}`);
  if (outcome.exception !== undefined) add(`cause ${outcome.exception.cause} to ${pair.reference.mode}`);
  if (outcome.exception?.instruction !== undefined) add(`instruction ${outcome.exception.instruction}`);
  if (outcome.interrupt !== undefined) add(`interrupt ${outcome.interrupt}`);
}

const PRIVILEGE: Readonly<Record<Mode, number>> = { M: 3, HS: 1, VS: 1, U: 0, VU: 0 };

/** Registers of an interrupt file as the machine numbers them. */
const FILE_REGISTERS = { delivery: 0x70, threshold: 0x72, pending: [0x80, 0x82], enabled: [0xc0, 0xc2] } as const;

const wordOf = (identities: ReadonlySet<number>, word: number): bigint =>
  [...identities].reduce((bits, each) => (each >> 6 === word ? bits | (1n << BigInt(each & 63)) : bits), 0n);

function loadFile(into: InterruptFile, from: ReferenceFile): void {
  into.writeRegister(FILE_REGISTERS.delivery, from.delivers ? 1n : 0n);
  into.writeRegister(FILE_REGISTERS.threshold, BigInt(from.threshold));
  for (const name of ['pending', 'enabled'] as const) {
    for (const [word, select] of FILE_REGISTERS[name].entries()) into.writeRegister(select, wordOf(from[name], word));
  }
}

/** What differs between an interrupt file and the reference's. */
function compareFile(mine: InterruptFile, its: ReferenceFile): string | undefined {
  if (mine.top() !== topIdentity(its) * 0x1_0001) return `top is ${mine.top()}`;
  if (mine.readRegister(FILE_REGISTERS.delivery) !== (its.delivers ? 1n : 0n)) return 'delivery';
  if (mine.readRegister(FILE_REGISTERS.threshold) !== BigInt(its.threshold)) return 'threshold';
  for (const name of ['pending', 'enabled'] as const) {
    if (FILE_REGISTERS[name].some((select, word) => mine.readRegister(select) !== wordOf(its[name], word))) return name;
  }
  return undefined;
}

function loadIntoMachine(pair: Pair): void {
  const { machine, system, reference } = pair;
  const { longs, words } = system.host;
  const { attempted, retired } = reference;
  machine.resetHart(0, { pc: 0, profile: reference.profile.id as HartProfileId });
  const put = (slot: number, value: bigint) => {
    longs[bareWord(HART, slot) >> 1] = BigInt.asIntN(64, value);
  };
  for (const [slot, number] of KEPT) put(slot, get(reference, number));
  for (let index = 0; index < 16; index++) put(PMPADDR_SLOT + index, get(reference, N.pmpaddr0 + index));
  for (const [index, file] of reference.files.entries()) loadFile(pair.files[index]!, file);
  put(bareSlot.lines, reference.lines);
  put(bareSlot.cycleOffset, reference.cycleOffset);
  put(bareSlot.instretOffset, reference.instretOffset);
  for (let index = 1; index < 32; index++) machine.writeRegister(0, index, reference.x[index]!);
  for (let index = 0; index < 32; index++) longs[(HART + hartOffset.f + 8 * index) >> 3] = BigInt.asIntN(64, reference.f[index]!);
  longs[(HART + hartOffset.pc) >> 3] = BigInt.asIntN(64, reference.pc);
  words[(HART >> 2) + hartWord.fcsr] = Number(reference.fcsr);
  writeCounter(words, (HART >> 2) + hartWord.instructionsAttempted, Number(attempted));
  writeCounter(words, (HART >> 2) + hartWord.instructionsRetired, Number(retired));
  machine.context.setMode(HART, PRIVILEGE[reference.mode], isVirtual(reference.mode));
}

const hex = (value: bigint): string => `0x${BigInt.asUintN(64, value).toString(16)}`;

function compareAll(pair: Pair, outcome: BareOutcome, ran: { exit: number; left: number }): string | undefined {
  const { machine, system, reference } = pair;
  const { longs, words } = system.host;
  if (ran.left !== 0) return `left ${ran.left} with exit ${ran.exit}`;
  if ((ran.exit === exitReason.wait) !== (outcome.end === 'wait')) return `exit ${ran.exit}`;
  const differs = (name: string, mine: bigint, its: bigint): string | undefined =>
    BigInt.asUintN(64, mine) === BigInt.asUintN(64, its) ? undefined : `${name} is ${hex(mine)}, reference ${hex(its)}`;
  let found = differs('pc', machine.readPc(0), reference.pc);
  const { privilege, isVirtual: virtual } = machine.mode(0);
  if (privilege !== PRIVILEGE[reference.mode] || virtual !== isVirtual(reference.mode)) {
    found ??= `mode is ${privilege} ${virtual}, reference ${reference.mode}`;
  }
  for (let index = 1; index < 32; index++) {
    found ??= differs(`x${index}`, longs[registerWord(HART, index) >> 1]!, reference.x[index]!);
    found ??= differs(`f${index}`, longs[(HART + hartOffset.f + 8 * index) >> 3]!, reference.f[index]!);
  }
  found ??= differs('fcsr', BigInt(words[(HART >> 2) + hartWord.fcsr]!), reference.fcsr);
  const slot = (number: number) => longs[bareWord(HART, number) >> 1]!;
  for (const [at, number] of KEPT) {
    const name = findBareCsr(number, reference.profile.number)?.name ?? hex(BigInt(number));
    found ??= differs(name, slot(at), get(reference, number));
  }
  for (let index = 0; index < 16; index++) {
    found ??= differs(`pmpaddr${index}`, slot(PMPADDR_SLOT + index), get(reference, N.pmpaddr0 + index));
  }
  found ??= differs('lines', slot(bareSlot.lines), reference.lines);
  found ??= differs('mcycle offset', slot(bareSlot.cycleOffset), reference.cycleOffset);
  found ??= differs('minstret offset', slot(bareSlot.instretOffset), reference.instretOffset);
  found ??= differs('retired', BigInt(machine.instructionsRetired(0)), reference.retired);
  if (outcome.name === undefined || outcome.name.startsWith('csrr')) {
    for (const [index, file] of reference.files.entries()) {
      const what = compareFile(pair.files[index]!, file);
      if (what !== undefined) found ??= `interrupt file ${index}: ${what}`;
    }
  }
  const held = words[(HART >> 2) + hartWord.reservationValid]!;
  if (held !== (reference.reservation?.byteCount ?? 0)) found ??= `reservation of ${held} bytes`;
  return found ?? compareWritten(pair);
}

function compareWritten({ vm, system, bytes, written }: Pair): string | undefined {
  for (const { address, byteCount } of written) {
    for (let at = address; at < address + byteCount; at++) {
      const place = frameAddress(system.host, vm.frame(at >>> 12)) + (at & 0xfff);
      if (system.host.bytes[place] !== bytes[at]) return `byte at RAM + 0x${at.toString(16)} differs`;
    }
  }
  return undefined;
}

function compareRam({ vm, bytes }: Pair): string | undefined {
  const mine = vm.read(RAM, bytes.length)!;
  const at = mine.findIndex((byte, index) => byte !== bytes[index]);
  return at < 0 ? undefined : `after a world, byte at RAM + 0x${at.toString(16)} differs`;
}
