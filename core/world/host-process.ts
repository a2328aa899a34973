/**
 * A host as a logical process: the hypervisor's host with its link ends, its streams, its mechanisms, and
 * the commands, hash points and samples that come at their times. Everything that the outside asks for
 * enters through {@link HostProcess.command} and {@link HostProcess.deliver}.
 */
import { assert, hashHex, hashInteger, hashText, makeHash, type Hash64 } from '../base/index.ts';
import { type CheckpointRules, checkpointRules } from '../base/checkpoint-rule.ts';
import { Host } from '../hypervisor/host.ts';
import type { Vm } from '../hypervisor/vm.ts';
import { RUNS, STANDS } from '../mechanisms/custody.ts';
import type { Attachment, StreamConnection, StreamHandler } from '../mechanisms/host-ports.ts';
import type { LabDefinition } from '../mechanisms/lab.ts';
import { LABS } from '../mechanisms/labs.ts';
import { frameAddress, MemoryHistory } from '../memory/index.ts';
import { appendSample, type SampleRing } from '../metrics/index.ts';
import { ETHERTYPE_IPV4, etherType, type LinkEnd, readMac, readTunnelFrame } from '../network/index.ts';
import type { LoggedCommand } from '../protocol/command.ts';
import { frameKind } from '../protocol/host-memory-layout.ts';
import type { InspectionReply, InspectionRequest } from '../protocol/inspection.ts';
import type { Scenario } from '../protocol/scenario.ts';
import type { ConsoleChunk, ProcessSnapshot } from '../protocol/snapshot.ts';
import { peekTime } from '../sim/event-queue.ts';
import { ObjectHistory } from '../sim/checkpoint/object-history.ts';
import { type CheckpointPart, CheckpointParts, type PageShelf } from '../sim/checkpoint/part.ts';
import type { LogicalProcess, Lookahead, WireMessage } from '../sim/logical-process.ts';
import { rank } from '../sim/rank.ts';
import { applyCommand } from './apply-command.ts';
import { bootVms, onRestoredVm } from './boot-vms.ts';
import { addressOf, Cabling, macOf, processAt, processOfMac } from './cabling.ts';
import { guestNetworkWays } from './guest-ways.ts';
import { inspectHost } from './inspect-host.ts';
import { MechanismPorts } from './mechanism-ports.ts';
import { nextInstructionNs } from './next-instruction.ts';
import { hashNsOf, sampleNsOf } from './pace.ts';
import { startWorkloads } from './paged-vms.ts';
import { HOST, nameOfProcess } from './process-kinds.ts';
import { SampleHistory } from './sample-history.ts';
import { Streams } from './streams.ts';

/** Samples between two steps of the heat clock that colours the memory map. */
const SAMPLES_PER_HEAT = 8;
/** Time from power off to a host that takes connections again. Unit: ns. */
const BOOT_NS = 2_000_000_000;

/** What a host process is built from. */
export interface HostProcessOptions {
  readonly scenario: Scenario;
  readonly id: number;
  readonly guest?: Uint8Array | undefined;
  readonly ring?: SampleRing | undefined;
  readonly capture: boolean;
  readonly compiled?: WebAssembly.Module | undefined;
  /** Where copies of old checkpoints go when memory is short. */
  readonly shelf?: PageShelf | undefined;
}

/** A mechanism on this host. */
export interface AttachedMechanism {
  readonly lab: LabDefinition;
  readonly attachment: Attachment;
}

export class HostProcess implements LogicalProcess {
  static readonly [checkpointRules]: CheckpointRules = {
    checkpoints: 'outside',
    ring: 'outside',
    scenario: 'value',
    columns: 'value',
    mechanisms: { '*': { lab: 'value' } },
  };
  readonly id: number;
  readonly name: string;
  readonly scenario: Scenario;
  readonly host: Host;
  /** In the catalog's order. */
  readonly mechanisms: AttachedMechanism[] = [];
  readonly cabling: Cabling;
  readonly links: ReadonlyMap<number, LinkEnd>;
  /** Knobs as they stand; every process is told every command. */
  readonly knobs: Record<string, number>;
  readonly checkpoints: CheckpointPart;
  readonly streams: Streams;
  private readonly ring: SampleRing | undefined;
  private readonly columns: readonly string[];
  private readonly commands = new Map<number, LoggedCommand>();
  private readonly digest: Hash64 = makeHash();
  private writtenPages = 0; //                       by guests in the last hash period
  private sampleNumber = 0;
  private pendingConsole: ConsoleChunk[] = []; //    of VMs that have left
  private readonly consoleCursors = new Map<number, number>();
  /** Typed while a VM stood or was still arriving: for whoever lets it run. */
  private deferred: { readonly vm: number; readonly timeNs: number; readonly text: string }[] = [];

