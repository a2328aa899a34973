/**
 * The run loop of one vCPU: how many instructions fit before a moment of virtual time, exactly; what to do
 * with each exit; what it costs. An instruction that starts at t runs before whatever happens at T when t < T.
 * Whoever calls may split the time as it likes: nothing here depends on where a call ends.
 */
import { assert } from '../base/index.ts';
import { getProfile, type HartProfile } from '../isa/table/index.ts';
import type { BusValue, Machine } from '../machine/index.ts';
import { GUEST_RAM_ADDRESS } from '../memory/index.ts';
import {
  csrSlot,
  exitReason,
  HART_ADDRESS,
  HART_STRIDE,
  hartOffset,
} from '../protocol/host-memory-layout.ts';
import { callSbi, type SbiCall, type SbiPorts } from './sbi.ts';
import {
  advanceTime,
  catchUp,
  chargeExit,
  hartState,
  nextWakeNs,
  type Vcpu,
  WAITS_FOR_ALL,
  waitForPage,
} from './vcpu.ts';
import type { Vm } from './vm.ts';
import type { VmDevices } from './vm-devices.ts';

/** Grid on which several vCPUs of a host interleave, and latency of what one sends to another. Unit: ns. */
export const QUANTUM_NS = 5_000;
/** hvip bits (RISC-V Privileged §18.2.3). */
const SOFTWARE = 2;
const TIMER = 6;
export const EXTERNAL = 10;
/** Most instructions of one entry: keeps budgets far below 2^31. */
const BUDGET_MAX = 1 << 30;

/** What the loop needs of its host. */
export interface RunContext {
  readonly machine: Machine;
  readonly picosecondsPerInstruction: number;
  /** Where the present entry into the guest began; read by {@link instructionTimeNs}. */
  readonly entry: { slot: number; timeNs: number; timePs: number; budget: number };
  /** The vCPU in the guest now, for costs that arise in the middle of an entry. */
  running: { vm: Vm; vcpu: Vcpu } | undefined;
  /** Virtual time of the environment call or device access that is being served, −1 = none. */
  callNs: number;
  /** The vCPU that reaches for a device now. */
  caller: Vcpu | undefined;
  /** Instructions executed on this host, by VMs that have left, too. */
  executed: number;
  flushTranslations(vcpu: Vcpu): void;
  stopVm(vm: Vm, timeNs: number, reason: string): void;
  failVm(vm: Vm, timeNs: number, reason: string): void;
  rebootVm(vm: Vm, timeNs: number): void;
}

/** Virtual time of the access or call that is served, or of the event at `nowNs`. Unit: ns. */
export function timeOf(context: RunContext, nowNs: number): number {
  return context.callNs >= 0 ? context.callNs : nowNs;
}

/** The first point of the grid after `timeNs`. */
export function nextGridNs(timeNs: number): number {
  return (Math.floor(timeNs / QUANTUM_NS) + 1) * QUANTUM_NS;
}

/** Virtual time of the instruction that the present entry executes, with `budgetLeft` still to come after it. */
export function instructionTimeNs(context: RunContext, budgetLeft: number): number {
  const { entry } = context;
  const before = entry.budget - budgetLeft - 1;
  return entry.timeNs + Math.floor((entry.timePs + before * context.picosecondsPerInstruction) / 1000);
}

/** Whether a vCPU has instructions to execute at its place in time. */
export function canRun(vm: Vm, vcpu: Vcpu): boolean {
  const ready = vcpu.hartState === hartState.started && !vcpu.waiting;
  return vm.state === 'running' && ready && vcpu.waitsForPage < 0;
}

/** Virtual time of the next thing that a vCPU with a processor does; Infinity when nothing will wake it. */
export function nextStepNs(vm: Vm, vcpu: Vcpu): number {
  if (vm.state !== 'running') return Infinity;
  return canRun(vm, vcpu) ? vcpu.timeNs : Math.max(vcpu.timeNs, nextWakeNs(vcpu));
}

/**
 * Runs a vCPU until its next instruction would start at `limit()` or later, or it has nothing to do before
 * that. `limit` is asked again after every exit, because an exit may bring the next event nearer.
 */
