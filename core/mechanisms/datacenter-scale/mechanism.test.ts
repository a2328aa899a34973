// Goal: the lab keeps its promises: every VM on exactly one host at every cut, no memory given away twice, every byte accounted
// for, whatever crashes, is cut or moves; and balancing helps. Method: small datacenters in one thread, judged while they run.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { Command } from '../../protocol/command.ts';
import { boardColumn, boardRow, boardState, boardWritten, findBoard } from '../../protocol/host-board.ts';
import { WorldRun } from '../../testing/run-world.ts';
import { judge } from '../../world/judge.ts';
import { scenarioOf } from '../../world/scenario.ts';
import { layoutOf } from './layout.ts';
import { crashHost } from './moves.ts';
import { PodProcess } from './pod-process.ts';
import { vmState } from './pod-tables.ts';

const SECOND = 1_000_000_000;

interface Setting {
  readonly knobs?: Readonly<Record<string, number>>;
  readonly seed?: number;
  readonly baseline?: string;
  readonly split?: (nowNs: number) => number;
}

function runOf({ knobs = {}, seed = 1, baseline = '', split }: Setting = {}): WorldRun {
  const made = scenarioOf({ lab: 'datacenter-scale', seed, knobs: { hosts: 60, 'paged-vms': 0, ...knobs }, baseline });
  if (!made.ok) throw new Error(made.error.kind);
  return new WorldRun({ scenario: made.value, ...(split === undefined ? {} : { split }) });
}

const podsOf = (run: WorldRun) => run.all.filter((it) => it instanceof PodProcess);
/** Judged with everything counted at this very cut. */
function judged(run: WorldRun) {
  for (const pod of podsOf(run)) pod.auditNow();
  return judge({ scenario: run.scenario, snapshots: run.snapshots(), commands: run.log });
}
const faults = (run: WorldRun) => judged(run).checks.filter(({ holds }) => !holds);
const metric = (run: WorldRun, id: string) => judged(run).metrics[id]?.value ?? Number.NaN;

/** Ids of VMs that may run now, with the pods that hold them. */
function owners(run: WorldRun): Map<number, number[]> {
  const found = new Map<number, number[]>();
  for (const { id, pod } of podsOf(run)) {
    const { vms, vmRows } = pod.tables;
    for (let row = 0; row < vmRows; row++) {
      const state = vms.state(row);
      if (state === vmState.none || state === vmState.granted) continue;
      found.set(vms.id(row), [...(found.get(vms.id(row)) ?? []), id]);
    }
  }
  return found;
}

test('balancing leaves fewer hosts overloaded and less CPU stolen than first fit', () => {
  const [balanced, baseline] = [runOf({ knobs: { hosts: 200 } }), runOf({ knobs: { hosts: 200 }, baseline: 'first-fit' })];
  for (const run of [balanced, baseline]) run.runTo(40 * SECOND);
  expect(metric(balanced, 'moves')).toBeGreaterThan(20);
  expect(metric(baseline, 'moves')).toBe(0);
  expect(metric(balanced, 'cpu-stolen')).toBeLessThan(metric(baseline, 'cpu-stolen') / 2);
  expect(metric(balanced, 'overloaded')).toBeLessThan(metric(baseline, 'overloaded') / 2);
  expect([...faults(balanced), ...faults(baseline)]).toEqual([]);
});

const anything: fc.Arbitrary<Command> = fc.oneof(
  fc.record({ kind: fc.constant('inject-fault' as const), fault: fc.constantFrom('host-crash', 'rack-power', 'hot-spot'), target: fc.nat(59).map((it) => `machine:${it}`) }),
  fc.record({ kind: fc.constant('inject-fault' as const), fault: fc.constant('cut-uplink'), target: fc.constantFrom('link:0-1', 'link:1-2', 'link:0-3') }),
  fc.record({ kind: fc.constant('set-knob' as const), knob: fc.constant('threshold'), value: fc.integer({ min: 50, max: 100 }) }),
  fc.record({ kind: fc.constant('set-knob' as const), knob: fc.constant('churn'), value: fc.integer({ min: 100, max: 1000 }) }),
  fc.record({ kind: fc.constant('set-knob' as const), knob: fc.constant('port-rate'), value: fc.constantFrom(1e9, 1e10, 1e11) }),
  fc.tuple(fc.nat(3), fc.integer({ min: 1, max: 100 }), fc.nat(59)).map(([pod, vm, to]): Command => ({
    kind: 'ask', ask: 'move-vm', arguments: { id: pod * 0x10_0000 + vm, to },
  })),
);

