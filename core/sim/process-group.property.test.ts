// Goal: a run's hash depends on nothing but its world and its commands. Method: random graphs of toy processes, spread over
// random groups, advanced in random order with random limits and slices, against one group run in one go; canaries for the checkers.
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { makePrng, nextBelow } from '../base/prng.ts';
import type { LoggedCommand } from '../protocol/command.ts';
import { ToyProcess } from '../testing/toy-process.ts';
import { byteRingOver, byteRingSize, pushRecord, takeRecord } from './byte-ring.ts';
import type { ByteRing } from './byte-ring.ts';
import type { ClockBoard } from './clock-board.ts';
import { clockBoardOver, clockBoardSize, readClock, writePromise } from './clock-board.ts';
import type { Channel, Wiring } from './process-group.ts';
import { ProcessGroup } from './process-group.ts';
import { foldRunHash } from './run-hash.ts';

const UNTIL_NS = 300_000;
const RUN_COUNT = process.env['GLASSHOUSE_VERIFY'] === undefined ? 60 : 3000;

interface Setting {
  readonly seed: number;
  readonly processCount: number;
  readonly links: readonly (readonly [number, number])[];
  readonly latencies: readonly number[];
  /** By process: it says when it may send next. */
  readonly tells: readonly boolean[];
  readonly commands: readonly LoggedCommand[];
}

function wiringOf(setting: Setting): Wiring {
  const channels: Channel[] = [];
  for (const [a, b] of setting.links) channels.push({ from: a, to: b }, { from: b, to: a });
  return { processIds: Array.from({ length: setting.processCount }, (_, id) => id), channels };
}

function makeRing(capacity: number): ByteRing {
  return byteRingOver({ buffer: new SharedArrayBuffer(byteRingSize(capacity)), byteOffset: 0, capacity });
}

function makeGroups(setting: Setting, groupOf: (id: number) => number, groupCount: number) {
  const wiring = wiringOf(setting);
  const processCount = setting.processCount;
  const channelCount = wiring.channels.length;
  const buffer = new SharedArrayBuffer(clockBoardSize(processCount, channelCount));
  const board: ClockBoard = clockBoardOver({ buffer, byteOffset: 0, processCount, channelCount });
  const rings = new Map<number, ByteRing>();
  for (const [number, channel] of wiring.channels.entries()) {
    if (groupOf(channel.from) !== groupOf(channel.to)) rings.set(number, makeRing(512));
  }
  const toys = wiring.processIds.map(
    (id) =>
      new ToyProcess({
        id,
        neighbours: wiring.channels.filter(({ from }) => from === id).map(({ to }) => to),
        seed: setting.seed,
        latencyNs: setting.latencies[id]!,
        frameBytesMax: 300,
        tellsNextSend: setting.tells[id]!,
      }),
  );
  const groups = Array.from({ length: groupCount }, (_, group) => {
    const processes = toys.filter((toy) => groupOf(toy.id) === group);
    return new ProcessGroup({ wiring, board, processes, rings });
  });
  return { groups, toys, board, rings, wiring };
}

/** One group, whose members say nothing of when they send. */
function referenceHash(asked: Setting): string {
  const setting = { ...asked, tells: asked.tells.map(() => false) };
  const { groups, toys } = makeGroups(setting, () => 0, 1);
  for (const logged of setting.commands) groups[0]!.command(logged);
  while (groups[0]!.advance(UNTIL_NS, Number.MAX_SAFE_INTEGER) !== 'at-limit');
  return foldRunHash(toys.map((toy) => ({ process: toy.id, hash: toy.hash() })));
}

const settings: fc.Arbitrary<Setting> = fc
  .record({
    seed: fc.nat(),
    processCount: fc.integer({ min: 1, max: 5 }),
    pairs: fc.uniqueArray(fc.tuple(fc.nat(4), fc.nat(4)), {
      maxLength: 6,
      selector: ([a, b]) => (a < b ? a * 5 + b : b * 5 + a),
    }),
    latencies: fc.array(fc.integer({ min: 5000, max: 60_000 }), { minLength: 5, maxLength: 5 }),
    tells: fc.array(fc.boolean(), { minLength: 5, maxLength: 5 }),
    commands: fc.array(
      fc.tuple(fc.nat(UNTIL_NS - 1), fc.constantFrom(5000, 5001, 30_000, 200_000)),
      { maxLength: 4 },
    ),
  })
  .map(({ seed, processCount, pairs, latencies, tells, commands }) => ({
    seed,
    processCount,
    links: pairs.filter(([a, b]) => a !== b && a < processCount && b < processCount),
    latencies,
    tells,
    commands: commands
      .toSorted((left, right) => left[0] - right[0])
      .map(([atNs, value], sequence) => ({
        atNs,
        sequence,
        command: { kind: 'set-knob' as const, knob: 'latency', value },
      })),
  }));

