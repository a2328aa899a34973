/**
 * One host: its memory, machine, VMs, scheduler, event queue and TCP stack, advancing in virtual time. Mechanisms
 * register handlers for their events; the world wires links to it. The place where virtual time passes
 * is {@link Host.run}: between two cuts (events, wakings, grid points) vCPUs run, at a cut events happen.
 *
 * With one runnable vCPU it runs straight to the next cut; with several they take turns on an absolute grid of
 * 5 µs, in order of VM and vCPU. Where a call of run() ends makes no cut: a stop inside a quantum keeps a cursor.
 * Left out: NUMA, power states.
 */
import { assert, err, ok, PAGE_SIZE, type Result } from '../base/index.ts';
import { type CheckpointRules, checkpointRules } from '../base/checkpoint-rule.ts';
import { DEFAULT_PROFILE, type GuestProfileId } from '../isa/table/index.ts';
import { Machine } from '../machine/index.ts';
import { MemorySystem, type ModelFault } from '../memory/index.ts';
import type { TcpEvent, TcpStack, TimerKind } from '../network/index.ts';
import {
  exitReason,
  HART_ADDRESS,
  HART_COUNT_MAX,
  HART_STRIDE,
  hartOffset,
} from '../protocol/host-memory-layout.ts';
import type { HostSnapshot, TimelineEvent } from '../protocol/snapshot.ts';
import {
  type EventArguments,
  type EventQueue,
  makeEventQueue,
  peekTime,
  popEvent,
  pushEvent,
  removeEvents,
  type SimulationEvent,
} from '../sim/event-queue.ts';
import { rank } from '../sim/rank.ts';
import {
  type BootImage,
  checkImage,
  deviceTreeRoom,
  loadImage,
  prepareImage,
  vmDeviceTree,
} from './boot.ts';
import type { ExitCause } from './cost-table.ts';
import type { HostOptions, IncomingVmSpec, VmSpec } from './host-options.ts';
import { HostDevices } from './host-devices.ts';
import { makeHostTcp } from './host-tcp.ts';
import { Scheduler } from './scheduler.ts';
import { catchUp, chargeExit, hartState, makeVcpu, type Vcpu, waitForPage } from './vcpu.ts';
import {
  instructionTimeNs,
  isStuck,
  nextGridNs,
  nextStepNs,
  type RunContext,
  runVcpu,
} from './vcpu-run.ts';
import { Vm, type VmState } from './vm.ts';
import type { VmDeviceSpec } from './vm-devices.ts';
import type { VmError } from './vm-error.ts';

/** vCPUs of one VM at most: a host has 32 harts for all of its VMs. */
export const VCPU_COUNT_MAX = 8;
/** Grid on which a guest that traps for ever is noticed: a trap takes the emulator long, so not too late. Unit: ns. */
const WATCH_NS = 100_000;
/** What handling an event costs beside a guest's instruction, for the spacing of checkpoints only. */
const EVENT_WORK = 2_000;
/** Timeline events kept until somebody takes them. */
const TIMELINE_MAX = 10_000;
/** Events of one instant before something surely schedules itself for ever. */
const EVENTS_PER_INSTANT_MAX = 1_000_000;

export type EventHandler = (kind: string, args: EventArguments, now: number) => void;
export type TcpHandler = (event: TcpEvent, now: number) => void;

export class Host {
  static readonly [checkpointRules]: CheckpointRules = {
    queue: { events: 'values' }, // an event never changes
    images: { '*': 'value' },
    timeline: 'values',
  };
  readonly id: number;
  readonly name: string;
  readonly memory: MemorySystem;
  readonly machine: Machine;
  readonly tcp: TcpStack;
  readonly scheduler: Scheduler;
  readonly queue: EventQueue = makeEventQueue();
  /** 'crashed': no power; nothing runs and frames are not taken until {@link boot}. */
  state: HostSnapshot['state'] = 'up';
  /** Devices of its VMs, and what their cards are plugged into. */
  readonly devices: HostDevices;
  takesTurns = false; //          several vCPUs share the present stretch of time
  private readonly handlers = new Map<string, EventHandler>();
  private readonly tcpHandlers: TcpHandler[] = [];
  private readonly context: RunContext;
  private readonly list: Vm[] = [];
  private readonly images = new Map<number, BootSource>();
  private readonly hartsTaken = new Array<boolean>(HART_COUNT_MAX).fill(false);
  private timeline: TimelineEvent[] = [];
  private sequence = 0;
  private nowNs = 0; //          what now() gives
  private eventNs = -1; //       time of the last event that has happened, and of the last at another time
  private eventBeforeNs = -1;
  private eventCount = 0;
  private cutNs = 0; //          start of the present segment
  private cutIsDue = true; //    what happens at cutNs has not happened yet
  private cursor = 0; //         vCPU of the segment that runs next
  private isInCut = false; //    events of the instant are being handled

