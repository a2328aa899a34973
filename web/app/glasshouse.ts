/**
 * `window.glasshouse`: the page for scripts and tests. Every call goes through the same command table
 * as buttons and keys; with `at`, a script is repeatable. The types of this file are the interface: a script
 * outside of the project imports them (`import type { Glasshouse } from '…/web/app/glasshouse.ts'`); e2e/example
 * is one. Times are virtual, in ns; values have the units of the lab's contract.
 */
import { LIBRARY } from '../../core/mechanisms/library.ts';
import type { Walkthrough } from '../../core/protocol/walkthrough.ts';
import type { Command } from '../../core/protocol/command.ts';
import type { StepPhase, StepResult } from '../../core/protocol/walkthrough-player.ts';
import type { TimelineEvent } from '../../core/protocol/snapshot.ts';
import { newsOf } from '../session/frame-news.ts';
import type { RunHistory } from '../session/session.ts';
import { loadLab } from '../labs/load-lab.ts';
import type { RunController } from '../session/run-controller.ts';
import { type Metrics, runMetrics } from '../session/run-metrics.ts';
import { shownBoxes } from '../tour/shown-entities.ts';
import type { TourState } from '../tour/tour-state.ts';
import type { CommandRegistry } from './commands.ts';
import type { FrameLoop } from './frame-loop.ts';
import { knobFault } from './moment-link.ts';

export type { Metrics } from '../session/run-metrics.ts';

/** What a script sees of a command. */
export interface CommandDescription {
  readonly id: string;
  readonly title: string;
  readonly hotkey: string;
  readonly enabled: boolean;
  readonly why: string; // '' or why it cannot be run now
}

/** A condition on a metric. */
export interface MetricCondition {
  readonly metric: string;
  readonly atLeast?: number;
  readonly atMost?: number;
}

/** Where the tour of a lab stands. */
export interface TourPlace {
  readonly lab: string;
  readonly on: boolean; //        false: left, to be resumed
  readonly step: string; //       id of the present step, '' when the tour has come to its end
  readonly position: number; //   1 … of the present step
  readonly stepCount: number;
  readonly phase: StepPhase; //   it waits to begin, runs, or is over
  readonly busy: boolean; //      the run is on its way to another time
  readonly language: string;
  /** The guess for the present question, in the metric's unit. */
  readonly guess: number | undefined;
  /** Where what the present step shows stands on the screen; [] when nothing of it does. Unit: CSS px. */
  readonly shown: readonly { readonly x: number; readonly y: number; readonly width: number; readonly height: number }[];
  /** What the steps so far came to: whether what they expect held, guesses beside answers. */
  readonly results: readonly StepResult[];
}

/** The typed interface behind `window.glasshouse`. Times in virtual ns. */
export interface Glasshouse {
  /** Resolves when a run is alive and has been painted. */
  ready(): Promise<void>;
  /**
   * Starts a run: of the present lab when none is named, with the present seed, all other knobs at their
   * defaults, playing unless `autoplay` is false. Resolves to '' when it is alive and painted, or to
   * one sentence that says why not; the run that was there then goes on.
   */
  load(options: { readonly lab?: string; readonly seed?: number; readonly knobs?: Readonly<Record<string, number>>; readonly autoplay?: boolean }): Promise<string>;
  /**
   * Opens the text of a scenario file, playing; resolves as `load` does. `files`: what its VMs boot, by name (a kernel, a RAM
   * disk, disk images).
   */
  loadScenario(text: string, files?: Readonly<Record<string, Uint8Array>>): Promise<string>;
  /** Runs to a virtual time as fast as possible, pauses, and resolves after the paint. Throws when it is past. */
  advanceTo(timeNs: number): Promise<void>;
  /**
   * Travels to a virtual time of the branch that runs and stands there, back or forward; resolves after the paint.
   * What is given to the run from then on forks a branch. Throws with the reason when it cannot go there.
   */
  rewindTo(timeNs: number): Promise<void>;
  /** To just after the last event before the present, or just before the VM's last instruction; resolves after the paint. */
  stepBack(kind?: 'event' | 'instruction'): Promise<void>;
  /** Returns to a branch that was left, to `timeNs` or to where it was left; resolves after the paint. Throws when there is none. */
  returnTo(branch: number, timeNs?: number): Promise<void>;
  /** Where the run can travel to: checkpoints with their hashes, branches with their logs, and how far it has come. */
  history(): Promise<RunHistory | undefined>;
  /** Runs a command of the table; resolves to '' or to the sentence of the refusal. `at`: virtual time at which the run applies it. */
  runCommand(id: string, args?: unknown, options?: { readonly at?: number }): Promise<string>;
  /**
   * Gives the run any command of the protocol (core/protocol/command.ts), also requests of its mechanisms; resolves
   * to '' or to the sentence of the refusal. `at` as above; without it, as soon as no host has passed the moment.
   */
  command(command: Command, options?: { readonly at?: number }): Promise<string>;
  /** The labs that `load` knows. */
  listLabs(): readonly { readonly id: string; readonly title: string }[];
  /** The walkthrough of the lab that runs, as data; undefined for a scenario without a lab of its own. */
  walkthrough(): Walkthrough | undefined;
  /** Every command of the page, whether it can be run now, and why not. */
  listCommands(): readonly CommandDescription[];
  /** Resolves with the value once the condition holds. The run must play, or it may never resolve. */
  waitForMetric(condition: MetricCondition): Promise<number>;
  /** The lab's metrics that are measured now, by id, and `virtual-time`. What is not measured is missing. */
  metrics(): Metrics;
  /** What happened so far, in order of virtual time: commands, faults, rounds, stops, resumes. */
  events(): readonly TimelineEvent[];
  /** The tour that is on or was left; undefined without one. Moved by the commands start-tour, next-step, … */
  tour(): TourPlace | undefined;
  /** Hash of the run's whole history so far: 16 hexadecimal digits, equal for equal runs. */
  runHash(): Promise<string>;
  /** The run as text of a run file. */
  exportRun(): Promise<string>;
  /** Resolves with the report of the first run that broke. */
  readonly failed: Promise<string>;
  /** For the gates: main-thread work per frame in ms at a percentile 0 … 1, and a fresh start of the measurement. */
  frameWorkMs(percentile: number): number;
  resetFrameWork(): void;
}

