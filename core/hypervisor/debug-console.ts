/**
 * The console of a VM as the SBI debug console (DBCN) shows it to the guest: bytes out, kept with their
 * virtual times in a ring, and a bounded queue of bytes in, which is part of the VM's device record.
 * Left out: flow control towards the guest (output is never refused, the oldest chunk is dropped instead).
 */
import { type CheckpointRules, checkpointRules } from '../base/checkpoint-rule.ts';
import { assert } from '../base/index.ts';

/** Bytes of input that wait for the guest at most; more are dropped and counted. As a UART's queue in Linux (4 KiB). */
export const CONSOLE_INPUT_MAX = 4096;
/** Bytes of output kept per VM and host; enough for two minutes of a chatty guest. */
export const CONSOLE_OUTPUT_MAX = 1 << 20;

/** A piece of output, written at one virtual time. */
export interface OutputChunk {
  readonly timeNs: number;
  readonly text: string; //   bytes as Latin-1 code units
  readonly start: number; //  bytes of output before it, on this host
}

/** Output and input of one VM on one host. */
export class DebugConsole {
  static readonly [checkpointRules]: CheckpointRules = { chunks: 'appended' };
  private chunks: OutputChunk[] = [];
  private first = 0; //       index of the oldest kept chunk (the array is compacted now and then)
  private kept = 0; //        bytes in kept chunks
  /** Bytes written on this host since the VM came to it. */
  byteCount = 0;
  /** Input bytes that were dropped because the queue was full. */
  overflowCount = 0;
  private input: number[] = [];

  /** Appends output of the guest. `timeNs` does not decrease for one vCPU. */
  write(timeNs: number, text: string): void {
    if (text.length === 0) return;
    this.chunks.push({ timeNs, text, start: this.byteCount });
    this.byteCount += text.length;
    this.kept += text.length;
    while (this.kept > CONSOLE_OUTPUT_MAX && this.first < this.chunks.length - 1) {
      this.kept -= this.chunks[this.first]!.text.length;
      this.first++;
    }
    if (this.first > 1024 && this.first * 2 > this.chunks.length) {
      this.chunks = this.chunks.slice(this.first);
      this.first = 0;
    }
  }

  /** Chunks that begin at output byte `start` or later, oldest first. A reader keeps its own cursor. */
  chunksFrom(start: number): OutputChunk[] {
    let low = this.first;
    let high = this.chunks.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.chunks[middle]!.start < start) low = middle + 1;
      else high = middle;
    }
    return this.chunks.slice(low);
  }

  /** All kept output as one text (Latin-1 code units). */
  text(): string {
    return this.chunks
      .slice(this.first)
      .map((chunk) => chunk.text)
      .join('');
  }

  /** Puts input bytes into the queue; gives how many were taken, the rest is counted as overflow. */
  type(bytes: readonly number[]): number {
    const room = CONSOLE_INPUT_MAX - this.input.length;
    const taken = Math.min(room, bytes.length);
    for (let index = 0; index < taken; index++) this.input.push(bytes[index]! & 0xff);
    this.overflowCount += bytes.length - taken;
    return taken;
  }

  /** Takes up to `count` waiting input bytes, oldest first. */
  read(count: number): number[] {
    return this.input.splice(0, count);
  }

  /** Waiting input, for the device record. */
  waitingInput(): readonly number[] {
    return this.input;
  }

  /** Replaces the waiting input (restore of a device record). */
  restoreInput(bytes: readonly number[]): void {
    assert(bytes.length <= CONSOLE_INPUT_MAX, 'restored console input fits the queue');
    this.input = [...bytes];
  }
}

/** Console text from a person as UTF-8 bytes. */
export function consoleBytes(text: string): number[] {
  const bytes: number[] = [];
  for (const character of text) {
    const code = character.codePointAt(0)!;
    if (code < 0x80) bytes.push(code);
    else if (code < 0x800) bytes.push(0xc0 | (code >> 6), 0x80 | (code & 63));
    else if (code < 0x10000) bytes.push(0xe0 | (code >> 12), 0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
    else {
      bytes.push(0xf0 | (code >> 18), 0x80 | ((code >> 12) & 63));
      bytes.push(0x80 | ((code >> 6) & 63), 0x80 | (code & 63));
    }
  }
  return bytes;
}
