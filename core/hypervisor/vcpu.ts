/**
 * A virtual CPU: which hart of the machine it uses, its own place in virtual time, and what may wake it.
 * State is a plain record; the run loop is in vcpu-run.ts.
 *
 * The place in time is where its next instruction starts, in ns and a remainder in ps, so that an
 * instruction time that is not whole nanoseconds never drifts.
 */
import { EXIT_COSTS, type ExitCause, EXIT_INDEX } from './cost-table.ts';

/** Hart states as SBI's HSM extension numbers them (SBI 2.0 §9.1). */
export const hartState = { started: 0, stopped: 1, startPending: 2, suspended: 4 } as const;

/** {@link Vcpu.waitsForPage} of a vCPU that waits until a snapshot has taken every page. */
export const WAITS_FOR_ALL = 0x7fff_ffff;

export interface Vcpu {
  readonly index: number; //         within its VM; the guest's hart id
  hartSlot: number; //               hart of the host's machine
  /** One of {@link hartState}. */
  hartState: number;
  /** In wfi (or suspended) until something wakes it. */
  waiting: boolean;
  /**
   * The page whose content must be kept before this vCPU may go on, −1 = none; {@link WAITS_FOR_ALL}:
   * every page. While it waits nothing reaches it, as a thread of the host that sleeps in a fault.
   */
  waitsForPage: number;
  waitsSinceNs: number; //           when that wait began
  /** Holds a physical processor now. Decided by the scheduler. */
  onProcessor: boolean;
  timeNs: number; //                 start of its next instruction …
  timePs: number; //                 … and the remainder, 0 … 999
  /** Virtual time of the timer interrupt, Infinity = none. */
  timerDeadlineNs: number;
  /** An interprocessor interrupt on its way: when it arrives, Infinity = none. */
  softwareAtNs: number;
  /** When a change of its external interrupt wire, made elsewhere, reaches it; Infinity = none is on its way. */
  externalAtNs: number;
  /** A hart start on its way: when it takes effect, Infinity = none; with address and opaque. */
  startAtNs: number;
  startAddress: number;
  startOpaque: number;
  instructionCount: number; //       attempted on this host
  lastStartNs: number; //            start of the last of them, −1 = none
  readonly exitCounts: Float64Array; // by index into EXIT_COSTS
  readonly exitCostsNs: Float64Array;
}

/** A vCPU that has not started yet. */
export function makeVcpu(index: number, hartSlot: number): Vcpu {
  return {
    index,
    hartSlot,
    hartState: hartState.stopped,
    waiting: false,
    waitsForPage: -1,
    waitsSinceNs: 0,
    onProcessor: false,
    timeNs: 0,
    timePs: 0,
    timerDeadlineNs: Infinity,
    softwareAtNs: Infinity,
    externalAtNs: Infinity,
    startAtNs: Infinity,
    startAddress: 0,
    startOpaque: 0,
    instructionCount: 0,
    lastStartNs: -1,
    exitCounts: new Float64Array(EXIT_COSTS.length),
    exitCostsNs: new Float64Array(EXIT_COSTS.length),
  };
}

/** Earliest time at which something reaches this vCPU by itself, Infinity = nothing will. */
export function nextWakeNs(vcpu: Vcpu): number {
  if (vcpu.waitsForPage >= 0) return Infinity;
  if (vcpu.hartState === hartState.startPending) return vcpu.startAtNs;
  if (vcpu.hartState === hartState.stopped) return Infinity;
  return Math.min(vcpu.timerDeadlineNs, vcpu.softwareAtNs, vcpu.externalAtNs);
}

/** Moves the vCPU's place in time on by `picoseconds` (at most 2^53). */
export function advanceTime(vcpu: Vcpu, picoseconds: number): void {
  const total = vcpu.timePs + picoseconds;
  const whole = Math.floor(total / 1000);
  vcpu.timeNs += whole;
  vcpu.timePs = total - whole * 1000;
}

/** Brings a vCPU that did not run to `nowNs`; one that is ahead (it pays for an exit) stays there. */
export function catchUp(vcpu: Vcpu, nowNs: number): void {
  if (vcpu.timeNs >= nowNs) return;
  vcpu.timeNs = nowNs;
  vcpu.timePs = 0;
}

/** Makes a vCPU wait for a page, from its place in time. The exit is charged to it. */
export function waitForPage(vcpu: Vcpu, page: number): void {
  chargeExit(vcpu, 'snapshot-wait');
  vcpu.waitsForPage = page;
  vcpu.waitsSinceNs = vcpu.timeNs;
}

/** Counts an exit and takes its cost out of the vCPU's time. */
export function chargeExit(vcpu: Vcpu, cause: ExitCause): void {
  const index = EXIT_INDEX[cause];
  const costNs = EXIT_COSTS[index]!.costNs;
  vcpu.exitCounts[index] = vcpu.exitCounts[index]! + 1;
  vcpu.exitCostsNs[index] = vcpu.exitCostsNs[index]! + costNs;
  vcpu.timeNs += costNs;
}
