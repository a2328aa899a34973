/** A run as a trace for Perfetto: lanes as slices, gauges as counters, the timeline's events as instants. Pure. */
import type { MetricRow } from '../../core/base/contract.ts';
import { type TraceProcess, type TraceTrack, writePerfettoTrace } from '../../core/formats/perfetto-trace.ts';
import type { TimelineEvent } from '../../core/protocol/snapshot.ts';
import { type RunFacts, runLanes } from '../charts/run-lanes.ts';

/** The trace file of what is known of the run. */
export function runTrace(facts: RunFacts, events: readonly TimelineEvent[], metrics: readonly MetricRow[]): Uint8Array {
  const lanes: TraceTrack[] = runLanes(facts).map((lane) => ({
    kind: 'slices', name: lane.title, instants: [],
    slices: lane.slices.map((slice) => ({ fromNs: slice.fromNs, toNs: slice.toNs, name: slice.title, category: lane.entity.split(':')[0]!, facts: slice.detail === undefined ? {} : { detail: slice.detail } })),
  }));
  const instants: TraceTrack = { kind: 'slices', name: 'events', slices: [], instants: events.map((event) => ({ atNs: event.timeNs, name: `${event.kind}: ${event.text}`, category: event.kind })) };
  const hosts = facts.hosts.map((host): TraceProcess => ({ name: host.name, tracks: countersOf(facts, host.id, metrics) }));
  return writePerfettoTrace([{ name: 'run', tracks: [...lanes, instants] }, ...hosts]);
}

function countersOf(facts: RunFacts, host: number, metrics: readonly MetricRow[]): TraceTrack[] {
  const series = facts.seriesOf(host);
  if (series === undefined) return [];
  return metrics.flatMap((row): TraceTrack[] => {
    const column = series.find(row.id);
    if (column === undefined || row.kind === 'result') return [];
    const points: { atNs: number; value: number }[] = [];
    for (let at = 0; at < series.count; at++) {
      if (!Number.isNaN(column[at]!)) points.push({ atNs: series.timeNs[at]!, value: column[at]! });
    }
    return points.length === 0 ? [] : [{ kind: 'counter', name: row.title, unit: row.unit, points }];
  });
}
