/**
 * Travel in time: a journey takes all lanes back to their nearest checkpoints and replays from there with
 * the same log; what is told of the time that is replayed is known already and is not told again. A later journey
 * takes over from an unfinished one. A command given in the past forks the run (branches.ts).
 */
import type { Command, LoggedCommand } from '../core/protocol/command.ts';
import type { ActiveRun, BaselineLane } from './active-run.ts';
import { baselineTimesOf, historiesOf } from './active-run.ts';
import { firstDifferenceNs } from './branches.ts';
import type { LaneRun } from './lane-run.ts';
import type { Lane, SessionEvent, StepKind } from './session-api.ts';

/** A journey under way: how far whoever looks knows the run. Unit: ns. */
export interface Travel {
  readonly reachedNs: number;
  readonly baselinesReachedNs: Readonly<Record<Lane, number>>;
}

/** What a journey needs of the coordinator. */
export interface TravelPorts {
  /** Lets the run stand where it is. */
  stand(run: ActiveRun): void;
  /** Resolves when all processes of a lane stand at its limit. */
  atLimit(run: ActiveRun, lane: LaneRun): Promise<void>;
  /** Runs on to a time, unless something else takes over. */
  advance(run: ActiveRun, targetNs: number): Promise<void>;
  /** Waits for all lanes, tells snapshots and the state. */
  settle(run: ActiveRun): Promise<number>;
  isOver(run: ActiveRun): boolean;
  tell(event: SessionEvent): void;
  baselineCommand(run: ActiveRun, command: Command): Command | undefined;
}

/** See the file's head. */
export class TimeTravel {
  readonly #ports: TravelPorts;

  constructor(ports: TravelPorts) {
    this.#ports = ports;
  }

