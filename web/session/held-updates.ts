/** Updates of a run that are kept back while the picture is frozen: nothing is lost, and no more than two snapshots are kept. Pure. */
import type { ProcessSnapshot } from '../../core/protocol/snapshot.ts';
import type { SessionUpdate } from './session.ts';

/** `held` with one update more: snapshots of a kind become the newest one with the news of all. */
export function foldUpdates(held: readonly SessionUpdate[], update: SessionUpdate): SessionUpdate[] {
  const at = held.findIndex((it) => it.kind === update.kind);
  const before = held[at];
  if (before === undefined) return [...held, update];
  return held.map((it, index) => (index === at ? fold(before, update) : it));
}

function fold(a: SessionUpdate, b: SessionUpdate): SessionUpdate {
  if (!('processes' in a) || !('processes' in b)) return b;
  const news = (id: number) => a.processes.find((it) => it.process === id);
  const processes = b.processes.map((process): ProcessSnapshot => {
    const old = news(process.process);
    return old === undefined ? process : { ...process, console: [...old.console, ...process.console], events: [...old.events, ...process.events] };
  });
  const gone = a.processes.filter((it) => !b.processes.some((process) => process.process === it.process));
  return { ...b, processes: [...processes, ...gone] };
}