  constructor(options: HostOptions) {
    this.id = options.id;
    this.name = options.name;
    this.memory = new MemorySystem(options.frameCount);
    this.scheduler = new Scheduler(options.processorCount);
    const ports = {
      timeNs: (_slot: number, budgetLeft: number) => instructionTimeNs(this.context, budgetLeft),
    };
    this.machine =
      options.compiled === undefined
        ? new Machine(this.memory, ports)
        : new Machine(this.memory, ports, options.compiled);
    this.context = this.makeRunContext(options.picosecondsPerInstruction ?? 1000);
    this.devices = new HostDevices(this, this.context);
    this.memory.writer.ports.onModelFault = (_vm, fault, page) => this.onModelFault(fault, page);
    this.tcp = makeHostTcp(options, this);
    this.registerHandler('tcp', (_kind, args, now) => {
      this.tcp.onTimer(args['connection'] as number, args['timer'] as TimerKind, now);
    });
    this.registerHandler('host', (kind, args, now) => {
      this.devices.onEvent(kind, args, now);
    });
  }

  /** Virtual time: of the event inside a handler, else what the last run() reached. */
  now(): number {
    return this.nowNs;
  }

  // ---- events

  /** Schedules an event of this host, not before now(). Dispatched to the handler of the kind's part before the dot. */
  schedule(timeNs: number, eventRank: number, kind: string, args: EventArguments = {}): void {
    this.scheduleForeign({
      timeNs,
      rank: eventRank,
      source: this.id,
      sequence: this.sequence++,
      kind,
      arguments: args,
    });
  }

  /** Schedules an event with a key given elsewhere: an arrival from a neighbour, a logged command. */
  scheduleForeign(event: SimulationEvent): void {
    assert(event.timeNs >= this.nowNs, 'an event does not lie in the past');
    pushEvent(this.queue, event);
  }

  /** Whoever handles events whose kind is `prefix` or begins with `prefix.` */
  registerHandler(prefix: string, handler: EventHandler): void {
    assert(!this.handlers.has(prefix), `events '${prefix}' have one handler`);
    this.handlers.set(prefix, handler);
  }

  /** Tells everyone who registered for it an event of the TCP stack. */
  onTcpEvent(event: TcpEvent, now: number): void {
    for (const handler of this.tcpHandlers) handler(event, now);
  }

  /** Everyone registered is told every event of the TCP stack, in order of registration. */
  registerTcpHandler(handler: TcpHandler): void {
    this.tcpHandlers.push(handler);
  }

  /** Notes something for the timeline. */
  log(event: TimelineEvent): void {
    if (this.timeline.length < TIMELINE_MAX) this.timeline.push(event);
  }

  /** Timeline events since the call before. */
  takeTimeline(): TimelineEvent[] {
    const taken = this.timeline;
    this.timeline = [];
    return taken;
  }

  /** Time of the next thing that happens here by itself; Infinity when nothing will. */
  nextEventTime(): number {
    if (this.cutIsDue) return Math.min(this.cutNs, peekTime(this.queue));
    const steps = this.scheduler.running().map(({ vm, vcpu }) => nextStepNs(vm, vcpu));
    return Math.max(this.nowNs, Math.min(this.nextCutNs(), ...steps));
  }

  /**
   * When what a guest does at this moment takes effect outside its vCPU: at its instruction, or at the
   * next point of the grid where several vCPUs take turns. Outside of guests: now().
   */
  effectNs(): number {
    const { running, callNs } = this.context;
    if (running === undefined && callNs < 0) return this.nowNs;
    let timeNs = callNs;
    if (running !== undefined) {
      const hart = hartAddress(running.vcpu.hartSlot);
      timeNs = instructionTimeNs(this.context, this.memory.host.words[(hart + hartOffset.budget) >> 2]!);
    }
    return this.takesTurns ? nextGridNs(timeNs) : timeNs;
  }

