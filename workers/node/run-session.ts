/** One headless run from start to end, with everything it told kept for judgement. */
import type { Result } from '../../core/base/result.ts';
import { err, ok } from '../../core/base/result.ts';
import type { LoggedCommand, Refusal } from '../../core/protocol/command.ts';
import type { ProcessSnapshot } from '../../core/protocol/snapshot.ts';
import { Coordinator } from '../coordinator.ts';
import type { FailureReport, Lane, RunState, StartOptions, StartedRun } from '../session-api.ts';
import { builder, planner } from '../world.ts';
import { makeInlinePlatform, makeThreadPlatform } from './node-platform.ts';

/** A run that can be advanced and looked at. */
export interface HeadlessRun {
  readonly coordinator: Coordinator<never>;
  readonly started: StartedRun;
  /** Snapshots by ascending process, with console and events since the start. */
  snapshots(lane: Lane): ProcessSnapshot[];
  log(): readonly LoggedCommand[];
  failure(): FailureReport | undefined;
  stop(): Promise<void>;
}

/** Starts a run over threads; `inline` keeps it in this thread, as without cross-origin isolation. */
export async function startHeadlessRun(
  options: StartOptions,
  ports: {
    readonly inline: boolean;
    readonly onState?: (state: RunState) => void;
    readonly onSnapshot?: (lane: Lane, snapshot: ProcessSnapshot) => void;
  },
): Promise<Result<HeadlessRun, Refusal | FailureReport>> {
  const threads = new URL('./host-thread.js', import.meta.url);
  const platform = ports.inline ? makeInlinePlatform(builder) : makeThreadPlatform({ url: threads });
  const coordinator = new Coordinator(platform, planner);
  const kept: Kept = new Map();
  const log: LoggedCommand[] = [];
  let failure: FailureReport | undefined;
  await coordinator.subscribe((event) => {
    if (event.kind === 'failed') failure ??= event.report;
    else if (event.kind === 'logged') log.push(event.logged);
    else if (event.kind === 'state') ports.onState?.(event.state);
    else if (event.kind === 'rewound') forgetFrom(kept, log, event);
    else {
      for (const snapshot of event.snapshots) {
        keep(keptOf(kept, event.lane), snapshot);
        ports.onSnapshot?.(event.lane, snapshot);
      }
    }
  });
  const started = await coordinator.start(options);
  if (!started.ok) {
    await coordinator.stop();
    return err(failure ?? started.error);
  }
  return ok({
    coordinator: coordinator as unknown as Coordinator<never>,
    started: started.value,
    snapshots: (lane) => [...keptOf(kept, lane).values()].toSorted((left, right) => left.process - right.process),
    log: () => log,
    failure: () => failure,
    stop: () => coordinator.stop(),
  });
}

/** Snapshots by lane and process. */
type Kept = Map<Lane, Map<number, ProcessSnapshot>>;

function keptOf(kept: Kept, lane: Lane): Map<number, ProcessSnapshot> {
  const found = kept.get(lane) ?? new Map<number, ProcessSnapshot>();
  kept.set(lane, found);
  return found;
}

/** The run was taken back: what happened later is to come again, or never. */
function forgetFrom(
  kept: Kept,
  log: LoggedCommand[],
  rewound: { readonly timeNs: number; readonly baselineTimesNs: Readonly<Record<Lane, number>> },
): void {
  while ((log.at(-1)?.atNs ?? -1) >= rewound.timeNs) log.pop();
  for (const [lane, processes] of kept) {
    const timeNs = lane === 'main' ? rewound.timeNs : (rewound.baselineTimesNs[lane] ?? 0);
    for (const [process, snapshot] of processes) {
      const console = snapshot.console.filter((chunk) => chunk.timeNs < timeNs);
      const events = snapshot.events.filter((event) => event.timeNs < timeNs);
      processes.set(process, { ...snapshot, console, events });
    }
  }
}

/** Replaces a process's snapshot by a newer one, console and events appended. Arrays grow in place: a run tells many. */
function keep(kept: Map<number, ProcessSnapshot>, snapshot: ProcessSnapshot): void {
  const before = kept.get(snapshot.process);
  const console = (before?.console ?? []) as ProcessSnapshot['console'][number][];
  const events = (before?.events ?? []) as ProcessSnapshot['events'][number][];
  for (const chunk of snapshot.console) console.push(chunk);
  for (const event of snapshot.events) events.push(event);
  kept.set(snapshot.process, { ...snapshot, console, events });
}
