/**
 * What a run did as lanes: where each VM's vCPU ran and stood still, the phases and rounds of its moves,
 * and when the link was busy. Read by the lanes' picture and by the trace export. Pure.
 */
import type { HostSnapshot, MigrationSnapshot } from '../../core/protocol/snapshot.ts';
import { grouped } from '../app/quantity.ts';
import type { SampleSeries } from '../session/sample-series.ts';
import type { Lane, Slice } from './gantt.ts';

export interface RunFacts {
  readonly hosts: readonly HostSnapshot[];
  readonly migrations: readonly MigrationSnapshot[];
  /** The baseline's migrations; [] without one. */
  readonly baseline: readonly MigrationSnapshot[];
  readonly nowNs: number;
  readonly baselineNs: number;
  readonly seriesOf: (host: number) => SampleSeries | undefined;
}

const hostName = (facts: RunFacts, id: number) => facts.hosts.find((host) => host.id === id)?.name ?? `host ${id}`;
const byStart = (a: MigrationSnapshot, b: MigrationSnapshot) => a.startedAtNs - b.startedAtNs;

/** Moves as their sources tell them, oldest first, with the resume that only the destination knows. */
export function movesOf(migrations: readonly MigrationSnapshot[]): MigrationSnapshot[] {
  return migrations
    .filter((it) => it.role === 'source')
    .map((it) => {
      const there = migrations.find((other) => other.role === 'destination' && other.vm === it.vm && other.to === it.to && other.resumedAtNs > it.startedAtNs);
      return it.resumedAtNs < 0 && there !== undefined ? { ...it, resumedAtNs: there.resumedAtNs } : it;
    })
    .sort(byStart);
}

/** One lane a host that a VM has been on: it ran here, stood still, ran there. */
function vcpuLanes(facts: RunFacts, vm: number, moves: readonly MigrationSnapshot[]): Lane[] {
  const home = moves[0]?.from ?? facts.hosts.find((host) => host.vms.some((it) => it.id === vm && it.state !== 'incoming'))?.id;
  if (home === undefined) return [];
  const slices = new Map<number, Slice[]>();
  const put = (host: number, slice: Slice) => slices.set(host, [...(slices.get(host) ?? []), slice]);
  let at = home;
  let since = 0;
  for (const move of moves) {
    if (move.stoppedAtNs < 0) continue;
    put(at, { fromNs: since, toNs: move.stoppedAtNs, title: 'running', token: 'device' });
    const resumed = move.resumedAtNs >= move.stoppedAtNs ? move.resumedAtNs : move.endedAtNs >= 0 ? move.endedAtNs : facts.nowNs;
    put(at, { fromNs: move.stoppedAtNs, toNs: resumed, title: 'stands still', token: 'clean', hatched: true });
    if (move.resumedAtNs >= 0 && move.phase !== 'failed' && move.phase !== 'cancelled') at = move.to;
    since = resumed;
  }
  if (facts.nowNs > since) put(at, { fromNs: since, toNs: facts.nowNs, title: 'running', token: 'device' });
  return [...slices].map(([host, list]) => ({ title: `vCPU on ${hostName(facts, host)}`, entity: `vm:${vm}`, slices: list }));
}

/** Connect, copy, stop: the phases of each move. */
function phaseLane(moves: readonly MigrationSnapshot[], nowNs: number, title: string, vm: number): Lane {
  const slices = moves.flatMap((move): Slice[] => {
    const end = move.endedAtNs < 0 ? Math.max(nowNs, move.resumedAtNs) : Math.max(move.endedAtNs, move.resumedAtNs);
    const first = move.rounds[0]?.startNs ?? end;
    const stop = move.stoppedAtNs < 0 ? end : move.stoppedAtNs;
    const resumed = move.resumedAtNs < 0 ? end : move.resumedAtNs;
    const all: Slice[] = [
      { fromNs: move.startedAtNs, toNs: Math.min(first, stop), title: 'connects', token: 'missing' },
      { fromNs: Math.min(first, stop), toNs: stop, title: 'copies while it runs', token: 'in-flight' },
      { fromNs: stop, toNs: resumed, title: 'copies while it stands still', token: 'in-flight', hatched: true },
    ];
    return all.filter((slice) => slice.toNs > slice.fromNs);
  });
  return { title, entity: `migration:${vm}`, slices };
}

function roundLane(moves: readonly MigrationSnapshot[], nowNs: number, vm: number): Lane {
  const slices = moves.flatMap((move) => move.rounds.map((round, index): Slice => ({
    fromNs: round.startNs, toNs: round.endNs < 0 ? (move.endedAtNs < 0 ? nowNs : move.endedAtNs) : round.endNs,
    title: `round ${index + 1}`, token: 'in-flight',
    detail: `${grouped(round.pagesSent)} of ${grouped(round.pagesToSend)} pages sent, ${grouped(round.pagesDirtied)} pages written meanwhile`,
  })));
  return { title: 'rounds', entity: `migration:${vm}`, slices: slices.filter((slice) => slice.toNs >= slice.fromNs) };
}

/** Stretches in which a rate was above zero, joined where only one sample lies between. */
export function busySlices(series: SampleSeries, metric: string, title: string): Slice[] {
  const column = series.find(metric);
  if (column === undefined) return [];
  const slices: Slice[] = [];
  let from = -1;
  let last = -1;
  for (let row = 0; row < series.count; row++) {
    if ((column[row] ?? 0) > 0) {
      if (from < 0) from = row === 0 ? series.timeNs[0]! : series.timeNs[row - 1]!;
      last = row;
    } else if (from >= 0 && row - last > 1) {
      slices.push({ fromNs: from, toNs: series.timeNs[last]!, title, token: 'in-flight' });
      from = -1;
    }
  }
  if (from >= 0) slices.push({ fromNs: from, toNs: series.timeNs[last]!, title, token: 'in-flight' });
  return slices;
}

/** All lanes of a run. */
export function runLanes(facts: RunFacts): Lane[] {
  const all = movesOf(facts.migrations);
  const vms = [...new Set(facts.hosts.flatMap((host) => host.vms.map((vm) => vm.id)))].sort((a, b) => a - b);
  const lanes: Lane[] = [];
  for (const vm of vms) {
    const moves = all.filter((move) => move.vm === vm);
    lanes.push(...vcpuLanes(facts, vm, moves));
    if (moves.length > 0) {
      lanes.push(phaseLane(moves, facts.nowNs, 'move', vm), roundLane(moves, facts.nowNs, vm));
    }
    const other = movesOf(facts.baseline).filter((move) => move.vm === vm);
    if (other.length > 0) lanes.push(phaseLane(other, facts.baselineNs, 'baseline', vm));
  }
  for (const host of facts.hosts) {
    const series = facts.seriesOf(host.id);
    const slices = series === undefined ? [] : busySlices(series, 'link-bytes-per-second', 'sends');
    if (slices.length > 0) lanes.push({ title: `port of ${host.name}`, entity: `host:${host.id}`, slices });
  }
  return lanes;
}