  /** Time of the last event here before `beforeNs`, which is now or one before; −1 before the first. */
  lastEventTime(beforeNs: number): number {
    return this.eventNs < beforeNs ? this.eventNs : this.eventBeforeNs;
  }

  /** Start of the last instruction that any vCPU of the VM has executed here; −1 for none. */
  lastInstructionTime(id: number): number {
    const vcpus = this.findVm(id)?.vcpus ?? [];
    return vcpus.reduce((latest, vcpu) => Math.max(latest, vcpu.lastStartNs), -1);
  }

  /** What repeating this host's history costs, in instructions: events count as {@link EVENT_WORK} each. */
  work(): number {
    return this.context.executed + this.eventCount * EVENT_WORK;
  }

  // ---- time

  /** Does everything that happens before `until`, then stands there. Any splitting gives the same. */
  run(until: number): void {
    assert(until >= this.nowNs, 'time does not run backwards');
    for (;;) {
      if (this.cutIsDue) {
        if (this.cutNs >= until) break;
        this.passCut();
      }
      const running = this.scheduler.running();
      this.takesTurns = running.length > 1 || this.scheduler.isContended();
      const gridNs = this.takesTurns ? nextGridNs(this.cutNs) : Infinity;
      const end = () => Math.min(gridNs, this.nextCutNs());
      const limit = () => Math.min(end(), until);
      while (this.cursor < running.length) {
        const { vm, vcpu } = running[this.cursor]!;
        runVcpu(this.context, vm, vcpu, limit);
        if (end() > until && nextStepNs(vm, vcpu) < end()) break;
        this.cursor++;
      }
      const endNs = end();
      if (endNs > until) break; // somewhere inside the segment
      assert(this.cursor === running.length, 'a segment ends when all of its vCPUs have run');
      this.cutNs = endNs;
      this.cutIsDue = true;
    }
    this.nowNs = until;
  }

  private nextCutNs(): number {
    let cutNs = Math.min(peekTime(this.queue), this.scheduler.nextCutNs(this.cutNs));
    if (this.scheduler.running().length > 0) {
      cutNs = Math.min(cutNs, (Math.floor(this.cutNs / WATCH_NS) + 1) * WATCH_NS);
    }
    return cutNs;
  }

  /** Events of the instant, then the scheduler. */
  private passCut(): void {
    this.nowNs = this.cutNs;
    this.cutIsDue = false;
    this.isInCut = true;
    for (let count = 0; peekTime(this.queue) <= this.cutNs; count++) {
      assert(count < EVENTS_PER_INSTANT_MAX, 'events of one instant come to an end');
      const event = popEvent(this.queue)!;
      if (this.eventNs < this.cutNs) this.eventBeforeNs = this.eventNs;
      this.eventNs = this.cutNs;
      this.eventCount++;
      const dot = event.kind.indexOf('.');
      const handler = this.handlers.get(dot < 0 ? event.kind : event.kind.slice(0, dot));
      assert(handler !== undefined, `event '${event.kind}' has a handler`);
      handler(event.kind, event.arguments, event.timeNs);
    }
    this.isInCut = false;
    if (this.cutNs % WATCH_NS === 0) this.failStuckVms();
    this.scheduler.decide(this.cutNs);
    for (const { vcpu } of this.scheduler.running()) catchUp(vcpu, this.cutNs);
    this.cursor = 0;
  }

  // ---- virtual machines