test('one hash for any grouping, order of turns, limits, slices and time at which commands are handed over', () => {
  fc.assert(
    fc.property(settings, fc.integer({ min: 1, max: 4 }), fc.nat(), (setting, groupCount, chance) => {
      const prng = makePrng({ seed: chance, stream: 1 });
      const { groups, toys, board } = makeGroups(setting, (id) => id % groupCount, groupCount);
      let limitNs = 0;
      let given = 0;
      for (let turn = 0; turn < 200_000; turn++) {
        if (nextBelow(prng, 20) === 0) {
          // Like the coordinator: a command goes to every group before the limit passes its time.
          const next = setting.commands[given];
          const raised = Math.min(UNTIL_NS, limitNs + nextBelow(prng, 120_000));
          limitNs = next === undefined ? raised : Math.min(raised, next.atNs);
        }
        const next = setting.commands[given];
        if (next !== undefined && (limitNs >= next.atNs || nextBelow(prng, 200) === 0)) {
          for (const group of groups) group.command(next);
          given++;
        }
        groups[nextBelow(prng, groupCount)]!.advance(limitNs, 1 + nextBelow(prng, 40_000));
        if (toys.every((toy) => readClock(board, toy.id) === UNTIL_NS)) break;
      }
      expect(toys.map((toy) => toy.now())).toEqual(toys.map(() => UNTIL_NS));
      const hash = foldRunHash(toys.map((toy) => ({ process: toy.id, hash: toy.hash() })));
      expect(hash).toBe(referenceHash(setting));
    }),
    { numRuns: RUN_COUNT, seed: 20_260_101 },
  );
});

const pair: Setting = {
  seed: 7,
  processCount: 2,
  links: [[0, 1]],
  latencies: [5000, 5000],
  tells: [false, true],
  commands: [],
};

/** Runs two groups in turn until both stand at the end. */
function runPair(groups: readonly ProcessGroup[], betweenTurns: (turn: number) => void): void {
  for (let turn = 0; turn < 10_000; turn++) {
    const outcomes = groups.map((group) => group.advance(UNTIL_NS, Number.MAX_SAFE_INTEGER));
    betweenTurns(turn);
    if (outcomes.every((outcome) => outcome === 'at-limit')) return;
  }
  expect.unreachable('the pair came to a stop');
}

test('canary: a clock that is published before the mail is flushed is caught', () => {
  const { toys, board, rings, wiring } = makeGroups(pair, (id) => id, 2);
  // The sender writes into a ring of its own; its mail reaches the receiver's ring some turns too late.
  const late = makeRing(1 << 16);
  const sender = new ProcessGroup({ wiring, board, processes: [toys[0]!], rings: new Map([...rings, [0, late]]) });
  const receiver = new ProcessGroup({ wiring, board, processes: [toys[1]!], rings });
  const held: Uint8Array[] = [];
  expect(() =>
    runPair([sender, receiver], (turn) => {
      for (let record = takeRecord(late); record !== undefined; record = takeRecord(late)) held.push(record);
      if (turn % 3 !== 2) return;
      for (const record of held.splice(0)) pushRecord(rings.get(0)!, record, new Uint8Array(0));
    }),
  ).toThrow('arrives in its receiver’s future');
});

test('canary: a promise beyond the lookahead is caught', () => {
  const { groups, board } = makeGroups(pair, (id) => id, 2);
  expect(() =>
    runPair(groups, () => {
      writePromise(board, 0, UNTIL_NS);
    }),
  ).toThrow(/keeps the promise|receiver’s future/);
});

test('those who wait do not creep on by a latency a turn', () => {
  const idle: Setting = { ...pair, processCount: 3, links: [[0, 1], [1, 2]], latencies: [5000, 5000, 5000], tells: [true, true, true] };
  const turnsOf = (setting: Setting): number => {
    const { groups } = makeGroups(setting, () => 0, 1);
    let turns = 0;
    while (groups[0]!.advance(UNTIL_NS, Number.MAX_SAFE_INTEGER) !== 'at-limit') turns++;
    return turns;
  };
  expect(turnsOf(idle)).toBeLessThan(turnsOf({ ...idle, tells: [false, false, false] }));
});

test('canary: who sends earlier than it says is caught', () => {
  const { groups, toys } = makeGroups({ ...pair, tells: [true, true] }, () => 0, 1);
  toys[0]!.nextSendTime = () => UNTIL_NS;
  expect(() => runPair(groups, () => {})).toThrow(/keeps the promise|receiver’s future/);
});

test('a full mailbox holds the sender back and stops nobody for ever', () => {
  const far: Setting = { ...pair, latencies: [UNTIL_NS, UNTIL_NS] };
  const { groups, toys } = makeGroups(far, (id) => id, 2);
  for (let turn = 0; turn < 1000; turn++) groups[0]!.advance(UNTIL_NS, 1000);
  expect(toys[0]!.now()).toBeLessThan(UNTIL_NS / 2);
  runPair(groups, () => {});
  const hash = foldRunHash(toys.map((toy) => ({ process: toy.id, hash: toy.hash() })));
  expect(hash).toBe(referenceHash(far));
});

test('canary: another seed gives another hash', () => {
  expect(referenceHash({ ...pair, seed: 8 })).not.toBe(referenceHash(pair));
});

test('a run hash needs one hash of each process, in any order', () => {
  const hashes = [
    { process: 1, hash: 'b' },
    { process: 0, hash: 'a' },
  ];
  expect(foldRunHash(hashes)).toBe(foldRunHash(hashes.toReversed()));
  expect(() => foldRunHash([hashes[0]!, hashes[0]!])).toThrow('gives one hash');
});
