// Goal: every invariant of the card, by its own words. Method: the pure decision on random sites; and small worlds of two
// sites with real bytes, in which moves are made and everything is crashed in every phase.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { CHANGED_BLOCK_BYTES } from '../../storage/index.ts';
import { comeToRest, findDifference, recoveryOf, siteOf, trialRun } from '../../testing/gateway-trial.ts';
import type { WorldRun } from '../../testing/run-world.ts';
import type { Command } from '../../protocol/command.ts';
import { judge } from '../../world/judge.ts';
import { validateCommand } from '../../world/validate-command.ts';
import { type BalancerSettings, decide, type Gateway, isOverloaded, relativeDifference, type Workload } from './mechanism.ts';
import type { MovePhase } from './told.ts';

const MS = 1_000_000;
const fault = (id: string, target?: string): Command => ({ kind: 'inject-fault', fault: id, ...(target === undefined ? {} : { target }) });
const rehome = (workload: number, gateway: number): Command => ({ kind: 'ask', ask: 're-home', arguments: { workload, gateway } });

// ── The decision ────────────────────────────────────────────────────────────────────────────────

const SETTINGS: BalancerSettings = {
  epoch: 10, differenceThreshold: 0.25, movesPerEpoch: 1, coolDownEpochs: 0, weightProcessor: 0.5, weightNetwork: 0.2, scoreLimit: 0.8, resourceLimit: 0.95,
};
const CAPACITY = 24;

/** A gateway whose score is that of its workloads' churn, as a smoothed score comes to under constant churn. */
function gatewayWith(id: number, workloads: readonly Workload[], more: Partial<Gateway> = {}): Gateway {
  const churn = workloads.filter(({ gateway }) => gateway === id).reduce((sum, it) => sum + it.churnBytesPerSecond, 0);
  const processor = churn / CAPACITY;
  const network = churn / 100;
  const score = SETTINGS.weightProcessor * processor + SETTINGS.weightNetwork * network;
  return {
    id, score, use: { processor, memory: 0, network, staging: 0 }, capacityBytesPerSecond: CAPACITY, networkBytesPerSecond: 100,
    backlogAgeNs: 0, reportEpoch: 10, freeAtEpoch: 0, ...more,
  };
}
const workloadOn = (id: number, gateway: number, churnBytesPerSecond: number): Workload => ({ id, gateway, churnBytesPerSecond, rpoTargetNs: 5e9, freeAtEpoch: 0, isBusy: false });
const churns = fc.array(fc.record({ gateway: fc.nat(3), churn: fc.integer({ min: 0, max: 30 }) }), { maxLength: 16 });
const siteOfChurns = (list: readonly { readonly gateway: number; readonly churn: number }[]) => {
  const workloads = list.map(({ gateway, churn }, index) => workloadOn(index + 1, gateway, churn));
  return { workloads, gateways: [0, 1, 2, 3].map((id) => gatewayWith(id, workloads)) };
};

test('No move when d ≤ threshold or all gateways are overloaded; the log says which', () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(churns, fc.double({ min: 0, max: 1, noNaN: true }), (list, differenceThreshold) => {
      const { gateways, workloads } = siteOfChurns(list);
      const settings = { ...SETTINGS, differenceThreshold };
      const { moves, rest, alarms, difference } = decide(gateways, workloads, settings);
      expect(difference).toBe(relativeDifference(gateways.map(({ score }) => score)));
      const allOver = gateways.every((it) => isOverloaded(it, settings));
      if (allOver) expect([moves.length, rest, alarms.map(({ kind }) => kind)]).toEqual([0, 'all-overloaded', ['ADD_APPLIANCE']]);
      else if (difference <= differenceThreshold) expect([moves.length, rest]).toEqual([0, 'balanced']);
      else expect(alarms).toEqual([]);
      seen.add(rest);
    }),
    { seed: 1, numRuns: 2_000 },
  );
  const allOver = [0, 1].map((id) => gatewayWith(id, [workloadOn(1, 0, 60), workloadOn(2, 1, 30)]));
  expect(decide(allOver, [workloadOn(1, 0, 60), workloadOn(2, 1, 30)], SETTINGS).rest).toBe('all-overloaded');
  expect([...seen]).toEqual(expect.arrayContaining(['balanced', 'no-useful-move', 'moves-spent']));
});

