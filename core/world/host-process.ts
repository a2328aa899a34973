/**
 * A host as a logical process: the hypervisor's host with its link ends, its streams, its
 * migrations, and the commands, hash points and samples that come at their times. Everything that
 * the outside asks for enters through {@link HostProcess.command} and {@link HostProcess.deliver}.
 */
import { assert, hashHex, hashInteger, hashText, makeHash, type Hash64 } from '../base/index.ts';
import { Host } from '../hypervisor/host.ts';
import type { Vm } from '../hypervisor/vm.ts';
import { PrecopyMigration } from '../mechanisms/precopy-migration/mechanism.ts';
import type { StreamConnection, StreamHandler } from '../mechanisms/precopy-migration/ports.ts';
import { frameAddress } from '../memory/index.ts';
import { appendSample, type SampleRing } from '../metrics/index.ts';
import { CaptureTap } from '../network/capture-tap.ts';
import { type Ipv4Address, LinkEnd, localMac, type MacAddress } from '../network/index.ts';
import type { LoggedCommand } from '../protocol/command.ts';
import { frameKind } from '../protocol/host-memory-layout.ts';
import type { InspectionReply, InspectionRequest } from '../protocol/inspection.ts';
import type { Scenario } from '../protocol/scenario.ts';
import type { ConsoleChunk, LinkSnapshot, ProcessSnapshot } from '../protocol/snapshot.ts';
import { peekTime } from '../sim/event-queue.ts';
import type { LogicalProcess, Lookahead, WireMessage } from '../sim/logical-process.ts';
import { rank } from '../sim/rank.ts';
import { applyCommand } from './apply-command.ts';
import { RUNS, STANDS } from './custody.ts';
import { inspectHost } from './inspect-host.ts';
import { MigrationPort, type PortOwner } from './migration-port.ts';
import { nextInstructionNs } from './next-instruction.ts';
import { SAMPLE_NS, Sampler } from './sampler.ts';
import { Streams } from './streams.ts';

/** Time between two hash points. Unit: ns. */
export const HASH_NS = 10_000_000;
/** Samples between two steps of the heat clock that colours the memory map. */
const SAMPLES_PER_HEAT = 8;
/** Time from power off to a host that takes connections again. Unit: ns. */
const BOOT_NS = 2_000_000_000;
/** Bytes of frames that a capture keeps; later ones are counted as dropped. */
const CAPTURE_BYTES_MAX = 256 << 20;

/** What a host process is built from. */
export interface HostProcessOptions {
  readonly scenario: Scenario;
  readonly id: number;
  readonly guest?: Uint8Array | undefined;
  readonly ring?: SampleRing | undefined;
  readonly capture: boolean;
  readonly compiled?: WebAssembly.Module | undefined;
}

/** The address of a host: 10.0.0.1 for process 0 and so on. */
export function addressOf(process: number): Ipv4Address {
  return 0x0a000001 + process;
}

function macOf(process: number): MacAddress {
  return localMac(process + 1);
}

