/** A protected workload at the production site: the modelled VM, its volume, its tap, and who replicates it. Durable. */
import { type Hash64, hashInteger, hashText } from '../../base/index.ts';
import { type MessageChannel, type Message, type TapOutlet, WriteTap } from '../../storage/index.ts';
import { contentIdOf } from '../../workload/content.ts';
import { SparseContent } from '../../workload/sparse-content.ts';
import type { ScenarioWorkload } from '../../protocol/scenario.ts';
import type { WorkloadTold } from './told.ts';
import { WorkloadWriter } from './workload-writer.ts';

/** Finds the channel that a tap's messages take. An object with fields, for checkpoints. */
export interface Exchange {
  channelTo(gateway: number): MessageChannel | undefined;
}

/** See the file's head. */
export class ProtectedWorkload implements TapOutlet {
  readonly id: number;
  readonly name: string;
  readonly content: SparseContent;
  readonly writer: WorkloadWriter;
  readonly tap: WriteTap;
  state: WorkloadTold['state'] = 'running';
  /** The pair that owns it, under the tap's term. */
  primary: number;
  recovery: number;
  openedTerm = 0; //        term under which the pair has answered; 0 = none yet
  isMoving = false;
  freeAtEpoch = 0;
  churnBytesPerSecond = 0; // smoothed over epochs
  burstUntilNs = -1;
  private epochBytes = 0; //  written at the last epoch
  private epochNs = 0;
  private readonly exchange: Exchange;

  constructor(row: ScenarioWorkload, options: { readonly seed: number; readonly exchange: Exchange }) {
    const { id, name, parameters } = row;
    const volumeBytes = parameters['volumeBytes'] ?? 0;
    this.id = id;
    this.name = name;
    this.exchange = options.exchange;
    this.primary = parameters['primaryGateway'] ?? -1;
    this.recovery = parameters['recoveryGateway'] ?? -1;
    this.content = new SparseContent(contentIdOf(options.seed, 'volume', id), volumeBytes);
    this.writer = new WorkloadWriter({ churnBytesPerSecond: parameters['churn'] ?? 0, volumeBytes }, { seed: options.seed, workload: id, at: 0 });
    this.tap = new WriteTap({ workload: id, volume: this.content, outlet: this });
    this.tap.term = 1;
  }

  post(said: Message): void {
    this.exchange.channelTo(this.primary)?.post(said);
  }

  room(): boolean {
    return this.exchange.channelTo(this.primary)?.room() ?? false;
  }

  /** What it writes now, in percent of its churn. */
  percent(churnPercent: number, now: number): number {
    return now < this.burstUntilNs ? churnPercent * 4 : churnPercent;
  }

  /** The end of an epoch: what it wrote, smoothed. */
  onEpoch(now: number, smoothing: number): void {
    const seconds = Math.max(1, now - this.epochNs) / 1e9;
    const fresh = (this.tap.writtenBytes - this.epochBytes) / seconds;
    this.churnBytesPerSecond += smoothing * (fresh - this.churnBytesPerSecond);
    this.epochBytes = this.tap.writtenBytes;
    this.epochNs = now;
  }

  /** Whether it is still replicated from here. */
  isReplicating(): boolean {
    return this.state !== 'failed-over';
  }

  /** Age of the newest moment that the recovery site could start from. Unit: ns. */
  recoveryPointNs(now: number): number {
    return now - this.tap.appliedSealedAtNs;
  }

  hashInto(hash: Hash64): void {
    hashText(hash, this.state);
    for (const value of [this.id, this.primary, this.recovery, this.openedTerm, this.freeAtEpoch, this.isMoving ? 1 : 0]) hashInteger(hash, value);
    this.tap.hashInto(hash);
    this.writer.hashInto(hash);
  }
}