  /** Makes a VM from an image and lets it run. Refused wholly or made wholly. */
  createVm(spec: VmSpec): Result<Vm, VmError> {
    const vcpuCount = spec.vcpuCount ?? 1;
    const { profile = DEFAULT_PROFILE } = spec;
    const image = prepareImage(spec.image, profile, spec.ramBytes);
    if (!image.ok) return image;
    const ram = checkRam(spec.name, spec.ramBytes);
    if (!ram.ok) return ram;
    const bootArguments = spec.bootArguments ?? '';
    const source = { image: image.value, bootArguments, devices: spec.devices };
    const tree = treeOf(source, spec.ramBytes, Math.max(1, Math.min(vcpuCount, VCPU_COUNT_MAX)), profile);
    const treeBytes = deviceTreeRoom(tree);
    const made = this.makeVm({
      id: spec.id,
      name: spec.name,
      guest: spec.image.name,
      pageCount: spec.ramBytes / PAGE_SIZE,
      vcpuCount,
      state: 'running',
      devices: spec.devices,
      check: () =>
        checkImage(image.value, { vm: spec.name, ramBytes: spec.ramBytes, treeBytes }),
    });
    if (!made.ok) return made;
    this.images.set(spec.id, source);
    this.bootVm(made.value, image.value, tree, profile);
    return made;
  }

  /**
   * Makes a VM in state 'incoming': its frames and harts are reserved, nothing is in them. Pages come through
   * memory.writePage, vCPUs through loadVcpu, devices through loadDeviceRecord; then {@link Vm.resume}.
   */
  createIncomingVm(spec: IncomingVmSpec): Result<Vm, VmError> {
    return this.makeVm({ ...spec, devices: spec.devices ?? this.devices.specs.get(spec.id)?.(), state: 'incoming', check: () => ok(undefined) });
  }

  /** Takes a VM off this host: frames and harts are free again. What its console said is gone with it. */
  destroyVm(id: number): void {
    const vm = this.findVm(id);
    assert(vm !== undefined, `host ${this.name} has a VM ${id} to destroy`);
    this.settle();
    this.scheduler.remove(vm);
    for (const vcpu of vm.vcpus) {
      this.machine.releaseHart(vcpu.hartSlot);
      this.hartsTaken[vcpu.hartSlot] = false;
    }
    vm.memory.destroy();
    this.list.splice(this.list.indexOf(vm), 1);
    this.images.delete(id);
  }

  findVm(id: number): Vm | undefined {
    return this.list.find((vm) => vm.id === id);
  }

  /** VMs on this host, by id. */
  vms(): readonly Vm[] {
    return this.list;
  }

  /** Power is lost: VMs, connections and everything scheduled here except what `keeps` names are gone. */
  crash(keeps: (event: SimulationEvent) => boolean): void {
    for (const vm of [...this.list]) this.destroyVm(vm.id);
    this.tcp.reset();
    this.devices.network = undefined;
    removeEvents(this.queue, (event) => !keeps(event));
    this.state = 'crashed';
  }

  /** Power is back, with empty memory. Whoever listens for connections listens again. */
  boot(): void {
    assert(this.state === 'crashed', 'a host that boots was down');
    this.state = 'up';
  }

  /** Ends a vCPU's wait for a page, within an event; gives how long it lasted. It tries again now. */
  wakeFromPage(vcpu: Vcpu): number {
    assert(this.isInCut && vcpu.waitsForPage >= 0, 'a vCPU that waits is woken by an event');
    const waitedNs = Math.max(0, this.nowNs - vcpu.waitsSinceNs);
    vcpu.waitsForPage = -1;
    return waitedNs;
  }

  snapshot(): HostSnapshot {
    return {
      id: this.id,
      name: this.name,
      state: this.state,
      frameCount: this.memory.frames.frameCount,
      framesFree: this.memory.frames.freeCount(),
      processorCount: this.scheduler.processorCount,
      vms: this.list.map((vm) => vm.snapshot()),
    };
  }