test('Each move makes the sorted load vector lexicographically smaller; constant churn converges, then 100 epochs without moves', () => {
  const smaller = (left: readonly number[], right: readonly number[]) => {
    const at = left.findIndex((value, index) => Math.abs(value - right[index]!) > 1e-9);
    return at >= 0 && left[at]! < right[at]!;
  };
  fc.assert(
    fc.property(churns, (list) => {
      let { workloads } = siteOfChurns(list);
      const loadsOf = () => [0, 1, 2, 3].map((id) => gatewayWith(id, workloads).score).sort((left, right) => right - left);
      let quietEpochs = 0;
      for (let epoch = 10; quietEpochs < 100; epoch++) {
        expect(epoch, 'it converges').toBeLessThan(10 + 100 + 16 * 16);
        const gateways = [0, 1, 2, 3].map((id) => gatewayWith(id, workloads, { reportEpoch: epoch }));
        const { moves, foreseen } = decide(gateways, workloads, { ...SETTINGS, epoch });
        const before = loadsOf();
        for (const { workload, from, to } of moves) {
          expect(workloads.find(({ id }) => id === workload)?.gateway).toBe(from);
          workloads = workloads.map((it) => (it.id === workload ? { ...it, gateway: to } : it));
        }
        quietEpochs = moves.length === 0 ? quietEpochs + 1 : 0;
        if (moves.length === 0) continue;
        expect(quietEpochs, 'no move after a quiet epoch of constant churn').toBe(0);
        expect(smaller(loadsOf(), before)).toBe(true);
        for (const [index, load] of loadsOf().entries()) expect(foreseen[index]).toBeCloseTo(load, 6);
      }
    }),
    { seed: 2, numRuns: 400 },
  );
});

test('one indivisible giant: "no useful move"', () => {
  const workloads = [workloadOn(1, 0, 22)];
  expect(decide([0, 1, 2, 3].map((id) => gatewayWith(id, workloads)), workloads, SETTINGS)).toMatchObject({ moves: [], rest: 'no-useful-move' });
});

test('All-idle (Lmax=0) and single-gateway sites: d=0, no division error', () => {
  const idle = decide([0, 1, 2].map((id) => gatewayWith(id, [])), [], SETTINGS);
  expect([idle.difference, idle.moves.length, idle.rest]).toEqual([0, 0, 'balanced']);
  const alone = [workloadOn(1, 0, 20)];
  expect(decide([gatewayWith(0, alone)], alone, SETTINGS)).toMatchObject({ difference: 0, moves: [], rest: 'too-few' });
  expect(decide([], [], SETTINGS)).toMatchObject({ difference: 0, moves: [], alarms: [] });
  expect(relativeDifference([0, 0])).toBe(0);
});

test.each([
  ['NaN', { score: Number.NaN }, 'BAD_SCORE'],
  ['no number in a resource', { use: { processor: Number.POSITIVE_INFINITY, memory: 0, network: 0, staging: 0 } }, 'BAD_SCORE'],
  ['negative', { score: -0.1 }, 'NEGATIVE_SCORE'],
  ['stale (>2 epochs)', { reportEpoch: 7 }, 'STALE_SCORE'],
  ['never reported', { reportEpoch: -1 }, 'STALE_SCORE'],
])('NaN, negative or stale (>2 epochs) scores: gateway excluded as target, named alarm: %s', (_, change, alarm) => {
  const workloads = [workloadOn(1, 0, 8), workloadOn(2, 0, 8), workloadOn(3, 1, 4)];
  const gateways = [gatewayWith(0, workloads), gatewayWith(1, workloads), gatewayWith(2, workloads, change as Partial<Gateway>)];
  const { moves, alarms } = decide(gateways, workloads, { ...SETTINGS, movesPerEpoch: 4 });
  expect(alarms).toEqual([{ kind: alarm, gateway: 2 }]);
  expect(moves.map(({ to }) => to)).not.toContain(2);
  expect(decide([...gateways.slice(0, 2), gatewayWith(2, workloads, { reportEpoch: 8 })], workloads, SETTINGS).moves[0]?.to).toBe(2);
});