declare global {
  interface Window {
    glasshouse: Glasshouse;
  }
}

interface Options {
  readonly controller: RunController;
  readonly commands: CommandRegistry;
  readonly loop: FrameLoop;
}

export function makeGlasshouse({ controller, commands, loop }: Options): Glasshouse {
  const { store } = controller;
  const alive = async () => {
    // Some labs have no hosts, but every process tells something.
    await controller.waitFor((state) => state.status !== 'starting' && (state.hosts.length > 0 || Object.keys(state.told).length > 0));
    await loop.painted();
    await loop.painted();
  };
  const metrics = () => metricsOf(controller, loop);
  /** Waits for work and for its paint; what it says went wrong is thrown. */
  const painted = async (work: Promise<string>) => {
    const sentence = await work;
    if (sentence !== '') throw new Error(sentence);
    await loop.painted();
    await loop.painted();
  };
  return {
    ready: alive,
    async load(options) {
      const lab = options.lab ?? store.getState().spec.lab;
      const contract = (await loadLab(lab))?.contract;
      if (contract === undefined) return `There is no lab “${lab}”; there are ${LIBRARY.map(({ id }) => `“${id}”`).join(', ')}.`;
      for (const [knob, value] of Object.entries(options.knobs ?? {})) {
        const row = contract.knobs.find((it) => it.id === knob);
        if (row === undefined) return `There is no knob “${knob}”.`;
        const fault = knobFault(row, value);
        if (fault !== '') return fault;
      }
      const { spec } = store.getState();
      const sentence = await controller.start({
        lab: contract.id, seed: options.seed ?? spec.seed, knobs: options.knobs ?? {}, autoplay: options.autoplay ?? true,
      });
      if (sentence === '') await alive();
      return sentence;
    },
    async loadScenario(text, files = {}) {
      const sentence = await (await import('../exports/open-file.ts')).openScenario(controller, text, new Map(Object.entries(files)));
      if (sentence === '') await alive();
      return sentence;
    },
    async advanceTo(timeNs) {
      await painted(controller.session?.advanceTo(timeNs) ?? Promise.resolve('No run is alive.'));
    },
    async rewindTo(timeNs) {
      await painted(controller.travelTo(timeNs));
    },
    async stepBack(kind = 'event') {
      await painted(controller.session?.stepBack(kind).then(() => '') ?? Promise.resolve('No run is alive.'));
    },
    async returnTo(branch, timeNs) {
      await painted(controller.returnTo(branch, timeNs));
    },
    history: async () => await controller.session?.history(),
    command: (command, options) => controller.send(command, options?.at ?? -1),
    listLabs: () => LIBRARY.map(({ id, title }) => ({ id, title })),
    runCommand: async (id, args, options) => {
      const sentence = await commands.run(id, args ?? {}, options ?? {});
      newsOf(store).flush(); // whoever calls sees what came of it
      return sentence;
    },
    listCommands: () => commands.rows.map((row) => {
      const why = row.enabledWhen(store.getState());
      return { id: row.id, title: row.title, hotkey: row.hotkey ?? '', enabled: why === '', why };
    }),
    async waitForMetric({ metric, atLeast = -Infinity, atMost = Infinity }) {
      const value = () => metrics()[metric]?.value ?? Number.NaN;
      await controller.waitFor(() => value() >= atLeast && value() <= atMost);
      return value();
    },
    metrics,
    walkthrough: () => store.getState().lab.walkthrough,
    events: () => store.getState().events,
    tour: () => tourPlace(store.getState().tour),
    runHash: async () => (await controller.session?.runHash()) ?? '',
    exportRun: async () => (await controller.session?.exportRun()) ?? '{}',
    failed: controller.failed,
    frameWorkMs: (percentile) => loop.workMs(percentile),
    resetFrameWork: () => loop.resetMeasurement(),
  };
}

function tourPlace(tour: TourState | null): TourPlace | undefined {
  if (tour === null) return undefined;
  const { player, on, busy, language, steps } = tour;
  const step = steps[player.step]?.id ?? '';
  const main = document.querySelector('main');
  return {
    lab: player.lab, on, step, position: player.step + 1, stepCount: steps.length, phase: player.phase, busy, language,
    guess: player.guesses[step], results: player.results, shown: on && main !== null ? shownBoxes(steps[player.step]?.show ?? [], main.getBoundingClientRect()) : [],
  };
}

/** The run's metrics, and those of the page itself. */
export function metricsOf(controller: RunController, loop: FrameLoop): Metrics {
  return { ...runMetrics(controller), 'frame-work-p95': { value: loop.workMs(0.95), unit: 'ms' } };
}