  private makeVm(plan: VmPlan): Result<Vm, VmError> {
    const { id, name } = plan;
    if (this.findVm(id) !== undefined) return err({ kind: 'vm-exists', host: this.name, id });
    const ram = checkRam(name, plan.pageCount * PAGE_SIZE);
    if (!ram.ok) return ram;
    const { vcpuCount } = plan;
    if (!Number.isInteger(vcpuCount) || vcpuCount < 1 || vcpuCount > VCPU_COUNT_MAX) {
      return err({ kind: 'vcpu-count', vm: name, found: vcpuCount, maximum: VCPU_COUNT_MAX });
    }
    const pagesWanted = this.memory.framesNeeded(plan.pageCount);
    const pagesFree = this.memory.frames.freeCount();
    if (pagesWanted > pagesFree) {
      return err({ kind: 'ram-beyond-host', vm: name, host: this.name, pagesWanted, pagesFree });
    }
    const slots = this.freeHarts(vcpuCount);
    if (slots.length < vcpuCount) {
      return err({ kind: 'no-hart-free', host: this.name, wanted: vcpuCount, free: slots.length });
    }
    const checked = plan.check();
    if (!checked.ok) return checked;
    const arrives = plan.state === 'incoming';
    const memory = this.memory.createVm({
      vmId: id, pageCount: plan.pageCount, allocated: !arrives, reserved: arrives,
    });
    if (!memory.ok) {
      if (memory.error.kind === 'no-vm-slot') {
        return err({ kind: 'no-slot-free', host: this.name, maximum: memory.error.slots });
      }
      return err({ kind: 'ram-beyond-host', vm: name, host: this.name, pagesWanted, pagesFree });
    }
    this.settle();
    for (const slot of slots) this.hartsTaken[slot] = true;
    const vm = new Vm({
      id,
      name,
      guest: plan.guest,
      memory: memory.value,
      vcpus: slots.map((slot, index) => makeVcpu(index, slot)),
      machine: this.machine,
      hooks: {
        changing: () => this.settle(),
        log: (kind, said) => this.logVm(id, this.nowNs, kind, said),
      },
      state: plan.state,
    });
    if (plan.devices !== undefined) this.devices.give(vm, plan.devices);
    this.list.push(vm);
    this.list.sort((left, right) => left.id - right.id);
    this.scheduler.add(vm);
    return ok(vm);
  }

  private freeHarts(count: number): number[] {
    const slots: number[] = [];
    this.hartsTaken.forEach((taken, slot) => {
      if (!taken && slots.length < count) slots.push(slot);
    });
    return slots;
  }

  /** Image and device tree into RAM; vCPU 0 starts at the entry, the others wait for a hart start (SBI HSM). */
  private bootVm(vm: Vm, image: BootImage, tree: Uint8Array, profile: GuestProfileId): void {
    const treeAddress = loadImage(vm.memory, image, tree);
    for (const vcpu of vm.vcpus) {
      vcpu.hartState = vcpu.index === 0 ? hartState.started : hartState.stopped;
      vcpu.waiting = false;
      vcpu.waitsForPage = -1;
      vcpu.timerDeadlineNs = Infinity;
      vcpu.softwareAtNs = Infinity;
      vcpu.externalAtNs = Infinity;
      vcpu.startAtNs = Infinity;
      catchUp(vcpu, this.nowNs);
      this.machine.resetHart(vcpu.hartSlot, {
        vm: vm.memory,
        pc: image.entry,
        a0: vcpu.index,
        a1: treeAddress,
        profile,
        userCounters: vm.devices !== undefined,
      });
    }
  }

  private rebootVm(vm: Vm, timeNs: number): void {
    const known = this.images.get(vm.id) ?? this.imageByName(vm);
    if (known === undefined) {
      const reason = 'The guest asked for a reboot, and its image is not on this host.';
      this.endVm(vm, timeNs, 'stopped', reason);
      return;
    }
    this.logVm(vm.id, timeNs, 'reboot', 'the guest asked for a reboot');
    const { image } = known;
    const profile = this.machine.profile(vm.getVcpu(0).hartSlot);
    for (let page = 0; page < vm.pageCount; page++) vm.memory.writeZeroPage(page, 'hypervisor');
    if (vm.devices !== undefined) this.devices.give(vm, vm.devices.spec);
    const tree = treeOf(known, vm.pageCount * PAGE_SIZE, vm.vcpus.length, profile);
    this.bootVm(vm, image, tree, profile);
  }

  /** A VM that came from elsewhere brought no image; programs of the house are known by name on every host. */
  private imageByName(vm: Vm): BootSource | undefined {
    const image = prepareImage({ kind: 'program', name: vm.guest });
    return image.ok ? { image: image.value, bootArguments: '', devices: undefined } : undefined;
  }

  private endVm(vm: Vm, timeNs: number, state: 'stopped' | 'failed', reason: string): void {
    vm.endWithin(state, reason);
    this.logVm(vm.id, timeNs, state, reason);
  }

  private logVm(id: number, timeNs: number, kind: string, said: string): void {
    this.log({ timeNs, kind, entity: `vm:${id}`, text: said });
  }

