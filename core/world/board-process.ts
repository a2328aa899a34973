/**
 * A bare-metal board as a logical process: core/board's machine, run exactly to each event of the process, with
 * commands, hash points, samples and checkpoints as every process has them. It has no cables: its network card, when it
 * has one, is on a network of its own. It is told as a host with one VM, so that whoever shows memory, harts and a
 * console shows a board's, too. A program that asks for a reset gets one; after any other end the board stands.
 */
import { assert, type Hash64, hashHex, hashInteger, hashText, makeHash } from '../base/index.ts';
import { type CheckpointRules, checkpointRules } from '../base/checkpoint-rule.ts';
import { BoardNetwork, busDevices, diskSlot, entropySlot, hartReports, type HartProfileId, type MachineEnd, modeName, VirtMachine, type VirtMachineOptions } from '../board/index.ts';
import type { OverlayStore } from '../formats/index.ts';
import { consoleBytes, DebugConsole } from '../hypervisor/debug-console.ts';
import { RUNS } from '../mechanisms/custody.ts';
import { frameAddress, MemoryHistory } from '../memory/index.ts';
import { appendSample, type SampleRing } from '../metrics/index.ts';
import type { CaptureTap } from '../network/capture-tap.ts';
import type { Command, LoggedCommand } from '../protocol/command.ts';
import type { InspectionReply, InspectionRequest } from '../protocol/inspection.ts';
import type { Scenario, ScenarioBoard } from '../protocol/scenario.ts';
import type { HostSnapshot, ProcessSnapshot, TimelineEvent, VmSnapshot } from '../protocol/snapshot.ts';
import { ObjectHistory } from '../sim/checkpoint/object-history.ts';
import { type CheckpointPart, CheckpointParts } from '../sim/checkpoint/part.ts';
import { type EventQueue, makeEventQueue, peekTime, popEvent, pushEvent } from '../sim/event-queue.ts';
import type { LogicalProcess, Lookahead, WireMessage } from '../sim/logical-process.ts';
import { type Rank, rank } from '../sim/rank.ts';
import { aiaOf, boardPartsOf, PAGE_SIZE } from './board-files.ts';
import { inspectBoard } from './inspect-board.ts';
import type { HostProcessOptions } from './host-process.ts';
import { hashNsOf, sampleNsOf } from './pace.ts';
import { BOARD, rowOf } from './process-kinds.ts';
import { SampleHistory } from './sample-history.ts';
import { makeWorldTap } from './world-capture.ts';

/** Of a disk's request, as of VMs' disks. Unit: ns. */
const DISK_LATENCY_NS = 20_000;
/** A program that resets more often will never do anything else. */
const RESETS_MAX = 100;
/** Samples between two steps of the heat clock that colours the memory map; as hosts have it. */
const SAMPLES_PER_HEAT = 8;
/** What handling an event costs, for the spacing of checkpoints only. Unit: guest instructions. */
const EVENT_WORK = 2_000;
/** Bytes of console output that are kept as one piece at most. */
const CONSOLE_PIECE_MAX = 128;
/**
 * Grid on which harts that trap for ever are noticed, as on hosts: a trap takes the emulator long. Unit: ns.
 * In machine mode with interrupts off a handler that faults itself is the end: nothing on this board takes the hart out of it.
 */
const WATCH_NS = 100_000;
const TIMELINE_MAX = 10_000;
const NEWLINE = 10;

/** CSR number of mstatus, and its bit MIE (RISC-V Privileged 20240411 §3.1.6). */
const MSTATUS = 0x300;
const MSTATUS_MIE = 8n;

/** See the file's head. */
export class BoardProcess implements LogicalProcess {
  static readonly [checkpointRules]: CheckpointRules = {
    checkpoints: 'outside',
    ring: 'outside',
    scenario: 'value',
    spec: 'value',
    columns: 'value',
    queue: { events: 'values' },
    timeline: 'values',
  };
  readonly id: number;
  readonly name: string;
  readonly scenario: Scenario;
  readonly spec: ScenarioBoard;
  readonly machine: VirtMachine;
  readonly output = new DebugConsole();
  readonly checkpoints: CheckpointPart;
  private readonly stores: readonly OverlayStore[];
  private readonly tap: CaptureTap | undefined;
  private readonly ring: SampleRing | undefined;
  private readonly columns: readonly string[];
  private readonly knobs: Record<string, number>;
  private readonly queue: EventQueue = makeEventQueue();
  private readonly commands = new Map<number, LoggedCommand>();
  private readonly digest: Hash64 = makeHash();
  private timeline: TimelineEvent[] = [];
  private state: VmSnapshot['state'] = 'running';
  private reason = '';
  private resets = 0;
  private line = ''; //         from the serial port, on its way to the console
  private consoleCursor = 0;
  /** Instructions retired by each hart at the watch before; −1 where it was not caught in machine mode then. */
  private caught: number[] = [];
  private sampleNumber = 0;
  private sequence = 0;
  private nowTimeNs = 0;
  private eventNs = -1; //       time of the last event, and of the last at another time
  private eventBeforeNs = -1;
  private eventCount = 0;

