/**
 * A network card: Ethernet frames from and to a port. Nothing is offloaded: the guest sums its own
 * packets, and whole frames lie in one buffer. A frame that finds no buffer waits in a bounded queue.
 * Left out: offloads, merged receive buffers, the control queue, several queue pairs.
 * Standard: VIRTIO 1.2 §5.1.
 */
import { type CheckpointRules, checkpointRules } from '../../base/checkpoint-rule.ts';
import { decodeRecord, encodeRecord, type RecordError, type RecordShape, wrongField } from '../../base/record-shape.ts';
import { ok, type Result } from '../../base/result.ts';
import type { MacAddress } from '../../network/index.ts';
import type { VirtioCore, VirtioDevice } from './core.ts';
import type { Chain } from './queue.ts';

const MTU_FEATURE = 3;
const MAC_FEATURE = 5;
const STATUS_FEATURE = 16;
const RECEIVE = 0;
const TRANSMIT = 1;
/** struct virtio_net_hdr with num_buffers, which VERSION_1 always has (§5.1.6). */
const HEADER_BYTES = 12;
const FRAME_BYTES_MIN = 14;
/** A packet of 1,500 bytes behind its Ethernet header; with an MTU of more, that. */
const ETHERNET_HEADER = 14;
const LINK_UP = 1;
/** Frames that wait for a receive buffer at most; QEMU's default queue holds 256 descriptors, too. */
export const NET_WAITING_MAX = 256;

const RECORD = {
  name: 'net', version: 1,
  // biome-ignore format: a table, one row a line
  fields: [
    { name: 'mac',            width: 'u53',  since: 1, max: 2 ** 48 - 1 },
    { name: 'linkUp',         width: 'flag', since: 1 },
    { name: 'sentFrames',     width: 'u53',  since: 1 },
    { name: 'sentBytes',      width: 'u53',  since: 1 },
    { name: 'receivedFrames', width: 'u53',  since: 1 },
    { name: 'receivedBytes',  width: 'u53',  since: 1 },
    { name: 'refusedFrames',  width: 'u53',  since: 1 },
    { name: 'droppedFrames',  width: 'u53',  since: 1 },
  ],
  lists: [{ name: 'waiting', since: 1, max: NET_WAITING_MAX, rows: [{ name: 'frame', width: 'bytes', since: 1, max: 65_535 }] }],
} as const satisfies RecordShape;

/** Where frames of the guest go. A frame does not change afterwards. */
export interface NetPorts {
  transmit(frame: Uint8Array): void;
}

/** Counters since the device was made. */
export interface NetCounters {
  sentFrames: number;
  sentBytes: number;
  receivedFrames: number;
  receivedBytes: number;
  /** Frames of the guest that are none: too short, too long, or with an offload that was not agreed on. */
  refusedFrames: number;
  /** Frames for the guest that found the queue full, the driver absent, or the buffer too small. */
  droppedFrames: number;
}

/** See the file's head. */
export class VirtioNet implements VirtioDevice {
  static readonly [checkpointRules]: CheckpointRules = { ports: 'outside', waitingFrames: 'values' };
  readonly name = 'net';
  readonly deviceId = 1;
  readonly featureBits = [MTU_FEATURE, MAC_FEATURE, STATUS_FEATURE];
  readonly queueSizes = [256, 256];
  readonly mac: MacAddress;
  readonly mtu: number;
  readonly counters: NetCounters = {
    sentFrames: 0, sentBytes: 0, receivedFrames: 0, receivedBytes: 0, refusedFrames: 0, droppedFrames: 0,
  };
  private readonly ports: NetPorts;
  private waitingFrames: Uint8Array[] = [];
  private linkUp = true;
  private core: VirtioCore | undefined;

  /** `mtu`: bytes of a packet, 68 … 65,521; 1,500 when not given. */
  constructor(options: { readonly mac: MacAddress; readonly mtu?: number }, ports: NetPorts) {
    this.mac = options.mac;
    this.mtu = options.mtu ?? 1500;
    this.ports = ports;
  }

  attach(core: VirtioCore): void {
    this.core = core;
  }