  /** Takes the run to `timeNs`, not after where it stands. Gives where it stands then. */
  async rewind(run: ActiveRun, timeNs: number): Promise<number> {
    if (await this.#go(run, timeNs)) await this.#arrive(run);
    return run.main.limitNs();
  }

  /** To just after the event, or just before the instruction, that happened last before the present. */
  async stepBack(run: ActiveRun, kind: StepKind, vm: number | undefined): Promise<number> {
    const hereNs = run.main.limitNs();
    if (hereNs === 0) return 0;
    const replies = await run.main.ask({ what: 'previous', beforeNs: hereNs - 1, vm });
    const latest = (field: 'eventNs' | 'instructionNs') =>
      Math.max(-1, ...replies.map((reply) => reply.previous?.[field] ?? -1));
    const instructionNs = latest('instructionNs');
    // A VM that has just arrived has executed nothing here: its past is on another host.
    if (kind === 'instruction' && instructionNs >= 0) return this.rewind(run, instructionNs);
    // run(t) does what happens before t, so an event at t has happened at t + 1.
    return this.rewind(run, latest('eventNs') + 1);
  }

  /** The present course is left at `atNs`, not before where the run stands: what is known of later goes. */
  async fork(run: ActiveRun, atNs: number): Promise<void> {
    run.branches.reach(run.main.limitNs());
    run.branches.fork(atNs, wholeLog(run));
    await this.#forgetAfter(run, atNs);
  }

  /** Back to a branch that was left; runs to `atNs`, or to where it was left. Undefined: there is no such branch. */
  async returnTo(run: ActiveRun, id: number, atNs: number | undefined): Promise<number | undefined> {
    const branch = run.branches.find(id);
    if (branch === undefined) return undefined;
    const targetNs = atNs ?? branch.endNs;
    const differNs = firstDifferenceNs(wholeLog(run), branch.log);
    const backNs = Math.min(differNs, targetNs, run.main.limitNs());
    if (!(await this.#go(run, backNs))) return run.main.limitNs();
    run.branches.enter(branch, wholeLog(run));
    run.script.splice(0, run.script.length, ...branch.log.slice(run.log.entries.length));
    await this.#forgetAfter(run, differNs);
    await this.#arrive(run);
    if (this.#ports.isOver(run) || run.motion.kind !== 'standing') return run.main.limitNs();
    await this.#ports.advance(run, targetNs);
    return this.#ports.settle(run);
  }

  /** Back to the nearest checkpoints and on to `timeNs`; false when another journey took over or the run ended. */
  async #go(run: ActiveRun, timeNs: number): Promise<boolean> {
    const { main, baselines } = run;
    const journey: Travel = {
      reachedNs: run.travel?.reachedNs ?? main.limitNs(),
      baselinesReachedNs:
        run.travel?.baselinesReachedNs ?? baselineTimesOf(run, ({ lane }) => lane.limitNs()),
    };
    run.travel = journey;
    run.holds++;
    this.#ports.stand(run);
    await this.#ports.atLimit(run, main);
    await run.history.rest();
    for (const { lane, history } of baselines.slice()) {
      await this.#ports.atLimit(run, lane);
      await history.rest();
    }
    const isMine = () => !this.#ports.isOver(run) && run.travel === journey;
    if (isMine()) await this.#restore(run, timeNs, journey);
    run.holds--;
    if (!isMine()) return false;
    await this.#ports.advance(run, timeNs);
    await this.#ports.atLimit(run, main);
    return isMine();
  }

  /** All lanes back to checkpoints; the log is cut there, and what came after is to come again. */
  async #restore(run: ActiveRun, timeNs: number, journey: Travel): Promise<void> {
    const { main, history } = run;
    run.branches.reach(main.limitNs());
    const entry = history.findBefore(Math.min(timeNs, main.limitNs()));
    if (entry === undefined) return; // nothing has moved yet
    const log = wholeLog(run);
    const kept = log.filter(({ atNs }) => atNs < entry.timeNs).length;
    run.log.entries.length = kept;
    run.script.splice(0, run.script.length, ...log.slice(kept));
    const given = log.slice(0, kept);
    await Promise.all([
      history.restore(entry, Math.min(timeNs, journey.reachedNs)),
      ...run.baselines.map(async (baseline) => {
        baseline.lane.unschedule(entry.timeNs);
        await this.#restoreBaseline(run, baseline, { timeNs, journey, given });
      }),
    ]);
  }

  /** A baseline goes back when it stands later than the journey's end, or when an unfinished journey left it early. */
  async #restoreBaseline(
    run: ActiveRun,
    { id, lane, history }: BaselineLane,
    to: { readonly timeNs: number; readonly journey: Travel; readonly given: readonly LoggedCommand[] },
  ): Promise<void> {
    if (lane.isClosed()) return;
    const { timeNs, journey, given } = to;
    const reachedNs = journey.baselinesReachedNs[id] ?? 0;
    const isBehind = lane.limitNs() < reachedNs;
    const back = history.findBefore(Math.min(timeNs, lane.limitNs()));
    if (back === undefined || !(isBehind || lane.limitNs() > timeNs)) return;
    await history.restore(back, Math.min(timeNs, reachedNs));
    this.#giveAgain(run, lane, given.filter(({ atNs }) => atNs >= back.timeNs));
  }

  /** Commands that the main lane has behind it and the baseline, further back, has not. */
  #giveAgain(run: ActiveRun, baseline: LaneRun, log: readonly LoggedCommand[]): void {
    for (const logged of log) {
      const command = this.#ports.baselineCommand(run, logged.command);
      if (command !== undefined) baseline.schedule({ ...logged, command });
    }
  }

  /** Tells that the run stands elsewhere, then how it looks there. */
  async #arrive(run: ActiveRun): Promise<void> {
    const { main, travel } = run;
    const timeNs = main.limitNs();
    run.branches.reach(timeNs);
    const baselineTimesNs = baselineTimesOf(run, ({ id }) =>
      Math.min(timeNs, travel?.baselinesReachedNs[id] ?? timeNs),
    );
    run.travel = undefined;
    const branch = run.branches.current();
    this.#ports.tell({ kind: 'rewound', run: run.number, timeNs, baselineTimesNs, branch });
    await main.ask({ what: 'snapshot', knownNs: timeNs });
    await this.#ports.settle(run);
  }

  async #forgetAfter(run: ActiveRun, timeNs: number): Promise<void> {
    run.holds++;
    await Promise.all(historiesOf(run).map((history) => history.forgetAfter(timeNs)));
    run.holds--;
  }
}

/** What has been given and what is to come. */
export function wholeLog(run: ActiveRun): LoggedCommand[] {
  const script = run.script.map((entry, index) => ({ ...entry, sequence: run.log.entries.length + index }));
  return [...run.log.entries, ...script];
}