test('a cool-down is respected, a target is not overloaded, its recovery point is not broken, the order is not swapped', () => {
  const workloads = [workloadOn(1, 0, 20), workloadOn(2, 0, 6), workloadOn(3, 1, 8)];
  const gateways = [0, 1].map((id) => gatewayWith(id, workloads));
  const plain = decide(gateways, workloads, SETTINGS);
  expect(plain.moves).toEqual([{ workload: 2, from: 0, to: 1 }]);
  expect(decide([gateways[0]!, { ...gateways[1]!, freeAtEpoch: 11 }], workloads, SETTINGS).rest).toBe('cool-down');
  expect(decide(gateways, workloads.map((it) => ({ ...it, freeAtEpoch: 11 })), SETTINGS).rest).toBe('no-useful-move');
  expect(decide(gateways, workloads.map((it) => ({ ...it, isBusy: true })), SETTINGS).rest).toBe('no-useful-move');
  expect(decide([gateways[0]!, { ...gateways[1]!, backlogAgeNs: 6e9 }], workloads, SETTINGS).rest).toBe('no-useful-move');
  expect(decide(gateways, workloads, { ...SETTINGS, resourceLimit: 0.5 }).rest).toBe('no-useful-move');
});

// ── Worlds ──────────────────────────────────────────────────────────────────────────────────────

function checksOf(run: WorldRun) {
  return judge({ scenario: run.scenario, snapshots: run.snapshots(), commands: run.log }).checks.filter(({ holds }) => !holds);
}

test('Recovery volume after drain = primary at the sealed sequence, byte-identical', () => {
  const run = trialRun({ seed: 3, plan: { isSeeded: false } });
  run.runTo(2_500 * MS);
  expect(comeToRest(run)).toBe(true);
  expect(findDifference(run)).toBeUndefined();
  expect(checksOf(run)).toEqual([]);
  for (const { volume } of recoveryOf(run).replicas.values()) expect(volume.appliedSets).toBeGreaterThan(5);
});

test('Each write applied exactly once, in per-workload order, across every move', () => {
  const run = trialRun({ seed: 4, knobs: { balancing: 0, 'gateway-capacity': 400_000 } });
  const applied = new Map<number, { readonly base: number; readonly sequence: number }[]>();
  for (const { volume, workload } of recoveryOf(run).replicas.values()) {
    const list: { base: number; sequence: number }[] = [];
    applied.set(workload, list);
    const apply = volume.apply.bind(volume);
    volume.apply = (set, now) => {
      const outcome = apply(set, now);
      if (outcome === 'applied') list.push({ base: set.base, sequence: set.sequence });
      return outcome;
    };
  }
  for (const [index, target] of [2, 3, 1].entries()) run.command((500 + 700 * index) * MS, rehome(2, target));
  run.command(1_000 * MS, rehome(1, 7));
  run.command(1_900 * MS, fault('gateway-crash', 'gateway:6'));
  run.runTo(3_000 * MS);
  expect(comeToRest(run)).toBe(true);
  expect(siteOf(run).moves.doneCount).toBe(4);
  for (const { id, tap } of siteOf(run).workloads.values()) {
    // Sets tile the sequence numbers without gap or overlap: every write between two seals is in one of them.
    let end = 0;
    for (const { base, sequence } of applied.get(id)!) {
      expect(base).toBe(end);
      end = sequence;
    }
    expect(end).toBeGreaterThanOrEqual(tap.applied);
  }
  expect(findDifference(run)).toBeUndefined();
});

