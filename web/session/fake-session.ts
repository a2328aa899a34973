/**
 * A test double of the run for developing the page: arrays that change as a migration would change
 * them. It emulates nothing and is not part of the product.
 */
import { FRAME_TABLE_ADDRESS, frameField, headerWord, hostMemoryLayout } from '../../core/protocol/host-memory-layout.ts';
import type { Command, Refusal } from '../../core/protocol/command.ts';
import type { InspectionReply, InspectionRequest } from '../../core/protocol/inspection.ts';
import type { ConsoleChunk, MigrationSnapshot, ProcessSnapshot, RoundSnapshot, TimelineEvent } from '../../core/protocol/snapshot.ts';
import { contract } from '../../core/mechanisms/precopy-migration/contract.ts';
import { type HostView, makeHostView } from './host-view.ts';
import { SampleSeries } from './sample-series.ts';
import type { RunSpec, Session, SessionFactory, SessionUpdate } from './session.ts';

const PAGES = 16_384;
const FRAMES = 20_000;

class FakeSession implements Session {
  readonly samples = new SampleSeries(contract.metrics.map((row) => row.id));
  drainSamples(): void {}
  samplesOf(): SampleSeries { return this.samples; }
  readonly isolated = true;
  #views: HostView[];
  #time = 0;
  #ratio = 0.05;
  #paused = false;
  #home = 0;
  #knobs: Record<string, number>;
  #listener: (update: SessionUpdate) => void;
  #timer: number;
  #last = performance.now();
  #seed: number;
  #cursor = 0;
  #console: ConsoleChunk[] = [];
  #events: TimelineEvent[] = [];
  #nextLine = 0;
  #nextSample = 0;
  #writes = 0;
  #lines = 0;
  #up = true;
  #m: { -readonly [K in keyof MigrationSnapshot]: MigrationSnapshot[K] } | null = null;
  #rounds: { -readonly [K in keyof RoundSnapshot]: RoundSnapshot[K] }[] = [];
  #queue: number[] = [];
  #credit = 0;
  #sent = 0;
  #dirtied = 0;
  #lastSent = 0;
  #lastDirtied = 0;
  #slow = false;