  constructor(options: HostProcessOptions) {
    const { scenario, id } = options;
    const spec = scenario.hosts.find((host) => host.id === id);
    assert(spec !== undefined, `the scenario has a host ${id}`);
    this.id = id;
    this.name = spec.name;
    this.scenario = scenario;
    this.knobs = { ...scenario.knobs };
    this.ring = options.ring;
    this.columns = scenario.processes.find((it) => it.id === id)?.sampleColumns ?? [];
    this.cabling = new Cabling({
      id,
      scenario,
      capture: options.capture,
      schedule: (timeNs, to) => this.host.schedule(timeNs, rank.network, 'link.done', { to }),
    });
    this.links = this.cabling.links;
    this.host = this.makeHost(spec, options.compiled);
    this.streams = new Streams(this.host.tcp, () => this.host.now());
    for (const lab of LABS) {
      if (!lab.everywhere && lab.contract.id !== scenario.lab) continue;
      this.mechanisms.push({ lab, attachment: lab.attach(new MechanismPorts(this, lab)) });
    }
    this.checkpoints = this.makeCheckpoints(options.shelf);
    this.registerHandlers();
    this.host.devices.ways = guestNetworkWays(this);
    this.host.devices.capture = this.cabling.tap;
    bootVms(this, options.guest);
    this.turnKnobs();
    startWorkloads(this);
    this.host.schedule(hashNsOf(scenario), rank.hashPoint, 'world.hash');
    this.host.schedule(sampleNsOf(scenario), rank.sample, 'world.sample');
  }

  // ── Building ──────────────────────────────────────────────────────────────────────────────────

  private makeHost(
    spec: Scenario['hosts'][number],
    compiled: WebAssembly.Module | undefined,
  ): Host {
    return new Host({
      id: this.id,
      name: spec.name,
      frameCount: spec.frameCount,
      processorCount: spec.processorCount,
      seed: this.scenario.seed,
      picosecondsPerInstruction: spec.picosecondsPerInstruction ?? 1000,
      ...(compiled === undefined ? {} : { compiled }),
      network: {
        address: addressOf(this.id),
        mac: macOf(this.id),
        neighbours: this.cabling.neighbours(),
        transmit: (frame, destination, now) => this.cabling.transmit(frame, processAt(destination), now),
        transmitRoom: (destination) => this.cabling.linkTo(processAt(destination))?.room() ?? 0,
      },
    });
  }

  private makeCheckpoints(shelf: PageShelf | undefined): CheckpointPart {
    const { memory, machine } = this.host;
    return new CheckpointParts([
      new MemoryHistory(memory, () => machine.context.decoded.dropAll(), shelf),
      new ObjectHistory(this),
      ...(this.ring === undefined ? [] : [new SampleHistory(this.ring)]),
    ]);
  }

  private registerHandlers(): void {
    const { host } = this;
    host.registerTcpHandler((event) => {
      this.streams.onTcpEvent(event);
      this.streams.settle();
    });
    for (const { lab, attachment } of this.mechanisms) {
      const { id } = lab.contract;
      host.registerHandler(id, (kind, args, now) => {
        hashText(this.digest, kind);
        hashInteger(this.digest, now);
        attachment.onEvent?.(kind.slice(id.length + 1), args, now);
        this.streams.settle();
      });
    }
    host.registerHandler('link', (_kind, args, now) => {
      this.links.get(Number(args['to']))?.onTransmitDone(now);
      if (host.state === 'up') host.tcp.onTransmitRoom(now);
      this.streams.settle();
    });
    host.registerHandler('world', (kind, args, now) => {
      if (kind === 'world.arrival')
        this.onArrival(args['bytes'], Number(args['from']), Number(args['epoch']), now);
      else if (kind === 'world.command') this.onCommand(Number(args['sequence']), now);
      else if (kind === 'world.hash') this.onHashPoint(now);
      else if (kind === 'world.sample') this.onSample(now);
      else if (kind === 'world.boot') this.onBoot();
      else if (kind === 'world.restored') onRestoredVm(this, Number(args['vm']));
      else assert(false, `a host process knows its event ${kind}`);
    });
  }