  constructor(options: HostProcessOptions) {
    const { scenario, id, shelf } = options;
    const spec = scenario.boards?.find((board) => board.id === id);
    assert(spec !== undefined, `the scenario has a board ${id}`);
    this.id = id;
    this.name = spec.name;
    this.scenario = scenario;
    this.spec = spec;
    this.knobs = { ...scenario.knobs };
    this.ring = options.ring;
    this.columns = rowOf(scenario, id).sampleColumns;
    this.tap = makeWorldTap(scenario, options.capture);
    const parts = boardPartsOf(spec, options.guest);
    assert(parts.ok, 'the files of a board were checked with its scenario');
    this.stores = parts.value.disks.map(({ store }) => store);
    this.machine = new VirtMachine(parts.value.image, {
      ramBytes: spec.pageCount * PAGE_SIZE,
      hartCount: spec.hartCount,
      profile: spec.profile as HartProfileId,
      aia: aiaOf(spec.interrupts),
      slots: this.slots(parts.value.disks.map(({ image }) => diskSlot(image, DISK_LATENCY_NS))),
      transmit: (byte) => this.transmit(byte),
      ...(options.compiled === undefined ? {} : { compiled: options.compiled }),
    });
    const { machine } = this;
    this.checkpoints = new CheckpointParts([
      new MemoryHistory(machine.memory, () => machine.harts.context.decoded.dropAll(), shelf),
      new ObjectHistory(this),
      ...(this.ring === undefined ? [] : [new SampleHistory(this.ring)]),
    ]);
    machine.type(Uint8Array.from(consoleBytes(spec.bootInput)));
    this.note(RUNS, `starts on ${this.name}`);
    this.schedule(hashNsOf(scenario), rank.hashPoint, 'world.hash');
    this.schedule(sampleNsOf(scenario), rank.sample, 'world.sample');
    this.schedule(WATCH_NS, rank.timer, 'board.watch');
  }

  private slots(disks: NonNullable<VirtMachineOptions['slots']>): NonNullable<VirtMachineOptions['slots']> {
    const { spec, tap } = this;
    const network: NonNullable<VirtMachineOptions['slots']> = spec.boot.network
      ? [(line, ram, clock) => new BoardNetwork(line, ram, clock, tap)]
      : [];
    return [...disks, ...network, entropySlot(this.scenario.seed)];
  }

  // ── Time ──────────────────────────────────────────────────────────────────────────────────────

  now(): number {
    return this.nowTimeNs;
  }

  run(until: number): void {
    assert(until >= this.nowTimeNs, 'time does not run backwards');
    while (peekTime(this.queue) < until) {
      const event = popEvent(this.queue)!;
      this.advance(event.timeNs);
      this.nowTimeNs = event.timeNs;
      if (this.eventNs < event.timeNs) this.eventBeforeNs = this.eventNs;
      this.eventNs = event.timeNs;
      this.eventCount++;
      this.dispatch(event.kind, Number(event.arguments['sequence']));
    }
    this.advance(until);
    this.nowTimeNs = until;
  }

  /** The machine does what comes before `untilNs`, over the resets that its program asks for. */
  private advance(untilNs: number): void {
    while (this.state === 'running') {
      this.machine.runTo(untilNs);
      const end = this.machine.ended();
      if (end === undefined) return;
      this.flush();
      if (end.how === 'reset' && this.resets < RESETS_MAX) this.reset();
      else this.stop(end);
    }
  }

  private reset(): void {
    this.resets++;
    this.note('boot', 'resets itself');
    this.machine.reset();
  }

  private stop({ by, how, code }: MachineEnd): void {
    const failed = by === 'htif' ? `Test ${code} failed (tohost).` : `The program reported failure ${code} to the test finisher.`;
    const passed = by === 'htif' ? 'The program passed (tohost 1).' : 'The program reported a pass to the test finisher: it is switched off.';
    this.state = how === 'pass' ? 'stopped' : 'failed';
    this.reason = how === 'pass' ? passed : how === 'fail' ? failed : `The program has reset the machine ${RESETS_MAX + 1} times.`;
    this.note(this.state, this.reason);
  }