const TRIALS = process.env['GLASSHOUSE_VERIFY'] === undefined ? 12 : 300;

test('no VM is lost or doubled, whatever happens at whatever time', () => {
  fc.assert(
    fc.property(fc.nat(), fc.array(fc.tuple(fc.nat(18_000), anything), { maxLength: 40 }), (seed, plan) => {
      const run = runOf({ seed: seed >>> 0, knobs: { 'crash-rate': 1000, turnover: 100, churn: 400 } });
      const commands = plan.toSorted(([left], [right]) => left - right);
      let next = 0;
      for (let at = 1; at <= 20; at++) {
        while (next < commands.length && commands[next]![0] * 1e6 < at * SECOND) {
          run.command(Math.max(run.now(), commands[next]![0] * 1e6), commands[next]![1]);
          next++;
        }
        run.runTo(at * SECOND + 123_456);
        expect(faults(run)).toEqual([]);
        expect([...owners(run)].filter(([, pods]) => pods.length > 1)).toEqual([]);
      }
    }),
    { numRuns: TRIALS },
  );
}, 600_000);

test('a move to another pod: the VM is there once, also when the answer is lost with the cable', () => {
  const run = runOf({ knobs: { hosts: 40, turnover: 0, 'crash-rate': 0, threshold: 100 } });
  const id = [...owners(run)].find(([, [pod]]) => pod === 0)![0];
  const there = podsOf(run)[1]!.pod.options.firstHost;
  run.command(SECOND, { kind: 'ask', ask: 'move-vm', arguments: { id, to: there } });
  let cut = false;
  run.watchTo(60 * SECOND, (nowNs) => {
    const granted = podsOf(run)[0]!.pod.moves.some((it) => it?.phase === 'granted');
    if (granted && !cut) {
      cut = true;
      run.command(nowNs, { kind: 'inject-fault', fault: 'cut-uplink', target: 'link:0-1' });
    }
    const holders = owners(run).get(id) ?? [];
    expect(holders.length).toBeLessThanOrEqual(1);
    return cut && holders.length === 1 && podsOf(run)[0]!.pod.moves.every((it) => it?.vmId !== id);
  });
  expect(cut).toBe(true);
  expect(owners(run).get(id)).toEqual([1]);
  expect(faults(run)).toEqual([]);
});

test('cuts, snapshots and inspection change nothing', () => {
  const hashOf = (run: WorldRun, looks: boolean): string => {
    for (let at = 1; at <= 12; at++) {
      run.runTo(at * SECOND);
      if (!looks) continue;
      run.snapshots();
      for (const member of run.all) {
        member.inspect({ view: 'pod-host', host: 7 });
        member.inspect({ view: 'pod-vm', id: 1 });
        member.inspect({ view: 'process', process: member.id });
        member.memory?.();
      }
    }
    return run.hash();
  };
  const plain = hashOf(runOf(), false);
  expect(hashOf(runOf({ split: (nowNs) => nowNs + 77_777_777 }), true)).toBe(plain);
  expect(hashOf(runOf({ seed: 2 }), false)).not.toBe(plain);
});

test('a checkpoint put back gives the same future', () => {
  const run = runOf({ knobs: { 'crash-rate': 500 } });
  run.runTo(5 * SECOND);
  for (const member of run.all) member.checkpoints!.take(1);
  const states = run.all.map((it) => it.stateHash!());
  run.runTo(15 * SECOND);
  const future = run.all.map((it) => it.stateHash!());
  for (const member of run.all) member.checkpoints!.restore(1);
  run.standAt(5 * SECOND);
  expect(run.all.map((it) => it.stateHash!())).toEqual(states);
  run.runTo(15 * SECOND);
  expect(run.all.map((it) => it.stateHash!())).toEqual(future);
});

