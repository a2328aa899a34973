/**
 * Which vCPUs hold the host's processors. Time slices are 10 ms on an absolute grid, round robin; a vCPU that
 * blocks gives its processor up at the next cut, a woken one takes a free processor at once. A throttled VM is off during
 * the first share of every 10 ms. Decisions fall only at cuts of virtual time that the model makes itself
 * (events, wakings, grid points), never where somebody stopped the run.
 * Left out: priorities, weights, NUMA, migration cost between processors.
 */
import { hartState, nextWakeNs, type Vcpu } from './vcpu.ts';
import { canRun } from './vcpu-run.ts';
import { THROTTLE_PERIOD_NS, type Vm } from './vm.ts';

/** Length of a time slice and grid of the scheduler. Unit: ns. */
export const SLICE_NS = 10_000_000;

/** A vCPU with its VM. */
export interface Entity {
  readonly vm: Vm;
  readonly vcpu: Vcpu;
}

/** Whether the throttle keeps this VM off the processors at `timeNs`. */
export function isThrottled(vm: Vm, timeNs: number): boolean {
  if (vm.throttlePercent === 0) return false;
  return timeNs % THROTTLE_PERIOD_NS < shareNs(vm);
}

function shareNs(vm: Vm): number {
  return (THROTTLE_PERIOD_NS / 100) * vm.throttlePercent;
}

/** The next moment after `timeNs` at which the throttle changes its mind. */
export function nextThrottleEdge(vm: Vm, timeNs: number): number {
  if (vm.throttlePercent === 0) return Infinity;
  const start = Math.floor(timeNs / THROTTLE_PERIOD_NS) * THROTTLE_PERIOD_NS;
  const end = start + shareNs(vm);
  return timeNs < end ? end : start + THROTTLE_PERIOD_NS;
}

export class Scheduler {
  readonly processorCount: number;
  /** Round-robin order; those at the front get processors first. */
  private order: Entity[] = [];
  /** Entities that hold a processor, in (VM id, vCPU) order: the order in which they run inside a quantum. */
  private holders: Entity[] = [];
  private waitingCount = 0;
  private sliceNs = 0; // start of the slice in which the order was last turned

  constructor(processorCount: number) {
    this.processorCount = processorCount;
  }

  add(vm: Vm): void {
    for (const vcpu of vm.vcpus) this.order.push({ vm, vcpu });
  }

  remove(vm: Vm): void {
    for (const vcpu of vm.vcpus) vcpu.onProcessor = false;
    this.order = this.order.filter((entity) => entity.vm !== vm);
    this.holders = this.holders.filter((entity) => entity.vm !== vm);
  }

  running(): readonly Entity[] {
    return this.holders;
  }

  /** Whether a vCPU that could run has no processor. */
  isContended(): boolean {
    return this.waitingCount > 0;
  }

  /** Decides anew at the cut `nowNs`. */
  decide(nowNs: number): void {
    if (this.isContended() && Math.floor(nowNs / SLICE_NS) * SLICE_NS > this.sliceNs) this.turn();
    this.sliceNs = Math.floor(nowNs / SLICE_NS) * SLICE_NS;
    const ready = this.order.filter((entity) => isReady(entity, nowNs));
    const keep = ready.filter(({ vcpu }) => vcpu.onProcessor);
    const others = ready.filter(({ vcpu }) => !vcpu.onProcessor);
    const chosen = [...keep, ...others].slice(0, this.processorCount);
    this.waitingCount = ready.length - chosen.length;
    for (const { vcpu } of this.order) vcpu.onProcessor = false;
    for (const { vcpu } of chosen) vcpu.onProcessor = true;
    this.holders = chosen.toSorted(
      (left, right) => left.vm.id - right.vm.id || left.vcpu.index - right.vcpu.index,
    );
  }

  /** The end of a slice: who had a processor goes to the end of the order. */
  private turn(): void {
    const had = this.order.filter(({ vcpu }) => vcpu.onProcessor);
    this.order = [...this.order.filter(({ vcpu }) => !vcpu.onProcessor), ...had];
    for (const { vcpu } of had) vcpu.onProcessor = false;
  }

  /** Earliest moment after `nowNs` at which {@link decide} could decide otherwise, without any event. */
  nextCutNs(nowNs: number): number {
    let cut = Infinity;
    if (this.holders.length > 0) cut = Math.floor(nowNs / SLICE_NS) * SLICE_NS + SLICE_NS;
    for (const { vm, vcpu } of this.order) {
      if (vm.state !== 'running') continue;
      if (vm.throttlePercent > 0) cut = Math.min(cut, nextThrottleEdge(vm, nowNs));
      if (vcpu.onProcessor || isThrottled(vm, nowNs)) continue;
      if (canRun(vm, vcpu) || vcpu.hartState === hartState.stopped) continue;
      const wakeNs = nextWakeNs(vcpu);
      if (wakeNs > nowNs) cut = Math.min(cut, wakeNs);
    }
    return cut;
  }
}

function isReady({ vm, vcpu }: Entity, nowNs: number): boolean {
  if (vm.state !== 'running' || isThrottled(vm, nowNs)) return false;
  return canRun(vm, vcpu) || nextWakeNs(vcpu) <= nowNs;
}