  /** Knobs that the scenario turns before anything has happened. */
  private turnKnobs(): void {
    const { lab: slug, turned = {} } = this.scenario;
    const ofLab = this.mechanisms.find(({ lab }) => lab.contract.id === slug)?.attachment;
    for (const [knob, value] of Object.entries(turned)) ofLab?.onKnob?.(knob, value);
  }

  /** Whose contract has that request; undefined when no mechanism of this host does. */
  attachmentFor(request: string): Attachment | undefined {
    return this.mechanisms.find(({ lab }) => lab.contract.requests.some(({ id }) => id === request))
      ?.attachment;
  }

  // ── The logical process ───────────────────────────────────────────────────────────────────────

  now(): number {
    return this.host.now();
  }

  run(until: number): void {
    this.host.run(until);
  }

  deliver(message: WireMessage): void {
    this.host.scheduleForeign({
      timeNs: message.arrivalTimeNs,
      rank: rank.linkArrival,
      source: message.source,
      sequence: message.sequence,
      kind: 'world.arrival',
      arguments: { bytes: message.bytes, from: message.source, epoch: message.linkEpoch },
    });
  }

  takeOutgoing(): WireMessage[] {
    return this.cabling.takeOutgoing();
  }

  lookahead(): readonly Lookahead[] {
    return this.cabling.lookahead();
  }

  command(logged: LoggedCommand): void {
    this.commands.set(logged.sequence, logged);
    this.host.scheduleForeign({
      timeNs: logged.atNs,
      rank: rank.command,
      source: -1,
      sequence: logged.sequence,
      kind: 'world.command',
      arguments: { sequence: logged.sequence },
    });
  }

  /** Of the event queue: instructions are no events. */
  nextEventTime(): number {
    return peekTime(this.host.queue);
  }

  /**
   * Frames leave at events and, while a connection is open, at steps of vCPUs. Without one a guest's step has
   * nobody to tell: it takes an event to open a connection. So hosts whose guests only compute let each other run
   * to their next events, not to the next latency.
   */
  nextSendTime(): number {
    const { host } = this;
    if (!host.tcp.isIdle()) return host.nextEventTime();
    const guestsNs = host.devices.network?.sendsAfter(host.nextEventTime()) ?? Infinity;
    return Math.max(this.now(), Math.min(peekTime(host.queue), guestsNs));
  }

  nextInstructionTime(vm: number): number {
    return nextInstructionNs(this.host, vm);
  }

  wantsSlowMotion(): boolean {
    return this.mechanisms.some(({ attachment }) => attachment.wantsSlowMotion?.() ?? false);
  }

  inspect(request: InspectionRequest): InspectionReply {
    return inspectHost(this, request);
  }

  memory(): ArrayBufferLike {
    return this.host.memory.host.memory.buffer;
  }

  capture(): Uint8Array | undefined {
    return this.cabling.capture();
  }

  /** A snapshot by its name, or the file of a disk of a VM that is here as it stands, 'disk:<vm>:<index>'. */
  snapshotFile(name: string): Uint8Array | undefined {
    const [, vm, index] = /^disk:(\d+):(\d+)$/.exec(name) ?? [];
    const found = vm === undefined ? undefined : this.host.findVm(Number(vm));
    const disk = found?.state === 'incoming' ? undefined : found?.devices?.disks[Number(index)];
    if (disk !== undefined) return disk.store.bytes();
    for (const { attachment } of this.mechanisms) {
      const bytes = attachment.file?.(name);
      if (bytes !== undefined) return bytes;
    }
    return undefined;
  }

  hash(): string {
    return hashHex(this.digest);
  }