test('Bytes re-sent per move ≤ dirty bitmap × block size', () => {
  const run = trialRun({ seed: 5, knobs: { balancing: 0 } });
  const { tap } = siteOf(run).workloads.get(1)!;
  run.runTo(900 * MS);
  const before = tap.resyncBlocks;
  run.command(run.now(), rehome(1, 3));
  let marked = -1;
  run.watchTo(4_000 * MS, () => {
    const phase = siteOf(run).moves.find(1)?.phase;
    if (phase === 're-pointing' && marked < 0) {
      marked = tap.changedBlocks().count();
      run.command(run.now(), { kind: 'set-knob', knob: 'churn', value: 0 }); // from here on only the bitmap is sent
    }
    return siteOf(run).moves.doneCount === 1;
  });
  const ended = siteOf(run).moves.ended.at(-1)!;
  expect(ended.phase).toBe('done');
  expect(marked).toBeGreaterThan(0);
  expect(ended.handedBlocks).toBeGreaterThanOrEqual(marked);
  expect(ended.handedBlocks).toBeLessThanOrEqual(tap.volume.byteCount / CHANGED_BLOCK_BYTES);
  expect(ended.resentBytes).toBeGreaterThan(0);
  expect(ended.resentBytes).toBeLessThanOrEqual(ended.handedBlocks * CHANGED_BLOCK_BYTES);
  expect((tap.resyncBlocks - before) * CHANGED_BLOCK_BYTES).toBeLessThanOrEqual((ended.handedBlocks + 2) * CHANGED_BLOCK_BYTES); // a write may have been under way
});

/** 'sealing' is over in the instant in which it begins: there the crash comes with the request. */
const PHASES: readonly MovePhase[] = ['sealing', 'draining', 'handing-over', 're-pointing', 'resuming'];
const VICTIMS = ['from', 'to', 'peer', 'site'] as const;
const TARGETS = { from: 'gateway:1', to: 'gateway:2', peer: 'gateway:6', site: 'site:0' } as const;
/** Of the move of the recovery side that stops at 'handing-over'. */
const FAR_TARGETS = { from: 'gateway:6', to: 'gateway:7', peer: 'gateway:1', site: 'site:0' } as const;

/** A world in which workload 1 is being moved, and that phase has just begun. */
function inPhase(phase: MovePhase): WorldRun {
  const run = trialRun({ seed: 6, knobs: { balancing: 0 } });
  const stepUntil = (holds: () => boolean) => {
    while (!holds() && run.now() < 4_000 * MS) run.runTo(run.now() + MS);
    expect(holds()).toBe(true);
  };
  run.runTo(600 * MS);
  if (phase === 'handing-over') {
    // There is no way to the owner, so the record is changed at once, and nobody can be told yet.
    run.command(run.now(), fault('gateway-crash', 'gateway:1'));
    stepUntil(() => !siteOf(run).isConnected(1));
  }
  run.command(run.now(), rehome(1, phase === 'handing-over' ? 7 : 2));
  if (phase !== 'sealing') stepUntil(() => siteOf(run).moves.find(1)?.phase === phase);
  return run;
}