test('the board shows the hosts as inspection does', () => {
  const run = runOf({ knobs: { 'crash-rate': 0 } });
  run.command(2 * SECOND, { kind: 'inject-fault', fault: 'host-crash', target: 'machine:3' });
  run.runTo(4 * SECOND + 1);
  for (const member of podsOf(run)) {
    const board = findBoard(member.memory())!;
    expect(boardWritten(board)).toBeGreaterThan(7);
    expect(board.time[0]).toBe(4 * SECOND);
    for (let position = 0; position < board.hostCount; position++) {
      const host = member.inspect({ view: 'pod-host', host: board.firstHost + position });
      if (host.view !== 'pod-host') throw new Error(host.view);
      const row = boardRow(position);
      expect(board.words[row + boardColumn.vms]).toBe(host.vms.length);
      expect(board.words[row + boardColumn.cpu]).toBe(Math.floor((host.millicoresAsked * 1000) / host.millicores));
      expect((board.words[row + boardColumn.state]! & boardState.up) !== 0).toBe(host.up);
      expect(host.up).toBe(host.host !== 3);
    }
  }
});

test('the page may copy a board; other bytes are none', () => {
  const [pod] = podsOf(runOf());
  const bytes = new Uint8Array(pod!.memory().byteLength);
  bytes.set(new Uint8Array(pod!.memory()));
  expect(findBoard(bytes.buffer)?.hostCount).toBe(pod!.pod.options.hostCount);
  expect(findBoard(new ArrayBuffer(4096))).toBeUndefined();
});

test('canaries: a VM that vanishes, memory given away twice, a byte from nowhere are each caught', () => {
  const broken = (harm: (pod: PodProcess['pod']) => unknown): string[] => {
    const run = runOf();
    run.runTo(2 * SECOND);
    harm(podsOf(run)[0]!.pod);
    return faults(run).map(({ id }) => id);
  };
  expect(broken((pod) => pod.removeVm(5))).toEqual(['every-vm-once']);
  expect(broken((pod) => pod.tables.hosts.memoryReserved.fill(1e6))).toEqual(['tables-agree']);
  expect(broken((pod) => pod.counters.diskBytes++)).toEqual(['bytes-conserved']);
  expect(broken((pod) => pod.counters.taken++)).toEqual(['every-vm-once', 'custody-between-pods']);
  expect(broken((pod) => crashHost(pod, 0, SECOND))).toEqual([]);
});

test('layouts: every host in one pod, every pod can be reached and has a way to real memory, and cables grow with pods', () => {
  for (const hosts of [20, 60, 999, 10_000, 30_000]) {
    const { pods, podCables, singles, accessCables } = layoutOf({ hosts, vmsPerHost: 10, pagedVms: 100 });
    expect(new Set(accessCables.map(([pod]) => pod))).toEqual(new Set(pods.map(({ process }) => process)));
    expect(new Set(accessCables.map(([, single]) => single))).toEqual(new Set(singles));
    expect(new Set(accessCables.map(String)).size).toBe(accessCables.length);
    expect(pods.reduce((sum, { hostCount }) => sum + hostCount, 0)).toBe(hosts);
    pods.forEach((pod, index) => {
      expect(pod.firstHost).toBe(index === 0 ? 0 : pods[index - 1]!.firstHost + pods[index - 1]!.hostCount);
    });
    const reached = new Set([0]);
    for (let round = 0; round < pods.length; round++) {
      for (const [a, b] of podCables) if (reached.has(a) || reached.has(b)) reached.add(a).add(b);
    }
    expect(reached.size).toBe(pods.length);
    expect(podCables.length).toBeLessThanOrEqual(Math.max(10, 2 * pods.length));
  }
});