export function runVcpu(context: RunContext, vm: Vm, vcpu: Vcpu, limit: () => number): void {
  while (vm.state === 'running') {
    const wakeNs = nextWakeNs(vcpu);
    const limitNs = limit();
    if (nextStepNs(vm, vcpu) >= limitNs) return;
    if (!canRun(vm, vcpu) || wakeNs <= vcpu.timeNs) arrive(context, vm, vcpu, wakeNs);
    else enterGuest(context, vm, vcpu, Math.min(limitNs, wakeNs));
  }
}

/** Something reaches the vCPU at `wakeNs`: a timer, an interprocessor interrupt, its start. */
function arrive(context: RunContext, vm: Vm, vcpu: Vcpu, wakeNs: number): void {
  const { machine } = context;
  catchUp(vcpu, wakeNs);
  if (vcpu.hartState === hartState.startPending) {
    machine.resetHart(vcpu.hartSlot, {
      vm: vm.memory,
      pc: vcpu.startAddress,
      a0: vcpu.index,
      a1: vcpu.startOpaque,
      profile: machine.profile(vcpu.hartSlot),
      userCounters: vm.devices !== undefined,
    });
    vcpu.hartState = hartState.started;
    vcpu.startAtNs = Infinity;
    vcpu.waiting = false;
    if (vm.devices?.isExternal(vcpu.index) === true) machine.setInterruptPending(vcpu.hartSlot, EXTERNAL, true);
    return;
  }
  if (vcpu.timerDeadlineNs <= vcpu.timeNs) {
    vcpu.timerDeadlineNs = Infinity;
    machine.setInterruptPending(vcpu.hartSlot, TIMER, true);
    if (!vcpu.waiting) chargeExit(vcpu, 'timer');
  }
  if (vcpu.softwareAtNs <= vcpu.timeNs) {
    vcpu.softwareAtNs = Infinity;
    machine.setInterruptPending(vcpu.hartSlot, SOFTWARE, true);
  }
  if (vcpu.externalAtNs <= vcpu.timeNs) {
    vcpu.externalAtNs = Infinity;
    const level = vm.devices?.isExternal(vcpu.index) === true;
    machine.setInterruptPending(vcpu.hartSlot, EXTERNAL, level);
    if (level && !vcpu.waiting) chargeExit(vcpu, 'external');
  }
  if (vcpu.waiting && machine.isWoken(vcpu.hartSlot)) {
    vcpu.waiting = false;
    vcpu.hartState = hartState.started;
  }
}

/** One entry into the guest: at most until the last instruction that starts before `endNs`. */
function enterGuest(context: RunContext, vm: Vm, vcpu: Vcpu, endNs: number): void {
  const { machine, picosecondsPerInstruction, entry } = context;
  const picoseconds = Math.min(endNs - vcpu.timeNs, 4_000_000_000) * 1000 - vcpu.timePs;
  const budget = Math.min(Math.ceil(picoseconds / picosecondsPerInstruction), BUDGET_MAX);
  assert(budget > 0, 'an entry into the guest has an instruction to run');
  entry.slot = vcpu.hartSlot;
  entry.timeNs = vcpu.timeNs;
  entry.timePs = vcpu.timePs;
  entry.budget = budget;
  context.running = { vm, vcpu };
  const { exit, left } = machine.run(vcpu.hartSlot, budget);
  context.running = undefined;
  const executed = budget - left;
  vcpu.instructionCount += executed;
  context.executed += executed;
  if (executed > 0) vcpu.lastStartNs = instructionTimeNs(context, left);
  advanceTime(vcpu, executed * picosecondsPerInstruction);
  if (vcpu.waitsForPage >= 0) vcpu.waitsSinceNs = vcpu.timeNs;
  onExit(context, vm, vcpu, exit);
}

