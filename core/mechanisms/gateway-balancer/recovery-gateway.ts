/**
 * A gateway of the recovery site. Update sets are checked and staged as they come, wait for the processor (which
 * checks and unpacks so many raw bytes a second), and are handed to the recovery volumes in order. They are forgotten
 * when they were applied. When memory is full it stops reading, and in the end the gateway over there waits.
 */
import { readUpdateSetHead } from '../../formats/update-set.ts';
import { encodeMessage, type Message, type MessageChannel } from '../../storage/index.ts';
import type { StreamConnection, StreamHandler } from '../host-ports.ts';
import type { NodePorts } from '../node-ports.ts';
import { acceptedChannel, callChannel, RETRY_NS, TCP_PORTS } from './channels.ts';
import { GatewayPart, type StagedSet } from './gateway-part.ts';
import { ownerOf } from './staging.ts';

function ownerKey({ workload, term }: { readonly workload: number; readonly term: number }): string {
  return `${workload}.${term}`;
}

/** See the file's head. */
export class RecoveryGateway extends GatewayPart {
  private readonly recoverySite: number;
  private volumes: MessageChannel | undefined;
  private readonly callers: MessageChannel[] = []; //  production gateways
  /** Who is told of a workload's sets, by `<workload>.<term>`: a former owner may still be sending. */
  private readonly byOwner = new Map<string, MessageChannel>();

  constructor(ports: NodePorts) {
    super(ports, 1);
    this.recoverySite = ports.parameters['recoverySite'] ?? -1;
    ports.listen(TCP_PORTS.pair, (connection) => this.acceptCaller(connection));
  }

  private acceptCaller(connection: StreamConnection): StreamHandler {
    const channel = acceptedChannel(this, connection);
    this.callers.push(channel);
    channel.hold(this.isMemoryFull());
    return channel;
  }

  // ── Messages ──────────────────────────────────────────────────────────────────────────────────

  protected onSaid(channel: MessageChannel, said: Message): void {
    switch (said.name) {
      case 'fence':
        this.byOwner.set(ownerKey(said), channel);
        this.volumesChannel().post(said);
        return;
      case 'set':
        this.byOwner.set(ownerKey(said), channel);
        this.onSet(channel, said);
        return;
      case 'fenced':
        this.byOwner.get(ownerKey(said))?.post(said);
        return;
      case 'applied':
        this.release((set) => set.workload === said.workload && set.sequence <= said.first);
        this.byOwner.get(ownerKey(said))?.post(said);
        return;
      case 'refused':
        this.release((set) => set.workload === said.workload && set.term <= said.term);
        this.byOwner.get(ownerKey(said))?.post(said);
        return;
      default:
    }
  }

  private onSet(channel: MessageChannel, said: Message): void {
    const head = readUpdateSetHead(said.payload);
    if (!head.ok) {
      channel.end(); // TCP brings what was sent; the other side sends it again over a new connection
      this.onChannelDown(channel);
      return;
    }
    const { workload, term, sequence, sealedAtNs, rawBytes } = head.value;
    if (this.sets.some((set) => set.workload === workload && set.term === term && set.sequence === sequence)) return;
    const bytes = encodeMessage(said);
    const file = this.staging.create(workload, term, bytes.length);
    if (file === undefined) {
      // No room: it is not acknowledged, and comes again when the connection is made anew.
      this.ports.note('staging-full', `gateway:${this.ports.id}`, `has no room for workload ${workload}`);
      channel.end();
      this.onChannelDown(channel);
      return;
    }
    this.load.onWork(rawBytes);
    this.came.onBytes(workload, rawBytes);
    this.take({ workload, term, sequence, sealedAtNs, rawBytes, file, frame: said.payload, state: 'syncing' });
    this.staging.append(file, bytes);
    this.staging.sync(file);
    this.onMemory();
  }

  protected override onMemory(): void {
    const isFull = this.isMemoryFull();
    for (const caller of [...this.callers]) caller.hold(isFull);
  }

  // ── Sets ──────────────────────────────────────────────────────────────────────────────────────

  onStagingFailed(file: string): void {
    this.release((set) => set.file === file);
    const caller = this.byOwner.get(ownerKey(ownerOf(file)));
    if (caller === undefined) return;
    caller.end();
    this.onChannelDown(caller);
  }

  protected findWork(): StagedSet | undefined {
    return this.sets.find((it) => it.state === 'waiting');
  }

  protected onWorkDone(set: StagedSet): void {
    set.state = 'ready';
    this.ship();
  }

  private ship(): void {
    const channel = this.volumesChannel();
    if (!channel.isUp) return;
    for (const set of this.sets) {
      if (set.state === 'ready' && set.frame !== undefined) this.send(channel, set, set.frame);
    }
  }

  // ── Channels ──────────────────────────────────────────────────────────────────────────────────

  private volumesChannel(): MessageChannel {
    this.volumes ??= callChannel(this.ports, this, this.recoverySite, TCP_PORTS.volumes);
    return this.volumes;
  }

  onChannelUp(channel: MessageChannel): void {
    if (channel === this.volumes) this.ship();
  }

  onChannelDown(channel: MessageChannel): void {
    if (channel === this.site) this.site = undefined;
    if (channel === this.volumes) {
      this.volumes = undefined;
      for (const set of this.sets) if (set.state === 'sent') set.state = 'ready';
      this.ports.schedule(this.ports.now() + RETRY_NS, 'call', {});
    }
    const index = this.callers.indexOf(channel);
    if (index >= 0) this.callers.splice(index, 1);
    for (const [owner, caller] of [...this.byOwner]) if (caller === channel) this.byOwner.delete(owner);
  }

  protected onCall(): void {
    this.ship();
  }

  // ── Power ─────────────────────────────────────────────────────────────────────────────────────

  protected override forgetOwn(): void {
    this.volumes = undefined;
    this.callers.length = 0;
    this.byOwner.clear();
  }

  protected recovered(file: string): StagedSet | undefined {
    const frame = this.staging.messagesOf(file).messages.at(-1)!.payload;
    const head = readUpdateSetHead(frame);
    if (!head.ok) return undefined;
    const { workload, term, sequence, sealedAtNs, rawBytes } = head.value;
    return { workload, term, sequence, sealedAtNs, rawBytes, file, frame, state: 'waiting' };
  }

  override onBoot(): void {
    super.onBoot();
    this.work();
  }
}