test.each(PHASES.flatMap((phase) => VICTIMS.map((victim) => [phase, victim] as const)))(
  'Crash in any move phase: exactly one owner on restart, bitmap intact: %s, %s',
  (phase, victim) => {
    const run = inPhase(phase);
    const workload = siteOf(run).workloads.get(1)!;
    run.command(run.now(), fault(victim === 'site' ? 'site-power' : 'gateway-crash', (phase === 'handing-over' ? FAR_TARGETS : TARGETS)[victim]));
    const bitmap = workload.tap.changedBlocks();
    run.runTo(run.now() + 1);
    const after = workload.tap.changedBlocks();
    for (let block = bitmap.findNext(0); block >= 0 && block + 1 < bitmap.blockCount; block = bitmap.findNext(block + 1)) expect(after.isMarked(block)).toBe(true);
    run.runTo(run.now() + 2_600 * MS); // whoever lost power is back, and has been heard
    const owners = siteOf(run).told().gateways.filter((it) => it.workloads.includes(1));
    expect(owners.map((it) => it.site)).toEqual([0, 1]);
    expect([1, 2]).toContain(workload.primary);
    expect(comeToRest(run)).toBe(true);
    expect(findDifference(run)).toBeUndefined();
    expect(checksOf(run)).toEqual([]);
    // Whoever owned it before is refused by the recovery volume.
    expect(recoveryOf(run).replicas.get(1)!.volume.term).toBe(workload.tap.term);
    expect(recoveryOf(run).replicas.get(1)!.volume.fence(workload.tap.term - 1)).toBe(false);
  },
);

test('a gateway that is killed for good in the middle of a hand-over loses nothing: its workloads go to others', () => {
  const run = trialRun({ seed: 7 });
  run.runTo(600 * MS);
  run.command(run.now(), rehome(1, 2));
  run.command(run.now() + 20 * MS, fault('gateway-death', 'gateway:1'));
  run.runTo(5_000 * MS);
  expect([...siteOf(run).workloads.values()].map(({ primary }) => primary)).not.toContain(1);
  expect(comeToRest(run)).toBe(true);
  expect(findDifference(run)).toBeUndefined();
});

test('stale, NaN and negative reports raise alarms by name, and nothing is moved there', () => {
  const run = trialRun({ seed: 8 });
  run.command(900 * MS, fault('stale-score', 'gateway:3'));
  run.command(900 * MS, fault('bad-score', 'gateway:2'));
  run.runTo(1_950 * MS);
  const alarms = run.snapshots().flatMap(({ events }) => events.filter(({ kind }) => kind === 'alarm').map(({ text }) => text.split(':')[0]));
  expect(alarms).toEqual(expect.arrayContaining(['STALE_SCORE', 'NEGATIVE_SCORE', 'BAD_SCORE']));
  const moved = run.snapshots().flatMap(({ events }) => events.filter(({ kind, timeNs }) => kind === 'move' && timeNs > 1_500 * MS));
  for (const { text } of moved) expect(text).not.toMatch(/→ P3/);
});

test('every gateway overloaded: ADD_APPLIANCE, and no move', () => {
  const run = trialRun({ seed: 9, knobs: { 'gateway-capacity': 20_000 } });
  run.runTo(2_500 * MS);
  const told = siteOf(run).told();
  expect(told.alarms.map(({ kind, site }) => [kind, site])).toContainEqual(['ADD_APPLIANCE', 0]);
  expect(told.sites[0]?.rest).toBe('all-overloaded');
  expect(told.log.map(({ text }) => text)).toContainEqual(expect.stringContaining('every gateway is overloaded'));
});

test('a full staging disk: writes are marked, sent later, and the workload never waits', () => {
  const run = trialRun({ seed: 10, knobs: { balancing: 0 } });
  run.command(600 * MS, fault('staging-full', 'gateway:1'));
  run.runTo(3_000 * MS);
  const { tap, writer } = siteOf(run).workloads.get(1)!;
  expect(tap.changedBlocks().count()).toBeGreaterThan(4);
  expect(tap.writtenBytes).toBeGreaterThan(2.5 * writer.profile.churnBytesPerSecond);
  run.runTo(7_000 * MS);
  expect(comeToRest(run)).toBe(true);
  expect(tap.resyncBlocks).toBeGreaterThan(0);
  expect(findDifference(run)).toBeUndefined();
});