  private schedule(timeNs: number, eventRank: Rank, kind: string): void {
    pushEvent(this.queue, { timeNs, rank: eventRank, source: this.id, sequence: this.sequence++, kind, arguments: {} });
  }

  private dispatch(kind: string, sequence: number): void {
    if (kind === 'world.command') this.onCommand(sequence);
    else if (kind === 'world.hash') this.onHashPoint();
    else if (kind === 'world.sample') this.onSample();
    else this.onWatch();
  }

  /** Fails a board all of whose harts that do not wait have retired nothing since the watch before, in machine mode with interrupts off. */
  private onWatch(): void {
    if (this.state !== 'running') return;
    this.schedule(this.nowTimeNs + WATCH_NS, rank.timer, 'board.watch');
    const { machine, caught } = this;
    const { harts } = machine;
    const busy = Array.from({ length: this.spec.hartCount }, (_, hart) => hart).filter((hart) => !machine.isWaiting(hart));
    const isOff = (hart: number) => harts.mode(hart).privilege === 3 && ((harts.readCsr(hart, MSTATUS) ?? 0n) & MSTATUS_MIE) === 0n;
    const stuck = busy.filter((hart) => isOff(hart) && caught[hart] === harts.instructionsRetired(hart));
    this.caught = Array.from({ length: this.spec.hartCount }, (_, hart) => (busy.includes(hart) && isOff(hart) ? harts.instructionsRetired(hart) : -1));
    const [first] = stuck;
    if (first === undefined || stuck.length < busy.length) return;
    this.flush();
    this.state = 'failed';
    this.reason = `Hart ${first} traps for ever: its handler at 0x${harts.readPc(first).toString(16)} faults itself.`;
    this.note('failed', this.reason);
  }

  // ── The logical process ───────────────────────────────────────────────────────────────────────

  deliver(_message: WireMessage): void {
    assert(false, 'no cable leads to a board');
  }

  takeOutgoing(): WireMessage[] {
    return [];
  }

  lookahead(): readonly Lookahead[] {
    return [];
  }

  command(logged: LoggedCommand): void {
    const { sequence, atNs } = logged;
    this.commands.set(sequence, logged);
    pushEvent(this.queue, { timeNs: atNs, rank: rank.command, source: -1, sequence, kind: 'world.command', arguments: { sequence } });
  }

  /** Of the event queue: instructions are no events. */
  nextEventTime(): number {
    return peekTime(this.queue);
  }

  nextSendTime(): number {
    return Number.POSITIVE_INFINITY;
  }

  nextInstructionTime(vm: number): number {
    if (vm !== this.spec.vm || this.state !== 'running') return Number.POSITIVE_INFINITY;
    return Math.max(this.nowTimeNs, this.machine.nextInstructionNs()) + 1;
  }

  lastEventTime(beforeNs: number): number {
    return this.eventNs < beforeNs ? this.eventNs : this.eventBeforeNs;
  }

  wantsSlowMotion(): boolean {
    return false;
  }

  work(): number {
    return this.machine.instructionsAttempted() + this.eventCount * EVENT_WORK;
  }

  memory(): ArrayBufferLike {
    return this.machine.memory.host.memory.buffer;
  }

  inspect(request: InspectionRequest): InspectionReply {
    return inspectBoard(this, request);
  }

  /** What crossed the board's own network, as a pcapng file. */
  capture(): Uint8Array | undefined {
    const { lab, seed } = this.scenario;
    return this.tap?.file({ application: 'Glasshouse', comment: `${lab}, seed ${seed}, network of ${this.name}` });
  }

  /** The file of a disk as it stands, 'disk:<vm>:<index>'. */
  snapshotFile(name: string): Uint8Array | undefined {
    const [, vm, index] = /^disk:(\d+):(\d+)$/.exec(name) ?? [];
    return vm === undefined || Number(vm) !== this.spec.vm ? undefined : this.stores[Number(index)]?.bytes();
  }

  snapshot(): ProcessSnapshot {
    const events = this.timeline;
    this.timeline = [];
    const chunks = this.output.chunksFrom(this.consoleCursor).map(({ timeNs, text }) => ({ vm: this.spec.vm, timeNs, text }));
    this.consoleCursor = this.output.byteCount;
    return {
      process: this.id,
      kind: BOARD,
      name: this.name,
      timeNs: this.nowTimeNs,
      host: this.told(),
      links: [],
      migrations: [],
      mechanisms: {},
      knobs: { ...this.knobs },
      console: chunks,
      events,
    };
  }

