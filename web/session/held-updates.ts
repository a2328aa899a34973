/** Updates of a run that are kept back while the picture is frozen: nothing is lost, and no more than one update a kind and lane is kept. Pure. */
import type { ProcessSnapshot } from '../../core/protocol/snapshot.ts';
import type { SessionUpdate } from './session.ts';

/** `held` with one update more: snapshots of a kind become the newest one with the news of all. */
export function foldUpdates(held: readonly SessionUpdate[], update: SessionUpdate): SessionUpdate[] {
  if (update.kind === 'rewound') return foldRewound(held, update);
  const at = held.findIndex((it) => it.kind === update.kind && laneOf(it) === laneOf(update));
  const before = held[at];
  if (before === undefined) return [...held, update];
  return held.map((it, index) => (index === at ? fold(before, update) : it));
}

function laneOf(update: SessionUpdate): string {
  return update.kind === 'baseline' ? update.lane : 'main';
}

/** A rewind voids news that are held, and comes first: what is on screen is older than all that is held. */
function foldRewound(held: readonly SessionUpdate[], rewound: Extract<SessionUpdate, { kind: 'rewound' }>): SessionUpdate[] {
  const before = held.find((it) => it.kind === 'rewound');
  const first = before === undefined ? rewound : {
    ...rewound,
    timeNs: Math.min(before.timeNs, rewound.timeNs),
    baselineTimesNs: Object.fromEntries(Object.entries(rewound.baselineTimesNs).map(
      ([lane, timeNs]) => [lane, Math.min(before.baselineTimesNs[lane] ?? timeNs, timeNs)],
    )),
  };
  const rest = held.filter((it) => it.kind !== 'rewound').map((it): SessionUpdate => {
    if (!('processes' in it)) return it;
    const fromNs = it.kind === 'baseline' ? (rewound.baselineTimesNs[it.lane] ?? 0) : rewound.timeNs;
    return {
      ...it,
      processes: it.processes.map((process) => ({
        ...process,
        console: process.console.filter((chunk) => chunk.timeNs < fromNs),
        events: process.events.filter((event) => event.timeNs < fromNs),
      })),
    };
  });
  return [first, ...rest];
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
