// Goal: a qcow2 image holds what was written to it, under any backing file, and its counts are right after any work.
// Method: random operations beside a plain array; our own check with canaries; qemu-img as the judge where it is installed.
import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { makePrng } from '../../base/index.ts';
import {
  type CampaignImage,
  expectSound,
  makeCampaignImage,
  open,
  randomOptions,
  STORE_BYTES_MAX,
  work,
} from '../../testing/qcow2-campaign.ts';
import { MemoryStore } from '../byte-store.ts';
import { checkQcow2 } from './index.ts';

const verify = process.env['GLASSHOUSE_VERIFY'] !== undefined;
const hasQemuImg = spawnSync('qemu-img', ['--version']).status === 0;
const judged = test.skipIf(!hasQemuImg);
if (!hasQemuImg) process.stderr.write('qcow2: qemu-img is not installed, so the tests that it judges do not run.\n');

test('random work: content as the oracle, counts right', () => {
  for (let seed = 1; seed <= (verify ? 250 : 20); seed++) {
    const campaign = makeCampaignImage(randomOptions(seed));
    const random = makePrng({ seed, stream: 2 });
    work(campaign, random, 30);
    expectSound(campaign);
    // Opened anew, nothing is lost: no state lives in the object alone.
    const again = { ...campaign, image: open(campaign.files, 'disk') };
    work(again, random, 10);
    expectSound(again);
  }
}, verify ? 180_000 : 20_000);

test('the refcount table grows and moves', () => {
  const campaign = makeCampaignImage({ seed: 5, diskBytes: 4 << 20, clusterBits: 9, version: 3, refcountOrder: 6, backing: 'none' });
  const before = new DataView(campaign.files.get('disk')!.bytes().buffer).getUint32(56);
  expect(campaign.image.write(0, campaign.expected.fill(0xa5)).ok).toBe(true);
  work(campaign, makePrng({ seed: 5, stream: 3 }), 20);
  const after = new DataView(campaign.files.get('disk')!.bytes().buffer).getUint32(56);
  expect(before).toBeLessThan(after);
  expectSound(campaign);
  if (hasQemuImg) judge(campaign);
});

test('canaries: our check finds a leak, damage and a wrong flag', () => {
  const campaign = makeCampaignImage({ seed: 9, diskBytes: 1 << 18, clusterBits: 12, version: 3, refcountOrder: 4, backing: 'none' });
  work(campaign, makePrng({ seed: 9, stream: 2 }), 20);
  const sound = campaign.files.get('disk')!.bytes();
  const view = new DataView(sound.buffer);
  const block = Number(view.getBigUint64(Number(view.getBigUint64(48))));
  const l2 = Number(view.getBigUint64(Number(view.getBigUint64(40))) & 0x00ff_ffff_ffff_fe00n);
  const entry = Array.from({ length: 64 }, (_, index) => l2 + index * 8).find((at) => view.getUint8(at) === 0x80)!;
  const content = Number((view.getBigUint64(entry) & 0x00ff_ffff_ffff_fe00n) / 4096n);
  const found = (change: (bytes: DataView) => void) => {
    const bytes = sound.slice();
    change(new DataView(bytes.buffer));
    const checked = checkQcow2(new MemoryStore({ bytesMax: STORE_BYTES_MAX, bytes }));
    return checked.ok ? checked.value : checked.error;
  };
  expect(found(() => undefined)).toMatchObject({ leaks: 0, damages: 0, flagFaults: 0 });
  expect(found((bytes) => bytes.setUint16(block + content * 2, 2))).toMatchObject({ leaks: 1, flagFaults: 1 });
  expect(found((bytes) => bytes.setUint16(block + content * 2, 0))).toMatchObject({ damages: 1 });
  expect(found((bytes) => bytes.setUint8(entry, 0))).toMatchObject({ flagFaults: 1, leaks: 0, damages: 0 });
});