test('planned fail-over loses nothing: the recovery volume is the production volume at the stop, then goes on by itself', () => {
  const run = trialRun({ seed: 11 });
  run.command(900 * MS, { kind: 'ask', ask: 'fail-over-planned', arguments: { workload: 2 } });
  const replica = recoveryOf(run).replicas.get(2)!;
  const workload = siteOf(run).workloads.get(2)!;
  run.watchTo(6_000 * MS, () => replica.volume.promoted);
  expect(replica.volume.promoted).toBe(true);
  expect(Buffer.compare(replica.content.read(0, 65_536), workload.content.read(0, 65_536))).toBe(0);
  run.runTo(run.now() + 1_000 * MS);
  expect(workload.state).toBe('failed-over');
  expect(Buffer.compare(replica.content.read(0, 65_536), workload.content.read(0, 65_536))).not.toBe(0);
  expect(comeToRest(run)).toBe(true);
  expect(findDifference(run)).toBeUndefined();
});

test('unplanned fail-over starts from the newest consistency point: the bytes that had been sealed there, and who replicated it is refused', () => {
  const make = () => trialRun({ seed: 12 });
  const run = make();
  run.command(1_234 * MS, { kind: 'ask', ask: 'fail-over-unplanned', arguments: { workload: 1 } });
  run.runTo(1_234 * MS);
  const replica = recoveryOf(run).replicas.get(1)!;
  const { sealedAtNs, applied } = replica.volume;
  run.runTo(1_234 * MS + 1);
  const bytes = replica.content.read(0, 65_536);
  // The same world again, up to that seal: what the production volume held then.
  const twin = make();
  twin.runTo(sealedAtNs);
  const production = siteOf(twin).workloads.get(1)!;
  expect(production.tap.nextSequence - 1).toBe(applied - 1);
  expect(Buffer.compare(production.content.read(0, 65_536), bytes)).toBe(0);
  run.runTo(4_000 * MS);
  expect(replica.volume.applied).toBe(applied);
  expect(siteOf(run).workloads.get(1)!.state).toBe('failed-over');
  expect(recoveryOf(run).told().volumes[0]?.lostNs).toBeGreaterThan(0);
});

test('a dark production site: its workload is started over there at once, and the site learns of it when power is back', () => {
  const run = trialRun({ seed: 15 });
  run.command(900 * MS, fault('site-power', 'site:0'));
  run.command(1_000 * MS, { kind: 'ask', ask: 'fail-over-unplanned', arguments: { workload: 1 } });
  run.runTo(1_100 * MS);
  const kindOf = (command: Command) => validateCommand(run.scenario, run.snapshots(), command)?.kind;
  expect(kindOf({ kind: 'ask', ask: 'fail-over-planned', arguments: { workload: 2 } })).toBe('site-down');
  expect(kindOf(rehome(2, 2))).toBe('site-down');
  expect(kindOf({ kind: 'ask', ask: 'fail-over-unplanned', arguments: { workload: 2 } })).toBeUndefined();
  expect(recoveryOf(run).replicas.get(1)!.volume.promoted).toBe(true);
  expect(siteOf(run).workloads.get(1)!.state).toBe('running'); // nobody there can know
  expect(comeToRest(run)).toBe(true);
  expect(siteOf(run).workloads.get(1)!.state).toBe('failed-over');
  expect(findDifference(run)).toBeUndefined();
});

