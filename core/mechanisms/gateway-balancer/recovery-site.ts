/**
 * The recovery site: its volumes take update sets that its gateways bring, one after the other. A workload that is
 * failed over starts here from the newest consistency point, and whoever replicated it is refused from then on.
 * Volumes are durable; a site that loses power is not modelled here. Left out: replicating back.
 */
import { type Hash64, hashInteger, NS_PER_SECOND } from '../../base/index.ts';
import { decodeUpdateSet } from '../../formats/update-set.ts';
import { type ChannelOwner, digestBytes, type Message, type MessageChannel, message, RecoveryVolume } from '../../storage/index.ts';
import { contentIdOf } from '../../workload/content.ts';
import { SparseContent } from '../../workload/sparse-content.ts';
import type { MechanismRequest } from '../../protocol/command.ts';
import type { InspectionReply, InspectionRequest } from '../../protocol/inspection.ts';
import type { EventArguments } from '../../sim/event-queue.ts';
import type { StreamHandler } from '../host-ports.ts';
import type { NodePart, NodePorts } from '../node-ports.ts';
import { acceptedChannel, TCP_PORTS } from './channels.ts';
import { FlowMeter } from './flow-meter.ts';
import { WorkloadWriter } from './workload-writer.ts';
import type { RecoverySiteTold } from './told.ts';

/** What the site's volumes take together: far more than the gateways bring. Unit: byte/s. */
const VOLUMES_BYTES_PER_SECOND = 20_000_000;
/** Most bytes of a volume in one reply. */
const INSPECT_BYTES_MAX = 65_536;

/** A volume with what happened to it. */
interface Replica {
  readonly workload: number;
  readonly volume: RecoveryVolume;
  readonly content: SparseContent;
  readonly writer: WorkloadWriter;
  readonly isSeeded: boolean; // the volume was a copy from the start
  lostNs: number;
}

/** Sets that wait for the volumes. */
interface Arrived {
  readonly from: MessageChannel;
  readonly said: Message;
}

/** What a refusal tells of the present owner: its term, or −1 when the workload runs here itself. */
function knownTerm(volume: RecoveryVolume): number {
  return volume.promoted ? -1 : volume.term;
}

/** See the file's head. */
export class RecoverySite implements NodePart, ChannelOwner {
  readonly replicas = new Map<number, Replica>();
  private readonly ports: NodePorts;
  private readonly channels: MessageChannel[] = [];
  private queue: Arrived[] = [];
  private isWriting = false;
  private readonly applied = new FlowMeter();

  constructor(ports: NodePorts) {
    this.ports = ports;
    const { seed } = ports.scenario;
    for (const { id, parameters } of ports.scenario.workloads ?? []) {
      const volumeBytes = parameters['volumeBytes'] ?? 0;
      this.applied.onBytes(id, 0);
      const name = parameters['isSeeded'] === 0 ? 'empty-volume' : 'volume';
      const content = new SparseContent(contentIdOf(seed, name, id), volumeBytes);
      const writer = new WorkloadWriter({ churnBytesPerSecond: parameters['churn'] ?? 0, volumeBytes }, { seed, workload: id, at: 1 });
      this.replicas.set(id, { workload: id, volume: new RecoveryVolume(id, content), content, writer, isSeeded: parameters['isSeeded'] !== 0, lostNs: -1 });
    }
    const accept = (connection: Parameters<typeof acceptedChannel>[1]): StreamHandler => {
      const channel = acceptedChannel(this, connection);
      this.channels.push(channel);
      return channel;
    };
    ports.listen(TCP_PORTS.volumes, accept);
    ports.listen(TCP_PORTS.site, accept);
    ports.schedule(ports.knob('epoch'), 'epoch', {});
  }

  // ── Messages ──────────────────────────────────────────────────────────────────────────────────

  onMessage(channel: MessageChannel, said: Message): void {
    const replica = this.replicas.get(said.workload);
    if (replica === undefined) return;
    if (said.name === 'fence') this.onFence(channel, replica, said);
    else if (said.name === 'set') {
      this.queue.push({ from: channel, said });
      this.write();
    } else if (said.name === 'promote') this.onPromote(channel, replica, said);
  }

  private onFence(channel: MessageChannel, { volume, content }: Replica, { workload, term }: Message): void {
    if (!volume.fence(term)) {
      channel.post(message('refused', workload, term, { first: volume.applied, second: knownTerm(volume) }));
      return;
    }
    channel.post(message('fenced', workload, term, { first: volume.applied, payload: digestBytes(content.digest()) }));
  }

  /** The volumes take one set after the other. */
  private write(): void {
    const [first] = this.queue;
    if (this.isWriting || first === undefined) return;
    this.isWriting = true;
    const takesNs = Math.max(1, Math.round((first.said.payload.length * NS_PER_SECOND) / VOLUMES_BYTES_PER_SECOND));
    this.ports.schedule(this.ports.now() + takesNs, 'written', {});
  }

  private onWritten(now: number): void {
    this.isWriting = false;
    const arrived = this.queue.shift();
    if (arrived !== undefined) this.apply(arrived, now);
    this.write();
  }

