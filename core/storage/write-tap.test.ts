// Goal: whatever becomes of an owner, the tap brings the recovery volume to the production volume's bytes at each seal.
// Method: a tap, a recovery volume and a flat owner in between that loses what it is told to; random histories.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { digestText, type Message } from './replication-message.ts';
import { mergeWrites } from './merge-writes.ts';
import { RecoveryVolume } from './recovery-volume.ts';
import { WriteTap } from './write-tap.ts';
import type { Extent, UpdateSet } from '../formats/update-set.ts';
import { hashBytes, hashHex, makeHash } from '../base/index.ts';

const BLOCKS = 12;

class FlatVolume {
  readonly byteCount = BLOCKS * 4096;
  readonly bytes = new Uint8Array(this.byteCount);
  read(at: number, count: number): Uint8Array {
    return this.bytes.slice(at, at + count);
  }
  write(at: number, bytes: Uint8Array): void {
    this.bytes.set(bytes, at);
  }
  digest(): string {
    const hash = makeHash();
    hashBytes(hash, this.bytes);
    return hashHex(hash);
  }
}

/** An owner that stages sets at once, applies them when told, and can lose them. */
class FlatOwner {
  writes: Extent[] = [];
  staged: UpdateSet[] = [];
  hasRoom = true;
  post({ name, term, first, second, third, payload, workload }: Message): void {
    if (name === 'write') this.writes.push({ byteOffset: first, bytes: payload });
    if (name !== 'seal') return;
    const extents = mergeWrites(this.writes);
    this.staged.push({ workload, term, base: second, sequence: first, sealedAtNs: third, digest: digestText(payload), resync: payload[8] === 1, extents });
    this.writes = [];
  }
  room(): boolean {
    return this.hasRoom;
  }
}

function make() {
  const [production, recovery, owner] = [new FlatVolume(), new FlatVolume(), new FlatOwner()];
  const tap = new WriteTap({ workload: 1, volume: production, outlet: owner });
  const target = new RecoveryVolume(1, recovery);
  const clones = new Map<number, Uint8Array>();
  return { production, recovery, owner, tap, target, clones };
}
const same = (left: Uint8Array, right: Uint8Array) => Buffer.compare(left, right) === 0;
type Made = ReturnType<typeof make>;

function open({ tap, target, owner }: Made): void {
  tap.nextTerm();
  owner.writes = [];
  owner.staged = [];
  expect(target.fence(tap.term)).toBe(true);
  tap.onOpened(target.applied, target.volume.digest());
}

function seal(made: Made, now: number): void {
  const sequence = made.tap.nextSequence;
  if (made.tap.seal(now)) made.clones.set(sequence, made.production.bytes.slice());
}

/** The owner delivers its oldest set; the recovery volume must be the clone of its seal, byte for byte. */
function deliver({ owner, target, tap, clones, recovery }: Made): void {
  const set = owner.staged.shift();
  if (set === undefined) return;
  expect(target.apply(set, 0)).toBe('applied');
  expect(same(recovery.bytes, clones.get(set.sequence)!)).toBe(true);
  tap.onApplied(set.sequence);
}

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ act: fc.constant('write' as const), at: fc.nat(BLOCKS * 4096 - 301), length: fc.integer({ min: 1, max: 300 }), byte: fc.nat(255) }) },
  { weight: 3, arbitrary: fc.record({ act: fc.constantFrom('seal', 'deliver', 'deliver') }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constantFrom('lose', 'resume', 'no-room', 'room', 'hold') }) },
);

test('random histories: at every applied seal the volumes are one, and in the end all is there', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const made = make();
      const { tap, owner, production, recovery } = made;
      open(made);
      steps.forEach((it, index) => {
        if ('at' in it) tap.write(it.at, new Uint8Array(it.length).fill(it.byte));
        else if (it.act === 'seal') seal(made, index);
        else if (it.act === 'deliver') deliver(made);
        else if (it.act === 'lose') open(made);
        else if (it.act === 'hold') tap.hold();
        else if (it.act === 'resume') {
          owner.writes = []; // a crash: what was not sealed is gone, staged sets stay
          tap.onOwnerDown();
          if (tap.mode === 'opening') tap.onResumed(owner.staged.at(-1)?.sequence ?? -1);
        } else {
          owner.hasRoom = it.act === 'room';
          tap.pump();
        }
      });
      owner.hasRoom = true;
      if (tap.mode === 'held') open(made);
      tap.pump();
      seal(made, 1000);
      while (owner.staged.length > 0) deliver(made);
      expect(tap.isDrained()).toBe(true);
      expect(same(recovery.bytes, production.bytes)).toBe(true);
      expect(made.target.mismatches).toBe(0);
    }),
    { seed: 8, numRuns: process.env['GLASSHOUSE_VERIFY'] === undefined ? 300 : 5_000 },
  );
});

test('a hand-over sends the marked blocks and no others', () => {
  const made = make();
  const { tap, owner } = made;
  open(made);
  for (let block = 0; block < BLOCKS; block++) tap.write(block * 4096, Uint8Array.of(block + 1));
  seal(made, 1);
  deliver(made);
  tap.hold();
  tap.write(3 * 4096 + 7, Uint8Array.of(9));
  tap.write(9 * 4096 - 1, Uint8Array.of(9, 9));
  expect(tap.changedBlocks().count()).toBe(3);
  open(made);
  expect(owner.writes.map(({ byteOffset, bytes }) => [byteOffset / 4096, bytes.length / 4096])).toEqual([[3, 1], [8, 2]]);
  expect([tap.handedBlocks, tap.resentBlocks]).toEqual([3, 3]);
});

test('a lower term, a gap, a set twice and a promoted volume are told apart; the volume keeps its bytes', () => {
  const made = make();
  const { tap, owner, target, recovery } = made;
  open(made);
  const sets: UpdateSet[] = [];
  for (const byte of [1, 2, 3]) {
    tap.write(100, Uint8Array.of(byte));
    seal(made, byte);
    sets.push(owner.staged.at(-1)!);
  }
  const [first, second, third] = sets as [UpdateSet, UpdateSet, UpdateSet];
  expect(target.apply(second, 0)).toBe('refused-gap');
  expect(target.apply(first, 0)).toBe('applied');
  expect(target.apply(first, 0)).toBe('repeated');
  expect(target.fence(2)).toBe(true);
  expect(target.fence(1)).toBe(false);
  expect(target.apply(second, 0)).toBe('refused-term');
  target.promoted = true;
  expect(target.apply({ ...third, term: 2 }, 0)).toBe('refused-promoted');
  expect(recovery.bytes[100]).toBe(1);
});

test('canary: a bitmap that forgets a block is found out', () => {
  const made = make();
  const { tap, target } = made;
  open(made);
  tap.hold();
  tap.write(4096, Uint8Array.of(5));
  tap.write(8192, Uint8Array.of(6));
  (tap as unknown as { current: { clearBlocks(first: number, count: number): void } }).current.clearBlocks(2, 1);
  open(made);
  seal(made, 5);
  target.apply(made.owner.staged[0]!, 0);
  expect(target.mismatches).toBe(1);
});
