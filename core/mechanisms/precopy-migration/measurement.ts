/**
 * The contract's metrics on one host, measured every millisecond of virtual time; what is missing or NaN has
 * nothing to measure. Outside the run hash: it reads and changes nothing.
 */
import type { Host } from '../../hypervisor/host.ts';
import { findStep } from '../guest-witness.ts';
import type { PrecopyMigration } from './mechanism.ts';
import type { SourceMigration } from './source.ts';

/** The world samples each millisecond. */
const SAMPLES_PER_SECOND = 1_000;

/** A line longer than this is no line of the lab's guest. */
const LINE_LENGTH_MAX = 256;

/** What is read besides the host and its migrations. */
export interface SampledCounters {
  /** Bytes that all ports have put on the wire. */
  wireBytes(): number;
  /** Pages written by guests in the last hash period, scaled to a second. */
  writtenPagesPerSecond(): number;
}

/** What is measured on one host. */
export class MigrationMeasurement {
  private readonly host: Host;
  private readonly migrations: PrecopyMigration;
  private readonly counters: SampledCounters;
  private wireBytesBefore = 0;
  private dirtiedBefore = 0;
  private dirtiedOf: SourceMigration | undefined;
  private readonly readers = new Map<number, { cursor: number; line: string; gapNs: number }>();

  constructor(host: Host, migrations: PrecopyMigration, counters: SampledCounters) {
    this.host = host;
    this.migrations = migrations;
    this.counters = counters;
  }

  /** The VM stands or has come: what its guest says of its clock counts from here. */
  resetGap(vm: number): void {
    const reader = this.readers.get(vm);
    if (reader !== undefined) reader.gapNs = 0;
  }

  /** The VM has left this host. */
  forgetVm(vm: number): void {
    this.readers.delete(vm);
  }

  /** Metrics by id; called once a period. */
  measure(): Record<string, number> {
    const wireBytes = this.counters.wireBytes();
    const linkRate = (wireBytes - this.wireBytesBefore) * SAMPLES_PER_SECOND;
    this.wireBytesBefore = wireBytes;
    const last = this.migrations.lastOutgoing();
    const values: Record<string, number> = {
      'link-bytes-per-second': linkRate,
      'dirty-bytes-per-second': this.dirtyPagesPerSecond(last) * 4096,
      'guest-gap': this.readGuests(),
    };
    if (last === undefined) return values;
    const it = last.snapshot();
    if (it.phase === 'done') values['downtime'] = it.resumedAtNs - it.stoppedAtNs;
    if (it.endedAtNs >= 0) values['total-time'] = it.endedAtNs - it.startedAtNs;
    if (it.downtimePredictedNs >= 0) values['downtime-predicted'] = it.downtimePredictedNs;
    values['rounds'] = it.rounds.length;
    values['pages-sent'] = it.pagesSent;
    values['pages-zero'] = it.pagesZero;
    values['bytes-sent'] = it.bytesSent;
    values['bytes-left'] = it.bytesLeft;
    values['throttle-percent'] = it.throttlePercent;
    values['dirty-pages'] = last.dirtyPages();
    return values;
  }

  /** From the dirty log while one is armed; else from the tool log, which costs nothing. */
  private dirtyPagesPerSecond(last: SourceMigration | undefined): number {
    if (
      last === undefined ||
      !last.active() ||
      last.mode !== 'pre-copy' ||
      last.phase === 'connecting'
    ) {
      this.dirtiedOf = undefined;
      return this.counters.writtenPagesPerSecond();
    }
    const total = last.dirtiedPages();
    const since = this.dirtiedOf === last ? this.dirtiedBefore : 0;
    this.dirtiedOf = last;
    this.dirtiedBefore = total;
    return (total - since) * SAMPLES_PER_SECOND;
  }

  /** Longest step that a guest here has printed since its last stand; NaN when none. Unit: ns. */
  private readGuests(): number {
    let longest = 0;
    for (const vm of this.host.vms()) {
      const reader = this.readers.get(vm.id) ?? { cursor: 0, line: '', gapNs: 0 };
      this.readers.set(vm.id, reader);
      if (vm.debugConsole.byteCount > reader.cursor) {
        for (const chunk of vm.debugConsole.chunksFrom(reader.cursor))
          this.readText(reader, chunk.text);
        reader.cursor = vm.debugConsole.byteCount;
      }
      longest = Math.max(longest, reader.gapNs);
    }
    return longest === 0 ? Number.NaN : longest;
  }

  private readText(reader: { line: string; gapNs: number }, text: string): void {
    const lines = (reader.line + text).split('\n');
    reader.line = (lines.pop() ?? '').slice(-LINE_LENGTH_MAX);
    for (const line of lines) {
      reader.gapNs = Math.max(reader.gapNs, findStep(line)?.stepNs ?? 0);
    }
  }
}