  private apply({ from, said }: Arrived, now: number): void {
    const replica = this.replicas.get(said.workload);
    const set = decodeUpdateSet(said.payload);
    if (replica === undefined || !set.ok || set.value.workload !== said.workload) {
      from.end();
      return;
    }
    const { volume } = replica;
    const outcome = volume.apply(set.value, now);
    const { workload, term } = said;
    if (outcome === 'applied') this.applied.onBytes(workload, set.value.extents.reduce((sum, { bytes }) => sum + bytes.length, 0));
    if (outcome === 'applied' || outcome === 'repeated') from.post(message('applied', workload, term, { first: volume.applied }));
    else from.post(message('refused', workload, term, { first: volume.applied, second: knownTerm(volume) }));
    if (volume.mismatches > 0 && outcome === 'applied') this.ports.note('mismatch', `workload:${workload}`, `set ${volume.applied} left other bytes than were sealed`);
  }

  onChannelDown(channel: MessageChannel): void {
    this.channels.splice(this.channels.indexOf(channel), 1);
  }

  // ── Fail-over ─────────────────────────────────────────────────────────────────────────────────

  /** Planned: only from exactly the sequence at which the workload was stopped. */
  private onPromote(channel: MessageChannel, replica: Replica, { workload, term, first }: Message): void {
    const { volume } = replica;
    if (!volume.promoted && volume.applied !== first) return; // it asks again
    this.promote(replica, 'planned');
    channel.post(message('promoted', workload, term, { first: volume.applied }));
  }

  onRequest(request: MechanismRequest): void {
    if (request.name !== 'fail-over-unplanned') return;
    const replica = this.replicas.get(Number(request.arguments['workload']));
    if (replica === undefined || replica.volume.promoted) return;
    if (replica.volume.applied === 0 && !replica.isSeeded) {
      this.ports.note('refused', `workload:${replica.workload}`, 'there is no consistency point to start from');
      return;
    }
    replica.lostNs = Math.max(0, this.ports.now() - replica.volume.sealedAtNs);
    this.promote(replica, 'unplanned');
  }

  private promote(replica: Replica, how: string): void {
    if (replica.volume.promoted) return;
    replica.volume.promoted = true;
    const { workload, volume } = replica;
    this.ports.note('failed-over', `workload:${workload}`, `${how}: runs at ${this.ports.name} from set ${volume.applied}`);
    this.ports.schedule(this.ports.now() + 1, 'run', { workload });
  }

  /** The workload writes here now. */
  private onRun(workload: number): void {
    const replica = this.replicas.get(workload);
    if (replica === undefined) return;
    const percent = this.ports.knob('churn');
    const due = percent > 0 ? replica.writer.next() : undefined;
    if (due !== undefined) replica.content.write(due.byteOffset, due.bytes);
    const pauseNs = due === undefined ? NS_PER_SECOND : replica.writer.pauseNs(due.bytes.length, percent);
    this.ports.schedule(this.ports.now() + Math.max(1, Math.min(pauseNs, NS_PER_SECOND)), 'run', { workload });
  }

  // ── Events and what is told ───────────────────────────────────────────────────────────────────

  onEvent(kind: string, args: EventArguments, now: number): void {
    if (kind === 'written') this.onWritten(now);
    else if (kind === 'epoch') {
      this.applied.onEpoch(now, this.ports.knob('smoothing'));
      this.ports.schedule(now + this.ports.knob('epoch'), 'epoch', {});
    } else if (kind === 'run') this.onRun(Number(args['workload']));
  }

  measure(): Readonly<Record<string, number>> {
    let sets = 0;
    for (const { volume } of this.replicas.values()) sets += volume.appliedSets;
    return { 'applied-sets': sets };
  }

  told(): RecoverySiteTold {
    const flows = this.applied.told();
    return {
      isUp: this.ports.isUp(),
      volumes: [...this.replicas.values()].map(({ workload, volume, lostNs }) => ({
        workload,
        appliedSequence: volume.applied,
        sealedAtNs: volume.sealedAtNs,
        appliedAtNs: volume.points.at(-1)?.appliedAtNs ?? 0,
        appliedSets: volume.appliedSets,
        applied: flows.find((it) => it.workload === workload) ?? { workload, byteCount: 0, bytesPerSecond: 0 },
        repeatedSets: volume.repeatedSets,
        refusedSets: volume.refusedSets,
        mismatches: volume.mismatches,
        term: volume.term,
        state: volume.promoted ? 'running' : 'replica',
        digest: volume.points.at(-1)?.digest ?? '',
        lostNs,
      })),
    };
  }

  inspect(request: InspectionRequest): InspectionReply | undefined {
    if (request.view !== 'volume') return undefined;
    const replica = this.replicas.get(request.workload);
    if (replica === undefined) return { view: 'none', sentence: `There is no workload ${request.workload}.` };
    const { content, volume } = replica;
    const byteOffset = Math.max(0, Math.min(request.byteOffset, content.byteCount));
    const count = Math.max(0, Math.min(request.byteCount, INSPECT_BYTES_MAX, content.byteCount - byteOffset));
    const bytes = [...content.read(byteOffset, count)];
    return { view: 'volume', process: this.ports.id, workload: request.workload, byteOffset, bytes, sequence: volume.applied, digest: content.digest() };
  }

  hashInto(hash: Hash64): void {
    for (const { volume, writer } of this.replicas.values()) {
      volume.hashInto(hash);
      writer.hashInto(hash);
    }
    this.applied.hashInto(hash);
    hashInteger(hash, this.queue.length);
  }
}