/** Runs `use` in a folder that holds the campaign's files. */
function inFolder(campaign: CampaignImage, use: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'glasshouse-qcow2-'));
  try {
    for (const [name, store] of campaign.files) writeFileSync(join(folder, name), store.bytes());
    writeFileSync(join(folder, 'expected'), campaign.expected);
    use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function qemuImg(folder: string, ...options: readonly string[]): string {
  return execFileSync('qemu-img', options, { cwd: folder, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

/** The campaign as qemu-img sees it, which counts whole sectors only; throws when it finds a fault. */
function judge(campaign: CampaignImage): void {
  inFolder(campaign, (folder) => {
    qemuImg(folder, 'check', '-f', 'qcow2', 'disk');
    writeFileSync(join(folder, 'expected'), campaign.expected.subarray(0, campaign.expected.length & ~511));
    qemuImg(folder, 'compare', '-f', 'qcow2', '-F', 'raw', 'disk', 'expected');
  });
}

judged('qemu-img check is clean and qemu-img compare equal after random work', () => {
  for (let seed = 101; seed <= (verify ? 220 : 105); seed++) {
    const campaign = makeCampaignImage(randomOptions(seed));
    work(campaign, makePrng({ seed, stream: 2 }), 25);
    judge(campaign);
  }
}, verify ? 180_000 : 20_000);

judged('canary: qemu-img finds a byte that differs and a count that is wrong', () => {
  const options = { seed: 3, diskBytes: 1 << 18, clusterBits: 16, version: 3, refcountOrder: 4, backing: 'none' } as const;
  const campaign = makeCampaignImage(options);
  work(campaign, makePrng({ seed: 3, stream: 2 }), 5);
  campaign.expected[1000]! ^= 1;
  expect(() => judge(campaign)).toThrow(/compare/);
  campaign.files.get('disk')!.write(0x20000 + 2 * 3, new Uint8Array([0, 7]));
  expect(() => judge(campaign)).toThrow(/check/);
});

judged('images that qemu-img made: compressed, with snapshots, preallocated; then written here', () => {
  const makers: readonly (readonly string[])[] = [
    ['convert', '-c', '-f', 'raw', '-O', 'qcow2', 'expected', 'disk'],
    ['convert', '-c', '-f', 'raw', '-O', 'qcow2', '-o', 'cluster_size=4096,refcount_bits=1', 'expected', 'disk'],
    ['convert', '-f', 'raw', '-O', 'qcow2', '-o', 'compat=0.10', 'expected', 'disk'],
    ['convert', '-f', 'raw', '-O', 'qcow2', '-o', 'preallocation=metadata,cluster_size=2M', 'expected', 'disk'],
    ['convert', '-c', '-f', 'raw', '-O', 'qcow2', '-o', 'refcount_bits=64,cluster_size=512', 'expected', 'disk'],
  ];
  for (const [seed, maker] of makers.entries()) {
    const expected = new Uint8Array(700 * 512);
    for (let at = 0; at < expected.length; at++) expected[at] = (at >> 9) % 3 === 0 ? (at * at) >> 7 : 0;
    const files = new Map<string, MemoryStore>();
    inFolder({ files, name: 'disk', expected, image: undefined as never }, (folder) => {
      qemuImg(folder, ...maker);
      if (seed !== 1) qemuImg(folder, 'snapshot', '-c', 'one', 'disk');
      files.set('disk', new MemoryStore({ bytesMax: STORE_BYTES_MAX, bytes: readFileSync(join(folder, 'disk')) }));
    });
    const campaign: CampaignImage = { files, name: 'disk', expected: expected.slice(), image: open(files, 'disk') };
    work(campaign, makePrng({ seed, stream: 4 }), 15);
    expectSound(campaign);
    judge(campaign);
    if (seed === 1) continue;
    // The snapshot still holds what the disk held when it was taken.
    inFolder(campaign, (folder) => {
      writeFileSync(join(folder, 'before'), expected);
      qemuImg(folder, 'convert', '-l', 'snapshot.name=one', '-f', 'qcow2', '-O', 'raw', 'disk', 'then');
      expect(readFileSync(join(folder, 'then')).equals(expected)).toBe(true);
    });
  }
});