function onExit(context: RunContext, vm: Vm, vcpu: Vcpu, exit: number): void {
  switch (exit) {
    case exitReason.budget:
    case exitReason.yield:
      return;
    case exitReason.environmentCall:
      onEnvironmentCall(context, vm, vcpu);
      return;
    case exitReason.wait:
      chargeExit(vcpu, 'wait');
      vcpu.waiting = true;
      return;
    case exitReason.guestPageFault:
      onGuestPageFault(context, vm, vcpu);
      return;
    case exitReason.breakpoint:
      context.failVm(vm, vcpu.timeNs, `vCPU ${vcpu.index} met a breakpoint at ${pcText(context, vcpu)} and nobody debugs it.`);
      return;
    case exitReason.illegal:
      context.failVm(vm, vcpu.timeNs, `vCPU ${vcpu.index} raised a trap at ${pcText(context, vcpu)} that nobody handles.`);
      return;
    default:
      assert(false, `the machine leaves the guest for a known reason, not ${exit}`);
  }
}

function pcText(context: RunContext, vcpu: Vcpu): string {
  return `0x${context.machine.readPc(vcpu.hartSlot).toString(16)}`;
}

const ACCESS_FAULT: Readonly<Record<number, number>> = { 20: 1, 21: 5, 23: 7 };

/**
 * The guest touched physical memory that it does not have. A machine answers with an access fault
 * (RISC-V Privileged §3.1.15 causes 1, 5, 7), which goes to the guest's handler; a guest whose handler is
 * itself out there can never go on.
 */
function onGuestPageFault(context: RunContext, vm: Vm, vcpu: Vcpu): void {
  const { machine } = context;
  if (vm.devices !== undefined && reachDevice(context, vm, vm.devices, vcpu)) return;
  const fault = machine.guestPageFault(vcpu.hartSlot);
  const address = `0x${fault.guestPhysicalAddress.toString(16)}`;
  const ramEnd = GUEST_RAM_ADDRESS + vm.pageCount * 4096;
  if (fault.cause === 20) {
    context.failVm(
      vm,
      vcpu.timeNs,
      `vCPU ${vcpu.index} fetched an instruction from ${address}, outside its RAM (0x${GUEST_RAM_ADDRESS.toString(16)} to 0x${ramEnd.toString(16)}).`,
    );
    return;
  }
  machine.raiseException(vcpu.hartSlot, ACCESS_FAULT[fault.cause] ?? 5, fault.virtualAddress);
  chargeExit(vcpu, 'guest-page-fault');
}

const answer: BusValue = { low: 0, high: 0 };

/** Serves a load or store of a device's register. False: no device answers it. */
function reachDevice(context: RunContext, vm: Vm, devices: VmDevices, vcpu: Vcpu): boolean {
  const { machine } = context;
  const access = machine.findDeviceAccess(vcpu.hartSlot);
  if (access === undefined) return false;
  const { address, byteCount, stored } = access;
  answer.low = 0;
  answer.high = 0;
  context.callNs = vcpu.timeNs;
  context.caller = vcpu;
  const answered = stored === undefined ? devices.read(address, byteCount, answer) : devices.write(address, byteCount, stored);
  context.callNs = -1;
  context.caller = undefined;
  if (!answered) return false;
  machine.finishDeviceAccess(vcpu.hartSlot, access, answer);
  const finish = devices.takeFinish();
  const calledNs = vcpu.timeNs;
  chargeExit(vcpu, 'device');
  if (finish?.how === 'pass') context.stopVm(vm, calledNs, 'The guest shut down.');
  else if (finish?.how === 'fail') context.stopVm(vm, calledNs, `The guest reported failure ${finish.code} and shut down.`);
  else if (finish?.how === 'reset') context.rebootVm(vm, vcpu.timeNs);
  return true;
}

const ARGUMENT_REGISTERS = [10, 11, 12, 13, 14, 15];

function onEnvironmentCall(context: RunContext, vm: Vm, vcpu: Vcpu): void {
  const { machine } = context;
  const slot = vcpu.hartSlot;
  const call: SbiCall = {
    extension: Number(BigInt.asUintN(32, machine.readRegister(slot, 17))),
    function: Number(BigInt.asUintN(32, machine.readRegister(slot, 16))),
    arguments: ARGUMENT_REGISTERS.map((register) => Number(machine.readRegister(slot, register))),
  };
  let rebooted = false;
  let waitsFor = WAITS_FOR_ALL;
  context.callNs = vcpu.timeNs;
  const reply = callSbi(call, {
    ...sbiPorts(context, vm, vcpu),
    mayWrite: (address, size) => {
      const { waitsForPage, keptCount } = vm.memory.prepareWrite(address, size, 'sbi');
      for (let count = 0; count < keptCount; count++) chargeExit(vcpu, 'snapshot-copy');
      waitsFor = waitsForPage;
      return waitsForPage < 0;
    },
    reboot: () => {
      rebooted = true;
    },
  });
  context.callNs = -1;
  if (reply.waits === true) {
    waitForPage(vcpu, waitsFor);
    return;
  }
  chargeExit(vcpu, reply.cause);
  if (rebooted) {
    context.rebootVm(vm, vcpu.timeNs);
    return;
  }
  machine.writeRegister(slot, 10, BigInt(reply.error));
  if (!reply.legacy) machine.writeRegister(slot, 11, BigInt(reply.value));
  machine.skipInstruction(slot);
}

