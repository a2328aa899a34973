/**
 * Random work on a qcow2 image beside an array of bytes that is its oracle: reads, writes, zeroes and
 * discards of any alignment. Whoever calls judges the file that comes of it with tools from outside.
 */
import { assert, makePrng, nextBelow, type Prng } from '../base/index.ts';
import {
  type BlockImage,
  checkQcow2,
  createQcow2,
  type ImageOutcome,
  isQcow2,
  MemoryStore,
  openQcow2Chain,
  RawImage,
  renderImageError,
  renderQcow2Error,
} from '../formats/index.ts';

/** An image of a campaign, its files by name, and what the disk must hold. */
export interface CampaignImage {
  readonly files: Map<string, MemoryStore>;
  readonly name: string;
  readonly image: BlockImage;
  readonly expected: Uint8Array;
}

/** How an image of a campaign is made. */
export interface CampaignOptions {
  readonly seed: number;
  readonly diskBytes: number;
  readonly clusterBits: number;
  readonly version: 2 | 3;
  readonly refcountOrder: number;
  readonly backing: 'none' | 'raw' | 'qcow2';
}

/** No store of a campaign grows beyond this; a hostile image that wants more is told that the file is full. */
export const STORE_BYTES_MAX = 64 << 20;

/** Random options for one seed: every cluster size that is quick, both versions, all kinds of backing. */
export function randomOptions(seed: number): CampaignOptions {
  const random = makePrng({ seed, stream: 7 });
  const version = nextBelow(random, 4) === 0 ? 2 : 3;
  return {
    seed,
    version,
    diskBytes: nextBelow(random, 3) === 0 ? 1 + nextBelow(random, 900_000) : 512 * (1 + nextBelow(random, 2_000)),
    clusterBits: [9, 9, 10, 12, 16][nextBelow(random, 5)]!,
    refcountOrder: version === 2 ? 4 : nextBelow(random, 7),
    backing: (['none', 'raw', 'qcow2'] as const)[nextBelow(random, 3)]!,
  };
}

function randomBytes(random: Prng, byteCount: number): Uint8Array {
  const bytes = new Uint8Array(byteCount);
  if (nextBelow(random, 8) === 0) return bytes; // zeroes, now and then
  for (let at = 0; at < byteCount; at += 4) {
    const word = nextBelow(random, 0x1_0000_0000);
    bytes[at] = word;
    if (at + 1 < byteCount) bytes[at + 1] = word >>> 8;
    if (at + 2 < byteCount) bytes[at + 2] = word >>> 16;
    if (at + 3 < byteCount) bytes[at + 3] = word >>> 24;
  }
  return bytes;
}

function mustBe(outcome: ImageOutcome): void {
  assert(outcome.ok, outcome.ok ? '' : renderImageError(outcome.error));
}

/** Makes the image, with backing files of random content under it. */
export function makeCampaignImage(options: CampaignOptions): CampaignImage {
  const { seed, diskBytes, version, clusterBits, refcountOrder, backing } = options;
  const random = makePrng({ seed, stream: 1 });
  const files = new Map<string, MemoryStore>();
  const expected = new Uint8Array(diskBytes);
  if (backing !== 'none') {
    // Shorter or longer than the disk over it; content in parts.
    const size = 512 * (1 + nextBelow(random, Math.ceil(diskBytes / 400)));
    const under = new MemoryStore({ bytesMax: STORE_BYTES_MAX });
    files.set('base', under);
    let disk: BlockImage = new RawImage(under, { byteCount: size });
    if (backing === 'qcow2') {
      const made = createQcow2(under, { diskBytes: size, clusterBits: 9 + nextBelow(random, 4) });
      assert(made.ok, 'a backing image is made');
      disk = open(files, 'base');
    } else mustBe(disk.write(size - 1, new Uint8Array(1)));
    for (let count = 0; count < 6; count++) {
      const offset = nextBelow(random, size);
      const bytes = randomBytes(random, 1 + nextBelow(random, size - offset));
      mustBe(disk.write(offset, bytes));
      if (offset < diskBytes) expected.set(bytes.subarray(0, diskBytes - offset), offset);
    }
  }
  const store = new MemoryStore({ bytesMax: STORE_BYTES_MAX });
  files.set('disk', store);
  const under = backing === 'none' ? {} : { backing: { name: 'base', format: backing } };
  const made = createQcow2(store, { diskBytes, version, clusterBits, refcountOrder, ...under });
  assert(made.ok, made.ok ? '' : renderQcow2Error(made.error, 'disk'));
  return { files, name: 'disk', image: open(files, 'disk'), expected };
}

/** Opens an image of `files` with its chain. */
export function open(files: Map<string, MemoryStore>, name: string): BlockImage {
  const store = files.get(name);
  assert(store !== undefined && isQcow2(store), `${name} is a qcow2 image`);
  const opened = openQcow2Chain(store, (below) => files.get(below));
  assert(opened.ok, opened.ok ? '' : renderQcow2Error(opened.error, name));
  return opened.value;
}

/** Random work; asserts after each read that the image shows what the oracle holds. */
export function work(campaign: CampaignImage, random: Prng, operations: number): void {
  const { image, expected } = campaign;
  for (let count = 0; count < operations; count++) {
    const offset = nextBelow(random, expected.length);
    const most = Math.min(expected.length - offset, nextBelow(random, 3) === 0 ? 200_000 : 4_000);
    const byteCount = 1 + nextBelow(random, most);
    switch (nextBelow(random, 6)) {
      case 0:
        expectContent(campaign, offset, byteCount);
        break;
      case 1: {
        mustBe(image.writeZeroes(offset, byteCount, nextBelow(random, 2) === 0));
        expected.fill(0, offset, offset + byteCount);
        break;
      }
      case 2: {
        mustBe(image.discard(offset, byteCount));
        const after = new Uint8Array(byteCount);
        mustBe(image.read(offset, after));
        const allowed = after.every((byte, at) => byte === 0 || byte === expected[offset + at]);
        assert(allowed, 'a discarded byte reads as before or as 0');
        expected.set(after, offset);
        break;
      }
      default: {
        const bytes = randomBytes(random, byteCount);
        mustBe(image.write(offset, bytes));
        expected.set(bytes, offset);
      }
    }
  }
  expectContent(campaign, 0, expected.length);
}

function expectContent({ image, expected }: CampaignImage, offset: number, byteCount: number): void {
  const found = new Uint8Array(byteCount);
  mustBe(image.read(offset, found));
  const wrong = found.findIndex((byte, at) => byte !== expected[offset + at]);
  assert(wrong < 0, `byte ${offset + wrong} of the disk is what was written`);
}

/** Asserts that the image's counts are right by our own check. */
export function expectSound(campaign: CampaignImage): void {
  const checked = checkQcow2(campaign.files.get(campaign.name)!);
  assert(checked.ok, checked.ok ? '' : renderQcow2Error(checked.error, campaign.name));
  const { leaks, damages, flagFaults } = checked.value;
  assert(leaks + damages + flagFaults === 0, `${leaks} leaks, ${damages} damages, ${flagFaults} flags wrong`);
}
