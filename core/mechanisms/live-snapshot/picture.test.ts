// Goal: what painters read is what the job is: at every moment, after its end, and after a journey in time (the
// picture painted anew equals the one painted step by step). Method: a small VM with a guest that writes, looked at
// in the host's memory; a canary with one byte changed.
import { expect, test } from 'vitest';
import {
  FORCED_RING_ADDRESS, FORCED_RING_BITS, fileByte, SNAPSHOT_ADDRESS, SNAPSHOT_WORD_COUNT, snapshotWord,
} from '../../protocol/host-memory-layout.ts';
import { captureState } from '../../memory/index.ts';
import { makeSnapshotBench } from '../../testing/snapshot-bench.ts';
import { SnapshotPicture } from './picture.ts';

type Bench = ReturnType<typeof makeSnapshotBench>;

function pictureOf({ host, job }: Bench) {
  const { bytes, unsigned, view, layout } = host.memory.host;
  const word = (index: number) => unsigned[(SNAPSHOT_ADDRESS >> 2) + index]!;
  return {
    file: bytes.slice(layout.fileMapAddress, layout.fileMapAddress + job.pageState.length),
    words: Array.from({ length: SNAPSHOT_WORD_COUNT }, (_, index) => word(index)),
    forced: bytes.slice(FORCED_RING_ADDRESS, FORCED_RING_ADDRESS + FORCED_RING_BITS / 8),
    taken: word(snapshotWord.takenPages),
    left: word(snapshotWord.leftPages),
    heldBytes: word(snapshotWord.heldBytes),
    fromNs: view.getFloat64(SNAPSHOT_ADDRESS + 4 * snapshotWord.writeFromNs, true),
    toNs: view.getFloat64(SNAPSHOT_ADDRESS + 4 * snapshotWord.writeToNs, true),
    writeCount: word(snapshotWord.writeCount),
  };
}

/** What is wrong with the picture; '' when it tells what the job is. */
function faultOf(bench: Bench): string {
  const { job } = bench;
  const shown = pictureOf(bench);
  for (let page = 0; page < job.pageState.length; page++) {
    const state = job.state === 'aborted' ? captureState.none : job.pageState[page];
    if ((shown.file[page]! & fileByte.captureMask) !== state) return `page ${page} is shown as ${shown.file[page]}, it is ${state}`;
  }
  if (shown.heldBytes > job.queue.capBytes) return 'the queue is shown above its cap';
  const queued = shown.file.filter((byte) => (byte & fileByte.captureMask) === captureState.queued).length;
  if (job.state !== 'aborted' && shown.taken - shown.left !== queued) return `${shown.taken} − ${shown.left} pages flow, ${queued} are queued`;
  const forced = Array.from({ length: shown.taken }, (_, index) => ((shown.forced[index >> 3] ?? 0) >> (index & 7)) & 1);
  if (forced.filter((bit) => bit === 1).length !== job.faultCount) return 'other pages are shown as forced than were';
  return '';
}

/** Writes a word into each page from the last one down, again and again; the sweep comes from below. */
const WRITES = `
begin:
    li   s0, 0x800f0000
next:
    sd   s0, 0(s0)
    li   t0, 2000
wait:
    addi t0, t0, -1
    bnez t0, wait
    li   t0, 4096
    sub  s0, s0, t0
    li   t0, 0x80010000
    bgeu s0, t0, next
    j    begin
`;

/** By then the guest has been once through its pages. */
const BEGIN_NS = 3_000_000;
const SETTINGS = { sweepPagesPerSecond: 100_000, queueBytes: 16 * 4096, reservePercent: 25, codec: 1 };

test('at every moment, the file map and the flow are what the job is', () => {
  const bench = makeSnapshotBench({ source: WRITES, settings: SETTINGS, bandwidthBytesPerSecond: 20_000_000 });
  bench.begin(BEGIN_NS);
  const seen = { queued: 0, transfers: 0 };
  for (let timeNs = BEGIN_NS; timeNs < 200_000_000 && bench.job.state !== 'committed'; timeNs += 20_000) {
    bench.host.run(timeNs);
    if (bench.job.state === 'requested') continue;
    expect(faultOf(bench)).toBe('');
    const { taken, left, fromNs, toNs, writeCount } = pictureOf(bench);
    seen.queued = Math.max(seen.queued, taken - left);
    if (writeCount > 0) {
      seen.transfers++;
      expect(toNs).toBeGreaterThan(fromNs);
      expect(taken - left).toBeGreaterThanOrEqual(writeCount);
    }
  }
  expect(bench.job.state).toBe('committed');
  const { file } = pictureOf(bench);
  expect(file.filter((byte) => (byte & fileByte.leftOut) !== 0)).toHaveLength(bench.job.zeroCount);
  expect(file.filter((byte) => (byte & fileByte.forced) !== 0)).toHaveLength(bench.job.faultCount);
  expect(seen.queued).toBeGreaterThan(4);
  expect(seen.transfers).toBeGreaterThan(4);
});

test('painted anew it is the same; without a job nothing is shown; an aborted one has no file', () => {
  const bench = makeSnapshotBench({ source: WRITES, settings: SETTINGS, bandwidthBytesPerSecond: 20_000_000 });
  bench.begin(BEGIN_NS);
  for (let timeNs = BEGIN_NS; bench.job.storedCount === 0 && timeNs < 200_000_000; timeNs += 20_000) bench.host.run(timeNs);
  const before = pictureOf(bench);
  const anew = new SnapshotPicture(bench.host.memory.host);
  anew.paintAll(undefined);
  expect(pictureOf(bench).file.every((byte) => byte === 0)).toBe(true);
  expect(pictureOf(bench).words.every((word) => word === 0)).toBe(true);
  anew.show(bench.job);
  expect(pictureOf(bench)).toEqual(before);
  bench.disk.settings.capacityBytes = bench.disk.usedBytes();
  bench.host.run(400_000_000);
  expect(bench.job.state).toBe('aborted');
  expect(pictureOf(bench).file.every((byte) => byte === 0)).toBe(true);
});

test('canary: one byte of the picture changed is found', () => {
  const bench = makeSnapshotBench({ source: WRITES, settings: SETTINGS, bandwidthBytesPerSecond: 20_000_000 });
  bench.begin(BEGIN_NS);
  bench.host.run(BEGIN_NS + 1_000_000);
  const { bytes, layout } = bench.host.memory.host;
  bytes[layout.fileMapAddress + 3] = bytes[layout.fileMapAddress + 3]! ^ 1;
  expect(faultOf(bench)).toMatch(/^page 3 /);
});