  private told(): HostSnapshot {
    const { machine, spec } = this;
    const harts = hartReports(machine).map(({ hart, instructionsRetired, traps }) => ({
      mode: modeName(machine, hart), waiting: this.state !== 'running' || machine.isWaiting(hart), instructionsRetired, traps,
    }));
    return {
      id: this.id,
      name: this.name,
      state: 'up',
      frameCount: machine.memory.frames.frameCount,
      framesFree: machine.memory.frames.freeCount(),
      processorCount: spec.hartCount,
      vms: [{
        id: spec.vm,
        name: spec.name,
        guest: spec.boot.kernel === undefined ? spec.boot.program : `${spec.boot.program}, then ${spec.boot.kernel}`,
        state: this.state,
        reason: this.reason,
        slot: machine.ram.slot,
        hartSlots: harts.map((_, hart) => hart),
        pageCount: spec.pageCount,
        instructionsRetired: harts.reduce((sum, { instructionsRetired }) => sum + instructionsRetired, 0),
        exits: {},
        throttlePercent: 0,
        consoleLength: this.output.byteCount,
      }],
      board: { profile: spec.profile, interrupts: spec.interrupts, harts, resets: this.resets, devices: busDevices(machine) },
    };
  }

  // ── Console ───────────────────────────────────────────────────────────────────────────────────

  private transmit(byte: number): void {
    this.line += String.fromCharCode(byte);
    if (byte === NEWLINE || this.line.length >= CONSOLE_PIECE_MAX) this.flush();
  }

  private flush(): void {
    this.output.write(Math.max(this.machine.nowNs(), this.nowTimeNs), this.line);
    this.line = '';
  }

  // ── Commands ──────────────────────────────────────────────────────────────────────────────────

  private onCommand(sequence: number): void {
    const logged = this.commands.get(sequence);
    assert(logged !== undefined, 'a command that is due was given');
    this.commands.delete(sequence);
    hashInteger(this.digest, this.nowTimeNs);
    hashInteger(this.digest, sequence);
    hashText(this.digest, logged.command.kind);
    this.apply(logged.command);
  }

  /** What asks something of a hypervisor is not for a board. */
  private apply(command: Command): void {
    if (command.kind === 'set-knob') this.knobs[command.knob] = command.value;
    if (command.kind !== 'console-input' || command.vm !== this.spec.vm || this.state !== 'running') return;
    this.machine.type(Uint8Array.from(consoleBytes(command.text)));
  }

  private note(kind: string, text: string): void {
    const timeNs = Math.max(this.nowTimeNs, this.machine.timeNs());
    if (this.timeline.length < TIMELINE_MAX) this.timeline.push({ timeNs, kind, entity: `vm:${this.spec.vm}`, text });
  }

  // ── Hash points and samples ───────────────────────────────────────────────────────────────────

  hash(): string {
    return hashHex(this.digest);
  }

  /** The digest as it would be if this were a hash point. */
  stateHash(): string {
    const digest = { ...this.digest };
    hashInteger(digest, this.nowTimeNs);
    for (const frame of this.machine.memory.tools.writtenFrames()) this.hashFrame(digest, frame);
    this.hashMachine(digest);
    hashInteger(digest, this.queue.events.length);
    hashInteger(digest, this.work());
    return hashHex(digest);
  }

  private onHashPoint(): void {
    const { digest, machine } = this;
    this.schedule(this.nowTimeNs + hashNsOf(this.scenario), rank.hashPoint, 'world.hash');
    hashInteger(digest, this.nowTimeNs);
    machine.memory.takeWrittenPages((slot, page, frame) => {
      hashInteger(digest, slot * 0x100_0000 + page);
      this.hashFrame(digest, frame);
    });
    this.hashMachine(digest);
  }

  private hashFrame(digest: Hash64, frame: number): void {
    const { harts, memory } = this.machine;
    harts.module.hashRange(frameAddress(memory.host, frame), PAGE_SIZE, digest);
  }

  private hashMachine(digest: Hash64): void {
    this.machine.hashInto(digest);
    hashText(digest, this.state);
    hashInteger(digest, this.resets);
  }

  private onSample(): void {
    this.schedule(this.nowTimeNs + sampleNsOf(this.scenario), rank.sample, 'world.sample');
    this.flush(); // what has no end of line yet is seen by now
    if (this.ring !== undefined) appendSample(this.ring, this.nowTimeNs, this.columns.map(() => Number.NaN));
    this.sampleNumber++;
    if (this.sampleNumber % SAMPLES_PER_HEAT === 0) this.machine.memory.tools.advanceHeatEpoch();
  }
}
