/**
 * The sending side of one direction of a cable: a queue bounded in bytes, a transmitter that puts one
 * frame after another on the wire at the link's rate, and the wire itself (latency, loss, cut). It is
 * owned by the sender's process; what it emits are wire messages with a fixed time of arrival.
 * What is on the wire, the frame being sent included, is never re-timed: a change of bandwidth or
 * latency touches what is still queued. A cut raises the epoch, and receivers drop older frames.
 * Left out: duplex negotiation, pause frames, bit errors, random reordering and duplication.
 */
import { assert } from '../base/assert.ts';
import { type CheckpointRules, checkpointRules } from '../base/checkpoint-rule.ts';
import { type Hash64, hashInteger } from '../base/hash.ts';
import { makePrng, nextBelow, type Prng } from '../base/prng.ts';
import { NS_PER_SECOND } from '../base/units.ts';
import type { ProcessId, WireMessage } from '../sim/logical-process.ts';
import { WIRE_OVERHEAD_BYTES } from './ethernet.ts';

/** Least latency of a link: the lookahead that lets workers run ahead of each other. Unit: ns. */
export const LINK_LATENCY_NS_MIN = 5_000;
/** Loss is counted in parts of this. */
export const LOSS_SCALE = 1_000_000;

/** What a link is made with. */
export interface LinkEndOptions {
  readonly source: ProcessId;
  readonly destination: ProcessId;
  /** Unit: bit/s, 1 … 10^12. */
  readonly bandwidthBitsPerSecond: number;
  /** Unit: ns, at least {@link LINK_LATENCY_NS_MIN}. */
  readonly latencyNs: number;
  /** Frames lost of a million, 0 … 1,000,000; 0 when not given. */
  readonly lossPerMillion?: number;
  /** Bytes of frames that may wait, the one being sent not counted; at least 1,514. 1 MiB when not given. */
  readonly queueLimitBytes?: number;
  readonly seed: number;
  /** Shared by all link ends of one process: the number that its next message gets. */
  readonly sequences: { next: number };
}

/** What the owner's process offers. */
export interface LinkPorts {
  /** Takes a message that is on the wire now. */
  emit(message: WireMessage): void;
  /** Asks for a call of {@link LinkEnd.onTransmitDone} at `timeNs`. */
  schedule(timeNs: number): void;
}

/** Counters since the link was made. */
export interface LinkCounters {
  /** Frames that the transmitter put on the wire, the lost ones included. */
  sentFrames: number;
  /** Their bytes, headers included, the wire's overhead not. */
  sentBytes: number;
  /** Frames lost on the wire by chance. */
  lostFrames: number;
  /** Frames that found the queue full, or the cable cut. */
  droppedFrames: number;
}

/** All of a link end's state: plain, so that it can be saved and hashed. */
export interface LinkState {
  bandwidthBitsPerSecond: number;
  latencyNs: number;
  lossPerMillion: number;
  readonly queueLimitBytes: number;
  connected: boolean;
  /** Number of cuts so far. */
  epoch: number;
  readonly queue: Uint8Array[];
  queuedBytes: number;
  /** When the frame being sent leaves the transmitter; undefined when it is idle. Unit: ns. */
  busyUntilNs: number | undefined;
  /** Parts of a nanosecond that the last frame took, in 1 / bandwidth: back-to-back frames never drift. */
  remainder: number;
  lastArrivalNs: number;
  readonly random: Prng;
  readonly counters: LinkCounters;
}

const QUEUE_LIMIT_BYTES = 1 << 20;
/** A packet of the common size: 1,500 bytes and the Ethernet header. */
const PACKET_BYTES = 1514;
/** Linux, net/ipv4/tcp_output.c, tcp_small_queue_check(): a socket keeps about 1 ms in the queue. */
const SMALL_QUEUE_NS = 1_000_000;
/** … in at least four frames, of the common size or more: three that arrive behind a lost one tell. */
const SMALL_QUEUE_FRAMES = 4;
const SMALL_QUEUE_BYTES_MIN = SMALL_QUEUE_FRAMES * PACKET_BYTES;