  /** The digest as it would be if this were a hash point. */
  stateHash(): string {
    const { host } = this;
    const digest = { ...this.digest };
    hashInteger(digest, host.now());
    for (const frame of host.memory.tools.writtenFrames()) this.hashFrame(digest, frame);
    this.hashDevices(digest);
    hashInteger(digest, host.queue.events.length);
    hashInteger(digest, host.work());
    return hashHex(digest);
  }

  work(): number {
    return this.host.work();
  }

  lastEventTime(beforeNs: number): number {
    return this.host.lastEventTime(beforeNs);
  }

  lastInstructionTime(vm: number): number {
    return this.host.lastInstructionTime(vm);
  }

  snapshot(): ProcessSnapshot {
    for (const vm of this.host.vms()) this.drainConsole(vm);
    const taken = this.pendingConsole;
    this.pendingConsole = [];
    return {
      process: this.id,
      kind: HOST,
      name: this.name,
      timeNs: this.host.now(),
      host: this.host.snapshot(),
      links: this.cabling.snapshots(),
      migrations: this.mechanisms.flatMap(({ attachment }) => attachment.migrations?.() ?? []),
      mechanisms: this.told(),
      knobs: { ...this.knobs },
      console: taken,
      events: this.host.takeTimeline(),
    };
  }

  private told(): Record<string, unknown> {
    const told: Record<string, unknown> = {};
    for (const { lab, attachment } of this.mechanisms) {
      const value = attachment.told?.();
      if (value !== undefined) told[lab.contract.id] = value;
    }
    return told;
  }

  /** What a VM printed since the drain before; its console goes with it when it leaves. */
  private drainConsole(vm: Vm): void {
    const cursor = this.consoleCursors.get(vm.id) ?? 0;
    for (const { timeNs, text } of vm.debugConsole.chunksFrom(cursor)) {
      this.pendingConsole.push({ vm: vm.id, timeNs, text });
    }
    this.consoleCursors.set(vm.id, vm.debugConsole.byteCount);
  }

  // ── Frames ────────────────────────────────────────────────────────────────────────────────────

  private onArrival(bytes: unknown, from: number, epoch: number, now: number): void {
    assert(bytes instanceof Uint8Array, 'a frame arrives on a link');
    hashInteger(this.digest, now);
    hashInteger(this.digest, bytes.length);
    if (this.host.state !== 'up' || !this.cabling.takes({ from, epoch, bytes }, now)) return;
    const inner = readTunnelFrame(bytes);
    if (inner !== undefined) this.host.devices.openNetwork().arrive(processOfMac(readMac(bytes, 6)), inner, now);
    else if (etherType(bytes) === ETHERTYPE_IPV4) this.host.tcp.onFrame(bytes, now);
    else for (const { attachment } of this.mechanisms) attachment.onFrame?.(bytes, from, now);
    this.streams.settle();
  }

  // ── Commands ──────────────────────────────────────────────────────────────────────────────────

  private onCommand(sequence: number, now: number): void {
    const logged = this.commands.get(sequence);
    assert(logged !== undefined, 'a command that is due was given');
    this.commands.delete(sequence);
    hashInteger(this.digest, now);
    hashInteger(this.digest, sequence);
    hashText(this.digest, logged.command.kind);
    applyCommand(this, logged.command);
    this.streams.settle();
  }

  /** Types into a VM's console; into one that stands or arrives only once it runs here. */
  typeInto(vm: number, text: string): void {
    const found = this.host.findVm(vm);
    if (found === undefined) return;
    if (found.state === 'running') found.type(text);
    else this.deferred.push({ vm, timeNs: this.host.now(), text });
  }

  /** Every free frame goes to another tenant. */
  takeAllFrames(): number {
    return this.host.memory.frames.takeAllFree(0, frameKind.pinned);
  }

  /** Power is lost, and comes back after {@link BOOT_NS}. What hangs on the world's clock stays. */
  losePower(): void {
    if (this.host.state !== 'up') return;
    for (const { attachment } of this.mechanisms) attachment.onPowerLoss?.();
    for (const vm of this.host.vms()) this.onLeaves(vm);
    this.streams.onPowerLoss();
    this.deferred = [];
    this.host.memory.frames.releaseAll(0, frameKind.pinned);
    this.host.crash((event) => /^(world|link|workload)\./.test(event.kind));
    this.cabling.dropQueues();
    this.host.schedule(this.host.now() + BOOT_NS, rank.timer, 'world.boot');
  }