  /**
   * Called before a state changes that the scheduler looks at. Inside an event the scheduler looks again at its end; from
   * outside, everything is brought to now() first, and what follows begins with a cut.
   */
  private settle(): void {
    if (this.isInCut || this.cutIsDue) return;
    this.schedule(this.nowNs, rank.scheduler, 'host.settle');
    this.run(this.nowNs);
    assert(this.cutIsDue && this.cutNs === this.nowNs, 'the host stands at a cut');
  }

  /** VMs whose trap handler cannot even be fetched: they would trap for ever. */
  private failStuckVms(): void {
    for (const { vm, vcpu } of this.scheduler.running()) {
      if (vm.state !== 'running' || !isStuck(this.memory.host.words, vcpu.hartSlot)) continue;
      const where = `0x${this.machine.readPc(vcpu.hartSlot).toString(16)}`;
      const reason = `vCPU ${vcpu.index} traps for ever: its trap handler at ${where} cannot be executed.`;
      this.endVm(vm, this.cutNs, 'failed', reason);
    }
  }

  // ---- doors given downwards

  /** A guest's first write to a page with a model reason: costs, and leaves the guest so that the cost counts at once. */
  private onModelFault(fault: ModelFault, page: number): void {
    const running = this.context.running;
    if (running === undefined) return;
    const { vcpu } = running;
    if (fault === 'snapshotWait') {
      const before = vcpu.timeNs;
      waitForPage(vcpu, page);
      this.context.entry.timeNs += vcpu.timeNs - before;
    } else this.chargeGuest(fault === 'dirtyLog' ? 'dirty-log' : 'snapshot-copy');
    const hart = hartAddress(vcpu.hartSlot);
    this.memory.host.words[(hart + hartOffset.exitReason) >> 2] = exitReason.yield;
  }

  /** The vCPU in the guest now pays for something that happens in the middle of an entry; nobody, outside of one. */
  chargeGuest(cause: ExitCause): void {
    const running = this.context.running;
    if (running === undefined) return;
    const before = running.vcpu.timeNs;
    chargeExit(running.vcpu, cause);
    this.context.entry.timeNs += running.vcpu.timeNs - before;
  }

  private makeRunContext(picosecondsPerInstruction: number): RunContext {
    return {
      machine: this.machine,
      picosecondsPerInstruction,
      entry: { slot: 0, timeNs: 0, timePs: 0, budget: 0 },
      running: undefined,
      callNs: -1,
      caller: undefined,
      executed: 0,
      flushTranslations: (vcpu: Vcpu) => this.memory.tlb.flushHart(vcpu.hartSlot),
      stopVm: (vm, timeNs, reason) => this.endVm(vm, timeNs, 'stopped', reason),
      failVm: (vm, timeNs, reason) => this.endVm(vm, timeNs, 'failed', reason),
      rebootVm: (vm, timeNs) => this.rebootVm(vm, timeNs),
    };
  }
}

/** What a reboot starts from. */
interface BootSource {
  readonly image: BootImage;
  readonly bootArguments: string;
  readonly devices: VmDeviceSpec | undefined;
}

function treeOf(source: BootSource, ramBytes: number, vcpuCount: number, profile: GuestProfileId): Uint8Array {
  const { bootArguments, image, devices } = source;
  return vmDeviceTree({ ramBytes, vcpuCount, bootArguments, profile, initrd: image.initrd, hasDevices: devices !== undefined });
}

/** What makeVm needs to know. */
interface VmPlan {
  readonly id: number;
  readonly name: string;
  readonly guest: string;
  readonly pageCount: number;
  readonly vcpuCount: number;
  readonly state: VmState;
  readonly devices: VmDeviceSpec | undefined;
  check(): Result<undefined, VmError>;
}

function checkRam(vm: string, ramBytes: number): Result<undefined, VmError> {
  if (ramBytes === 0) return err({ kind: 'ram-zero', vm });
  if (!Number.isSafeInteger(ramBytes) || ramBytes < 0 || ramBytes % PAGE_SIZE !== 0) {
    return err({ kind: 'ram-not-whole-pages', vm, found: ramBytes });
  }
  return ok(undefined);
}

function hartAddress(slot: number): number {
  return HART_ADDRESS + slot * HART_STRIDE;
}