function checkBandwidth(value: number): void {
  const holds = Number.isSafeInteger(value) && value >= 1 && value <= 1e12;
  assert(holds, `a bandwidth is 1 … 10^12 bit/s, not ${value}`);
}

function checkLatency(value: number): void {
  const holds = Number.isSafeInteger(value) && value >= LINK_LATENCY_NS_MIN;
  assert(holds, `a latency is at least ${LINK_LATENCY_NS_MIN} ns, not ${value}`);
}

/** See the file's head. */
export class LinkEnd {
  static readonly [checkpointRules]: CheckpointRules = { state: { queue: 'values' } };
  readonly source: ProcessId;
  readonly destination: ProcessId;
  readonly state: LinkState;
  private readonly ports: LinkPorts;
  private readonly sequences: { next: number };

  constructor(options: LinkEndOptions, ports: LinkPorts) {
    checkBandwidth(options.bandwidthBitsPerSecond);
    checkLatency(options.latencyNs);
    const queueLimitBytes = options.queueLimitBytes ?? QUEUE_LIMIT_BYTES;
    assert(queueLimitBytes >= PACKET_BYTES, 'a queue holds a packet of 1,514 bytes');
    this.source = options.source;
    this.destination = options.destination;
    this.ports = ports;
    this.sequences = options.sequences;
    this.state = {
      bandwidthBitsPerSecond: options.bandwidthBitsPerSecond,
      latencyNs: options.latencyNs,
      lossPerMillion: 0,
      queueLimitBytes,
      connected: true,
      epoch: 0,
      queue: [],
      queuedBytes: 0,
      busyUntilNs: undefined,
      remainder: 0,
      lastArrivalNs: 0,
      random: makePrng({ seed: options.seed, stream: options.source * 65_536 + options.destination }),
      counters: { sentFrames: 0, sentBytes: 0, lostFrames: 0, droppedFrames: 0 },
    };
    this.setLoss(options.lossPerMillion ?? 0);
  }

  /** Takes a frame to send. The frame must not change afterwards. False when it was dropped. */
  enqueue(frame: Uint8Array, now: number): boolean {
    const { state } = this;
    const idle = state.busyUntilNs === undefined;
    const full = !idle && state.queuedBytes + frame.length > state.queueLimitBytes;
    if (!state.connected || full) {
      state.counters.droppedFrames += 1;
      return false;
    }
    if (idle) {
      state.remainder = 0;
      this.transmit(frame, now);
    } else {
      state.queue.push(frame);
      state.queuedBytes += frame.length;
    }
    return true;
  }

  /** The frame being sent has left the transmitter. Calls at other times than asked for do nothing. */
  onTransmitDone(now: number): void {
    const { state } = this;
    if (state.busyUntilNs === undefined || now < state.busyUntilNs) return;
    state.busyUntilNs = undefined;
    const frame = state.queue.shift();
    if (frame === undefined) return;
    state.queuedBytes -= frame.length;
    this.transmit(frame, now);
  }

  private transmit(frame: Uint8Array, now: number): void {
    const { state } = this;
    // 65,573 bytes are 5.3e14 bit-nanoseconds; with a remainder below 1e12 the sum stays exact.
    const work = (frame.length + WIRE_OVERHEAD_BYTES) * 8 * NS_PER_SECOND + state.remainder;
    state.remainder = work % state.bandwidthBitsPerSecond;
    const doneNs = now + (work - state.remainder) / state.bandwidthBitsPerSecond;
    state.busyUntilNs = doneNs;
    this.ports.schedule(doneNs);
    state.counters.sentFrames += 1;
    state.counters.sentBytes += frame.length;
    const { lossPerMillion } = state;
    if (lossPerMillion > 0 && nextBelow(state.random, LOSS_SCALE) < lossPerMillion) {
      state.counters.lostFrames += 1;
      return;
    }
    state.lastArrivalNs = Math.max(state.lastArrivalNs, doneNs + state.latencyNs);
    this.ports.emit({
      source: this.source,
      destination: this.destination,
      arrivalTimeNs: state.lastArrivalNs,
      sequence: this.sequences.next++,
      linkEpoch: state.epoch,
      bytes: frame,
    });
  }

