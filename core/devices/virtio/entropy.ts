/**
 * A source of random bytes. They come from a generator of the run's seed: a run repeats bit for bit,
 * and nobody may take them for secrets. Standard: VIRTIO 1.2 §5.4.
 */
import { makePrng, nextUint32, type Prng } from '../../base/prng.ts';
import { decodeRecord, encodeRecord, type RecordError, type RecordShape, wrongField } from '../../base/record-shape.ts';
import { ok, type Result } from '../../base/result.ts';
import type { VirtioCore, VirtioDevice } from './core.ts';
import type { Chain } from './queue.ts';

/** Bytes given for one buffer at most: a guest that wants more asks again. */
export const ENTROPY_BYTES_MAX = 1 << 16;

/** `a` … `d`: where the generator is. */
const RECORD = {
  name: 'entropy', version: 1,
  // biome-ignore format: a table, one row a line
  fields: [
    { name: 'a',          width: 'u32', since: 1 },
    { name: 'b',          width: 'u32', since: 1 },
    { name: 'c',          width: 'u32', since: 1 },
    { name: 'd',          width: 'u32', since: 1 },
    { name: 'givenBytes', width: 'u53', since: 1 },
  ],
} as const satisfies RecordShape;

/** See the file's head. */
export class VirtioEntropy implements VirtioDevice {
  readonly name = 'entropy';
  readonly deviceId = 4;
  readonly featureBits: readonly number[] = [];
  readonly queueSizes = [8];
  /** Random bytes given since the device was made. */
  givenBytes = 0;
  private readonly random: Prng;
  private core: VirtioCore | undefined;

  /** `stream`: what sets this device apart from others of the run. */
  constructor(options: { readonly seed: number; readonly stream: number }) {
    this.random = makePrng(options);
  }

  attach(core: VirtioCore): void {
    this.core = core;
  }

  config(): Uint8Array {
    return new Uint8Array(0);
  }

  writeConfig(): void {
    // There is nothing to configure.
  }

  onReset(): void {
    // The generator goes on: a reset must not repeat bytes.
  }

  onNotify(queue: number): void {
    const core = this.core!;
    core.drain(queue, (chain) => this.fill(core, chain));
  }

  private fill(core: VirtioCore, chain: Chain): number | undefined {
    const bytes = new Uint8Array(Math.min(chain.writableBytes, ENTROPY_BYTES_MAX));
    for (let at = 0; at < bytes.length; at += 4) {
      const word = nextUint32(this.random);
      for (let part = 0; part < 4 && at + part < bytes.length; part++) bytes[at + part] = word >>> (8 * part);
    }
    this.givenBytes += bytes.length;
    return core.write(chain, 0, bytes) ? bytes.length : undefined;
  }

  saveRecord(): Uint8Array {
    const { a, b, c, d } = this.random;
    return encodeRecord(RECORD, { a, b, c, d, givenBytes: this.givenBytes });
  }

  openRecord(bytes: Uint8Array): Result<() => void, RecordError> {
    const read = decodeRecord(RECORD, bytes);
    if (!read.ok) return read;
    const { givenBytes, ...random } = read.value;
    if ((random.a | random.b | random.c | random.d) === 0) return wrongField(RECORD, 'a', 0); // it would give zeroes for ever
    return ok(() => {
      Object.assign(this.random, random);
      this.givenBytes = givenBytes;
    });
  }
}