test('without a consistency point nothing is started over there', () => {
  const run = trialRun({ seed: 16, plan: { isSeeded: false }, knobs: { 'gateway-capacity': 20_000 } });
  run.runTo(300 * MS);
  const ask: Command = { kind: 'ask', ask: 'fail-over-unplanned', arguments: { workload: 1 } };
  expect(validateCommand(run.scenario, run.snapshots(), ask)?.kind).toBe('no-consistency-point');
  run.command(run.now(), ask); // behind the door
  run.runTo(400 * MS);
  expect(recoveryOf(run).replicas.get(1)!.volume.promoted).toBe(false);
  expect(siteOf(run).workloads.get(1)!.state).toBe('running');

  // Planned, it waits for the whole first copy, also when nothing has been written yet.
  const early = trialRun({ seed: 17, plan: { isSeeded: false } });
  early.command(1, { kind: 'set-knob', knob: 'churn', value: 0 });
  early.command(2, { kind: 'ask', ask: 'fail-over-planned', arguments: { workload: 3 } });
  const [replica, workload] = [recoveryOf(early).replicas.get(3)!, siteOf(early).workloads.get(3)!];
  while (!replica.volume.promoted && early.now() < 5_000 * MS) early.runTo(early.now() + 10 * MS);
  expect(replica.volume.applied).toBeGreaterThan(0);
  expect(Buffer.compare(replica.content.read(0, 65_536), workload.content.read(0, 65_536))).toBe(0);
});

test('requests are refused by name', () => {
  const run = trialRun({ seed: 13, knobs: { balancing: 0, 'gateway-capacity': 400_000 } });
  run.runTo(1_000 * MS);
  const kindOf = (command: Command) => validateCommand(run.scenario, run.snapshots(), command)?.kind;
  expect(kindOf(rehome(2, 2))).toBeUndefined();
  expect(kindOf(rehome(9, 2))).toBe('no-such-workload');
  expect(kindOf(rehome(1, 0))).toBe('no-such-gateway');
  expect(kindOf(rehome(1, 1))).toBe('same-gateway');
  expect(kindOf({ kind: 'ask', ask: 're-home', arguments: { workload: 1 } })).toBe('bad-argument');
  run.command(run.now(), rehome(4, 2));
  run.runTo(run.now() + 10 * MS);
  expect(kindOf(rehome(4, 1))).toBe('move-under-way');
  run.command(run.now(), { kind: 'set-knob', knob: 'gateway-capacity', value: 100_000 });
  run.runTo(2_500 * MS);
  expect(kindOf(rehome(1, 2))).toBe('would-overload');
  run.command(run.now(), fault('gateway-death', 'gateway:3'));
  run.command(run.now(), fault('stale-score', 'gateway:1'));
  run.command(run.now(), { kind: 'ask', ask: 'fail-over-unplanned', arguments: { workload: 3 } });
  run.runTo(run.now() + 100 * MS);
  expect(kindOf({ kind: 'ask', ask: 'fail-over-planned', arguments: { workload: 3 } })).toBe('not-replicating');
  expect(kindOf(rehome(3, 1))).toBe('not-replicating');
  expect(kindOf(fault('gateway-crash', 'gateway:9'))).toBe('unknown-target');
});

test('static assignment: the recovery point of an overloaded gateway grows by (1 − capacity/churn) seconds a second; balanced, it does not', () => {
  const knobs = { 'seal-interval': 100 * MS, 'staging-capacity': 20_000_000 };
  const plan = { workloads: [{ name: 'a', churn: 10, gateway: 0 }, { name: 'b', churn: 10, gateway: 0 }, { name: 'c', churn: 2, gateway: 1 }, { name: 'd', churn: 2, gateway: 2 }] };
  const growth = (baseline: string) => {
    const run = trialRun({ seed: 14, plan, knobs, baseline });
    const lagAt = (timeNs: number) => {
      run.runTo(timeNs);
      return Math.max(...[...siteOf(run).workloads.values()].map((it) => it.recoveryPointNs(timeNs)));
    };
    const early = lagAt(4_000 * MS);
    return (lagAt(12_000 * MS) - early) / (8_000 * MS);
  };
  expect(growth('static')).toBeGreaterThan(0.4 - 0.08); // churn 200 kB/s, capacity 120 kB/s
  expect(growth('static')).toBeLessThan(0.4 + 0.08);
  expect(growth('')).toBeLessThan(0.02);
});