  /** Time of the next {@link onTransmitDone}; Infinity when idle. Unit: ns. */
  nextEventTime(): number {
    return this.state.busyUntilNs ?? Number.POSITIVE_INFINITY;
  }

  /** From now on frames are sent at this rate; the one being sent keeps its end. Unit: bit/s. */
  setBandwidth(bitsPerSecond: number): void {
    checkBandwidth(bitsPerSecond);
    if (bitsPerSecond === this.state.bandwidthBitsPerSecond) return;
    this.state.bandwidthBitsPerSecond = bitsPerSecond;
    this.state.remainder = 0;
  }

  /** From now on frames take this long; none overtakes an earlier one. Unit: ns. */
  setLatency(latencyNs: number): void {
    checkLatency(latencyNs);
    this.state.latencyNs = latencyNs;
  }

  /** Frames lost of a million from now on. */
  setLoss(lossPerMillion: number): void {
    const holds = Number.isInteger(lossPerMillion) && lossPerMillion >= 0;
    assert(holds && lossPerMillion <= LOSS_SCALE, 'a loss is 0 … 1,000,000 of a million');
    this.state.lossPerMillion = lossPerMillion;
  }

  /**
   * The cable is cut: what is queued is dropped, what is on the wire will be dropped by the receiver.
   * Both ends of both directions are cut at the same virtual time.
   */
  cut(): void {
    const { state } = this;
    if (!state.connected) return;
    state.connected = false;
    state.epoch += 1;
    state.counters.droppedFrames += state.queue.length;
    state.queue.length = 0;
    state.queuedBytes = 0;
  }

  /** The cable is joined again. */
  mend(): void {
    this.state.connected = true;
  }

  /** Whether a message that arrives now from the far end was sent over the cable as it is. */
  accepts(message: WireMessage): boolean {
    return this.state.connected && message.linkEpoch === this.state.epoch;
  }

  /**
   * Length of the next frame that a well-behaved sender may add: a quarter of what 1 ms of the rate
   * holds when that much is free, else 0. Keeps the local queue short and its frames small enough, as
   * Linux' TCP small queues and segment autosizing do. The queue of a cut link is always free.
   */
  room(): number {
    const { state } = this;
    const wanted = Math.floor(state.bandwidthBitsPerSecond / (8 * (NS_PER_SECOND / SMALL_QUEUE_NS)));
    const limit = Math.min(state.queueLimitBytes, Math.max(SMALL_QUEUE_BYTES_MIN, wanted));
    const frame = Math.max(PACKET_BYTES, Math.floor(limit / SMALL_QUEUE_FRAMES));
    return state.queuedBytes + frame <= limit ? frame : 0;
  }

  /** Mixes the state in: settings, counters, the lengths of what waits. */
  hashInto(hash: Hash64): void {
    const { state } = this;
    hashInteger(hash, state.bandwidthBitsPerSecond);
    hashInteger(hash, state.latencyNs);
    hashInteger(hash, state.lossPerMillion);
    hashInteger(hash, state.connected ? state.epoch + 1 : -1 - state.epoch);
    hashInteger(hash, state.busyUntilNs ?? -1);
    hashInteger(hash, state.remainder);
    hashInteger(hash, state.lastArrivalNs);
    hashInteger(hash, state.random.a);
    hashInteger(hash, state.queuedBytes);
    for (const frame of state.queue) hashInteger(hash, frame.length);
    const { sentFrames, sentBytes, lostFrames, droppedFrames } = state.counters;
    for (const count of [sentFrames, sentBytes, lostFrames, droppedFrames]) hashInteger(hash, count);
  }
}
