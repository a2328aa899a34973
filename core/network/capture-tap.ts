/**
 * A capture at one host's ports: frames as they leave and arrive, with virtual times, up to a bound of
 * bytes. Frames are kept as they are; their checksums are completed when the capture is written (or
 * at once, when only their beginning is kept). Looking changes nothing: the tap copies what it alters.
 * One tap belongs to one host: frames of both ends of a cable in one file would look like repeats.
 */
import { type CheckpointRules, checkpointRules } from '../base/checkpoint-rule.ts';
import {
  CAPTURE_LENGTH_MAX,
  interfaceBlock,
  packetBlock,
  sectionHeaderBlock,
  statisticsBlock,
} from '../formats/pcapng.ts';
import { completeChecksums } from './checksum.ts';

interface TappedFrame {
  readonly interfaceIndex: number;
  readonly timeNs: number;
  readonly direction: 'in' | 'out';
  readonly frame: Uint8Array;
  readonly originalLength: number;
}

/** See the file's head. */
export class CaptureTap {
  static readonly [checkpointRules]: CheckpointRules = { frames: 'appended' };
  private readonly frames: TappedFrame[] = [];
  private readonly interfaces: { readonly name: string; readonly bitsPerSecond?: number }[] = [];
  /** By port: frames that crossed it, and those that are not in the capture. */
  private readonly received: number[] = [];
  private readonly dropped: number[] = [];
  private lastNs = 0;
  private readonly bytesMax: number;
  private readonly snapLength: number;
  private bytes = 0;

  /** Keeps at most `bytesMax` bytes of frames, and of each at most `snapLength` (all when not given). */
  constructor(options: { readonly bytesMax: number; readonly snapLength?: number }) {
    this.bytesMax = options.bytesMax;
    this.snapLength = options.snapLength ?? CAPTURE_LENGTH_MAX;
  }

  /** Adds a port; returns the index that {@link record} takes. */
  addInterface(port: { readonly name: string; readonly bitsPerSecond?: number }): number {
    this.received.push(0);
    this.dropped.push(0);
    return this.interfaces.push(port) - 1;
  }

  /** Frames that came after the bound was reached, and are not in the capture. */
  get droppedFrames(): number {
    return this.dropped.reduce((sum, count) => sum + count, 0);
  }

  /** Frames in the capture. */
  get frameCount(): number {
    return this.frames.length;
  }

  /** Bytes of frames in the capture. */
  get byteCount(): number {
    return this.bytes;
  }

  /** Takes a frame that leaves or arrives now. The frame must not change afterwards. */
  record(
    interfaceIndex: number,
    direction: 'in' | 'out',
    frame: Uint8Array,
    timeNs: number,
  ): void {
    const kept = Math.min(frame.length, this.snapLength);
    this.received[interfaceIndex]! += 1;
    this.lastNs = timeNs;
    if (this.bytes + kept > this.bytesMax) {
      this.dropped[interfaceIndex]! += 1;
      return;
    }
    this.bytes += kept;
    this.frames.push({
      interfaceIndex,
      timeNs,
      direction,
      frame: kept === frame.length ? frame : completeChecksums(frame).slice(0, kept),
      originalLength: frame.length,
    });
  }

  /**
   * The capture as blocks in order; joined they are a pcapng file. `comment` says which run it was. When frames had no
   * room, counts at the end say how many, by port.
   */
  blocks(text: { readonly application: string; readonly comment?: string }): Uint8Array[] {
    const blocks = [sectionHeaderBlock(text)];
    for (const port of this.interfaces) {
      blocks.push(interfaceBlock({ ...port, snapLength: this.snapLength }));
    }
    for (const { frame, interfaceIndex, timeNs, direction, originalLength } of this.frames) {
      const bytes = frame.length === originalLength ? completeChecksums(frame) : frame;
      blocks.push(packetBlock({ interfaceIndex, timeNs, direction, bytes, originalLength }));
    }
    if (this.droppedFrames > 0) {
      const timeNs = this.lastNs;
      this.dropped.forEach((dropped, interfaceIndex) => {
        blocks.push(statisticsBlock({ interfaceIndex, timeNs, received: this.received[interfaceIndex]!, dropped }));
      });
    }
    return blocks;
  }

  /** The capture as one file. */
  file(text: { readonly application: string; readonly comment?: string }): Uint8Array {
    const blocks = this.blocks(text);
    const file = new Uint8Array(blocks.reduce((sum, block) => sum + block.length, 0));
    let at = 0;
    for (const block of blocks) {
      file.set(block, at);
      at += block.length;
    }
    return file;
  }

  /** Forgets all frames and goes on. */
  clear(): void {
    this.frames.length = 0;
    this.bytes = 0;
    this.received.fill(0);
    this.dropped.fill(0);
  }
}