  constructor(spec: RunSpec, listener: (update: SessionUpdate) => void) {
    this.#listener = listener;
    this.#seed = spec.seed;
    this.#knobs = Object.fromEntries(contract.knobs.map((row) => [row.id, spec.knobs[row.id] ?? row.default]));
    this.#views = [0, 1].map((host) => {
      const layout = hostMemoryLayout(FRAMES);
      const size = layout.ramAddress + FRAMES * 4096;
      const buffer = typeof SharedArrayBuffer === 'undefined' ? new ArrayBuffer(size) : new SharedArrayBuffer(size);
      new Uint32Array(buffer, FRAME_TABLE_ADDRESS, 1);
      return makeHostView(host, buffer, FRAMES);
    });
    for (let page = 0; page < PAGES; page++) this.#views[0]!.guestMaps[page] = page + 100;
    this.#views[0]!.header[headerWord.heatEpoch] = 1;
    this.#views[1]!.header[headerWord.heatEpoch] = 1;
    this.#timer = window.setInterval(() => this.#tick(), 16);
  }

  #random(below: number): number {
    this.#seed = (Math.imul(this.#seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#seed / 2 ** 32) * below);
  }

  #tick(): void {
    const now = performance.now();
    const wall = Math.min(50, now - this.#last);
    this.#last = now;
    if (this.#paused) return;
    const ratio = this.#ratio * (this.#slow ? 0.1 : 1);
    this.#advance(wall * 1e6 * (ratio === 0 ? 1 : ratio));
    this.#tell();
  }

  #toldAt = 0;
  #tell(force = false): void {
    if (!force && performance.now() - this.#toldAt < 120) return;
    this.#toldAt = performance.now();
    const running = this.#home;
    const link = (from: number, to: number) => ({
      id: `host-${'ab'[from]}→host-${'ab'[to]}`, from, to, up: this.#up, bandwidthBitsPerSecond: this.#knobs['bandwidth']!,
      latencyNs: this.#knobs['latency']!, lossPercent: this.#knobs['loss']!, queuedBytes: 0, sentBytes: this.#sent * 4096, sentFrames: this.#sent, lostFrames: 0,
    });
    const processes: ProcessSnapshot[] = [0, 1].map((host) => ({
      process: host, timeNs: this.#time, mechanisms: {},
      host: {
        id: host, name: `host-${'ab'[host]}`, state: 'up', frameCount: FRAMES, framesFree: FRAMES - (host === running ? PAGES : 0), processorCount: 2,
        vms: [
          ...(host === running ? [{
            id: 1, name: 'dirtier', guest: 'dirtier', state: this.#m?.phase === 'handing-over' ? 'handing-over' as const : 'running' as const, reason: '', slot: 0, hartSlots: [0], pageCount: PAGES,
            instructionsRetired: Math.floor(this.#time), exits: { 'SBI call': this.#lines, 'timer': Math.floor(this.#time / 1e7), 'guest page fault': 12 }, throttlePercent: 0, consoleLength: 0,
          }] : []),
          ...(this.#m !== null && this.#m.endedAtNs < 0 && host === this.#m.to ? [{
            id: 1, name: 'dirtier', guest: 'dirtier', state: 'incoming' as const, reason: '', slot: 0, hartSlots: [], pageCount: PAGES, instructionsRetired: 0, exits: {}, throttlePercent: 0, consoleLength: 0,
          }] : []),
        ],
      },
      links: [link(host, 1 - host)],
      migrations: this.#m !== null && this.#m.from === host ? [{ ...this.#m, rounds: this.#rounds.map((round) => ({ ...round })) }] : [],
      knobs: { ...this.#knobs },
      console: host === running ? this.#console.splice(0) : [],
      events: host === 0 ? this.#events.splice(0) : [],
    }));
    this.#listener({ kind: 'snapshot', timeNs: this.#time, processes });
  }

  #advance(ns: number): void {
    const until = this.#time + ns;
    while (this.#time < until) {
      const step = Math.min(1e6, until - this.#time);
      this.#time += step;
      this.#stepModel(step);
    }
  }

  #stepModel(step: number): void {
    const view = this.#views[this.#home]!;
    const stopped = this.#m?.phase === 'handing-over';
    const epoch = 1 + (Math.floor(this.#time / 8e6) % 250);
    for (const it of this.#views) it.header[headerWord.heatEpoch] = epoch;
    if (!stopped) {
      this.#writes += (this.#knobs['dirty-rate']! * step) / 1e9;
      while (this.#writes >= 1) {
        this.#writes--;
        const set = this.#knobs['working-set']!;
        const page = 600 + (this.#random(5) === 0 ? this.#random(set) : (this.#cursor = (this.#cursor + 1) % set));
        const frame = view.guestMaps[page]! - 1;
        const entry = view.frameTable[frame]!;
        if (this.#m !== null && (entry & frameField.dirty) === 0) this.#dirtied++;
        view.frameTable[frame] = (entry & ~0xff) | epoch | frameField.dirty;
      }
    }
    if (this.#time >= this.#nextLine && !stopped) {
      this.#nextLine = this.#time + 1e8;
      this.#lines++;
      this.#console.push({ vm: 1, timeNs: this.#time, text: `${(this.#time / 1e9).toFixed(3)} s  ${this.#lines * 300} pages written, checksum right\n` });
    }
    if (this.#m !== null && this.#m.endedAtNs < 0) this.#migrateStep(step);
    if (this.#time >= this.#nextSample) {
      this.#nextSample = this.#time + 1e7;
      const m = this.#m;
      const left = m === null || m.endedAtNs >= 0 ? 0 : this.#left();
      const dirtyRate = (this.#dirtied - this.#lastDirtied) * 4096 * 100;
      const linkRate = (this.#sent - this.#lastSent) * 4150 * 100;
      this.#lastDirtied = this.#dirtied;
      this.#lastSent = this.#sent;
      const values: Record<string, number> = { 'pages-sent': this.#sent, 'bytes-left': left, 'dirty-bytes-per-second': m?.endedAtNs === -1 ? dirtyRate : 0, 'link-bytes-per-second': linkRate, rounds: this.#rounds.length, 'downtime-predicted': (left * 8e9) / this.#knobs['bandwidth']! };
      this.samples.append(this.#time, this.samples.ids.map((id) => values[id] ?? 0));
    }
  }

  #left(): number {
    const view = this.#views[this.#home]!;
    let dirty = 0;
    for (let page = 0; page < PAGES; page++) if ((view.frameTable[view.guestMaps[page]! - 1]! & frameField.dirty) !== 0) dirty++;
    return (dirty + this.#queue.length) * 4096;
  }

  #flight: number[] = [];
  #migrateStep(step: number): void {
    const m = this.#m!;
    const source = this.#views[m.from]!;
    const destination = this.#views[m.to]!;
    if (!this.#up) return;
    this.#credit += (step * this.#knobs['bandwidth']!) / 8e9;
    while (this.#credit > 4150 && this.#queue.length > 0) {
      this.#credit -= 4150;
      const page = this.#queue.shift()!;
      const frame = source.guestMaps[page]! - 1;
      source.frameTable[frame] = source.frameTable[frame]! | frameField.inFlight;
      this.#flight.push(page);
      if (this.#flight.length > 120) this.#land(this.#flight.shift()!, source, destination);
      this.#sent++;
      m.pagesSent++;
      m.bytesSent += 4150;
    }
    if (this.#queue.length > 0) return;
    while (this.#flight.length > 0) this.#land(this.#flight.shift()!, source, destination);
    this.#credit = 0;
    const round = this.#rounds.at(-1)!;
    round.endNs = this.#time;
    if (m.phase === 'handing-over') {
      m.resumedAtNs = this.#time + 2e6;
      m.endedAtNs = this.#time + 2e6;
      m.phase = 'done';
      source.guestMaps.fill(0, 0, PAGES);
      this.#home = m.to;
      this.#slow = false;
      this.#events.push({ timeNs: this.#time, kind: 'resume', entity: 'vm:1', text: 'runs on the other host' });
      this.#listener({ kind: 'pace', pace: { paused: this.#paused, pausedBecause: '', ratio: this.#ratio, slowed: false } });
      this.#listener({ kind: 'baseline', timeNs: this.#time, processes: [{ process: 0, timeNs: this.#time, host: { id: 0, name: 'host-a', state: 'up', frameCount: 0, framesFree: 0, processorCount: 2, vms: [] }, links: [], mechanisms: {}, knobs: {}, console: Array.from({ length: 20 }, (_, i) => ({ vm: 1, timeNs: i * 1e8, text: 'x\n' })).filter((it) => it.timeNs < m.startedAtNs || it.timeNs > m.startedAtNs + 541e6), events: [], migrations: [{ ...m, mode: 'stop-and-copy', stoppedAtNs: m.startedAtNs + 1e5, resumedAtNs: m.startedAtNs + 541e6, endedAtNs: m.startedAtNs + 541e6 }] }] });
      return;
    }
    const left = this.#left();
    const predicted = (left * 8e9) / this.#knobs['bandwidth']!;
    m.downtimePredictedNs = predicted;
    m.bytesLeft = left;
    this.#startRound();
    if (predicted < this.#knobs['downtime-limit']!) {
      m.phase = 'handing-over';
      m.stoppedAtNs = this.#time;
      this.#slow = true;
      this.#events.push({ timeNs: this.#time, kind: 'stop', entity: 'vm:1', text: 'stopped for the hand-over' });
      this.#listener({ kind: 'pace', pace: { paused: this.#paused, pausedBecause: '', ratio: this.#ratio, slowed: true } });
    }
  }

  #land(page: number, source: HostView, destination: HostView): void {
    const frame = source.guestMaps[page]! - 1;
    source.frameTable[frame] = source.frameTable[frame]! & ~frameField.inFlight;
    destination.guestMaps[page] = page + 100;
    destination.frameTable[page + 99] = destination.header[headerWord.heatEpoch]!;
  }

  #startRound(): void {
    const view = this.#views[this.#home]!;
    this.#queue = [];
    for (let page = 0; page < PAGES; page++) {
      const frame = view.guestMaps[page]! - 1;
      if (this.#rounds.length === 0 || (view.frameTable[frame]! & frameField.dirty) !== 0) this.#queue.push(page);
      view.frameTable[frame] = view.frameTable[frame]! & ~frameField.dirty;
    }
    this.#events.push({ timeNs: this.#time, kind: 'round', entity: 'migration:1', text: `round ${this.#rounds.length + 1}` });
    this.#rounds.push({ startNs: this.#time, endNs: -1, pagesToSend: this.#queue.length, pagesSent: 0, pagesDirtied: 0 });
  }

  timeNs(): number { return this.#time; }
  hostViews(): readonly HostView[] { return this.#views; }
  play(): void { this.#setPaused(false); }
  pause(): void { this.#setPaused(true); }
  #setPaused(paused: boolean): void {
    this.#paused = paused;
    this.#listener({ kind: 'pace', pace: { paused, pausedBecause: '', ratio: this.#ratio, slowed: this.#slow } });
  }
  setRatio(ratio: number): void {
    this.#ratio = ratio;
    this.#setPaused(this.#paused);
  }
  stepInstruction(): Promise<void> { this.#setPaused(true); this.#time += 1; this.#tell(true); return Promise.resolve(); }
  stepEvent(): Promise<void> { this.#setPaused(true); this.#advance(1e7); this.#tell(true); return Promise.resolve(); }
  advanceTo(timeNs: number): Promise<string> { this.#setPaused(true); this.#advance(Math.max(0, timeNs - this.#time)); this.#tell(true); return Promise.resolve(''); }
  command(command: Command): Promise<Refusal | null> {
    if (command.kind === 'set-knob') this.#knobs = { ...this.#knobs, [command.knob]: command.value };
    if (command.kind === 'inject-fault') this.#up = command.fault === 'cut-link' ? false : command.fault === 'mend-link' ? true : this.#up;
    if (command.kind === 'migrate') {
      if (this.#m !== null && this.#m.endedAtNs < 0) return Promise.resolve({ kind: 'already-migrating', sentence: 'dirtier is already being moved to host-b.' });
      this.#m = {
        vm: 1, from: this.#home, to: command.to, role: 'source', mode: 'pre-copy', phase: 'copying', reason: '', startedAtNs: this.#time, endedAtNs: -1, stoppedAtNs: -1, resumedAtNs: -1,
        throttlePercent: 0, downtimePredictedNs: -1, bytesLeft: PAGES * 4096, pagesSent: 0, pagesZero: 0, bytesSent: 0, rounds: [],
      };
      this.#rounds = [];
      this.#dirtied = this.#lastDirtied;
      this.#startRound();
    }
    this.#tell(true);
    return Promise.resolve(null);
  }
  inspect(request: InspectionRequest): Promise<InspectionReply> {
    switch (request.view) {
      case 'registers': return Promise.resolve({ view: 'registers', host: this.#home, pc: '0x80000420', privilege: 'VS', x: Array.from({ length: 32 }, (_, i) => `0x${(i * 0x1111).toString(16)}`), csrs: [{ name: 'satp', value: '0x8000000000080210' }, { name: 'stvec', value: '0x80000100' }] });
      case 'disassembly': return Promise.resolve({ view: 'disassembly', pc: '0x80000420', lines: Array.from({ length: 12 }, (_, i) => ({ address: `0x${(0x80000410 + i * 4).toString(16)}`, word: '0x00850513', text: i % 3 === 0 ? 'addi a0, a0, 8' : i % 3 === 1 ? 'sd a1, 0(a0)' : 'bne a0, a2, 0x80000410' })) });
      case 'exits': return Promise.resolve({ view: 'exits', causes: [{ cause: 'environment call', count: 120, costNs: 240_000 }, { cause: 'timer interrupt', count: 40, costNs: 60_000 }, { cause: 'guest page fault', count: 12, costNs: 36_000 }] });
      case 'page-walk': return Promise.resolve({ view: 'page-walk', address: request.address, result: '0x80200000', steps: [{ stage: 'VS', level: 2, entryAddress: '0x80210010', entry: '0x20084801', text: 'points to the next table' }, { stage: 'G', level: 1, entryAddress: '0x80210010', entry: '0x20084801', text: 'points to the next table' }, { stage: 'VS', level: 0, entryAddress: '0x80212000', entry: '0x200800cf', text: 'leaf: read, write, accessed, dirty' }] });
      case 'can-migrate': return Promise.resolve({ view: 'can-migrate', refused: request.to === this.#home, sentence: request.to === this.#home ? 'dirtier already runs on this host.' : '' });
      default: return Promise.resolve({ view: 'none', sentence: 'not in the test double' });
    }
  }
  runHash(): Promise<string> { return Promise.resolve('0123456789abcdef'); }
  capture(): Promise<Uint8Array> { return Promise.resolve(new Uint8Array(4)); }
  exportRun(): Promise<string> { return Promise.resolve('{}'); }
  dispose(): void { window.clearInterval(this.#timer); }
}

/** A factory of test doubles. */
export const makeFakeSession: SessionFactory = (spec, listener) => {
  const session = new FakeSession(spec, listener);
  session.setRatio(0.02);
  return Promise.resolve({ ok: true, session });
};