/** Whether instructions of 2 bytes exist. */
function hasShort({ extensions }: HartProfile): boolean {
  return extensions.includes('C');
}

/** All but what needs the call's own variables. */
function sbiPorts(context: RunContext, vm: Vm, vcpu: Vcpu): Omit<SbiPorts, 'mayWrite'> {
  const { machine } = context;
  const slot = vcpu.hartSlot;
  return {
    vcpu,
    vcpus: vm.vcpus,
    nowNs: vcpu.timeNs,
    reachesOthersAtNs: nextGridNs(vcpu.timeNs),
    setTimer(deadlineNs) {
      machine.setInterruptPending(slot, TIMER, false);
      vcpu.timerDeadlineNs = deadlineNs;
    },
    clearSoftwareInterrupt: () => machine.setInterruptPending(slot, SOFTWARE, false),
    write: (output) => {
      vm.devices?.flush();
      vm.debugConsole.write(vcpu.timeNs, output);
    },
    read: (count) => vm.debugConsole.read(count),
    waitingInput: () => vm.debugConsole.waitingInput().length,
    mayReboot: () => vm.memory.protection.count() === 0,
    readGuest: (address, size) => vm.memory.read(address, size),
    writeGuest: (address, bytes) => vm.memory.write(address, bytes, 'sbi'),
    isRam: (address, size) => vm.memory.isPresent(address, size),
    instructionAlignment: hasShort(getProfile(machine.profile(slot))) ? 2 : 4,
    flushTranslations: (target) => context.flushTranslations(target),
    shutDown(failed) {
      const how = failed ? 'reported a failure and shut down' : 'shut down';
      context.stopVm(vm, vcpu.timeNs, `The guest ${how}.`);
    },
    reboot: () => undefined,
    stopHart() {
      vcpu.hartState = hartState.stopped;
      vcpu.timerDeadlineNs = Infinity;
      vcpu.softwareAtNs = Infinity;
      if (vm.vcpus.every((it) => it.hartState === hartState.stopped)) {
        context.stopVm(vm, vcpu.timeNs, 'The guest stopped all of its harts.');
      }
    },
    suspendHart() {
      if (machine.isWoken(slot)) return;
      vcpu.hartState = hartState.suspended;
      vcpu.waiting = true;
    },
  };
}

const PC = hartOffset.pc >> 2;
const STVEC = (hartOffset.csr + 8 * csrSlot.vstvec) >> 2;
const SEPC = (hartOffset.csr + 8 * csrSlot.vsepc) >> 2;
const SCAUSE = (hartOffset.csr + 8 * csrSlot.vscause) >> 2;

/**
 * Whether a hart can never do anything again: the instruction at its trap handler cannot be fetched or is
 * illegal (causes 1, 2, 12), and the last trap came from just there, so that each attempt traps to the same place.
 */
export function isStuck(words: Int32Array, hartSlot: number): boolean {
  const hart = (HART_ADDRESS + hartSlot * HART_STRIDE) >> 2;
  const cause = words[hart + SCAUSE]!;
  if ((cause !== 12 && cause !== 1 && cause !== 2) || words[hart + SCAUSE + 1] !== 0) return false;
  const [low, high] = [words[hart + PC]!, words[hart + PC + 1]!];
  return (
    low === (words[hart + STVEC]! & ~3) &&
    high === words[hart + STVEC + 1] &&
    low === words[hart + SEPC] &&
    high === words[hart + SEPC + 1]
  );
}