export class HostProcess implements LogicalProcess, PortOwner {
  readonly id: number;
  readonly name: string;
  readonly scenario: Scenario;
  readonly host: Host;
  readonly migrations: PrecopyMigration;
  readonly links = new Map<number, LinkEnd>();
  /** Knobs as they stand; every process is told every command. */
  readonly knobs: Record<string, number>;
  private readonly streams: Streams;
  private readonly sampler: Sampler;
  private readonly ring: SampleRing | undefined;
  private readonly tap: CaptureTap | undefined;
  private readonly columns: readonly string[];
  private readonly commands = new Map<number, LoggedCommand>();
  private outgoing: WireMessage[] = [];
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
    this.tap = options.capture ? new CaptureTap({ bytesMax: CAPTURE_BYTES_MAX }) : undefined;
    this.host = this.makeHost(spec, options.compiled);
    this.makeLinks();
    this.streams = new Streams(
      this.host.tcp,
      () => this.host.now(),
      (stream) => this.migrations.accept(stream),
    );
    this.migrations = new PrecopyMigration(new MigrationPort(this.host, this), {
      downtimeLimitNs: this.knob('downtime-limit', 30_000_000),
      roundLimit: this.knob('round-limit', 30),
      throttleAllowed: this.knob('throttle', 1) === 1,
    });
    this.sampler = new Sampler(this.host, this.migrations, {
      wireBytes: () => this.wireBytes(),
      writtenPagesPerSecond: () => this.writtenPages * (1e9 / HASH_NS),
    });
    this.registerHandlers();
    this.streams.listen();
    this.bootVms(options.guest);
    this.host.schedule(HASH_NS, rank.hashPoint, 'world.hash');
    this.host.schedule(SAMPLE_NS, rank.sample, 'world.sample');
  }

  // ── Building ──────────────────────────────────────────────────────────────────────────────────

  private makeHost(
    spec: Scenario['hosts'][number],
    compiled: WebAssembly.Module | undefined,
  ): Host {
    const neighbours = new Map(
      this.neighbourIds().map((it) => [addressOf(it), macOf(it)] as const),
    );
    return new Host({
      id: this.id,
      name: spec.name,
      frameCount: spec.frameCount,
      processorCount: spec.processorCount,
      seed: this.scenario.seed,
      ...(compiled === undefined ? {} : { compiled }),
      network: {
        address: addressOf(this.id),
        mac: macOf(this.id),
        neighbours,
        transmit: (frame, destination, now) => this.transmit(frame, destination, now),
        transmitRoom: (destination) => this.linkTo(destination)?.room() ?? 0,
      },
    });
  }

  private neighbourIds(): number[] {
    return this.scenario.links.flatMap(({ a, b }) =>
      a === this.id ? [b] : b === this.id ? [a] : [],
    );
  }

  private makeLinks(): void {
    const sequences = { next: 0 };
    for (const neighbour of this.neighbourIds()) {
      const link = new LinkEnd(
        {
          source: this.id,
          destination: neighbour,
          bandwidthBitsPerSecond: Math.round(this.knob('bandwidth', 1e9)),
          latencyNs: Math.round(this.knob('latency', 50_000)),
          lossPerMillion: Math.round(this.knob('loss', 0) * 10_000),
          seed: this.scenario.seed,
          sequences,
        },
        {
          emit: (message) => void this.outgoing.push(message),
          schedule: (timeNs) =>
            this.host.schedule(timeNs, rank.network, 'link.done', { to: neighbour }),
        },
      );
      this.links.set(neighbour, link);
      this.tap?.addInterface({ name: `${this.name} to ${this.hostName(neighbour)}` });
    }
  }

  private registerHandlers(): void {
    const { host } = this;
    host.registerTcpHandler((event) => {
      this.streams.onTcpEvent(event);
      this.streams.settle();
    });
    host.registerHandler('migration', (kind, args, now) => {
      hashText(this.digest, kind);
      hashInteger(this.digest, now);
      this.migrations.onEvent(
        kind.slice('migration.'.length),
        Number(args['serial']),
        Number(args['value']),
      );
      this.streams.settle();
    });
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
      else assert(false, `a host process knows its event ${kind}`);
    });
  }

  private bootVms(guest: Uint8Array | undefined): void {
    for (const spec of this.scenario.vms) {
      if (spec.host !== this.id) continue;
      assert(!spec.fromFile || guest !== undefined, 'a guest file comes with its scenario');
      const made = this.host.createVm({
        id: spec.id,
        name: spec.name,
        image:
          spec.fromFile && guest !== undefined
            ? { kind: 'elf', name: spec.guest, bytes: guest }
            : { kind: 'program', name: spec.guest },
        ramBytes: spec.pageCount * 4096,
        vcpuCount: spec.vcpuCount,
      });
      assert(made.ok, `VM ${spec.id} of the scenario fits its host`);
      this.note(RUNS, spec.id, `runs on ${this.name}`);
      if (spec.guest === 'dirtier') made.value.type(this.openingLines());
    }
  }

  /** What the guest is told at boot: only what differs from what it does by itself. */
  private openingLines(): string {
    const defaults: Readonly<Record<string, number>> = {
      'dirty-rate': 3_000,
      'working-set': 4_096,
    };
    return Object.entries(defaults)
      .filter(([knob, value]) => this.knob(knob, value) !== value)
      .map(([knob]) => guestLine(knob, this.knob(knob, 0)))
      .join('');
  }

  private knob(id: string, otherwise: number): number {
    return this.knobs[id] ?? otherwise;
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
    const taken = this.outgoing;
    this.outgoing = [];
    return taken;
  }

  lookahead(): readonly Lookahead[] {
    return [...this.links.values()].map((link) => ({
      neighbour: link.destination,
      latencyNs: link.state.latencyNs,
    }));
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

  nextInstructionTime(vm: number): number {
    return nextInstructionNs(this.host, vm);
  }

  wantsSlowMotion(): boolean {
    return this.migrations.handsOver();
  }

  inspect(request: InspectionRequest): InspectionReply {
    return inspectHost(this, request);
  }

  memory(): ArrayBufferLike {
    return this.host.memory.host.memory.buffer;
  }

  capture(): Uint8Array | undefined {
    return this.tap?.file({
      application: 'Glasshouse',
      comment: `${this.scenario.lab}, seed ${this.scenario.seed}, port of ${this.name}`,
    });
  }

  hash(): string {
    return hashHex(this.digest);
  }

  snapshot(): ProcessSnapshot {
    for (const vm of this.host.vms()) this.drainConsole(vm);
    const taken = this.pendingConsole;
    this.pendingConsole = [];
    return {
      process: this.id,
      timeNs: this.host.now(),
      host: this.host.snapshot(),
      links: [...this.links.values()].map((link) => this.linkSnapshot(link)),
      migrations: this.migrations.snapshots(),
      knobs: { ...this.knobs },
      console: taken,
      events: this.host.takeTimeline(),
    };
  }

  private linkSnapshot(link: LinkEnd): LinkSnapshot {
    const { state } = link;
    return {
      id: `${this.name}→${this.hostName(link.destination)}`,
      from: this.id,
      to: link.destination,
      up: state.connected,
      bandwidthBitsPerSecond: state.bandwidthBitsPerSecond,
      latencyNs: state.latencyNs,
      lossPercent: state.lossPerMillion / 10_000,
      queuedBytes: state.queuedBytes,
      sentBytes: state.counters.sentBytes,
      sentFrames: state.counters.sentFrames,
      lostFrames: state.counters.lostFrames,
    };
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

  private linkTo(address: Ipv4Address): LinkEnd | undefined {
    return this.links.get(address - addressOf(0));
  }

  private tapIndex(neighbour: number): number {
    return [...this.links.keys()].indexOf(neighbour);
  }

  private transmit(frame: Uint8Array, destination: Ipv4Address, now: number): void {
    const link = this.linkTo(destination);
    if (link === undefined) return;
    this.tap?.record(this.tapIndex(link.destination), 'out', frame, now);
    link.enqueue(frame, now);
  }

  private onArrival(bytes: unknown, from: number, epoch: number, now: number): void {
    const link = this.links.get(from);
    assert(bytes instanceof Uint8Array && link !== undefined, 'a frame arrives on a link');
    hashInteger(this.digest, now);
    hashInteger(this.digest, bytes.length);
    if (this.host.state !== 'up' || !link.state.connected || link.state.epoch !== epoch) return;
    this.tap?.record(this.tapIndex(from), 'in', bytes, now);
    this.host.tcp.onFrame(bytes, now);
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
    for (const vm of this.host.vms()) this.onLeaves(vm);
    this.migrations.onPowerLoss();
    this.streams.onPowerLoss();
    this.deferred = [];
    this.host.memory.frames.releaseAll(0, frameKind.pinned);
    this.host.crash((event) => event.kind.startsWith('world.') || event.kind.startsWith('link.'));
    for (const link of this.links.values()) {
      link.state.queue.length = 0;
      link.state.queuedBytes = 0;
    }
    this.host.schedule(this.host.now() + BOOT_NS, rank.timer, 'world.boot');
  }

  private onBoot(): void {
    this.host.boot();
    this.streams.listen();
    this.host.log({
      timeNs: this.host.now(),
      kind: 'boot',
      entity: `host:${this.id}`,
      text: `${this.name} is up again`,
    });
  }

  // ── What the migrations tell ──────────────────────────────────────────────────────────────────

  onRuns(vm: Vm, stoodSinceNs: number): void {
    this.note(RUNS, vm.id, `runs on ${this.name}`);
    this.sampler.resetGap(vm.id);
    for (const it of this.deferred)
      if (it.vm === vm.id && it.timeNs > stoodSinceNs) vm.type(it.text);
    this.deferred = this.deferred.filter((it) => it.vm !== vm.id);
  }

  onStands(vm: Vm): void {
    this.note(STANDS, vm.id, `stands on ${this.name}`);
    this.sampler.resetGap(vm.id);
  }

  onLeaves(vm: Vm): void {
    this.drainConsole(vm);
    this.consoleCursors.delete(vm.id);
    this.sampler.forgetVm(vm.id);
    this.deferred = this.deferred.filter((it) => it.vm !== vm.id);
    if (vm.state === 'running') this.note(STANDS, vm.id, `went down with ${this.name}`);
  }

  connect(to: number, handler: StreamHandler): StreamConnection {
    return this.streams.connect(addressOf(to), handler);
  }

  hostName(id: number): string {
    return this.scenario.hosts.find((host) => host.id === id)?.name ?? `host ${id}`;
  }

  isNeighbour(id: number): boolean {
    return this.links.has(id);
  }

  wireByteCount(to: number): number {
    return this.links.get(to)?.state.counters.sentBytes ?? 0;
  }

  private wireBytes(): number {
    let bytes = 0;
    for (const link of this.links.values()) bytes += link.state.counters.sentBytes;
    return bytes;
  }

  private note(kind: string, vm: number, text: string): void {
    this.host.log({ timeNs: this.host.now(), kind, entity: `vm:${vm}`, text });
  }

  // ── Hash points and samples ───────────────────────────────────────────────────────────────────

  private onHashPoint(now: number): void {
    const { digest, host } = this;
    host.schedule(now + HASH_NS, rank.hashPoint, 'world.hash');
    hashInteger(digest, now);
    this.writtenPages = 0;
    host.memory.takeWrittenPages((slot, page, frame) => {
      hashInteger(digest, slot * 0x100_0000 + page);
      host.machine.module.hashRange(frameAddress(host.memory.host, frame), 4096, digest);
      this.writtenPages++;
    });
    for (const vm of host.vms()) vm.hashInto(digest);
    for (const link of this.links.values()) link.hashInto(digest);
    host.tcp.hashInto(digest);
    this.migrations.hashInto(digest);
  }

  private onSample(now: number): void {
    this.host.schedule(now + SAMPLE_NS, rank.sample, 'world.sample');
    const values = this.sampler.sample(this.columns);
    if (this.ring !== undefined) appendSample(this.ring, now, values);
    this.sampleNumber++;
    if (this.sampleNumber % SAMPLES_PER_HEAT === 0) this.host.memory.tools.advanceHeatEpoch();
  }
}

/** The line that tells the dirtier of a knob. */
export function guestLine(knob: string, value: number): string {
  return `${knob === 'dirty-rate' ? 'rate' : 'set'} ${Math.round(value)}\n`;
}