  /** §5.1.4: mac, status, max_virtqueue_pairs, mtu. */
  config(): Uint8Array {
    const bytes = new Uint8Array(12);
    const view = new DataView(bytes.buffer);
    view.setUint16(0, Math.floor(this.mac / 2 ** 32));
    view.setUint32(2, this.mac % 2 ** 32);
    view.setUint16(6, this.linkUp ? LINK_UP : 0, true);
    view.setUint16(8, 1, true);
    view.setUint16(10, this.mtu, true);
    return bytes;
  }

  writeConfig(): void {
    // The address is the card's: with VERSION_1 it is read only.
  }

  onReset(): void {
    this.waitingFrames = [];
  }

  /** Plugs the cable in or out; the guest is told. */
  setLink(up: boolean): void {
    if (up === this.linkUp) return;
    this.linkUp = up;
    this.core!.configChanged();
  }

  onNotify(queue: number): void {
    const core = this.core!;
    if (queue === TRANSMIT) core.drain(TRANSMIT, (chain) => this.transmit(core, chain));
    else this.deliver(core);
  }

  /** A frame arrives for the guest. False: dropped. */
  receive(frame: Uint8Array): boolean {
    const core = this.core!;
    const wanted = core.isLive() && core.queues[RECEIVE]!.ready && this.linkUp;
    if (!wanted || frame.length > this.mtu + ETHERNET_HEADER || this.waitingFrames.length >= NET_WAITING_MAX) {
      this.counters.droppedFrames++;
      return false;
    }
    this.waitingFrames.push(frame);
    this.deliver(core);
    return true;
  }

  private transmit(core: VirtioCore, chain: Chain): number | undefined {
    const length = chain.readableBytes - HEADER_BYTES;
    const header = core.read(chain, 0, HEADER_BYTES);
    if (header === undefined) return undefined;
    const sound = length >= FRAME_BYTES_MIN && length <= this.mtu + ETHERNET_HEADER;
    if (!sound || header[0] !== 0 || header[1] !== 0 || !this.linkUp) {
      this.counters.refusedFrames++;
      return 0;
    }
    const frame = core.read(chain, HEADER_BYTES, length);
    if (frame === undefined) return undefined;
    this.counters.sentFrames++;
    this.counters.sentBytes += length;
    this.ports.transmit(frame);
    return 0;
  }

  private deliver(core: VirtioCore): void {
    for (let count = 0; count < NET_WAITING_MAX && this.waitingFrames.length > 0; count++) {
      const chain = core.peek(RECEIVE);
      if (chain === undefined || !core.take(RECEIVE)) break;
      const frame = this.waitingFrames.shift()!;
      const fits = HEADER_BYTES + frame.length <= chain.writableBytes;
      const written = fits ? this.fill(core, chain, frame) : 0;
      if (!fits) this.counters.droppedFrames++;
      if (written === undefined || !core.put(RECEIVE, chain.head, written)) break;
    }
    core.signal(RECEIVE);
  }

  private fill(core: VirtioCore, chain: Chain, frame: Uint8Array): number | undefined {
    const bytes = new Uint8Array(HEADER_BYTES + frame.length);
    bytes[10] = 1; // num_buffers
    bytes.set(frame, HEADER_BYTES);
    if (!core.write(chain, 0, bytes)) return undefined;
    this.counters.receivedFrames++;
    this.counters.receivedBytes += frame.length;
    return bytes.length;
  }

  saveRecord(): Uint8Array {
    const { mac, linkUp, counters } = this;
    return encodeRecord(RECORD, { mac, linkUp, ...counters, waiting: this.waitingFrames.map((frame) => ({ frame })) });
  }

  /** The card's address is its identity: a record of another is refused. */
  openRecord(bytes: Uint8Array): Result<() => void, RecordError> {
    const read = decodeRecord(RECORD, bytes);
    if (!read.ok) return read;
    const { mac, linkUp, waiting, ...counters } = read.value;
    if (mac !== this.mac) return wrongField(RECORD, 'mac', mac);
    const odd = waiting.find(({ frame }) => frame.length > this.mtu + ETHERNET_HEADER);
    if (odd !== undefined) return wrongField(RECORD, 'frame', odd.frame.length);
    return ok(() => {
      this.linkUp = linkUp;
      Object.assign(this.counters, counters);
      this.waitingFrames = waiting.map(({ frame }) => frame);
    });
  }
}