  private onBoot(): void {
    this.host.boot();
    this.streams.onBoot();
    for (const { attachment } of this.mechanisms) attachment.onBoot?.();
    this.host.log({
      timeNs: this.host.now(),
      kind: 'boot',
      entity: `host:${this.id}`,
      text: `${this.name} is up again`,
    });
  }

  // ── What the mechanisms tell ──────────────────────────────────────────────────────────────────

  onRuns(vm: Vm, stoodSinceNs: number): void {
    this.note(RUNS, vm.id, `runs on ${this.name}`);
    this.host.devices.network?.onRuns(vm);
    for (const { attachment } of this.mechanisms) attachment.onVmRuns?.(vm, stoodSinceNs);
    for (const it of this.deferred)
      if (it.vm === vm.id && it.timeNs > stoodSinceNs) vm.type(it.text);
    this.deferred = this.deferred.filter((it) => it.vm !== vm.id);
  }

  onStands(vm: Vm): void {
    this.note(STANDS, vm.id, `stands on ${this.name}`);
    for (const { attachment } of this.mechanisms) attachment.onVmStands?.(vm);
  }

  onLeaves(vm: Vm): void {
    this.drainConsole(vm);
    this.consoleCursors.delete(vm.id);
    this.host.devices.network?.onLeaves(vm);
    for (const { attachment } of this.mechanisms) attachment.onVmLeaves?.(vm);
    this.deferred = this.deferred.filter((it) => it.vm !== vm.id);
    if (vm.state === 'running') this.note(STANDS, vm.id, `went down with ${this.name}`);
  }

  connect(to: number, port: number, handler: StreamHandler): StreamConnection {
    return this.streams.connect(addressOf(to), port, handler);
  }

  hostName(id: number): string {
    return nameOfProcess(this.scenario, id);
  }

  /** Bytes that all ports have put on the wire. */
  wireBytes(): number {
    return this.cabling.wireBytes();
  }

  /** Pages written by guests in the last hash period, scaled to a second. */
  writtenPagesPerSecond(): number {
    return this.writtenPages * (1e9 / hashNsOf(this.scenario));
  }

  private note(kind: string, vm: number, text: string): void {
    this.host.log({ timeNs: this.host.now(), kind, entity: `vm:${vm}`, text });
  }

  // ── Hash points and samples ───────────────────────────────────────────────────────────────────

  private onHashPoint(now: number): void {
    const { digest, host } = this;
    host.schedule(now + hashNsOf(this.scenario), rank.hashPoint, 'world.hash');
    hashInteger(digest, now);
    this.writtenPages = 0;
    host.memory.takeWrittenPages((slot, page, frame) => {
      hashInteger(digest, slot * 0x100_0000 + page);
      this.hashFrame(digest, frame);
      this.writtenPages++;
    });
    this.hashDevices(digest);
  }

  private hashFrame(digest: Hash64, frame: number): void {
    const { machine, memory } = this.host;
    machine.module.hashRange(frameAddress(memory.host, frame), 4096, digest);
  }

  private hashDevices(digest: Hash64): void {
    for (const vm of this.host.vms()) vm.hashInto(digest);
    this.host.devices.network?.hashInto(digest);
    this.cabling.hashInto(digest);
    this.host.tcp.hashInto(digest);
    for (const { attachment } of this.mechanisms) attachment.hashInto(digest);
  }

  private onSample(now: number): void {
    this.host.schedule(now + sampleNsOf(this.scenario), rank.sample, 'world.sample');
    const measured = this.mechanisms
      .find(({ lab }) => lab.contract.id === this.scenario.lab)
      ?.attachment.measure?.();
    const values = this.columns.map((id) => measured?.[id] ?? Number.NaN);
    if (this.ring !== undefined) appendSample(this.ring, now, values);
    this.sampleNumber++;
    if (this.sampleNumber % SAMPLES_PER_HEAT === 0) this.host.memory.tools.advanceHeatEpoch();
  }
}
